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
  /// Where this is not 0, products are by so many warpgroups instead of by
  /// warps, each of all rows, and of 64 features by wgmma, of 128 by tcgen05;
  /// one more copies.
  int64_t warpgroups = 0;

  int64_t getThreads() const {
    return warpgroups ? (warpgroups + 1) * kWarpgroup : warpsM * warpsN * kWarp;
  }
};

/// Everything the code of a linear layer depends on, beside the tile.
struct LinearShape {
  /// Integers of 2 to 8 bits in #qnt.fragments, with quads of 4 for integer
  /// products, of 2 for those of f16; for these also f16, bf16 (rounded to f16)
  /// and floats of up to 8 bits, whose NaNs are none. With an input of floats,
  /// e4m3 or e5m2, or in quads of 8 what the input is.
  QTensorType weight;
  /// Integers of up to 8 bits, in #qnt.rows with signed bytes, or e4m3 or e5m2,
  /// or e2m1 in groups of 16 with scales f8E4M3FN or of 32 with f8E8M0FNU;
  /// or null for f16, rows padded to 16 bytes, of anything finite.
  QTensorType input;
  llvm::SmallVector<EpilogueKind> epilogue;

  int64_t getInputBytes() const { return input ? 1 : 2; }
  int64_t getInputBits() const {
    return isBlockScaled() ? 4 : 8 * getInputBytes();
  }
  /// Whether codes of floats are multiplied.
  bool isOfFloats() const { return input && !input.isInteger(); }
  /// Whether they are by groups on both sides whose scales the instruction
  /// takes.
  bool isBlockScaled() const { return input && input.hasSmallScales(); }
};

/// The reason why a layer has no kernel; empty where it has.
std::string checkLinear(const LinearShape &shape);
/// Likewise on this chip, for a layer that has one.
std::string checkLinear(const LinearShape &shape, const Chip &chip);
/// The tile for inputs of up to `rows` rows.
LinearTile chooseLinearTile(const LinearShape &shape, const Chip &chip,
                            int64_t rows);
/// (x codes or numbers, x scales f32 [rows], x zero points f32 [rows], x sums
/// i32 (null where not needed) or scales of groups, weight blob, rows, out f32
/// [rows, N], workspace, counters, then for each step of the epilogue its
/// operands), blocks (ceil(N / blockN), ceil(rows / blockM), splits). Operands
/// are named operand0, operand1, ... `bias` takes f32 [N], `add` and `mul` f32
/// [rows, N], `clamp` two f32 [].
Kernel getLinearKernel(KernelLibrary &lib, const LinearShape &shape,
                       const LinearTile &tile);
/// The same of a tile with warpgroups, where x and scales of groups are tensor
/// maps: by wgmma, and by tcgen05, whose `blockM` is a multiple of 16 up to
/// 256, of blocks with scales up to 128. Of tcgen05, without groups that lanes
/// scale, blocks of one warpgroup may share tiles (`splits`).
Kernel getWarpgroupKernel(KernelLibrary &lib, const LinearShape &shape,
                          const LinearTile &tile);
Kernel getTensorKernel(KernelLibrary &lib, const LinearShape &shape,
                       const LinearTile &tile);

//===----------------------------------------------------------------------===//
// Rows (Kernels/Norms.cpp, Kernels/QuantizeRows.cpp, Kernels/RowRotation.cpp)
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

/// A qnt.rotate of rows of f32.
struct RotationSpec {
  int64_t features = 0, block = 1;
  bool hasSigns = false, transposed = false;
  /// By given matrices, not by a Hadamard matrix.
  bool hasMatrices = false;

  /// A part of kernels' names.
  std::string getName() const;
};
/// The reason why there is no rotation of such rows; empty where there is one.
std::string checkRotation(const RotationSpec &spec, const Chip &chip);
/// (x f32 [rows, features], out f32, rows, ROTATION), a block for each row,
/// where ROTATION is [signs f32 [features], 1 and -1: hasSigns], [entries f32
/// [d, d] of the dense factor, transposed for transposed ones: Hadamard
/// matrices that have one; matrices f32 [features / n, n, n]: hasMatrices].
Kernel getRotateKernel(KernelLibrary &lib, const RotationSpec &spec);

/// Rows [rows, features] of f32, normalised or not, then rotated or not.
struct RowsSpec {
  /// f16 is padded with zeros to a multiple of 8 features, as linear layers
  /// take it.
  enum class Output { F32, F16 };
  int64_t features = 0;
  NormSpec norm;
  Output output = Output::F32;
  std::optional<RotationSpec> rotation = std::nullopt;
};
/// (x f32 [rows, features], [norm_scale f32 [features]: RMS and Layer],
/// [norm_shift f32 [features]: Layer], out, rows, [ROTATION]), a block for each
/// row.
Kernel getRowsKernel(KernelLibrary &lib, const RowsSpec &spec);

/// (x f32 [rows, features], out f32, rows, features): nn.softmax, a block for
/// each row.
Kernel getSoftmaxKernel(KernelLibrary &lib);

/// The reason why rows of `type` cannot be quantised; empty where they can.
std::string checkQuantizeRows(QTensorType type);
/// (x f32 [rows, features], scale f32 or null, zero f32 or null, codes, scales
/// f32 [rows], zeros f32 [rows], sums i32, rows, [norm_scale], [norm_shift],
/// [ROTATION]), a block for each row: qnt.quantize to `type`, per_row from the
/// row itself by absmax, or where `isStatic` per_tensor with the given scale
/// and zero point, of what getRowsKernel makes of the row by `norm` and
/// `rotation`. As #qnt.rows lays them out, with scales of groups in the place
/// of sums where it has these; a row of zeros has scale 0, of groups 1. Floats,
/// e4m3 and e5m2, are for chips with conversions to them.
Kernel getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                             bool isStatic, const NormSpec &norm = {},
                             std::optional<RotationSpec> rotation = {});

//===----------------------------------------------------------------------===//
// Lookups (Kernels/Embedding.cpp, Kernels/Lookups.cpp)
//===----------------------------------------------------------------------===//

/// (ids i32 [rows], table [V, features] of `element`, out f32 [rows, features],
/// rows). `element` is f32, f16 or bf16. Ids are below V.
Kernel getEmbeddingKernel(KernelLibrary &lib, mlir::Type element,
                          int64_t features);
/// (ids i32 [rows], codes u8 [V, features], scales [V, groups] of the table's
/// scale type, out f32, rows, [zeros [V, groups]: f32 offsets, or zero points
/// of u8 (unsigned formats) or i8], [numbers f32 [2^bits], what codes stand
/// for: formats that are no integers]): out = scale * (decode(code) - zero), or
/// scale
/// * decode(code) - offset, for a table type with scales of up to 8 bits, one
/// code a byte. Of a per_tensor table there is one scale.
Kernel getQuantizedEmbeddingKernel(KernelLibrary &lib, QTensorType table);

/// (out i32 [batch, tokens], batch, tokens, [start i32 [batch]]): start + t.
Kernel getPositionIdsKernel(KernelLibrary &lib, bool hasStart);

/// (x f32 [batch, tokens, features], out [batch, features], batch, tokens,
/// [rows i32 [batch]]): a row of each sequence, the last one without `rows`.
Kernel getSelectRowsKernel(KernelLibrary &lib, int64_t features, bool hasRows);

/// (x f32 [rows, features], indices i32 [chosen], out f32 [rows, chosen],
/// rows): out[m, i] = x[m, indices[i]].
Kernel getSelectFeaturesKernel(KernelLibrary &lib, int64_t features,
                               int64_t chosen);

/// (x f32 [batch, tokens, features], lengths i32 [batch], out [batch,
/// features], batch, tokens): nn.mean_pool.
Kernel getMeanPoolKernel(KernelLibrary &lib, int64_t features);

//===----------------------------------------------------------------------===//
// Attention (Kernels/Rope.cpp, CacheStore.cpp, AttentionRows.cpp,
// AttentionColumns.cpp, AttentionTiles.cpp)
//===----------------------------------------------------------------------===//

/// (positions i32 [rows], frequencies f64 [dim / 2] as nn::getRopeFrequencies
/// gives them, out f32 [rows, dim], rows): nn.rope_table, its numbers times
/// `factor`. Angles are f64, below 2^20.
Kernel getRopeTableKernel(KernelLibrary &lib, int64_t dim, double factor = 1);

struct RopeSpec {
  int64_t heads = 0, headDim = 0, rotary = 0;
  bool isInterleaved = false;
};
/// (x f32 [rows, heads * headDim], table f32 [rows, rotary], out, rows):
/// nn.rope. x and out do not overlap.
Kernel getRopeKernel(KernelLibrary &lib, const RopeSpec &spec);

/// Where keys and values lie. One sequence and head is keys, then values; heads
/// follow one another, then sequences, then layers. Keys, and values, are rows
/// of `capacity` positions; of codes, then for each of these a word of an f16
/// scale, the zero point, a byte, and a byte of zero. Codes are unsigned, of 4
/// bits two features a byte, the first in the low half. `capacity` is the
/// number of positions, a multiple of 16.
struct CacheGeometry {
  int64_t heads = 0, headDim = 0;
  /// f32, f16, i8 or i4.
  mlir::Type element;

  /// The reason why there are no kernels, or nothing.
  std::string check() const;
  bool isCodes() const { return element.isInteger(); }
  int64_t bits() const { return element.getIntOrFloatBitWidth(); }
  int64_t rowBytes() const { return headDim * bits() / 8; }
  /// Bytes of keys or of values of one head, per position.
  int64_t headBytes() const { return rowBytes() + (isCodes() ? 4 : 0); }
  /// Bytes of keys and values of all heads of one sequence, per position.
  int64_t bytesPerPosition() const { return 2 * heads * headBytes(); }
  /// Lanes that share a head, eight features each.
  int64_t getLanes() const;
};
/// (key f32 [batch, tokens, heads * headDim], value likewise, start i32
/// [batch], cache of this layer, batch, tokens, capacity): writes keys and
/// values at positions start[b] + t, codes as qnt.quantize gives them.
Kernel getCacheStoreKernel(KernelLibrary &lib, const CacheGeometry &cache);

/// An nn.attention, once new keys and values are in the cache.
struct AttentionSpec {
  enum class Limits {
    /// All tokens.
    None,
    /// Keys 0 .. limits[b] - 1.
    Lengths,
    /// Keys 0 .. limits[b] + t: the start positions of a cache.
    Start
  };
  int64_t heads = 0;
  double scale = 1;
  bool causal = false;
  /// 0: none.
  int64_t window = 0;
  Limits limits = Limits::None;
  /// Whether keys and values lie in a cache; else they are f32 [batch, tokens,
  /// cache.heads * headDim], and the cache's element f32.
  bool isCached = true;
  CacheGeometry cache;

  /// Query heads that share keys.
  int64_t getGroup() const { return heads / cache.heads; }
  /// A part of kernels' names.
  std::string getName() const;
};
// All kernels take (query f32 [batch, tokens, heads * headDim], cache of this
// layer or key and value, out f32 as query, batch, tokens, [capacity: of a
// cache], [limits i32 [batch]], ...) and give softmax(scale q k^T) v with a
// running maximum (Milakov and Gimelshein 2018; Dao et al. 2022). Those for few
// tokens also (..., [workspace, counters: of more than one split]).

/// The splits of a long context where a sequence has so many blocks: two blocks
/// for each multiprocessor, or up to 48.
int64_t chooseAttentionSplits(const Chip &chip, int64_t blocks);

/// For few tokens, in f32: blocks of some heads that share keys, of one token.
Kernel getAttentionRowsKernel(KernelLibrary &lib, const AttentionSpec &spec,
                              int64_t splits);

/// The reason why there are no columns, or nothing.
std::string checkAttentionColumns(const AttentionSpec &spec);
/// For few tokens with a cache of f16 or codes, on f16 mma.sync: blocks of
/// eight columns, a column being a token and one of the heads that share keys.
/// Queries and the weights of values are rounded to 22 bits, sums are f32;
/// queries times the scale are below 45000.
Kernel getAttentionColumnsKernel(KernelLibrary &lib, const AttentionSpec &spec,
                                 int64_t splits);

/// The reason why there are no tiles, or nothing.
std::string checkAttentionTiles(const AttentionSpec &spec);
/// For many tokens, on f16 mma.sync: queries, keys, values and the weights
/// of values are rounded to f16, sums are f32. Blocks of 64 rows, a row being a
/// token and a head.
Kernel getAttentionTilesKernel(KernelLibrary &lib, const AttentionSpec &spec);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_H
