//===- Constant.h - tensors known when importing -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_CONSTANT_H
#define QNT_IMPORT_ONNX_CONSTANT_H

#include "DType.h"
#include "Proto.h"

#include "qnt/Support/MappedFile.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>

namespace qnt::onnx {

class Constant;
using ConstantRef = std::shared_ptr<const Constant>;

/// A row-major, little-endian tensor. Large ones are views of a mapped file, or
/// a recipe that runs each time the bytes are asked for, so that no more than
/// the tensor in use is in memory.
class Constant {
public:
  /// Bytes, kept alive as long as somebody holds them.
  using Bytes = std::shared_ptr<const char>;
  using Recipe = std::function<Bytes()>;

  static ConstantRef create(std::string name, DType dtype,
                            llvm::ArrayRef<int64_t> shape, Bytes bytes);
  /// `recipe` gives the elements.
  static ConstantRef create(std::string name, DType dtype,
                            llvm::ArrayRef<int64_t> shape, Recipe recipe);
  static ConstantRef ofInts(std::string name, DType dtype,
                            llvm::ArrayRef<int64_t> shape,
                            llvm::ArrayRef<int64_t> values);
  /// Values are rounded to the float `dtype`.
  static ConstantRef ofFloats(std::string name, DType dtype,
                              llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<double> values);
  /// The same elements in another shape, which has as many.
  static ConstantRef reshape(const ConstantRef &from,
                             llvm::ArrayRef<int64_t> shape);
  /// Dimension i of the result is dimension perm[i] of `from`.
  static ConstantRef transpose(const ConstantRef &from,
                               llvm::ArrayRef<int64_t> perm);
  /// The elements in another type: ONNX's Cast, without saturation.
  static ConstantRef cast(const ConstantRef &from, DType dtype);

  DType getDType() const { return dtype; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  /// Number of elements.
  int64_t size() const;
  size_t byteSize() const { return size() * getBytes(dtype); }
  /// What the parameter is called: the initialiser's or the value's name.
  const std::string &getName() const { return name; }
  Bytes bytes() const;
  /// All elements of an integer or bool tensor; unsigned 64-bit ones keep their
  /// bits.
  std::vector<int64_t> toInts() const;
  /// All elements of any tensor.
  std::vector<double> toDoubles() const;
  /// Whether there are elements and all have the same bits.
  bool isSplat() const;

private:
  std::string name;
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t> shape;
  Bytes held;
  Recipe recipe;
};

/// Elements of `shape`. Throws ImportError for negative dimensions and products
/// above 2^40.
int64_t countElements(llvm::ArrayRef<int64_t> shape);

/// The files beside a model that hold tensors. Each is mapped once.
class ExternalFiles {
public:
  explicit ExternalFiles(std::string modelPath);
  /// The bytes that the entries location, offset and length ask for. Throws
  /// ImportError: a location outside the model's folder, a range outside the
  /// file.
  Constant::Bytes find(const TensorProto &tensor, size_t size);
  /// Whether `path` is one of the files in use.
  bool has(const std::string &path) const;

private:
  std::string folder;
  llvm::StringMap<std::shared_ptr<support::MappedFile>> files;
};

/// A tensor of the model, whose bytes `owner` keeps alive. Throws ImportError
/// that names no file and no tensor.
ConstantRef readTensor(const TensorProto &tensor, std::string name,
                       ExternalFiles &files, std::shared_ptr<void> owner);

/// The array of an .npy file as `dtype`, which it must have. Throws.
ConstantRef readNpyConstant(const std::string &path, std::string name,
                            DType dtype);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_CONSTANT_H
