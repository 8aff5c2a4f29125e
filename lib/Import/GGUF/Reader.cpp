//===- Reader.cpp - metadata and tensor table of a GGUF file ----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Reader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

#include <charconv>
#include <cmath>
#include <cstring>

using namespace qnt::gguf;

std::string qnt::gguf::quote(std::string_view text) {
  constexpr size_t longest = 80;
  static const char digits[] = "0123456789abcdef";
  // No character is cut; what is not UTF-8 is spelt byte by byte.
  size_t end = std::min(longest, text.size());
  while (end < text.size() && end > 0 && (uint8_t(text[end]) & 0xc0) == 0x80)
    --end;
  bool isText = llvm::json::isUTF8(llvm::StringRef(text.data(), end));
  std::string out = "'";
  for (unsigned char c : text.substr(0, end)) {
    if (c >= 0x20 && c != 0x7f && (isText || c < 0x80)) {
      out += char(c);
      continue;
    }
    out += "\\x";
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out + (end < text.size() ? "...'" : "'");
}

namespace {
/// The value types of the format.
enum Kind : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  ArrayKind,
  U64,
  I64,
  F64
};

/// Bytes of a scalar; of strings and arrays, the least they take.
constexpr size_t kindBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

/// More than any vocabulary has.
constexpr size_t maxElements = size_t(1) << 22;

/// Reads forward through the file; never beyond its end.
class Cursor {
public:
  Cursor(const File &file, std::span<const std::byte> bytes)
      : file(file), bytes(bytes) {}

  size_t position() const { return at; }
  size_t left() const { return bytes.size() - at; }
  /// What is being read, for messages.
  void setPlace(std::string text) { place = std::move(text); }
  [[noreturn]] void fail(const std::string &message) const {
    file.fail(place + ": " + message);
  }

  template <typename T> T read() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view readString() {
    auto length = read<uint64_t>();
    std::span<const std::byte> text = take(length);
    return {reinterpret_cast<const char *>(text.data()), text.size()};
  }
  /// A number of things of at least `bytesEach` bytes, which the file must
  /// still hold.
  size_t readCount(size_t bytesEach, const char *what) {
    auto count = read<uint64_t>();
    if (count > left() / bytesEach)
      fail(std::to_string(count) + " " + what + " in the " +
           std::to_string(left()) + " bytes that are left of the file");
    return count;
  }
  Value readValue(uint32_t kind) {
    if (kind == ArrayKind)
      return readArray();
    return readScalar(kind);
  }

private:
  std::span<const std::byte> take(uint64_t count) {
    if (count > left())
      fail("the file ends within it: " + std::to_string(count) +
           " bytes expected, " + std::to_string(left()) + " left");
    auto part = bytes.subspan(at, count);
    at += count;
    return part;
  }

  Value readScalar(uint32_t kind) {
    switch (kind) {
    case U8:
      return uint64_t(read<uint8_t>());
    case I8:
      return int64_t(read<int8_t>());
    case U16:
      return uint64_t(read<uint16_t>());
    case I16:
      return int64_t(read<int16_t>());
    case U32:
      return uint64_t(read<uint32_t>());
    case I32:
      return int64_t(read<int32_t>());
    case F32:
      return read<float>();
    case Bool:
      return read<uint8_t>() != 0;
    case String:
      return readString();
    case U64:
      return read<uint64_t>();
    case I64:
      return read<int64_t>();
    case F64:
      return read<double>();
    default:
      fail("unknown type of value " + std::to_string(kind));
    }
  }

  Value readArray() {
    auto kind = read<uint32_t>();
    if (kind >= std::size(kindBytes))
      fail("unknown type of value " + std::to_string(kind) + " in an array");
    if (kind == ArrayKind)
      fail("arrays of arrays are not supported");
    Array array;
    size_t count = readCount(kindBytes[kind], "elements");
    if (count > maxElements)
      fail(std::to_string(count) + " elements, expected at most " +
           std::to_string(maxElements));
    array.elements.resize(count);
    for (Value &element : array.elements)
      element = readScalar(kind);
    return array;
  }

  const File &file;
  std::span<const std::byte> bytes;
  size_t at = 0;
  std::string place = "header";
};
} // namespace

/// Reads an entry of the tensor table: a tensor without its bytes, and their
/// offset.
static std::pair<Tensor, uint64_t> readTensor(Cursor &cursor, size_t index) {
  cursor.setPlace("tensor " + std::to_string(index));
  Tensor tensor;
  std::string_view name = cursor.readString();
  cursor.setPlace("tensor " + quote(name));
  // Names become symbols and JSON keys.
  if (name.empty() || name.size() > 255 ||
      !std::all_of(name.begin(), name.end(),
                   [](char c) { return c > 0x20 && c < 0x7f && c != '"'; }))
    cursor.fail("expected a name of 1 to 255 printable ASCII characters");
  tensor.name = name;
  auto rank = cursor.read<uint32_t>();
  if (rank < 1 || rank > 4)
    cursor.fail("has " + std::to_string(rank) + " dimensions, expected 1 to 4");
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    auto size = cursor.read<uint64_t>();
    if (size < 1 || size > uint64_t(maxSize) ||
        llvm::MulOverflow(elements, int64_t(size), elements) ||
        elements > maxSize)
      cursor.fail("dimension " + std::to_string(i) + " is " +
                  std::to_string(size) + ", expected 1 or more and at most " +
                  std::to_string(maxSize) + " elements in all");
    tensor.shape.insert(tensor.shape.begin(), int64_t(size));
  }
  auto id = cursor.read<uint32_t>();
  tensor.type = findBlockType(id);
  if (!tensor.type)
    cursor.fail("has the type " + describeBlockType(id) + ", expected " +
                listBlockTypes());
  if (tensor.shape.back() % tensor.type->elements)
    cursor.fail("has rows of " + std::to_string(tensor.shape.back()) +
                " elements, expected a multiple of " +
                std::to_string(tensor.type->elements) + " for " +
                tensor.type->name);
  return {std::move(tensor), cursor.read<uint64_t>()};
}

File::File(const std::string &path) : file(path) {
  std::span<const std::byte> bytes = file.bytes();
  Cursor cursor(*this, bytes);
  if (bytes.size() < 24 || std::memcmp(bytes.data(), "GGUF", 4) != 0)
    fail("not a GGUF file: expected it to begin with 'GGUF' and a header of 24 "
         "bytes");
  cursor.read<uint32_t>();
  auto version = cursor.read<uint32_t>();
  if (version == 0x02000000 || version == 0x03000000)
    fail("the file is big-endian, expected a little-endian one");
  if (version != 2 && version != 3)
    fail("GGUF version " + std::to_string(version) + ", expected 2 or 3");
  auto tensorCount = cursor.readCount(24, "tensors");
  auto keyCount = cursor.readCount(13, "keys");

  for (size_t i = 0; i < keyCount; ++i) {
    cursor.setPlace("key " + std::to_string(i));
    std::string_view key = cursor.readString();
    cursor.setPlace("key " + quote(key));
    auto kind = cursor.read<uint32_t>();
    if (!values.emplace(key, cursor.readValue(kind)).second)
      cursor.fail("is there twice");
  }

  std::vector<uint64_t> offsets;
  for (size_t i = 0; i < tensorCount; ++i) {
    auto [tensor, offset] = readTensor(cursor, i);
    table.push_back(std::move(tensor));
    offsets.push_back(offset);
  }

  int64_t alignment = findSize("general.alignment").value_or(32);
  if (!llvm::isPowerOf2_64(alignment) || alignment > 1 << 20)
    fail("'general.alignment' is " + std::to_string(alignment) +
         ", expected a power of two of at most 1048576");
  size_t begin = std::min<size_t>(llvm::alignTo(cursor.position(), alignment),
                                  bytes.size());
  std::span<const std::byte> data = bytes.subspan(begin);
  for (auto [i, tensor] : llvm::enumerate(table)) {
    if (!indices.emplace(tensor.name, i).second)
      fail("tensor " + quote(tensor.name) + " is there twice");
    int64_t elements = 1;
    for (int64_t size : tensor.shape)
      elements *= size;
    auto count =
        uint64_t(elements / tensor.type->elements * tensor.type->bytes);
    uint64_t offset = offsets[i];
    if (offset % alignment)
      fail("tensor " + quote(tensor.name) + " lies at offset " +
           std::to_string(offset) + ", expected a multiple of " +
           std::to_string(alignment));
    if (offset > data.size() || count > data.size() - offset)
      fail("tensor " + quote(tensor.name) + " takes " + std::to_string(count) +
           " bytes from offset " + std::to_string(offset) +
           ", but the file "
           "has " +
           std::to_string(data.size()) + " bytes of data");
    tensor.bytes = data.subspan(offset, count);
  }
}

void File::fail(const std::string &message) const {
  throw ImportError(path() + ": " + message);
}

void File::failMissing(const std::string &key) const {
  fail("'" + key + "' is missing");
}

const Tensor *File::findTensor(std::string_view name) const {
  auto it = indices.find(name);
  return it == indices.end() ? nullptr : &table[it->second];
}

const Value *File::find(std::string_view key) const {
  auto it = values.find(key);
  return it == values.end() ? nullptr : &it->second;
}

/// An integer of any width; none when it does not fit.
static std::optional<int64_t> toInteger(const Value &value) {
  if (auto *number = std::get_if<int64_t>(&value))
    return *number;
  auto *number = std::get_if<uint64_t>(&value);
  if (number && *number <= uint64_t(std::numeric_limits<int64_t>::max()))
    return int64_t(*number);
  return std::nullopt;
}

std::optional<int64_t> File::findSize(const std::string &key) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  std::optional<int64_t> number = toInteger(*value);
  if (!number || *number < 1 || *number > maxSize)
    fail("'" + key + "' must be an integer of 1 to " + std::to_string(maxSize));
  return number;
}

int64_t File::size(const std::string &key) const {
  std::optional<int64_t> value = findSize(key);
  if (!value)
    failMissing(key);
  return *value;
}

std::optional<double> File::findNumber(const std::string &key) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  double number = NAN;
  if (auto *wide = std::get_if<double>(value)) {
    number = *wide;
  } else if (auto *single = std::get_if<float>(value)) {
    char text[64];
    char *end = std::to_chars(text, std::end(text), *single).ptr;
    std::from_chars(text, end, number);
  } else if (auto integer = toInteger(*value)) {
    number = double(*integer);
  }
  if (!std::isfinite(number))
    fail("'" + key + "' must be a finite number");
  return number;
}

double File::number(const std::string &key) const {
  std::optional<double> value = findNumber(key);
  if (!value)
    failMissing(key);
  return *value;
}

std::optional<bool> File::findFlag(const std::string &key) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  if (auto *flag = std::get_if<bool>(value))
    return *flag;
  fail("'" + key + "' must be true or false");
}

std::optional<std::string_view> File::findText(const std::string &key) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  if (auto *text = std::get_if<std::string_view>(value))
    return *text;
  fail("'" + key + "' must be a string");
}

std::string_view File::text(const std::string &key) const {
  std::optional<std::string_view> value = findText(key);
  if (!value)
    failMissing(key);
  return *value;
}

const Array *File::findArray(const std::string &key) const {
  const Value *value = find(key);
  if (!value)
    failMissing(key);
  auto *array = std::get_if<Array>(value);
  if (!array)
    fail("'" + key + "' must be an array");
  return array;
}

std::vector<std::string_view> File::texts(const std::string &key) const {
  std::vector<std::string_view> result;
  for (const Value &element : findArray(key)->elements) {
    auto *text = std::get_if<std::string_view>(&element);
    if (!text)
      fail("'" + key + "' must be an array of strings");
    result.push_back(*text);
  }
  return result;
}

std::vector<int64_t> File::integers(const std::string &key) const {
  std::vector<int64_t> result;
  for (const Value &element : findArray(key)->elements) {
    std::optional<int64_t> number = toInteger(element);
    if (!number)
      fail("'" + key + "' must be an array of integers");
    result.push_back(*number);
  }
  return result;
}

std::vector<float> File::floats(const std::string &key) const {
  std::vector<float> result;
  for (const Value &element : findArray(key)->elements) {
    auto *number = std::get_if<float>(&element);
    if (!number)
      fail("'" + key + "' must be an array of f32");
    result.push_back(*number);
  }
  return result;
}
