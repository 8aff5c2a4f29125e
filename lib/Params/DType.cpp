//===- DType.cpp - element types of parameters ----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Header.h"

#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/Half.h"

#include <array>
#include <cstring>

using namespace qnt::params;
using namespace qnt::support;

namespace {
struct TypeInfo {
  DType dtype;
  size_t width;
  std::string_view name;
};

constexpr std::array<TypeInfo, 12> types = {{
    {DType::F64, 8, "F64"},
    {DType::F32, 4, "F32"},
    {DType::F16, 2, "F16"},
    {DType::BF16, 2, "BF16"},
    {DType::I64, 8, "I64"},
    {DType::I32, 4, "I32"},
    {DType::I16, 2, "I16"},
    {DType::I8, 1, "I8"},
    {DType::U8, 1, "U8"},
    {DType::Bool, 1, "BOOL"},
    {DType::F8E4M3, 1, "F8_E4M3"},
    {DType::F8E5M2, 1, "F8_E5M2"},
}};

/// The loads go through memcpy: other writers do not align tensors.
template <typename Code, typename Fn>
void convert(const std::byte *from, std::span<float> out, Fn decode) {
  for (size_t i = 0; i < out.size(); ++i) {
    Code code;
    std::memcpy(&code, from + i * sizeof(Code), sizeof(Code));
    out[i] = decode(code);
  }
}
} // namespace

size_t qnt::params::byteWidth(DType dtype) {
  return types[size_t(dtype)].width;
}

std::string_view qnt::params::name(DType dtype) {
  return types[size_t(dtype)].name;
}

std::optional<DType> qnt::params::parseDType(std::string_view name) {
  for (const TypeInfo &type : types)
    if (type.name == name)
      return type.dtype;
  return std::nullopt;
}

int64_t TensorView::numElements() const {
  return int64_t(bytes.size() / byteWidth(dtype));
}

void qnt::params::toFloat(const TensorView &tensor, int64_t first,
                          std::span<float> out) {
  int64_t count = tensor.numElements();
  if (first < 0 || first > count || int64_t(out.size()) > count - first)
    throw ParamsError(
        "tensor '" + tensor.name + "': elements from " + std::to_string(first) +
        " on, " + std::to_string(out.size()) +
        " in all, were asked for; it has " + std::to_string(count));
  const std::byte *from =
      tensor.bytes.data() + size_t(first) * byteWidth(tensor.dtype);
  switch (tensor.dtype) {
  case DType::F32:
    if (!out.empty())
      std::memcpy(out.data(), from, out.size_bytes());
    return;
  case DType::F64:
    return convert<double>(from, out, [](double d) { return float(d); });
  case DType::F16:
    return convert<uint16_t>(from, out, f16ToFloat);
  case DType::BF16:
    return convert<uint16_t>(from, out, bf16ToFloat);
  case DType::F8E4M3:
    return convert<uint8_t>(from, out, f8e4m3ToFloat);
  case DType::F8E5M2:
    return convert<uint8_t>(from, out, f8e5m2ToFloat);
  default:
    throw ParamsError("tensor '" + tensor.name + "': expected floats, got " +
                      std::string(name(tensor.dtype)));
  }
}
