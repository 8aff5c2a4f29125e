//===- Npy.cpp - numpy's .npy and .npz files ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Npy.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Half.h"
#include "qnt/Support/MappedFile.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <zip.h>

using namespace qnt::support;

namespace {
struct TypeInfo {
  NpyType type;
  size_t width;
  std::string_view name;
  /// Kind and width as in "descr", without the byte order.
  std::string_view descr;
};

constexpr std::array<TypeInfo, 12> types = {{
    {NpyType::F16, 2, "f16", "f2"},
    {NpyType::F32, 4, "f32", "f4"},
    {NpyType::F64, 8, "f64", "f8"},
    {NpyType::I8, 1, "i8", "i1"},
    {NpyType::U8, 1, "u8", "u1"},
    {NpyType::I16, 2, "i16", "i2"},
    {NpyType::U16, 2, "u16", "u2"},
    {NpyType::I32, 4, "i32", "i4"},
    {NpyType::U32, 4, "u32", "u4"},
    {NpyType::I64, 8, "i64", "i8"},
    {NpyType::U64, 8, "u64", "u8"},
    {NpyType::Bool, 1, "bool", "b1"},
}};

const TypeInfo &info(NpyType type) { return types[size_t(type)]; }

constexpr std::string_view magic = "\x93NUMPY";

[[noreturn]] void fail(const std::string &where, const std::string &what) {
  throw FileError(where + ": " + what);
}

/// Reads the header's Python dictionary: string, boolean and tuple values only.
class HeaderParser {
public:
  HeaderParser(std::string_view text, const std::string &where)
      : text(text), where(where) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      std::string key = quoted();
      expect(':');
      if (key == "descr")
        parseDescr();
      else if (key == "fortran_order")
        parseOrder();
      else if (key == "shape")
        parseShape();
      else
        malformed("the key '" + key + "' is unknown");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skipSpace();
    if (at != text.size())
      malformed("text follows the dictionary");
    if (!hasType || !hasOrder || !hasShape)
      malformed("it must have descr, fortran_order and shape");
    if (fortranOrder && shape.size() > 1)
      fail(where, "is in Fortran order; save it with numpy.ascontiguousarray");
  }

  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;

private:
  [[noreturn]] void malformed(const std::string &why) {
    fail(where, "the .npy header is malformed: " + why);
  }
  void skipSpace() {
    while (at < text.size() && std::strchr(" \t\n\r", text[at]) && text[at])
      ++at;
  }
  bool accept(char c) {
    skipSpace();
    bool found = at < text.size() && text[at] == c;
    at += found;
    return found;
  }
  void expect(char c) {
    if (!accept(c))
      malformed("expected '" + std::string(1, c) + "' at column " +
                std::to_string(at + 1));
  }
  bool acceptWord(std::string_view word) {
    skipSpace();
    bool found = text.substr(at, word.size()) == word;
    at += found ? word.size() : 0;
    return found;
  }
  std::string quoted() {
    char quote = accept('\'') ? '\'' : '"';
    if (quote == '"')
      expect('"');
    size_t end = text.find(quote, at);
    if (end == text.npos)
      malformed("a text does not end");
    std::string value(text.substr(at, end - at));
    at = end + 1;
    return value;
  }

  void parseDescr() {
    skipSpace();
    if (at < text.size() && text[at] == '[')
      fail(where, "holds records; expected an array of numbers");
    std::string descr = quoted();
    std::string_view kind(descr);
    if (!kind.empty() && std::strchr("<>=|", kind[0]))
      kind.remove_prefix(1);
    auto found = std::find_if(types.begin(), types.end(),
                              [&](auto &t) { return t.descr == kind; });
    if (found == types.end())
      fail(where, "has the unsupported dtype '" + descr +
                      "'; expected f16, f32, f64, i8, u8, i16, u16, "
                      "i32, u32, i64, u64 or bool");
    if (descr[0] == '>' && found->width > 1)
      fail(where, "is big endian; expected little endian");
    type = found->type;
    hasType = true;
  }
  void parseOrder() {
    fortranOrder = acceptWord("True");
    if (!fortranOrder && !acceptWord("False"))
      malformed("fortran_order must be True or False");
    hasOrder = true;
  }
  void parseShape() {
    shape.clear();
    expect('(');
    while (!accept(')')) {
      skipSpace();
      size_t first = at;
      int64_t size = 0;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
        if (__builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, text[at] - '0', &size))
          malformed("a dimension is too large");
      if (at == first)
        malformed("shape must be a tuple of integers");
      shape.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    hasShape = true;
  }

  std::string_view text;
  const std::string &where;
  size_t at = 0;
  bool fortranOrder = false;
  bool hasType = false, hasOrder = false, hasShape = false;
};

/// Bytes of an array, or fails when they exceed 63 bits.
int64_t checkedBytes(NpyType type, std::span<const int64_t> shape,
                     const std::string &where) {
  // Zeros count last: a product that overflows before one is no sane shape.
  int64_t bytes = int64_t(byteWidth(type));
  bool empty = false;
  for (int64_t size : shape) {
    empty |= size == 0;
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
      fail(where, "its shape is absurdly large");
  }
  return empty ? 0 : bytes;
}

template <typename Out, typename In>
std::vector<Out> convert(const NpyArray &array) {
  std::vector<Out> out(size_t(array.numElements()));
  for (size_t i = 0; i < out.size(); ++i) {
    In value;
    std::memcpy(&value, array.bytes.data() + i * sizeof(In), sizeof(In));
    out[i] = Out(value);
  }
  return out;
}

/// Calls integer conversions; the float types stay with the caller.
template <typename Out> std::vector<Out> convertInts(const NpyArray &array) {
  switch (array.type) {
  case NpyType::I8:
    return convert<Out, int8_t>(array);
  case NpyType::I16:
    return convert<Out, int16_t>(array);
  case NpyType::U16:
    return convert<Out, uint16_t>(array);
  case NpyType::I32:
    return convert<Out, int32_t>(array);
  case NpyType::U32:
    return convert<Out, uint32_t>(array);
  case NpyType::I64:
    return convert<Out, int64_t>(array);
  case NpyType::U64:
    return convert<Out, uint64_t>(array);
  case NpyType::Bool: {
    std::vector<Out> out = convert<Out, uint8_t>(array);
    for (Out &value : out)
      value = value != 0;
    return out;
  }
  default:
    return convert<Out, uint8_t>(array);
  }
}
} // namespace

size_t qnt::support::byteWidth(NpyType type) { return info(type).width; }
std::string_view qnt::support::name(NpyType type) { return info(type).name; }

int64_t NpyArray::numElements() const {
  return int64_t(bytes.size() / byteWidth(type));
}

std::vector<float> NpyArray::toFloats() const {
  if (type == NpyType::F32)
    return convert<float, float>(*this);
  if (type == NpyType::F64)
    return convert<float, double>(*this);
  if (type != NpyType::F16)
    return convertInts<float>(*this);
  std::vector<float> out;
  out.reserve(size_t(numElements()));
  for (uint16_t half : convert<uint16_t, uint16_t>(*this))
    out.push_back(f16ToFloat(half));
  return out;
}

std::vector<int64_t> NpyArray::toInts() const {
  if (type == NpyType::F16 || type == NpyType::F32 || type == NpyType::F64)
    throw FileError("expected an array of integers, got " +
                    std::string(name(type)));
  return convertInts<int64_t>(*this);
}

NpyArray qnt::support::parseNpy(std::span<const std::byte> file,
                                const std::string &where) {
  std::string_view text(reinterpret_cast<const char *>(file.data()),
                        file.size());
  if (text.substr(0, magic.size()) != magic)
    fail(where, "is no .npy file: it does not start with \\x93NUMPY");
  auto byteAt = [&](size_t i) { return size_t(uint8_t(text[i])); };
  if (text.size() < 10)
    fail(where, "the .npy header is truncated");
  size_t version = byteAt(6);
  if (version < 1 || version > 3)
    fail(where, "has .npy format version " + std::to_string(version) +
                    "; expected 1, 2 or 3");
  size_t start = version == 1 ? 10 : 12;
  if (text.size() < start)
    fail(where, "the .npy header is truncated");
  size_t length = byteAt(8) | byteAt(9) << 8;
  if (version > 1)
    length |= byteAt(10) << 16 | byteAt(11) << 24;
  if (length > text.size() - start)
    fail(where, "the .npy header is truncated: it should have " +
                    std::to_string(length) + " bytes");

  HeaderParser header(text.substr(start, length), where);
  header.parse();
  std::span<const std::byte> data = file.subspan(start + length);
  int64_t expected = checkedBytes(header.type, header.shape, where);
  if (data.size() != size_t(expected))
    fail(where, "holds " + std::to_string(data.size()) +
                    " bytes of data; its shape and dtype take " +
                    std::to_string(expected));
  NpyArray array;
  array.type = header.type;
  array.shape = std::move(header.shape);
  array.bytes.assign(data.begin(), data.end());
  return array;
}

NpyArray qnt::support::readNpy(const std::string &path) {
  MappedFile file(path);
  return parseNpy(file.bytes(), path);
}

void qnt::support::writeNpy(const std::string &path, NpyType type,
                            std::span<const int64_t> shape,
                            std::span<const std::byte> bytes) {
  int64_t expected = checkedBytes(type, shape, path);
  if (bytes.size() != size_t(expected))
    fail(path, "got " + std::to_string(bytes.size()) +
                   " bytes to write; its shape and dtype take " +
                   std::to_string(expected));
  std::string dims;
  for (int64_t size : shape)
    dims += std::to_string(size) + ", ";
  // Python's tuple of one is "(3,)"; of more it goes without the last comma.
  if (!shape.empty())
    dims.resize(dims.size() - (shape.size() == 1 ? 1 : 2));
  std::string order = byteWidth(type) == 1 ? "|" : "<";
  std::string dict = "{'descr': '" + order + std::string(info(type).descr) +
                     "', 'fortran_order': False, 'shape': (" + dims + "), }";
  // Spaces and a line break up to a multiple of 64 bytes with the prefix.
  size_t prefix = magic.size() + 4;
  dict.append(63 - (prefix + dict.size()) % 64, ' ');
  dict += '\n';
  if (dict.size() > 0xffff)
    fail(path, "has too many dimensions for an .npy file");

  std::string header(magic);
  header += {'\1', '\0', char(dict.size() & 0xff), char(dict.size() >> 8)};
  header += dict;
  AtomicFile file(path);
  file.reserve(int64_t(header.size() + bytes.size()));
  file.write(std::as_bytes(std::span(header)));
  file.write(bytes);
  file.commit();
}

std::map<std::string, NpyArray> qnt::support::readNpz(const std::string &path) {
  // Opening first gives the system's reason; libzip's are vaguer.
  size_t archiveSize = MappedFile(path).bytes().size();
  int code = 0;
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(path.c_str(), ZIP_RDONLY, &code), zip_discard);
  if (!archive)
    fail(path, "is no .npz file: it is not a whole zip archive");

  std::map<std::string, NpyArray> arrays;
  zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    if (zip_stat_index(archive.get(), zip_uint64_t(i), 0, &status) != 0 ||
        !(status.valid & ZIP_STAT_NAME) || !(status.valid & ZIP_STAT_SIZE))
      fail(path, "entry " + std::to_string(i) + " of the archive is broken");
    std::string entry = status.name;
    std::string where = path + ": array '" + entry + "'";
    if (!entry.ends_with(".npy"))
      fail(where, "is no .npy file");
    // Deflate shrinks by 1032 at best; beyond that the size is a lie, and must
    // not decide how much memory to take.
    if (status.size / 1032 > archiveSize)
      fail(where, "has an absurd size");
    std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(
        zip_fopen_index(archive.get(), zip_uint64_t(i), 0), zip_fclose);
    if (!file)
      fail(where,
           std::string("cannot be read: ") + zip_strerror(archive.get()));
    std::vector<std::byte> bytes(status.size);
    zip_int64_t got = zip_fread(file.get(), bytes.data(), bytes.size());
    // One byte more: reading to the end is what makes libzip check the CRC.
    char extra;
    if (got < 0 || size_t(got) != bytes.size() ||
        zip_fread(file.get(), &extra, 1) != 0)
      fail(where,
           std::string("cannot be read: ") + zip_file_strerror(file.get()));
    entry.resize(entry.size() - 4);
    if (!arrays.emplace(entry, parseNpy(bytes, where)).second)
      fail(where, "appears twice");
  }
  return arrays;
}
