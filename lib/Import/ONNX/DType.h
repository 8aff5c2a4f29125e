//===- DType.h - element types of ONNX tensors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_DTYPE_H
#define QNT_IMPORT_ONNX_DTYPE_H

#include "qnt/Params/SafeTensors.h"

#include "mlir/IR/Types.h"

#include <cstdint>
#include <string>

namespace qnt::onnx {

/// TensorProto.DataType of the types that tensors may have here. I4 and U4 are
/// for constants alone.
enum class DType : int64_t {
  F32 = 1,
  U8 = 2,
  I8 = 3,
  U16 = 4,
  I16 = 5,
  I32 = 6,
  I64 = 7,
  Bool = 9,
  F16 = 10,
  F64 = 11,
  U32 = 12,
  U64 = 13,
  BF16 = 16,
  U4 = 21,
  I4 = 22
};

/// The type of that code. Throws ImportError that names the type when it is
/// not supported.
DType getDType(int64_t code);
/// "f32", "u8", "bool", ...: as in the manifest of a compiled model.
llvm::StringRef getName(DType dtype);
bool isFloat(DType dtype);
/// Integers, without bool.
bool isInteger(DType dtype);
bool isUnsigned(DType dtype);
/// Bits of a number: 1 for bool.
unsigned getBits(DType dtype);
/// Bytes of an element of a Constant: 1 for I4 and U4, whose elements are not
/// packed there.
size_t getBytes(DType dtype);
/// Signless integers, i1 for bool.
mlir::Type getElementType(DType dtype, mlir::MLIRContext *context);
/// How the parameter store holds elements of `getElementType`: unsigned
/// integers as signed ones of the same bits.
params::DType getStoredType(DType dtype);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_DTYPE_H
