//===- Values.cpp - values at run time of the interpreter -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Interpreter/Values.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Support/Half.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

llvm::StringRef interp::stringify(ElementKind kind) {
  static constexpr const char *names[] = {"f64", "f32", "f16", "bf16", "i1",
                                          "i8",  "ui8", "i16", "i32",  "i64"};
  return names[size_t(kind)];
}

size_t interp::byteWidth(ElementKind kind) {
  static constexpr size_t widths[] = {8, 4, 2, 2, 1, 1, 1, 2, 4, 8};
  return widths[size_t(kind)];
}

bool interp::isFloat(ElementKind kind) { return kind <= ElementKind::BF16; }

std::optional<ElementKind> interp::getElementKind(Type type) {
  if (type.isF64())
    return ElementKind::F64;
  if (type.isF32())
    return ElementKind::F32;
  if (type.isF16())
    return ElementKind::F16;
  if (type.isBF16())
    return ElementKind::BF16;
  if (type.isIndex())
    return ElementKind::I64;
  if (type.isUnsignedInteger(8))
    return ElementKind::U8;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.isUnsigned())
    return std::nullopt;
  switch (integer.getWidth()) {
  case 1:
    return ElementKind::I1;
  case 8:
    return ElementKind::I8;
  case 16:
    return ElementKind::I16;
  case 32:
    return ElementKind::I32;
  case 64:
    return ElementKind::I64;
  default:
    return std::nullopt;
  }
}

/// In one rounding, unlike a detour through f32.
static uint16_t roundToHalf(ElementKind kind, double value) {
  if (std::isnan(value) || double(float(value)) == value)
    return kind == ElementKind::F16 ? support::floatToF16(float(value))
                                    : support::floatToBf16(float(value));
  llvm::APFloat number(value);
  bool lossy;
  number.convert(kind == ElementKind::F16 ? llvm::APFloat::IEEEhalf()
                                          : llvm::APFloat::BFloat(),
                 llvm::APFloat::rmNearestTiesToEven, &lossy);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

double interp::roundTo(ElementKind kind, double value) {
  switch (kind) {
  case ElementKind::F16:
    return support::f16ToFloat(roundToHalf(kind, value));
  case ElementKind::BF16:
    return support::bf16ToFloat(roundToHalf(kind, value));
  case ElementKind::F32:
    return float(value);
  default:
    return value;
  }
}

int64_t interp::countElements(ArrayRef<int64_t> shape) {
  // Beside a dimension of 0, others may be beyond any product.
  if (llvm::is_contained(shape, 0))
    return 0;
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

//===----------------------------------------------------------------------===//
// Tensor
//===----------------------------------------------------------------------===//

template <typename T, typename From, typename Convert>
static std::shared_ptr<const char> store(ArrayRef<From> values,
                                         Convert convert) {
  std::shared_ptr<char[]> bytes(new char[values.size() * sizeof(T) + 1]);
  for (auto [i, value] : llvm::enumerate(values)) {
    T converted = convert(value);
    std::memcpy(bytes.get() + i * sizeof(T), &converted, sizeof(T));
  }
  return std::shared_ptr<const char>(bytes, bytes.get());
}

template <typename T> static T load(const char *bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

Tensor Tensor::ofBytes(ElementKind kind, ArrayRef<int64_t> shape,
                       std::shared_ptr<const char> bytes) {
  Tensor result;
  result.kind = kind;
  result.shape.assign(shape.begin(), shape.end());
  result.bytes = std::move(bytes);
  return result;
}

Tensor Tensor::ofFloats(ElementKind kind, ArrayRef<int64_t> shape,
                        ArrayRef<double> values) {
  assert(isFloat(kind) && int64_t(values.size()) == countElements(shape));
  switch (kind) {
  case ElementKind::F64:
    return ofBytes(kind, shape,
                   store<double>(values, [](double v) { return v; }));
  case ElementKind::F32:
    return ofBytes(kind, shape,
                   store<float>(values, [](double v) { return float(v); }));
  default:
    return ofBytes(kind, shape, store<uint16_t>(values, [&](double v) {
                     return roundToHalf(kind, v);
                   }));
  }
}

Tensor Tensor::ofFloats(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  assert(int64_t(values.size()) == countElements(shape));
  return ofBytes(ElementKind::F32, shape,
                 store<float>(values, [](float v) { return v; }));
}

Tensor Tensor::ofInts(ElementKind kind, ArrayRef<int64_t> shape,
                      ArrayRef<int64_t> values) {
  assert(!isFloat(kind) && int64_t(values.size()) == countElements(shape));
  switch (byteWidth(kind)) {
  case 1:
    return ofBytes(kind, shape, store<uint8_t>(values, [&](int64_t v) {
                     return uint8_t(kind == ElementKind::I1 ? v & 1 : v);
                   }));
  case 2:
    return ofBytes(kind, shape,
                   store<int16_t>(values, [](int64_t v) { return v; }));
  case 4:
    return ofBytes(kind, shape,
                   store<int32_t>(values, [](int64_t v) { return v; }));
  default:
    return ofBytes(kind, shape,
                   store<int64_t>(values, [](int64_t v) { return v; }));
  }
}

Tensor Tensor::ofIndex(int64_t value) {
  return ofInts(ElementKind::I64, {}, value);
}

double Tensor::getFloat(int64_t i) const {
  switch (kind) {
  case ElementKind::F64:
    return load<double>(data(), i);
  case ElementKind::F32:
    return load<float>(data(), i);
  case ElementKind::F16:
    return support::f16ToFloat(load<uint16_t>(data(), i));
  case ElementKind::BF16:
    return support::bf16ToFloat(load<uint16_t>(data(), i));
  default:
    llvm_unreachable("not a float tensor");
  }
}

int64_t Tensor::getInt(int64_t i) const {
  switch (kind) {
  case ElementKind::I1:
  case ElementKind::U8:
    return load<uint8_t>(data(), i);
  case ElementKind::I8:
    return load<int8_t>(data(), i);
  case ElementKind::I16:
    return load<int16_t>(data(), i);
  case ElementKind::I32:
    return load<int32_t>(data(), i);
  case ElementKind::I64:
    return load<int64_t>(data(), i);
  default:
    llvm_unreachable("not an integer tensor");
  }
}

std::vector<double> Tensor::toDoubles() const {
  std::vector<double> result(size());
  for (auto [i, value] : llvm::enumerate(result))
    value = getFloat(i);
  return result;
}

std::vector<float> Tensor::toFloats() const {
  std::vector<float> result(size());
  for (auto [i, value] : llvm::enumerate(result))
    value = float(getFloat(i));
  return result;
}

std::vector<int64_t> Tensor::toInts() const {
  std::vector<int64_t> result(size());
  for (auto [i, value] : llvm::enumerate(result))
    value = getInt(i);
  return result;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> newShape) const {
  assert(countElements(newShape) == size() && "reshape keeps every element");
  return ofBytes(kind, newShape, bytes);
}

//===----------------------------------------------------------------------===//
// QuantizedTensor, KVCache
//===----------------------------------------------------------------------===//

int64_t QuantizedTensor::getRowLength() const {
  ArrayRef<int64_t> shape = type.getShape();
  switch (type.getBlock().getKind()) {
  case BlockKind::Unscaled:
  case BlockKind::PerTensor:
    return codes.size();
  case BlockKind::PerChannel:
    return countElements(shape.drop_front());
  case BlockKind::PerRow:
  case BlockKind::Group:
    return shape.back();
  }
  llvm_unreachable("unknown BlockKind");
}

int64_t QuantizedTensor::getBlockLength() const {
  if (type.getBlock().getKind() == BlockKind::Group)
    return type.getBlock().getGroup();
  return getRowLength();
}

int64_t QuantizedTensor::getBlock(int64_t i) const {
  int64_t row = getRowLength(), block = getBlockLength();
  return i / row * int64_t(llvm::divideCeil(row, block)) + i % row / block;
}

std::vector<float> QuantizedTensor::dequantize() const {
  std::vector<float> result(codes.size());
  BlockQuantizer quantizer(type);
  int64_t row = getRowLength(), block = getBlockLength(), index = 0;
  for (int64_t start = 0, end = codes.size(); start < end; start += row)
    for (int64_t first = 0; first < row; first += block, ++index) {
      int64_t count = std::min(block, row - first);
      BlockParams params;
      if (!scales.empty())
        params.scale = scales[index];
      if (!zeros.empty())
        params.zero = zeros[index];
      quantizer.decode(
          params, ArrayRef(codes).slice(start + first, count),
          MutableArrayRef<float>(result).slice(start + first, count));
    }
  return result;
}

std::shared_ptr<KVCache> KVCache::create(nn::KVCacheType type, int64_t batch,
                                         int64_t positions) {
  auto cache = std::make_shared<KVCache>();
  cache->type = type;
  cache->batch = batch;
  cache->positions = positions;
  size_t size = batch * positions * type.getHeads() * type.getHeadDim();
  cache->keys.assign(type.getLayers(), std::vector<float>(size));
  cache->values = cache->keys;
  return cache;
}

//===----------------------------------------------------------------------===//
// Values against types
//===----------------------------------------------------------------------===//

static bool matches(ArrayRef<int64_t> actual, ArrayRef<int64_t> declared) {
  return actual.size() == declared.size() &&
         llvm::all_of(llvm::zip_equal(actual, declared), [](auto dims) {
           auto [size, dim] = dims;
           return ShapedType::isDynamic(dim) || size == dim;
         });
}

bool interp::fits(const Datum &datum, Type type, std::string &why) {
  llvm::raw_string_ostream os(why);
  if (auto *tensor = std::get_if<Tensor>(&datum)) {
    auto ranked = dyn_cast<RankedTensorType>(type);
    auto kind = getElementKind(ranked ? ranked.getElementType() : type);
    ArrayRef<int64_t> shape;
    if (ranked)
      shape = ranked.getShape();
    os << "a tensor of shape [";
    llvm::interleaveComma(tensor->getShape(), os);
    os << "] of " << stringify(tensor->getKind());
    return kind == tensor->getKind() && matches(tensor->getShape(), shape);
  }
  if (auto *quantized = std::get_if<QuantizedTensor>(&datum)) {
    auto declared = dyn_cast<QTensorType>(type);
    os << quantized->type;
    return declared &&
           matches(quantized->type.getShape(), declared.getShape()) &&
           declared.withLayout({}).withShape(quantized->type.getShape()) ==
               quantized->type;
  }
  if (auto *cache = std::get_if<std::shared_ptr<KVCache>>(&datum)) {
    os << (*cache)->type;
    return (*cache)->type == type;
  }
  os << "nothing";
  return false;
}
