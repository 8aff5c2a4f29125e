//===- Constant.cpp - tensors known when importing -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Constant.h"

#include "Error.h"

#include "qnt/Support/Half.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace qnt;
using namespace qnt::onnx;
using llvm::ArrayRef;
using llvm::SmallVector;

int64_t qnt::onnx::countElements(ArrayRef<int64_t> shape) {
  constexpr int64_t limit = int64_t(1) << 40;
  int64_t count = 1;
  for (int64_t dim : shape)
    if (dim < 0)
      throw ImportError("a dimension of " + std::to_string(dim) +
                        " is not possible");
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t dim : shape)
    if (llvm::MulOverflow(count, dim, count) || count > limit)
      throw ImportError("a tensor of more than 2^40 elements");
  return count;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

template <typename T> static T load(const char *bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T> static void store(char *bytes, int64_t i, T value) {
  std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
}

static int64_t loadInt(DType dtype, const char *bytes, int64_t i) {
  switch (dtype) {
  case DType::Bool:
    return load<uint8_t>(bytes, i) != 0;
  case DType::U8:
  case DType::U4:
    return load<uint8_t>(bytes, i);
  case DType::I8:
  case DType::I4:
    return load<int8_t>(bytes, i);
  case DType::U16:
    return load<uint16_t>(bytes, i);
  case DType::I16:
    return load<int16_t>(bytes, i);
  case DType::U32:
    return load<uint32_t>(bytes, i);
  case DType::I32:
    return load<int32_t>(bytes, i);
  default:
    return load<int64_t>(bytes, i);
  }
}

static double loadDouble(DType dtype, const char *bytes, int64_t i) {
  switch (dtype) {
  case DType::F32:
    return load<float>(bytes, i);
  case DType::F64:
    return load<double>(bytes, i);
  case DType::F16:
    return support::f16ToFloat(load<uint16_t>(bytes, i));
  case DType::BF16:
    return support::bf16ToFloat(load<uint16_t>(bytes, i));
  case DType::U64:
    return double(uint64_t(load<int64_t>(bytes, i)));
  default:
    return double(loadInt(dtype, bytes, i));
  }
}

static void storeInt(DType dtype, char *bytes, int64_t i, int64_t value) {
  switch (getBytes(dtype)) {
  case 1:
    return store<uint8_t>(bytes, i,
                          dtype == DType::Bool ? value != 0 : uint8_t(value));
  case 2:
    return store<uint16_t>(bytes, i, uint16_t(value));
  case 4:
    return store<uint32_t>(bytes, i, uint32_t(value));
  default:
    return store<int64_t>(bytes, i, value);
  }
}

/// `value` in the 16-bit format `semantics`, rounded once.
static uint16_t roundToHalf(const llvm::fltSemantics &semantics, double value) {
  llvm::APFloat number(value);
  bool lossy;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lossy);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

static void storeDouble(DType dtype, char *bytes, int64_t i, double value) {
  switch (dtype) {
  case DType::F32:
    return store<float>(bytes, i, float(value));
  case DType::F64:
    return store<double>(bytes, i, value);
  case DType::F16:
    return store(bytes, i, roundToHalf(llvm::APFloat::IEEEhalf(), value));
  case DType::BF16:
    return store(bytes, i, roundToHalf(llvm::APFloat::BFloat(), value));
  case DType::Bool:
    return store<uint8_t>(bytes, i, value != 0);
  default: {
    // Towards zero; what does not fit has no defined result in ONNX.
    llvm::APSInt number(64, /*isUnsigned=*/dtype == DType::U64);
    bool isExact;
    llvm::APFloat(value).convertToInteger(number, llvm::APFloat::rmTowardZero,
                                          &isExact);
    return storeInt(dtype, bytes, i, int64_t(number.getZExtValue()));
  }
  }
}

/// Room for `size` bytes.
static std::shared_ptr<char> allocate(size_t size) {
  std::shared_ptr<char[]> bytes(new char[size + 1]);
  return std::shared_ptr<char>(bytes, bytes.get());
}

//===----------------------------------------------------------------------===//
// Constant
//===----------------------------------------------------------------------===//

ConstantRef Constant::create(std::string name, DType dtype,
                             ArrayRef<int64_t> shape, Bytes bytes) {
  auto result = std::make_shared<Constant>();
  result->name = std::move(name);
  result->dtype = dtype;
  result->shape.assign(shape.begin(), shape.end());
  result->held = std::move(bytes);
  return result;
}

ConstantRef Constant::create(std::string name, DType dtype,
                             ArrayRef<int64_t> shape, Recipe recipe) {
  constexpr size_t small = 1 << 16;
  if (countElements(shape) * getBytes(dtype) <= small)
    return create(std::move(name), dtype, shape, recipe());
  auto result = std::make_shared<Constant>();
  result->name = std::move(name);
  result->dtype = dtype;
  result->shape.assign(shape.begin(), shape.end());
  result->recipe = std::move(recipe);
  return result;
}

ConstantRef Constant::ofInts(std::string name, DType dtype,
                             ArrayRef<int64_t> shape,
                             ArrayRef<int64_t> values) {
  auto bytes = allocate(values.size() * getBytes(dtype));
  for (auto [i, value] : llvm::enumerate(values))
    storeInt(dtype, bytes.get(), i, value);
  return create(std::move(name), dtype, shape, Bytes(bytes));
}

ConstantRef Constant::ofFloats(std::string name, DType dtype,
                               ArrayRef<int64_t> shape,
                               ArrayRef<double> values) {
  auto bytes = allocate(values.size() * getBytes(dtype));
  for (auto [i, value] : llvm::enumerate(values))
    storeDouble(dtype, bytes.get(), i, value);
  return create(std::move(name), dtype, shape, Bytes(bytes));
}

ConstantRef Constant::reshape(const ConstantRef &from,
                              ArrayRef<int64_t> shape) {
  auto result = std::make_shared<Constant>(*from);
  result->shape.assign(shape.begin(), shape.end());
  return result;
}

ConstantRef Constant::transpose(const ConstantRef &from,
                                ArrayRef<int64_t> perm) {
  SmallVector<int64_t> shape, steps(perm.size()), to(perm.size());
  int64_t step = 1;
  for (int64_t i = perm.size(); i-- > 0;) {
    to[i] = step;
    step *= from->shape[i];
  }
  for (auto [i, dim] : llvm::enumerate(perm)) {
    shape.push_back(from->shape[dim]);
    steps[i] = to[dim];
  }
  Recipe recipe = [from, shape, steps] {
    size_t width = getBytes(from->dtype), size = from->byteSize();
    auto result = allocate(size);
    Bytes source = from->bytes();
    SmallVector<int64_t> index(shape.size(), 0);
    int64_t offset = 0;
    for (size_t at = 0; at < size; at += width) {
      std::memcpy(result.get() + at, source.get() + offset * width, width);
      for (size_t d = shape.size(); d-- > 0;) {
        offset += steps[d];
        if (++index[d] < shape[d])
          break;
        offset -= steps[d] * shape[d];
        index[d] = 0;
      }
    }
    return Bytes(result);
  };
  return create(from->name + ".transposed", from->dtype, shape,
                std::move(recipe));
}

ConstantRef Constant::cast(const ConstantRef &from, DType dtype) {
  if (from->dtype == dtype)
    return from;
  Recipe recipe = [from, dtype] {
    int64_t size = from->size();
    auto result = allocate(size * getBytes(dtype));
    Bytes source = from->bytes();
    bool isExact = !isFloat(from->dtype) && !isFloat(dtype);
    for (int64_t i = 0; i < size; ++i)
      if (isExact)
        storeInt(dtype, result.get(), i, loadInt(from->dtype, source.get(), i));
      else
        storeDouble(dtype, result.get(), i,
                    loadDouble(from->dtype, source.get(), i));
    return Bytes(result);
  };
  return create(from->name + "." + onnx::getName(dtype).str(), dtype,
                from->shape, std::move(recipe));
}

int64_t Constant::size() const { return countElements(shape); }

Constant::Bytes Constant::bytes() const { return recipe ? recipe() : held; }

std::vector<int64_t> Constant::toInts() const {
  std::vector<int64_t> result(size());
  Bytes source = bytes();
  for (auto [i, value] : llvm::enumerate(result))
    value = loadInt(dtype, source.get(), i);
  return result;
}

std::vector<double> Constant::toDoubles() const {
  std::vector<double> result(size());
  Bytes source = bytes();
  for (auto [i, value] : llvm::enumerate(result))
    value = loadDouble(dtype, source.get(), i);
  return result;
}

bool Constant::isSplat() const {
  size_t total = byteSize(), width = getBytes(dtype);
  if (total == 0)
    return false;
  Bytes source = bytes();
  return std::memcmp(source.get(), source.get() + width, total - width) == 0;
}
