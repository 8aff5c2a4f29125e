//===- OutlierColumns.h - columns of weights in 16 bits ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_OUTLIERCOLUMNS_H
#define QNT_LIB_TRANSFORMS_OUTLIERCOLUMNS_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Params/SafeTensors.h"

namespace qnt {

/// A format of weights by its name: "int3", or "int3+16" for codes of which the
/// columns of 16 inputs, those whose second moment is largest, are left out and
/// stored in bf16 (OWQ, Lee et al. 2024, which ranks columns by the error of
/// their codes, too).
struct WeightFormatName {
  llvm::StringRef codes;
  int64_t columns = 0;
};

/// Nothing where what follows a "+" is no number above 0.
std::optional<WeightFormatName> parseWeightFormatName(llvm::StringRef name);

/// The `count` largest numbers by their indices, ascending; of equal ones the
/// first.
llvm::SmallVector<int32_t> findLargest(llvm::ArrayRef<float> numbers,
                                       int64_t count);

/// A linear layer's weight [N, K] in two parts that add up to it, up to what
/// bf16 rounds: one [N, K] for codes, with zeros in some columns, and these
/// columns [N, count].
class OutlierColumns {
public:
  /// Chooses the columns by the diagonal of the second moment [K, K] of `site`.
  /// Emits an error where the layer has no more than `count` inputs, or where
  /// `statistics`, that qnt.statistics names, is null. Throws
  /// params::ParamsError where it has no moment of that size.
  static mlir::FailureOr<OutlierColumns>
  choose(nn::LinearOp layer, llvm::StringRef site, int64_t count,
         const params::ParamStore *statistics);

  /// Leaves the layer the part for codes; returns what it lacks then: the
  /// columns times what its input has there.
  mlir::Value split(mlir::OpBuilder &builder, nn::LinearOp layer);
  /// Leaves the layer the part for codes; returns the other part, [N, K] f32,
  /// rounded to bf16.
  mlir::Value splitSimulated(mlir::OpBuilder &builder, nn::LinearOp layer);

private:
  void leaveRest(mlir::OpBuilder &builder, nn::LinearOp layer);
  mlir::Value createMask(mlir::OpBuilder &builder, nn::LinearOp layer,
                         float ofColumns);

  llvm::SmallVector<int32_t> columns;
};

/// The weight whose codes, decoded, and columns, where it has such, add up to
/// `simulated`; null where that is nothing of the kind.
mlir::Value getSimulatedWeight(mlir::Value simulated);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_OUTLIERCOLUMNS_H
