//===- ReadConstant.cpp - tensors of the model, files beside it and .npy files
//-*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Constant.h"
#include "Error.h"
#include "Wire.h"

#include "qnt/Support/Npy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace qnt;
using namespace qnt::onnx;
using llvm::SmallVector;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Files beside the model
//===----------------------------------------------------------------------===//

ExternalFiles::ExternalFiles(std::string modelPath)
    : folder(llvm::sys::path::parent_path(modelPath)) {}

bool ExternalFiles::has(const std::string &path) const {
  return llvm::any_of(files.keys(), [&](StringRef file) {
    return llvm::sys::fs::equivalent(file, path);
  });
}

Constant::Bytes ExternalFiles::find(const TensorProto &tensor, size_t size) {
  namespace path = llvm::sys::path;
  StringRef location;
  uint64_t offset = 0, length = size;
  for (auto [key, value] : tensor.external) {
    bool isBad = false;
    if (key == "location")
      location = value;
    else if (key == "offset")
      isBad = value.getAsInteger(10, offset);
    else if (key == "length")
      isBad = value.getAsInteger(10, length);
    if (isBad)
      throw ImportError("external data has the " + key.str() + " '" +
                        value.str() + "', expected a number");
  }
  if (location.empty())
    throw ImportError("external data without a location");
  if (path::is_absolute(location) || location.contains('\0') ||
      llvm::is_contained(
          llvm::make_range(path::begin(location), path::end(location)), ".."))
    throw ImportError("external data in '" + location.str() +
                      "', which is outside the model's folder");
  if (length != size)
    throw ImportError("external data of " + std::to_string(length) +
                      " bytes, expected " + std::to_string(size) +
                      " by type and shape");
  llvm::SmallString<128> file(folder);
  path::append(file, location);
  auto &mapped = files[file];
  if (!mapped)
    mapped = std::make_shared<support::MappedFile>(file.str().str());
  uint64_t available = mapped->bytes().size();
  if (offset > available || length > available - offset)
    throw ImportError("external data from " + std::to_string(offset) + " to " +
                      std::to_string(offset + length) + " in '" +
                      location.str() + "', which has " +
                      std::to_string(available) + " bytes");
  return {mapped,
          reinterpret_cast<const char *>(mapped->bytes().data()) + offset};
}

//===----------------------------------------------------------------------===//
// Tensors of the model
//===----------------------------------------------------------------------===//

/// Two to a byte, the first in the low bits: to one a byte.
static Constant::Bytes unpackNibbles(DType dtype, const char *packed,
                                     int64_t count) {
  std::shared_ptr<char[]> bytes(new char[count + 1]);
  for (int64_t i = 0; i < count; ++i) {
    uint8_t code = uint8_t(packed[i / 2]) >> (i % 2 * 4) & 15;
    bytes[i] = char(dtype == DType::I4 && code >= 8 ? code - 16 : code);
  }
  return {bytes, bytes.get()};
}

/// Fixed-width elements in pieces, joined.
static Constant::Bytes join(llvm::ArrayRef<StringRef> pieces, size_t size) {
  std::shared_ptr<char[]> bytes(new char[size + 1]);
  size_t at = 0;
  for (StringRef piece : pieces) {
    std::copy(piece.begin(), piece.end(), bytes.get() + at);
    at += piece.size();
  }
  return {bytes, bytes.get()};
}

/// Reads typed fields: floats and doubles are stored as they are, everything
/// else as varints.
static ConstantRef readTyped(const TensorProto &tensor, std::string name,
                             DType dtype, int64_t count,
                             std::shared_ptr<void> owner) {
  auto wrongCount = [&](size_t found) {
    return ImportError("has " + std::to_string(found) + " elements of data, " +
                       "expected " + std::to_string(count) + " by its shape");
  };
  if (dtype == DType::F32 || dtype == DType::F64) {
    const auto &pieces =
        dtype == DType::F32 ? tensor.floatData : tensor.doubleData;
    size_t size = 0;
    for (StringRef piece : pieces)
      size += piece.size();
    if (size != count * getBytes(dtype))
      throw wrongCount(size / getBytes(dtype));
    if (pieces.size() == 1)
      return Constant::create(std::move(name), dtype, tensor.dims,
                              Constant::Bytes(owner, pieces[0].data()));
    return Constant::create(std::move(name), dtype, tensor.dims,
                            join(pieces, size));
  }
  const auto &pieces = dtype == DType::I64 ? tensor.int64Data
                       : dtype == DType::U32 || dtype == DType::U64
                           ? tensor.uint64Data
                           : tensor.int32Data;
  std::vector<int64_t> values;
  for (StringRef piece : pieces)
    while (!piece.empty())
      values.push_back(int64_t(WireReader::takeVarint(piece)));
  if (dtype == DType::I4 || dtype == DType::U4) {
    if (int64_t(values.size()) != (count + 1) / 2)
      throw wrongCount(values.size() * 2);
    std::string packed(values.begin(), values.end());
    return Constant::create(std::move(name), dtype, tensor.dims,
                            unpackNibbles(dtype, packed.data(), count));
  }
  if (int64_t(values.size()) != count)
    throw wrongCount(values.size());
  // 16-bit floats are stored as their bits.
  if (isFloat(dtype)) {
    auto bits = Constant::ofInts(name, DType::U16, tensor.dims, values);
    return Constant::create(std::move(name), dtype, tensor.dims, bits->bytes());
  }
  return Constant::ofInts(std::move(name), dtype, tensor.dims, values);
}

ConstantRef qnt::onnx::readTensor(const TensorProto &tensor, std::string name,
                                  ExternalFiles &files,
                                  std::shared_ptr<void> owner) {
  DType dtype = getDType(tensor.dataType);
  int64_t count = countElements(tensor.dims);
  bool isPacked = dtype == DType::I4 || dtype == DType::U4;
  size_t size = isPacked ? (count + 1) / 2 : count * getBytes(dtype);
  Constant::Bytes bytes;
  if (tensor.isExternal) {
    bytes = files.find(tensor, size);
  } else if (tensor.rawData && (!tensor.rawData->empty() || size == 0)) {
    if (tensor.rawData->size() != size)
      throw ImportError("has " + std::to_string(tensor.rawData->size()) +
                        " bytes of data, expected " + std::to_string(size) +
                        " by type and shape");
    bytes = Constant::Bytes(owner, tensor.rawData->data());
  } else {
    return readTyped(tensor, std::move(name), dtype, count, std::move(owner));
  }
  if (isPacked)
    bytes = unpackNibbles(dtype, bytes.get(), count);
  return Constant::create(std::move(name), dtype, tensor.dims,
                          std::move(bytes));
}

//===----------------------------------------------------------------------===//
// Arrays of numpy
//===----------------------------------------------------------------------===//

ConstantRef qnt::onnx::readNpyConstant(const std::string &path,
                                       std::string name, DType dtype) {
  auto array = std::make_shared<support::NpyArray>(support::readNpy(path));
  StringRef found = support::name(array->type);
  if (found != getName(dtype))
    throw ImportError(path + ": holds " + found.str() + ", expected " +
                      getName(dtype).str());
  const char *bytes = reinterpret_cast<const char *>(array->bytes.data());
  return Constant::create(std::move(name), dtype, array->shape,
                          Constant::Bytes(array, bytes));
}
