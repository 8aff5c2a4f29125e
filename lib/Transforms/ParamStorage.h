//===- ParamStorage.h - how parameters lie in a store -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The storage of each kind of value, as docs/ir.md describes it. A row is one
// index of the first dimension with everything below it; tensors of rank 1 have
// rows of one element, scalars one row.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_PARAMSTORAGE_H
#define QNT_LIB_TRANSFORMS_PARAMSTORAGE_H

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Params/SafeTensors.h"

namespace qnt {

llvm::ArrayRef<int64_t> getParamShape(mlir::Type type);
/// Rows, and elements of a row, of a tensor or quantised tensor.
int64_t getNumRows(mlir::Type type);
int64_t getRowLength(mlir::Type type);

/// Scales that each row of a quantised tensor brings: 0 for unscaled types;
/// `per_tensor` types bring one with all their rows.
int64_t getScalesPerRow(QTensorType type);

/// The tensors that stand for a parameter called `name`: itself, the bytes of a
/// layout, or codes, scales and zero points (or offsets), in this order. Throws
/// ParamsError where no dtype can hold them.
std::vector<params::SafeTensorsWriter::Entry>
getStoredTensors(mlir::Type type, const std::string &name);

/// "file: tensor 'name'".
std::string describeTensor(const params::ParamStore &store,
                           const std::string &name);

/// Throws ParamsError unless the store holds the tensors of this parameter, in
/// the right shapes and dtypes.
void checkStoredTensors(const params::ParamStore &store, mlir::Type type,
                        const std::string &name);

/// Elements [first, first + count) of a float tensor. Throws ParamsError on
/// NaN and infinity, naming file, tensor and index.
std::vector<float> loadFloats(const params::ParamStore &store,
                              const std::string &name, int64_t first,
                              int64_t count);

/// Elements of an unsigned code tensor (U8, or 16- and 32-bit float dtypes by
/// their bits).
std::vector<uint32_t> loadCodes(const params::ParamStore &store,
                                const std::string &name, int64_t first,
                                int64_t count);

/// Zero points as `getStoredTensors` declares them.
std::vector<float> loadZeros(const params::ParamStore &store,
                             const std::string &name, int64_t first,
                             int64_t count);

/// Appends numbers in a float dtype (f32, f16, bf16; nearest, ties to even) or
/// as bytes (integers in range).
void appendFloats(llvm::ArrayRef<float> values, params::DType dtype,
                  std::vector<std::byte> &bytes);
/// Appends integers of 32 bits.
void appendIntegers(llvm::ArrayRef<int32_t> values,
                    std::vector<std::byte> &bytes);
/// Appends the low bytes of words, as many as the dtype has.
void appendCodes(llvm::ArrayRef<uint32_t> codes, params::DType dtype,
                 std::vector<std::byte> &bytes);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_PARAMSTORAGE_H
