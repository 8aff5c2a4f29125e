//===- Quantization.h - codes and scales in the graph -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_QUANTIZATION_H
#define QNT_IMPORT_ONNX_QUANTIZATION_H

#include "Loops.h"
#include "Quantized.h"

namespace qnt::onnx {

/// What codes mean: one scale, one for each index of `axis`, or, with a
/// `block`, for each run of that many along it.
struct CodeMeaning {
  Tensor scale;
  std::optional<Tensor> zero;
  std::optional<int64_t> axis;
  int64_t block = 0;
};

/// The meaning of `codes` by inputs `scale` and `zero` (which may be missing)
/// of the node; `axis` counts where there is more than one scale. Fails where
/// shapes do not fit.
CodeMeaning readMeaning(Node &node, const Tensor &codes, size_t scale,
                        size_t zero, int64_t axis, int64_t block = 0);

/// Whether targets hold codes of this shape: rows of known length, or images of
/// known size.
bool hasHeldShape(const Tensor &x);

/// What `codes` were encoded with, where one scale is known; else they mean
/// themselves.
CodeMeaning findMeaning(const Tensor &codes);

/// scale * (code - zero) in f32, then in the type of the scales. Constants
/// stay constants and keep their codes; of values just quantised with that
/// meaning, no codes are computed.
Tensor decode(Node &node, const Tensor &codes, const CodeMeaning &meaning);

/// The f32 bias [N] of a layer on `input` by `weight` [N, ...], whose parameter
/// is `weightValue`: qnt.dequantize_bias where all three are codes and the bias
/// is in units of the sums of their products, else what the codes mean.
mlir::Value createBias(Node &node, const Tensor &bias, const Tensor &input,
                       const Tensor &weight, mlir::Value weightValue);

/// round-half-even(x / scale) + zero, clamped to `dtype`.
Tensor encode(Node &node, const Tensor &x, const CodeMeaning &meaning,
              DType dtype);

/// As `encode`, with f32 scalars that are known at run time alone.
Tensor encodeWith(Node &node, const Tensor &x, const Tensor &scale,
                  const Tensor &zero, DType dtype);

/// As `encode` and `decode` one after the other with `bits` bits.
Tensor encodeAndDecode(Node &node, const Tensor &x, float scale, unsigned bits,
                       bool isSigned);

/// The integers code - zero in i32.
Tensor centre(Node &node, const Tensor &codes, const CodeMeaning &meaning);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_QUANTIZATION_H
