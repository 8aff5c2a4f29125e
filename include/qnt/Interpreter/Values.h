//===- Values.h - values at run time of the interpreter -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_INTERPRETER_VALUES_H
#define QNT_INTERPRETER_VALUES_H

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/BuiltinTypes.h"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace qnt::interp {

enum class ElementKind { F64, F32, F16, BF16, I1, I8, U8, I16, I32, I64 };

/// "f32", "ui8", ...: as MLIR writes the type.
llvm::StringRef stringify(ElementKind kind);
/// Bytes of one element; i1 takes one.
size_t byteWidth(ElementKind kind);
bool isFloat(ElementKind kind);
/// The kind that holds `type`, index as I64; none for types that have no kind.
std::optional<ElementKind> getElementKind(mlir::Type type);
/// `value` to nearest, ties to even, in the float kind `kind`.
double roundTo(ElementKind kind, double value);

/// Elements of `shape`, which must be static.
int64_t countElements(llvm::ArrayRef<int64_t> shape);

/// A dense row-major tensor. Scalars and index values have rank 0. Copies share
/// their bytes, which never change.
class Tensor {
public:
  Tensor() = default;
  /// Rounds each value to the float `kind`; `values` has a value per element.
  static Tensor ofFloats(ElementKind kind, llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<double> values);
  /// f32 values as they are.
  static Tensor ofFloats(llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<float> values);
  /// Keeps the low bits of each value that the integer `kind` holds.
  static Tensor ofInts(ElementKind kind, llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<int64_t> values);
  /// An index.
  static Tensor ofIndex(int64_t value);
  /// Little-endian elements that `bytes` owns or keeps alive.
  static Tensor ofBytes(ElementKind kind, llvm::ArrayRef<int64_t> shape,
                        std::shared_ptr<const char> bytes);

  ElementKind getKind() const { return kind; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getDim(int64_t i) const { return shape[i]; }
  int64_t size() const { return countElements(shape); }
  const char *data() const { return bytes.get(); }
  /// The elements, kept alive.
  std::shared_ptr<const char> share() const { return bytes; }

  /// Element `i` in row-major order: of a float kind, of an integer kind.
  double getFloat(int64_t i) const;
  int64_t getInt(int64_t i) const;
  /// All elements of a float kind, exact.
  std::vector<double> toDoubles() const;
  /// All elements of a float kind, f64 ones rounded.
  std::vector<float> toFloats() const;
  std::vector<int64_t> toInts() const;
  /// The same elements; `shape` has as many.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

private:
  ElementKind kind = ElementKind::F32;
  llvm::SmallVector<int64_t> shape;
  std::shared_ptr<const char> bytes;
};

/// A !qnt.tensor without its layout: value = scale * (number(code) - zero), or
/// scale * number(code) - zero for types with offsets.
struct QuantizedTensor {
  /// With static shape and no layout.
  QTensorType type;
  /// Row-major, one per element.
  std::vector<uint32_t> codes;
  /// Of the type's scale shape; one for per_tensor; empty for unscaled types.
  std::vector<float> scales;
  /// Zero points or offsets, as `scales`; empty without either.
  std::vector<float> zeros;

  /// Consecutive elements that share a scale start at multiples of this within
  /// a row of `getRowLength` elements.
  int64_t getBlockLength() const;
  /// Elements of one line of scales: the last dimension, or whatever one scale
  /// covers if that is more.
  int64_t getRowLength() const;
  /// Index in `scales` of element `i`; 0 for unscaled types.
  int64_t getBlock(int64_t i) const;
  /// In f32, rounded after each operation.
  std::vector<float> dequantize() const;
};

/// The contents of a !nn.kv_cache. Every number is one that its elements can
/// hold: of codes, what they stand for.
struct KVCache {
  nn::KVCacheType type;
  int64_t batch = 0, positions = 0;
  /// Per layer, [batch, positions, heads, headDim].
  std::vector<std::vector<float>> keys, values;

  /// An empty (zero) cache for `batch` sequences of up to `positions` tokens.
  static std::shared_ptr<KVCache> create(nn::KVCacheType type, int64_t batch,
                                         int64_t positions);
};

/// What an SSA value holds. A cache is shared: calls update it in place.
using Datum = std::variant<std::monostate, Tensor, QuantizedTensor,
                           std::shared_ptr<KVCache>>;

/// Whether `datum` may be held by a value of `type`: kind, rank and static
/// dimensions agree. If not, `why` says what was found.
bool fits(const Datum &datum, mlir::Type type, std::string &why);

} // namespace qnt::interp

#endif // QNT_INTERPRETER_VALUES_H
