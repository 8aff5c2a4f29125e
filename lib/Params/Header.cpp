//===- Header.cpp - the header of a safetensors file ----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Header.h"

#include "qnt/Support/Error.h"
#include "qnt/Support/Json.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <tuple>

using namespace qnt::params;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "tensors are used in place, in the file's byte order");

namespace {
[[noreturn]] void fail(const std::string &path, const std::string &what) {
  throw ParamsError(path + ": " + what);
}

[[noreturn]] void fail(const std::string &path, std::string_view tensor,
                       const std::string &what) {
  throw ParamsError(path + ": tensor '" + std::string(tensor) + "': " + what);
}

/// Non-negative integers that fit in 63 bits.
std::vector<int64_t> parseInts(const json &info, const char *key,
                               const std::string &path,
                               const std::string &tensor) {
  auto list = info.find(key);
  std::vector<int64_t> values;
  auto malformed = [&] {
    fail(path, tensor,
         std::string("'") + key +
             "' must be an array of integers from 0 to 2^63 - 1");
  };
  if (list == info.end() || !list->is_array())
    malformed();
  for (const json &value : *list) {
    if (!value.is_number_unsigned() ||
        value.get<uint64_t>() > uint64_t(INT64_MAX))
      malformed();
    values.push_back(value.get<int64_t>());
  }
  return values;
}

struct Range {
  int64_t begin, end;
  const std::string *tensor;
};

/// One tensor of the header; its place in `data` is checked against its shape,
/// not yet against the other tensors.
TensorView parseTensor(const json &info, std::span<const std::byte> data,
                       const std::string &path, const std::string &name,
                       Range &range) {
  if (!info.is_object())
    fail(path, name, "its header entry must be a JSON object");
  TensorView view;
  view.name = name;
  auto dtype = info.find("dtype");
  if (dtype == info.end() || !dtype->is_string())
    fail(path, name, "'dtype' must be a string");
  std::optional<DType> known =
      parseDType(dtype->get_ref<const std::string &>());
  if (!known)
    fail(path, name,
         "unknown dtype '" + dtype->get<std::string>() +
             "'; expected F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL, "
             "F8_E4M3 or F8_E5M2");
  view.dtype = *known;
  view.shape = parseInts(info, "shape", path, name);
  std::optional<int64_t> expected = shapeBytes(view.dtype, view.shape);
  if (!expected)
    fail(path, name, "shape " + toString(view.shape) + " is absurdly large");

  std::vector<int64_t> offsets = parseInts(info, "data_offsets", path, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    fail(path, name, "'data_offsets' must be a begin and an end");
  std::string place = "offsets [" + std::to_string(offsets[0]) + ", " +
                      std::to_string(offsets[1]) + ")";
  if (offsets[1] > int64_t(data.size()))
    fail(path, name,
         place + " pass the end of the data, which has " +
             std::to_string(data.size()) + " bytes");
  if (offsets[1] - offsets[0] != *expected)
    fail(path, name,
         place + " hold " + std::to_string(offsets[1] - offsets[0]) +
             " bytes; shape " + toString(view.shape) + " of " +
             std::string(qnt::params::name(view.dtype)) + " takes " +
             std::to_string(*expected));
  view.bytes = data.subspan(size_t(offsets[0]), size_t(*expected));
  range.begin = offsets[0];
  range.end = offsets[1];
  return view;
}

/// The tensors must cover the data once, without holes.
void checkCover(std::vector<Range> &ranges, int64_t size,
                const std::string &path) {
  std::sort(ranges.begin(), ranges.end(), [](const Range &a, const Range &b) {
    return std::tie(a.begin, a.end, *a.tensor) <
           std::tie(b.begin, b.end, *b.tensor);
  });
  int64_t covered = 0;
  const std::string *previous = nullptr;
  for (const Range &range : ranges) {
    if (range.begin < covered)
      fail(path, *range.tensor,
           "its data overlap those of tensor '" + *previous + "'");
    if (range.begin > covered)
      fail(path, *range.tensor,
           "its data start at " + std::to_string(range.begin) +
               ", which leaves a hole of " +
               std::to_string(range.begin - covered) + " bytes before it");
    covered = range.end;
    previous = range.tensor;
  }
  if (covered != size)
    fail(path, std::to_string(size - covered) +
                   " bytes follow the data of the last tensor");
}

json parseJson(std::string_view text, const std::string &path) {
  if (text.empty() || text.front() != '{')
    fail(path, "is no safetensors file: its header does not start with '{'");
  try {
    return qnt::support::parseJson(text, path + ": header",
                                   qnt::support::DuplicateKeys::Refuse);
  } catch (const qnt::support::FileError &error) {
    throw ParamsError(error.what());
  }
}
} // namespace

ParamsError::ParamsError(const std::string &message)
    : std::runtime_error(qnt::support::oneLine(message)) {}

std::optional<int64_t> qnt::params::shapeBytes(DType dtype,
                                               std::span<const int64_t> shape) {
  // Dimensions of 0 count last: a product that overflows before one would
  // overflow in the code of whoever multiplies them in order.
  int64_t bytes = int64_t(byteWidth(dtype));
  bool empty = false;
  for (int64_t size : shape) {
    empty |= size == 0;
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
      return std::nullopt;
  }
  return empty ? 0 : bytes;
}

std::string qnt::params::toString(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Header qnt::params::parseHeader(std::span<const std::byte> file,
                                const std::string &path) {
  uint64_t length = 0;
  if (file.size() < sizeof(length))
    fail(path, "is truncated: " + std::to_string(file.size()) +
                   " bytes hold no safetensors header");
  std::memcpy(&length, file.data(), sizeof(length));
  file = file.subspan(sizeof(length));
  if (length > maxHeaderBytes)
    fail(path, "is no safetensors file: its header would have " +
                   std::to_string(length) + " bytes, more than the format's " +
                   std::to_string(maxHeaderBytes));
  if (length > file.size())
    fail(path, "is truncated: its header should have " +
                   std::to_string(length) + " bytes, " +
                   std::to_string(file.size()) + " are there");
  json root = parseJson(
      {reinterpret_cast<const char *>(file.data()), size_t(length)}, path);
  std::span<const std::byte> data = file.subspan(size_t(length));

  Header header;
  std::vector<Range> ranges;
  for (const auto &[name, info] : root.items()) {
    if (name == "__metadata__") {
      if (!info.is_object())
        fail(path, "'__metadata__' must be a JSON object");
      for (const auto &[key, value] : info.items()) {
        if (!value.is_string())
          fail(path, "'__metadata__': '" + key + "' must be a string");
        header.metadata.emplace(key, value.get<std::string>());
      }
      continue;
    }
    Range range;
    TensorView view = parseTensor(info, data, path, name, range);
    auto place = header.tensors.emplace(name, std::move(view)).first;
    range.tensor = &place->first;
    ranges.push_back(range);
  }
  checkCover(ranges, int64_t(data.size()), path);
  std::erase_if(header.tensors, [](const auto &tensor) {
    return tensor.first.starts_with(paddingPrefix);
  });
  return header;
}

std::string
qnt::params::makeHeader(const std::vector<SafeTensorsWriter::Entry> &entries,
                        const std::vector<int64_t> &begins,
                        const std::map<std::string, std::string> &metadata,
                        const std::string &path) {
  json root = json::object();
  if (!metadata.empty())
    root["__metadata__"] = metadata;
  auto add = [&](const std::string &name, DType dtype,
                 const std::vector<int64_t> &shape, int64_t begin,
                 int64_t bytes) {
    if (root.contains(name))
      fail(path, name, "is declared twice");
    root[name] = {{"dtype", std::string(qnt::params::name(dtype))},
                  {"shape", shape},
                  {"data_offsets", {begin, begin + bytes}}};
  };
  int64_t covered = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const SafeTensorsWriter::Entry &entry = entries[i];
    if (int64_t hole = begins[i] - covered)
      add(std::string(paddingPrefix) + std::to_string(i), DType::U8, {hole},
          covered, hole);
    int64_t bytes = *shapeBytes(entry.dtype, entry.shape);
    add(entry.name, entry.dtype, entry.shape, begins[i], bytes);
    covered = begins[i] + bytes;
  }
  std::string text;
  try {
    text = root.dump();
  } catch (const json::type_error &) {
    fail(path, "cannot be written: a tensor name or metadata is not UTF-8");
  }
  uint64_t length = text.size() + sizeof(length);
  length += -length % tensorAlignment;
  length -= sizeof(length);
  if (length > maxHeaderBytes)
    fail(path, "cannot be written: its header would have " +
                   std::to_string(length) + " bytes, more than the format's " +
                   std::to_string(maxHeaderBytes));
  text.resize(size_t(length), ' ');
  std::string prefix(sizeof(length), '\0');
  std::memcpy(prefix.data(), &length, sizeof(length));
  return prefix + text;
}
