//===- DType.cpp - element types of ONNX tensors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DType.h"

#include "Error.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"

using namespace qnt;
using namespace qnt::onnx;

namespace {
enum class Family { Float, Signed, Unsigned, Bool };

struct Row {
  DType dtype;
  llvm::StringRef name;
  Family family;
  unsigned bits;
  params::DType stored;
};

constexpr Row rows[] = {
    {DType::F32, "f32", Family::Float, 32, params::DType::F32},
    {DType::U8, "u8", Family::Unsigned, 8, params::DType::I8},
    {DType::I8, "i8", Family::Signed, 8, params::DType::I8},
    {DType::U16, "u16", Family::Unsigned, 16, params::DType::I16},
    {DType::I16, "i16", Family::Signed, 16, params::DType::I16},
    {DType::I32, "i32", Family::Signed, 32, params::DType::I32},
    {DType::I64, "i64", Family::Signed, 64, params::DType::I64},
    {DType::Bool, "bool", Family::Bool, 1, params::DType::Bool},
    {DType::F16, "f16", Family::Float, 16, params::DType::F16},
    {DType::F64, "f64", Family::Float, 64, params::DType::F64},
    {DType::U32, "u32", Family::Unsigned, 32, params::DType::I32},
    {DType::U64, "u64", Family::Unsigned, 64, params::DType::I64},
    {DType::BF16, "bf16", Family::Float, 16, params::DType::BF16},
    {DType::U4, "u4", Family::Unsigned, 4, params::DType::I8},
    {DType::I4, "i4", Family::Signed, 4, params::DType::I8},
};

const Row &getRow(DType dtype) {
  return *llvm::find_if(rows, [&](auto &row) { return row.dtype == dtype; });
}
} // namespace

DType qnt::onnx::getDType(int64_t code) {
  for (const Row &row : rows)
    if (int64_t(row.dtype) == code)
      return row.dtype;
  static const std::pair<int64_t, const char *> others[] = {
      {8, "string"},
      {14, "complex64"},
      {15, "complex128"},
      {17, "float8e4m3fn"},
      {18, "float8e4m3fnuz"},
      {19, "float8e5m2"},
      {20, "float8e5m2fnuz"},
      {23, "float4e2m1"},
      {24, "float8e8m0"},
      {25, "uint2"},
      {26, "int2"}};
  for (auto [other, name] : others)
    if (other == code)
      throw ImportError(std::string("element type ") + name +
                        " is not supported");
  throw ImportError("element type " + std::to_string(code) + " is unknown");
}

llvm::StringRef qnt::onnx::getName(DType dtype) { return getRow(dtype).name; }

bool qnt::onnx::isFloat(DType dtype) {
  return getRow(dtype).family == Family::Float;
}

bool qnt::onnx::isInteger(DType dtype) {
  Family family = getRow(dtype).family;
  return family == Family::Signed || family == Family::Unsigned;
}

bool qnt::onnx::isUnsigned(DType dtype) {
  return getRow(dtype).family == Family::Unsigned;
}

unsigned qnt::onnx::getBits(DType dtype) { return getRow(dtype).bits; }

size_t qnt::onnx::getBytes(DType dtype) {
  return std::max(getBits(dtype), 8u) / 8;
}

mlir::Type qnt::onnx::getElementType(DType dtype, mlir::MLIRContext *context) {
  switch (dtype) {
  case DType::F32:
    return mlir::Float32Type::get(context);
  case DType::F16:
    return mlir::Float16Type::get(context);
  case DType::F64:
    return mlir::Float64Type::get(context);
  case DType::BF16:
    return mlir::BFloat16Type::get(context);
  case DType::Bool:
    return mlir::IntegerType::get(context, 1);
  default:
    return mlir::IntegerType::get(context, getBytes(dtype) * 8);
  }
}

params::DType qnt::onnx::getStoredType(DType dtype) {
  return getRow(dtype).stored;
}
