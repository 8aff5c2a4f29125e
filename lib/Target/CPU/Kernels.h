//===- Kernels.h - what the CPU target can generate -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function a kernel: it returns the kernel's `llvm.func`, generating it
// when the library does not hold it yet. The name is the key and says all that
// the code depends on. Every kernel takes the context pointer first. Tensors
// are row-major and dense; "rows" is the product of all dimensions but the
// last.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_H
#define QNT_LIB_TARGET_CPU_KERNELS_H

#include "KernelBuilder.h"

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cpu {

using Kernel = mlir::LLVM::LLVMFuncOp;

/// f(x) on lanes of f32.
mlir::Value emitActivation(KernelBuilder &k, nn::ActivationKind kind,
                           mlir::Value x);

//===----------------------------------------------------------------------===//
// Elementwise and lookups (Kernels/Elementwise.cpp)
//===----------------------------------------------------------------------===//

/// (ctx, x, out, rows): out = f(x), [rows, features] f32.
Kernel getActivationKernel(KernelLibrary &lib, nn::ActivationKind kind,
                           int64_t features);

/// (ctx, x, out, rows): out = min(max(x, low), high), [rows, features] f32.
Kernel getClampKernel(KernelLibrary &lib, float low, float high,
                      int64_t features);

enum class BinaryKind { Add, Mul };
/// (ctx, x, y, out, rows): out = x op y, [rows, features] f32; with
/// `broadcastRow` y is [features].
Kernel getBinaryKernel(KernelLibrary &lib, BinaryKind kind, int64_t features,
                       bool broadcastRow);

/// (ctx, ids i32 [rows], table [V, features] of `element`, out f32, rows).
/// `element` is f32, f16 or bf16.
Kernel getEmbeddingKernel(KernelLibrary &lib, mlir::Type element,
                          int64_t features);
/// (ctx, ids i32 [rows], codes u8 [V, features], scales [V, groups] of the
/// table's scale type, zeros [V, groups] of u8 (unsigned formats) or i8, or
/// null, out f32, rows): out = scale * (decode(code) - zero) for a table type
/// of up to 8 bits, one code a byte.
Kernel getQuantizedEmbeddingKernel(KernelLibrary &lib, QTensorType table);

/// (ctx, start i32 [batch] or null, out i32 [batch, tokens], batch, tokens).
Kernel getPositionIdsKernel(KernelLibrary &lib);

/// (ctx, x f32 [batch, tokens, features], rows i32 [batch] or null for the last
/// row, out [batch, features], batch, tokens).
Kernel getSelectRowsKernel(KernelLibrary &lib, int64_t features);

/// (ctx, x, out, bytes): copies.
Kernel getCopyKernel(KernelLibrary &lib);

//===----------------------------------------------------------------------===//
// Norms (Kernels/Norms.cpp)
//===----------------------------------------------------------------------===//

/// (ctx, x, scale, out, rows): nn.rms_norm over [rows, features] with `groups`.
Kernel getRMSNormKernel(KernelLibrary &lib, int64_t features, int64_t groups,
                        double eps);
/// (ctx, x, scale, shift, out, rows).
Kernel getLayerNormKernel(KernelLibrary &lib, int64_t features, double eps);
/// (ctx, x, out, rows).
Kernel getL2NormalizeKernel(KernelLibrary &lib, int64_t features);
/// (ctx, x [batch, tokens, features], lengths i32 [batch], out [batch,
/// features], batch, tokens).
Kernel getMeanPoolKernel(KernelLibrary &lib, int64_t features);

//===----------------------------------------------------------------------===//
// Quantising activations (Kernels/QuantizeRows.cpp)
//===----------------------------------------------------------------------===//

/// How quantised activations [rows, features] lie in memory (#qnt.rows): codes
/// in rows of `pad`-rounded bytes; per row f32 scale, f32 zero point of the
/// stored codes, i32 sums of the stored codes over every `sums` inputs.
struct RowsGeometry {
  int64_t features = 0, rowBytes = 0, sumsPerRow = 0, sumGroup = 0;
  /// Added to codes when stored: 128 stores signed codes as unsigned bytes,
  /// -128 the other way round; the zero point carries it.
  int64_t excess = 0;
  bool storedUnsigned = false;
  static RowsGeometry of(QTensorType type);
};

/// (ctx, x f32, scale f32 or null, zero f32 or null, codes, scales, zeros,
/// sums, rows): qnt.quantize to `type` (8 bits or fewer, blocks per_row or
/// per_tensor, absmax clipping; layout #qnt.rows; a row of zeros has scale 0).
/// With static per_tensor types the scale and zero pointers are read; otherwise
/// they are null. Padding codes are 0 as stored and not part of the sums.
/// Scales and zeros are written for every row.
Kernel getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                             bool isStatic);

//===----------------------------------------------------------------------===//
// Attention (Kernels/Rope.cpp, Kernels/Attention.cpp)
//===----------------------------------------------------------------------===//

/// (ctx, positions i32 [rows], out f32 [rows, dim], rows): nn.rope_table;
/// angles in f64.
Kernel getRopeTableKernel(KernelLibrary &lib, nn::RopeTableOp op);

/// (ctx, x f32 [rows, heads * headDim], table f32 [rows, rotary], out, rows).
Kernel getRopeKernel(KernelLibrary &lib, int64_t heads, int64_t headDim,
                     int64_t rotary, bool interleaved);

/// Where keys and values of one sequence and head lie: keys in panels of kLanes
/// positions, [position / 16][headDim][16] (so that a lane is a key), values
/// [position][headDim]; padded to a multiple of 16 positions. One sequence and
/// head is keys then values; heads follow one another, then sequences, then
/// layers. `capacity` below is the number of positions, a multiple of 16.
struct CacheGeometry {
  int64_t heads = 0, headDim = 0;
  mlir::Type element;
  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
  /// Bytes of keys and values of all heads of one sequence, per position.
  int64_t bytesPerPosition() const {
    return 2 * heads * headDim * elementBytes();
  }
};

/// (ctx, key f32 [batch, tokens, heads * headDim], value likewise, cache of
/// this layer, start i32 [batch] or null, batch, tokens, capacity): writes keys
/// and values at positions start[b] + t. Lanes of the last panel beyond the
/// tokens written are left alone unless the panel is new, in which case they
/// are zero.
Kernel getCacheStoreKernel(KernelLibrary &lib, CacheGeometry cache);

struct AttentionShape {
  int64_t heads = 0;
  double scale = 1;
  bool causal = false;
  /// 0: none.
  int64_t window = 0;
  CacheGeometry cache;
  /// `limits` holds start positions (keys 0 .. start + t), else valid lengths.
  bool fromStart = false;
};
/// (ctx, query f32 [batch, tokens, heads * headDim], cache of this layer,
/// limits i32 [batch] or null for all `tokens` keys, out f32, batch, tokens,
/// capacity): softmax(scale q k^T) v by blocks of keys with a running maximum
/// (Milakov and Gimelshein 2018; Dao et al. 2022), in f32.
Kernel getAttentionKernel(KernelLibrary &lib, AttentionShape shape);

//===----------------------------------------------------------------------===//
// Contractions (Kernels/Linear.cpp)
//===----------------------------------------------------------------------===//

/// Everything the code of a linear layer depends on.
struct LinearShape {
  /// Layout #qnt.panels.
  QTensorType weight;
  /// Type with layout #qnt.rows, or null for f32 activations.
  QTensorType input;
  llvm::SmallVector<EpilogueKind> epilogue;
  StrategyAttr strategy;
};
/// (ctx, x (f32, or codes), scales, zeros, sums (null for f32), weight blob,
/// out f32 [rows, N], rows, operands of the epilogue...).
Kernel getLinearKernel(KernelLibrary &lib, const LinearShape &shape);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_H
