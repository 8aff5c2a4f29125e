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

#include "../Common/RowsGeometry.h"

#include <array>

namespace qnt::cpu {

using Kernel = mlir::LLVM::LLVMFuncOp;
using target::RowsGeometry;

/// f(x) on lanes of f32.
mlir::Value emitActivation(KernelBuilder &k, nn::ActivationKind kind,
                           mlir::Value x);

//===----------------------------------------------------------------------===//
// Elementwise and lookups (Kernels/Elementwise.cpp)
//===----------------------------------------------------------------------===//

/// (ctx, x, out, count): out = f(x), [count] f32.
Kernel getActivationKernel(KernelLibrary &lib, nn::ActivationKind kind);

/// (ctx, x, out, count): out = min(max(x, low), high), [count] f32.
Kernel getClampKernel(KernelLibrary &lib, float low, float high);

enum class BinaryKind { Add, Mul };
/// (ctx, x, y, out, count): out = x op y, [count] f32.
Kernel getBinaryKernel(KernelLibrary &lib, BinaryKind kind);
/// (ctx, x, y, out, rows, features): the same of x and out [rows, features], y
/// [features].
Kernel getBinaryRowKernel(KernelLibrary &lib, BinaryKind kind);

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

/// (ctx, x f32 [rows, features], indices i32 [chosen], out f32 [rows, chosen],
/// rows): out[m, i] = x[m, indices[i]]. Indices are below `features`.
Kernel getSelectFeaturesKernel(KernelLibrary &lib, int64_t features,
                               int64_t chosen);

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
// Changes of basis (Kernels/Rotate.cpp)
//===----------------------------------------------------------------------===//

/// A qnt.rotate of the last dimension.
struct RotationShape {
  int64_t features = 0, block = 1;
  uint64_t seed = 0;
  bool transposed = false;
  /// By given matrices, not by a Hadamard matrix.
  bool hasMatrices = false;

  static RotationShape of(RotateOp op);
  /// A part of kernels' names.
  std::string getName() const;
};
/// (ctx, x f32 [rows, features], matrices f32 [features / n, n, n] or null, out
/// f32, rows). x and out do not overlap.
Kernel getRotateKernel(KernelLibrary &lib, const RotationShape &shape);

//===----------------------------------------------------------------------===//
// Quantising activations (Kernels/QuantizeRows.cpp)
//===----------------------------------------------------------------------===//

/// What comes before a row is quantised, on its thread's stack: an nn.rms_norm
/// (its eps), then a rotation.
struct RowSource {
  std::optional<double> norm;
  std::optional<RotationShape> rotation;
};

/// (ctx, x f32, scale f32 or null, zero f32 or null, codes, scales, zeros,
/// sums, rows): qnt.quantize to `type` (8 bits or fewer, blocks per_row or
/// per_tensor, absmax clipping; layout #qnt.rows; a row of zeros has scale 0).
/// With static per_tensor types the scale and zero pointers are read; otherwise
/// they are null. Padding codes are 0 as stored and not part of the sums.
/// Scales and zeros are written for every row. Before `rows` come the norm's
/// scale and the rotation's matrices, where `source` has them.
Kernel getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                             bool isStatic, const RowSource &source = {});
/// (ctx, codes, scales, zeros, y f32, rows): qnt.dequantize of `type`, as
/// getQuantizeRowsKernel stores it.
Kernel getDequantizeRowsKernel(KernelLibrary &lib, QTensorType type);

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
/// positions, [position / 16][width][16] (so that a lane is a key), values
/// [position][width]; padded to a multiple of 16 positions. One sequence and
/// head is keys then values; heads follow one another, then sequences, then
/// layers. `capacity` below is the number of positions, a multiple of 16.
///
/// A unit is a number or, of codes, a byte: that of feature d of 8 bits, those
/// of d (low half) and d + headDim / 2 of 4 bits, each less half of its range,
/// as a signed number. Every 16 positions of keys, and of values, end with
/// their f16 scales, then with the zero points of what is stored, i8.
struct CacheGeometry {
  int64_t heads = 0, headDim = 0;
  mlir::Type element;

  bool isCodes() const { return element.isInteger(); }
  unsigned bits() const { return element.getIntOrFloatBitWidth(); }
  /// Units of a head, their bytes, and features to a unit.
  int64_t width() const { return headDim / parts(); }
  int64_t unitBytes() const { return isCodes() ? 1 : bits() / 8; }
  int64_t parts() const { return bits() == 4 ? 2 : 1; }
  int64_t rowBytes() const { return width() * unitBytes(); }
  /// Bytes of kLanes positions of keys or of values, and what of them follows
  /// the units.
  int64_t panelBytes() const { return kLanes * rowBytes() + tailBytes(); }
  int64_t tailBytes() const { return isCodes() ? kLanes * 3 : 0; }
  /// Bytes of keys or of values of one head, per position.
  int64_t headBytes() const { return panelBytes() / kLanes; }
  /// Bytes of keys and values of all heads of one sequence, per position.
  int64_t bytesPerPosition() const { return 2 * heads * headBytes(); }
};

/// (ctx, key f32 [batch, tokens, heads * headDim], value likewise, cache of
/// this layer, start i32 [batch] or null, batch, tokens, capacity): writes keys
/// and values at positions start[b] + t, encoded as qnt.quantize does where the
/// cache holds codes. Lanes of the last panel beyond the tokens written are
/// left alone unless the panel is new, in which case they are zero.
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
// Epilogues (Kernels/Epilogue.cpp)
//===----------------------------------------------------------------------===//

/// How the pixels of images [B, H, W, C], or of rows [.., C], lie in memory.
struct Grid {
  /// Bytes of a number, and from pixel to pixel, line to line, image to image;
  /// rows are images of one pixel. `origin` is the offset of the first pixel.
  int64_t columnBytes = 4, pixelBytes = 0, lineBytes = 0, imageBytes = 0,
          origin = 0;
  int64_t height = 1, width = 1;
  /// Of codes: what is added to them when stored, and whether there is a zero
  /// point.
  int64_t excess = 0;
  bool hasZero = false;

  /// Of a float tensor, dense, or a quantised one in #qnt.image. Images have
  /// static height and width.
  static Grid of(mlir::Type type);
  /// A part of kernels' names.
  std::string getName() const;
};

/// The steps of a contraction's epilogue, with the types of its result and of
/// their operands.
struct EpilogueSpec {
  llvm::SmallVector<EpilogueKind> steps;
  mlir::Type result;
  llvm::SmallVector<mlir::Type> operands;

  static EpilogueSpec of(EpilogueOp op);
  bool isInteger() const;
  /// Whether the steps need to know what the sums' scales are.
  bool takesScales() const;
  /// Pointers that kernels take: the result's, then one for each operand, or
  /// codes, scale and zero point (null without) of a quantised one.
  unsigned getNumPointers() const;
  /// A part of kernels' names.
  std::string getName() const;
};

//===----------------------------------------------------------------------===//
// Contractions (Kernels/Linear.cpp, Kernels/Conv.cpp)
//===----------------------------------------------------------------------===//

/// Everything the code of a linear layer depends on.
struct LinearShape {
  /// Layout #qnt.panels.
  QTensorType weight;
  /// Type with layout #qnt.rows, or null for f32 activations.
  QTensorType input;
  EpilogueSpec epilogue;
  PanelStrategyAttr strategy;
};
/// (ctx, x (f32, or codes), scales, zeros, sums (null for f32), weight blob,
/// rows, pointers of the epilogue...).
Kernel getLinearKernel(KernelLibrary &lib, const LinearShape &shape);

/// The dot product of a strategy whose last tiles are AMX's (instruction sets
/// with ISA::hasTiles), and the most rows of these; fewer do as well. Tails of
/// at most the rows before go to smaller tiles.
constexpr llvm::StringLiteral kTileDot = "tiles-amx";
constexpr int64_t kTileRows = 32;
/// Whether products of codes by such weights suit them: #qnt.panels of up to 8
/// bits, with scale blocks that fill at least half a tile.
bool fitsTiles(QTensorType weight);

/// Everything the code of a convolution depends on.
struct ConvShape {
  /// Layout #qnt.filters.
  QTensorType weight;
  /// Codes with their scale, or floats. Pads are part of the images; the first
  /// tap of the first window is `start` bytes after an image's first.
  Grid input;
  int64_t start = 0;
  /// Size of the result's images. With `rows`, each image is one pixel, and
  /// they form a line.
  int64_t height = 1, width = 1;
  bool rows = false;
  std::array<int64_t, 2> strides = {1, 1}, dilations = {1, 1};
  int64_t groups = 1;
  EpilogueSpec epilogue;
  ConvStrategyAttr strategy;

  bool isInteger() const { return input.columnBytes == 1; }
  /// Whether each channel is a group of its own that gives one.
  bool isDepthwise() const;
  /// Whether products need the sum of a window's inputs, for what the weight's
  /// bytes are beside its numbers.
  bool sumsInputs() const;
};
/// (ctx, x, scale and zero point of x or null, weight blob, batch, pointers of
/// the epilogue...).
Kernel getConvKernel(KernelLibrary &lib, const ConvShape &shape);

struct PoolShape {
  Grid input, output;
  int64_t channels = 0;
  std::array<int64_t, 2> kernel, strides, dilations;
  std::array<int64_t, 4> pads;

  /// A part of kernels' names.
  std::string getName() const;
};
/// (ctx, x, batch, out): largest numbers or codes of windows; pads are not
/// read.
Kernel getMaxPoolKernel(KernelLibrary &lib, const PoolShape &shape);
/// (ctx, x f32, batch, out f32).
Kernel getMeanPoolImagesKernel(KernelLibrary &lib, const PoolShape &shape,
                               bool countPads);
/// (ctx, x codes, batch, scale and zero point of x or null, pointers of the
/// epilogue...): qnt.average_pool.
Kernel getAveragePoolKernel(KernelLibrary &lib, const PoolShape &shape,
                            const EpilogueSpec &epilogue);

//===----------------------------------------------------------------------===//
// Images (Kernels/Images.cpp, Kernels/QuantizeImages.cpp, Kernels/AddCodes.cpp)
//===----------------------------------------------------------------------===//

/// Codes in #qnt.image; rows are images of one pixel.
struct ImageShape {
  QTensorType type;
  Grid grid;
  int64_t channels;
  static ImageShape of(QTensorType type);
};
/// (ctx, x f32, codes, batch, scale, zero point or null).
Kernel getQuantizeImagesKernel(KernelLibrary &lib, const ImageShape &image);
/// (ctx, out f32, codes, batch, scale, zero point or null).
Kernel getDequantizeImagesKernel(KernelLibrary &lib, const ImageShape &image);
/// (ctx, integers of `bits`, codes, batch): qnt.codes, or with `wrap` qnt.wrap.
Kernel getCodesKernel(KernelLibrary &lib, const ImageShape &image,
                      unsigned bits, bool wrap);
/// (ctx, codes, scale and zero point or null of either operand, batch, result's
/// codes, scale, zero point or null): qnt.add.
Kernel getAddCodesKernel(KernelLibrary &lib, const ImageShape &lhs,
                         const ImageShape &rhs, const ImageShape &result);
/// (ctx, codes, zero point or null, batch): writes the border of images.
Kernel getFillHaloKernel(KernelLibrary &lib, const Grid &grid);

/// (ctx, x f32 [B, H, W, C], out, batch): images with `pads` of zeros around
/// them.
Kernel getPadImagesKernel(KernelLibrary &lib, Grid input,
                          std::array<int64_t, 4> pads);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_H
