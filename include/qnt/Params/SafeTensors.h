//===- SafeTensors.h - memory-mapped parameters -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Safetensors files (https://github.com/huggingface/safetensors, format 0.4):
// read by mapping, written as a stream. No LLVM types, so that tools without a
// compiler can use them.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_PARAMS_SAFETENSORS_H
#define QNT_PARAMS_SAFETENSORS_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::params {

/// Names the file, the tensor and what was expected, in one line.
struct ParamsError : std::runtime_error {
  explicit ParamsError(const std::string &message);
};

enum class DType {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U8,
  Bool,
  F8E4M3,
  F8E5M2
};

/// Bytes of one element.
size_t byteWidth(DType dtype);
/// The name used in safetensors headers ("F32", "BF16", "U8", ...).
std::string_view name(DType dtype);

/// A view of one tensor: row-major, little endian. `bytes` stays valid while
/// the store that handed it out lives.
struct TensorView {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  /// As in the file, for messages; empty in views made by hand.
  std::string name;
  int64_t numElements() const;
};

/// Converts elements [first, first + out.size()) of a float tensor to f32.
/// Throws ParamsError when the dtype is no float or the elements are not all in
/// the tensor.
void toFloat(const TensorView &tensor, int64_t first, std::span<float> out);

/// Tensors by name, from one file or from the shards of an index.
class ParamStore {
public:
  /// Maps `path`: a .safetensors file, a *.safetensors.index.json, or a folder
  /// holding model.safetensors or model.safetensors.index.json. Every header
  /// is checked whole: JSON, dtypes, shapes whose product overflows, offsets
  /// that overlap, leave holes or pass the end. Throws ParamsError.
  /// Of the shards of an index, the tensors that the index names are taken.
  static std::shared_ptr<ParamStore> open(const std::string &path);
  /// A .safetensors file that lies in memory already, such as an asset inside a
  /// shared object; `name` stands for its path. The bytes must outlive the
  /// store.
  static std::shared_ptr<ParamStore> fromMemory(std::span<const std::byte> file,
                                                const std::string &name);
  ~ParamStore();

  /// Null when there is none of that name.
  const TensorView *find(std::string_view name) const;
  /// Throws ParamsError that names the store and the tensor, and the nearest
  /// existing name.
  const TensorView &get(std::string_view name) const;
  /// In order of name.
  std::vector<std::string> names() const;
  /// The file that was opened: where `open` got a folder, the file inside it.
  const std::string &path() const;
  /// "__metadata__" of the (first) file.
  const std::map<std::string, std::string> &metadata() const;
  /// Bytes of all tensors.
  int64_t totalBytes() const;
  /// SHA-256 of the file, lower-case hex; for several shards, of their hashes
  /// in hex joined in order of file name. Reads the whole file the first time.
  std::string sha256() const;
  /// Tells the kernel that a tensor's pages are no longer needed, so that
  /// streaming through a large file keeps the resident set small.
  void release(const TensorView &tensor) const;

private:
  struct Impl;
  explicit ParamStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Streams a safetensors file. All names, dtypes and shapes are declared first;
/// the bytes then follow tensor by tensor, in any number of pieces, in the
/// declared order. Tensor data is 64-byte aligned: where the format, which
/// allows no holes, needs one filled, a U8 tensor "__pad__.N" does so, which
/// ParamStore hides and other readers show. The file appears under its
/// name only at `finish`: it is written beside it and renamed, and a writer
/// that is destroyed before `finish` leaves nothing behind.
class SafeTensorsWriter {
public:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
  };
  /// Throws ParamsError: unwritable folder, full disk (space is reserved here),
  /// a name declared twice or reserved, an impossible shape.
  SafeTensorsWriter(const std::string &path, std::vector<Entry> entries,
                    std::map<std::string, std::string> metadata = {});
  enum class Kind {
    /// On the disk before it has its name; nothing is left of a part.
    Durable,
    /// A crash of the machine may take it.
    Temporary,
    /// As Durable, but a part stays, for a writer that goes on.
    Resumable
  };
  /// A resumable file begins with the first `finished` tensors that a writer of
  /// the same entries and metadata left and flushed; throws where canResume
  /// says no.
  SafeTensorsWriter(const std::string &path, std::vector<Entry> entries,
                    std::map<std::string, std::string> metadata, Kind kind,
                    size_t finished = 0);
  /// Whether a resumable writer of the same entries and metadata left a part
  /// of a file. How much of it was flushed, the caller must know.
  static bool canResume(const std::string &path, std::vector<Entry> entries,
                        const std::map<std::string, std::string> &metadata);
  ~SafeTensorsWriter();
  /// Appends to the current tensor; throws when a tensor gets more bytes than
  /// declared.
  void write(std::span<const std::byte> bytes);
  /// Brings what was written to the disk, in a resumable file. Throws
  /// ParamsError.
  void flush();
  /// Checks that all tensors are complete, syncs, renames. Throws ParamsError.
  void finish();
  /// SHA-256 of the finished file, lower-case hex; of a resumable one "".
  const std::string &sha256() const;
  /// Bytes of the finished file.
  int64_t fileSize() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace qnt::params

#endif // QNT_PARAMS_SAFETENSORS_H
