//===- ParamStorage.cpp - how parameters lie in a store -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ParamStorage.h"

#include "qnt/Support/Half.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qnt;
using params::DType;
using params::ParamsError;
using params::ParamStore;
using params::TensorView;

//===----------------------------------------------------------------------===//
// Shapes and dtypes
//===----------------------------------------------------------------------===//

ArrayRef<int64_t> qnt::getParamShape(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return cast<RankedTensorType>(type).getShape();
}

int64_t qnt::getNumRows(Type type) {
  ArrayRef<int64_t> shape = getParamShape(type);
  return shape.empty() ? 1 : shape.front();
}

int64_t qnt::getRowLength(Type type) {
  ArrayRef<int64_t> shape = getParamShape(type);
  int64_t length = 1;
  for (int64_t size : shape.drop_front(shape.empty() ? 0 : 1))
    length *= size;
  return length;
}

int64_t qnt::getScalesPerRow(QTensorType type) {
  switch (type.getBlock().getKind()) {
  case BlockKind::Unscaled:
    return 0;
  case BlockKind::PerTensor:
  case BlockKind::PerChannel:
    return 1;
  case BlockKind::PerRow:
    return getRowLength(type) / type.getShape().back();
  case BlockKind::Group:
    return getRowLength(type) / type.getShape().back() * type.getGroupsPerRow();
  }
  llvm_unreachable("unknown BlockKind");
}

/// The dtype of an element type; throws for types that no store holds.
static DType getDType(Type type, const std::string &name) {
  auto dtype = llvm::TypeSwitch<Type, std::optional<DType>>(type)
                   .Case([](Float64Type) { return DType::F64; })
                   .Case([](Float32Type) { return DType::F32; })
                   .Case([](Float16Type) { return DType::F16; })
                   .Case([](BFloat16Type) { return DType::BF16; })
                   .Case([](Float8E4M3FNType) { return DType::F8E4M3; })
                   .Case([](Float8E5M2Type) { return DType::F8E5M2; })
                   .Case([](IntegerType integer) -> std::optional<DType> {
                     switch (integer.getWidth()) {
                     case 1:
                       return DType::Bool;
                     case 8:
                       return integer.isUnsigned() ? DType::U8 : DType::I8;
                     case 16:
                       return DType::I16;
                     case 32:
                       return DType::I32;
                     case 64:
                       return DType::I64;
                     default:
                       return std::nullopt;
                     }
                   })
                   .Default([](Type) { return std::nullopt; });
  if (dtype)
    return *dtype;
  std::string text;
  llvm::raw_string_ostream(text) << type;
  throw ParamsError("parameter '" + name + "': safetensors cannot hold " +
                    text);
}

/// The dtype of codes: a byte each, or the floats that they are.
static DType getCodeDType(NumberFormat format, const std::string &name) {
  std::string word = format.getName();
  if (format.getBits() <= 8)
    return DType::U8;
  if (word == "bf16")
    return DType::BF16;
  if (word == "f16")
    return DType::F16;
  if (word == "f32")
    return DType::F32;
  throw ParamsError("parameter '" + name + "': codes of format " + word +
                    " can only be stored in a target's layout");
}

std::vector<params::SafeTensorsWriter::Entry>
qnt::getStoredTensors(Type type, const std::string &name) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return {{name, getDType(tensor.getElementType(), name), tensor.getShape()}};
  auto quantized = cast<QTensorType>(type);
  if (Attribute layout = quantized.getLayout()) {
    auto packed = dyn_cast<Layout>(layout);
    if (!packed)
      throw ParamsError("parameter '" + name +
                        "': expected a layout of weights");
    return {{name, DType::U8, {packed.getByteSize(quantized)}}};
  }
  std::vector<params::SafeTensorsWriter::Entry> entries = {
      {name + ".codes", getCodeDType(quantized.getFormat(), name),
       quantized.getShape()}};
  if (!quantized.hasScale())
    return entries;
  SmallVector<int64_t> shape = quantized.getScaleShape();
  std::vector<int64_t> scales(shape.begin(), shape.end());
  entries.push_back({name + ".scales",
                     quantized.hasSmallScales()
                         ? DType::BF16
                         : getDType(quantized.getScaleType(), name),
                     scales});
  if (quantized.hasOffsets())
    entries.push_back({name + ".offsets", DType::F32, scales});
  else if (quantized.hasZeros())
    entries.push_back(
        {name + ".zeros",
         quantized.getFormat().getMin() < 0 ? DType::I8 : DType::U8, scales});
  return entries;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

std::string qnt::describeTensor(const ParamStore &store,
                                const std::string &name) {
  return store.path() + ": tensor '" + name + "'";
}

static std::string describeShape(DType dtype, ArrayRef<int64_t> shape) {
  std::string text(params::name(dtype));
  llvm::raw_string_ostream os(text);
  os << " [";
  llvm::interleaveComma(shape, os);
  os << "]";
  return text;
}

void qnt::checkStoredTensors(const ParamStore &store, Type type,
                             const std::string &name) {
  for (const auto &entry : getStoredTensors(type, name)) {
    const TensorView &tensor = store.get(entry.name);
    if (tensor.shape != entry.shape || tensor.dtype != entry.dtype)
      throw ParamsError(describeTensor(store, entry.name) + " is " +
                        describeShape(tensor.dtype, tensor.shape) +
                        ", expected " +
                        describeShape(entry.dtype, entry.shape));
  }
}

std::vector<float> qnt::loadFloats(const ParamStore &store,
                                   const std::string &name, int64_t first,
                                   int64_t count) {
  std::vector<float> values(count);
  params::toFloat(store.get(name), first, values);
  // All exponent bits set; written so that the loop vectorises.
  uint32_t bad = 0;
  for (float value : values)
    bad |= (std::bit_cast<uint32_t>(value) & 0x7f800000u) == 0x7f800000u;
  if (!bad)
    return values;
  for (int64_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      throw ParamsError(describeTensor(store, name) + ": element " +
                        std::to_string(first + i) + " is " +
                        (std::isnan(values[i]) ? "NaN" : "infinite") +
                        ", expected a finite number");
  return values;
}

template <typename Word>
static void loadWords(const TensorView &tensor, int64_t first, int64_t count,
                      std::vector<uint32_t> &codes) {
  const std::byte *data = tensor.bytes.data() + first * sizeof(Word);
  for (int64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, data + i * sizeof(Word), sizeof(Word));
    codes[i] = word;
  }
}

std::vector<uint32_t> qnt::loadCodes(const ParamStore &store,
                                     const std::string &name, int64_t first,
                                     int64_t count) {
  const TensorView &tensor = store.get(name);
  std::vector<uint32_t> codes(count);
  switch (params::byteWidth(tensor.dtype)) {
  case 1:
    loadWords<uint8_t>(tensor, first, count, codes);
    break;
  case 2:
    loadWords<uint16_t>(tensor, first, count, codes);
    break;
  default:
    loadWords<uint32_t>(tensor, first, count, codes);
    break;
  }
  return codes;
}

std::vector<float> qnt::loadZeros(const ParamStore &store,
                                  const std::string &name, int64_t first,
                                  int64_t count) {
  const TensorView &tensor = store.get(name);
  std::vector<float> zeros(count);
  for (int64_t i = 0; i < count; ++i) {
    auto byte = uint8_t(tensor.bytes[first + i]);
    zeros[i] = tensor.dtype == DType::I8 ? float(int8_t(byte)) : float(byte);
  }
  return zeros;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

template <typename Word, typename Value, typename Convert>
static void append(ArrayRef<Value> values, std::vector<std::byte> &bytes,
                   Convert convert) {
  size_t start = bytes.size();
  bytes.resize(start + values.size() * sizeof(Word));
  std::byte *out = bytes.data() + start;
  for (size_t i = 0; i < values.size(); ++i) {
    Word word = convert(values[i]);
    std::memcpy(out + i * sizeof(Word), &word, sizeof(Word));
  }
}

void qnt::appendFloats(ArrayRef<float> values, DType dtype,
                       std::vector<std::byte> &bytes) {
  switch (dtype) {
  case DType::F16:
    return append<uint16_t>(values, bytes, support::floatToF16);
  case DType::BF16:
    return append<uint16_t>(values, bytes, support::floatToBf16);
  case DType::F32:
    return append<float>(values, bytes, [](float value) { return value; });
  case DType::I8:
    return append<int8_t>(values, bytes,
                          [](float value) { return int8_t(value); });
  case DType::U8:
    return append<uint8_t>(values, bytes,
                           [](float value) { return uint8_t(value); });
  default:
    throw ParamsError("numbers cannot be written as " +
                      std::string(params::name(dtype)));
  }
}

void qnt::appendIntegers(ArrayRef<int32_t> values,
                         std::vector<std::byte> &bytes) {
  append<int32_t>(values, bytes, [](int32_t value) { return value; });
}

void qnt::appendCodes(ArrayRef<uint32_t> codes, DType dtype,
                      std::vector<std::byte> &bytes) {
  switch (params::byteWidth(dtype)) {
  case 1:
    return append<uint8_t>(codes, bytes,
                           [](uint32_t code) { return uint8_t(code); });
  case 2:
    return append<uint16_t>(codes, bytes,
                            [](uint32_t code) { return uint16_t(code); });
  default:
    return append<uint32_t>(codes, bytes, [](uint32_t code) { return code; });
  }
}
