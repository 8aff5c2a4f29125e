//===- Epilogue.h - what follows a contraction -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_INTERPRETER_EPILOGUE_H
#define QNT_LIB_INTERPRETER_EPILOGUE_H

#include "Registry.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

namespace qnt::interp {

/// The f32 steps of `op` on `numbers`, the values of its result, whose shape at
/// run time is `shape`. Numbers are rounded to f32 at the end, or before they
/// are encoded. Sets the result.
mlir::LogicalResult applyEpilogue(EpilogueOp op, Frame &frame,
                                  llvm::ArrayRef<int64_t> shape,
                                  std::vector<double> numbers);

/// What a sum of products of codes stands for: the input's scale times the
/// weight's, one for all features or each, over the positions of a mean.
struct SumScales {
  llvm::SmallVector<float> scales;
  float positions = 1;
  /// That sums may have: 32, and those of the weight's integers beyond 8.
  unsigned bits = 32;

  /// Of a contraction by `weight`.
  static SumScales of(const QuantizedTensor &input,
                      const QuantizedTensor &weight);
  /// The factor of `requantize_f32` for feature n.
  float getFactor(int64_t n, float scale) const {
    return scales[scales.size() == 1 ? 0 : n] / (scale * positions);
  }
};

/// As what the numbers of the weight of a contraction are multiplied: as
/// integers with codes of integers, else as they are. Infinities and NaN are an
/// error there.
mlir::FailureOr<IntegerForm> getWeightForm(mlir::Operation *op, Frame &frame);

/// The codes of a tensor per_tensor, less their zero point.
std::vector<int64_t> getNumbers(const QuantizedTensor &tensor);

/// The integer steps of `op` on the exact sums of products of codes, less their
/// zero points, or on other integers. Sums beyond 32 bits, or those of
/// `scales`, are an error. `scales` is for `requantize_f32`. Sets the result.
mlir::LogicalResult applyIntegerEpilogue(EpilogueOp op, Frame &frame,
                                         llvm::ArrayRef<int64_t> shape,
                                         llvm::ArrayRef<int64_t> sums,
                                         const SumScales &scales);

/// A tensor of `type` with these scales and zero points, codes all 0.
mlir::FailureOr<QuantizedTensor> makeQuantized(mlir::Operation *op,
                                               QTensorType type,
                                               llvm::ArrayRef<int64_t> shape,
                                               const Tensor &scale,
                                               const Tensor *zero);

} // namespace qnt::interp

#endif // QNT_LIB_INTERPRETER_EPILOGUE_H
