//===- Reader.h - metadata and tensor table of a GGUF file ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_READER_H
#define QNT_IMPORT_GGUF_READER_H

#include "Blocks.h"

#include "../Graph/Tensors.h"

#include "qnt/Support/MappedFile.h"

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace qnt::gguf {

using importer::ImportError;
using importer::maxSize;

/// A value of the metadata. Strings and arrays point into the file.
struct Value;
struct Array {
  /// All of one kind: strings, or scalars.
  std::vector<Value> elements;
};
struct Value : std::variant<bool, int64_t, uint64_t, float, double,
                            std::string_view, Array> {
  using variant::variant;
};

/// A tensor of the table, its place checked against the file.
struct Tensor {
  std::string name;
  const BlockType *type = nullptr;
  /// Slowest dimension first, the other way round than in the file.
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  int64_t rows() const { return shape.size() < 2 ? 1 : shape.front(); }
};

/// A GGUF file, versions 2 and 3 (they differ in nothing that is read here).
class File {
public:
  /// Maps the file and reads everything but the tensors' data. Every length is
  /// checked against the file before it is used. Throws ImportError, which
  /// names the file and the key or tensor, and support::FileError.
  explicit File(const std::string &path);

  const std::string &path() const { return file.path(); }
  /// Throws "<path>: <message>".
  [[noreturn]] void fail(const std::string &message) const;

  /// Null when there is none. Tensors are in the file's order.
  const Tensor *findTensor(std::string_view name) const;
  const std::vector<Tensor> &tensors() const { return table; }
  /// Lets the kernel drop pages of a tensor.
  void release(std::span<const std::byte> part) const { file.release(part); }

  // Metadata by key. All throw an error that names the key when the value is
  // of another kind; the first of each pair, when it is missing, too.
  bool has(std::string_view key) const { return find(key); }
  const Value *find(std::string_view key) const;
  const std::map<std::string_view, Value> &metadata() const { return values; }
  /// An integer of 1 to maxSize.
  int64_t size(const std::string &key) const;
  std::optional<int64_t> findSize(const std::string &key) const;
  /// A finite number. Those that the file keeps in f32 are read as the shortest
  /// decimal that rounds to them, which is what they were made from.
  double number(const std::string &key) const;
  std::optional<double> findNumber(const std::string &key) const;
  std::optional<bool> findFlag(const std::string &key) const;
  std::string_view text(const std::string &key) const;
  std::optional<std::string_view> findText(const std::string &key) const;
  /// Strings, integers, floats of an array.
  std::vector<std::string_view> texts(const std::string &key) const;
  std::vector<int64_t> integers(const std::string &key) const;
  std::vector<float> floats(const std::string &key) const;

private:
  const Array *findArray(const std::string &key) const;
  [[noreturn]] void failMissing(const std::string &key) const;

  support::MappedFile file;
  std::map<std::string_view, Value> values;
  std::vector<Tensor> table;
  std::map<std::string_view, size_t> indices;
};

/// Text of a file for a message: quoted, on one line, shortened.
std::string quote(std::string_view text);

} // namespace qnt::gguf

#endif // QNT_IMPORT_GGUF_READER_H
