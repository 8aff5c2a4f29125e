//===- Kernels.h - what the CUDA target can generate -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function a kernel: it returns the kernel's `gpu.func`, generating it when
// the library does not hold it yet. The name is the key and says all that the
// code depends on. Tensors are row-major and dense; pointers are global memory,
// counts i32. What a kernel takes and how it is launched is in `Kernel`, by the
// names that the comments list; arguments in brackets are only there where the
// spec asks for them.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_H
#define QNT_LIB_TARGET_CUDA_KERNELS_H

#include "KernelBuilder.h"

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cuda {

/// f(x) of f32.
mlir::Value emitActivation(KernelBuilder &k, EpilogueKind kind, mlir::Value x);

/// What a block of threads computes of a linear layer.
struct LinearTile {
  /// Rows and features of a block, and how its warps divide them: a warp has a
  /// multiple of 16 rows and of 8 features.
  int64_t blockM = 0, blockN = 0, warpsM = 0, warpsN = 0;
  /// Chunks of 128 inputs in flight; blocks that share the inputs of a tile.
  int64_t stages = 0, splits = 1;

  int64_t getThreads() const { return warpsM * warpsN * kWarp; }
};

/// Everything the code of a linear layer depends on, beside the tile.
struct LinearShape {
  /// Integers of 2 to 8 bits in #qnt.fragments, with quads of 4 for integer
  /// products, of 2 for those of f16.
  QTensorType weight;
  /// Integers of up to 8 bits, in #qnt.rows with signed bytes; or null for f16,
  /// rows padded to 16 bytes, of anything finite.
  QTensorType input;
  llvm::SmallVector<EpilogueKind> epilogue;

  int64_t getInputBytes() const { return input ? 1 : 2; }
};

/// The reason why a layer has no kernel; empty where it has.
std::string checkLinear(const LinearShape &shape);
/// The tile for inputs of up to `rows` rows.
LinearTile chooseLinearTile(const LinearShape &shape, const Chip &chip,
                            int64_t rows);
/// (x codes or numbers, x scales f32 [rows], x zero points f32 [rows], x sums
/// i32 (null where not needed), weight blob, rows, out f32 [rows, N],
/// workspace, counters, then for each step of the epilogue its operands),
/// blocks (ceil(N / blockN), ceil(rows / blockM), splits). Operands are named
/// operand0, operand1, ... `bias` takes f32
/// [N], `add` and `mul` f32 [rows, N], `clamp` two f32 [].
Kernel getLinearKernel(KernelLibrary &lib, const LinearShape &shape,
                       const LinearTile &tile);

//===----------------------------------------------------------------------===//
// Rows (Kernels/Norms.cpp, Kernels/QuantizeRows.cpp)
//===----------------------------------------------------------------------===//

/// What rows are normalised by before they go on: nn.rms_norm (of one group;
/// the groups of a row are rows of their own), nn.layer_norm, nn.l2_normalize.
struct NormSpec {
  enum class Kind { None, RMS, Layer, L2 };
  Kind kind = Kind::None;
  double eps = 0;

  /// A part of kernels' names.
  std::string getName() const;
};

/// Rows [rows, features] of f32, normalised or not.
struct RowsSpec {
  /// f16 is padded with zeros to a multiple of 8 features, as linear layers
  /// take it.
  enum class Output { F32, F16 };
  int64_t features = 0;
  NormSpec norm;
  Output output = Output::F32;
};
/// (x f32 [rows, features], [norm_scale f32 [features]: RMS and Layer],
/// [norm_shift f32 [features]: Layer], out, rows), a block for each row.
Kernel getRowsKernel(KernelLibrary &lib, const RowsSpec &spec);

/// (x f32 [rows, features], out f32, rows, features): nn.softmax, a block for
/// each row.
Kernel getSoftmaxKernel(KernelLibrary &lib);

/// The reason why rows of `type` cannot be quantised; empty where they can.
std::string checkQuantizeRows(QTensorType type);
/// (x f32 [rows, features], scale f32 or null, zero f32 or null, codes, scales
/// f32 [rows], zeros f32 [rows], sums i32, rows, [norm_scale], [norm_shift]), a
/// block for each row: qnt.quantize to `type`, per_row from the row itself by
/// absmax, or where `isStatic` per_tensor with the given scale and zero point,
/// of what getRowsKernel makes of the row by `norm`. As #qnt.rows lays them
/// out; a row of zeros has scale 0.
Kernel getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                             bool isStatic, const NormSpec &norm = {});

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_H
