//===- GPTQ.h - codes chosen by second moments -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What qnt.quantize does with a second moment: GPTQ (Frantar et al. 2023), and
// scales by the error of a layer's output (AWQ, Lin et al. 2024).
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GPTQ_H
#define QNT_LIB_TRANSFORMS_GPTQ_H

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include <memory>
#include <string>
#include <vector>

namespace qnt {

/// Rows of a quantised tensor: codes [count, row], scales and zeros (zero
/// points or offsets) [count, scales per row], empty without them.
struct QuantizedRows {
  std::vector<uint32_t> codes;
  std::vector<float> scales, zeros;
};

/// The second moment M of `size` inputs, and for GPTQ the factor of its
/// inverse. The same for all rows of all weights that take these inputs.
struct MomentFactor {
  /// M, [size, size].
  std::vector<float> moment;
  /// [size, size], upper triangular: (M + damp * mean(diag M) * I)^-1, its
  /// inputs in `order`, is factor^T factor. The lower half is undefined. Empty
  /// where only `moment` was asked for.
  std::vector<double> factor;
  /// Inputs in the order in which they are encoded.
  std::vector<int32_t> order;
  /// Whether an input was always 0.
  std::vector<bool> isDead;

  int64_t size() const { return int64_t(order.size()); }
  bool isOrdered = false;

  /// With `damp`, also the factor; `actOrder` as in qnt.quantize. Throws
  /// params::ParamsError, which names `what`, where the damped moment is not
  /// positive definite.
  static std::shared_ptr<const MomentFactor>
  compute(std::vector<float> moment, int64_t size, std::optional<double> damp,
          bool actOrder, const std::string &what);
};

/// Encodes `rows` rows of a weight, [rows, size], in row-major order, as
/// qnt.quantize of `type` with this clip describes: with GPTQ where the factor
/// was computed, otherwise to nearest. Rows do not depend on each other.
QuantizedRows quantizeByMoment(QTensorType type, ClipMethod clip,
                               llvm::ArrayRef<float> weights, int64_t rows,
                               const MomentFactor &factor);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GPTQ_H
