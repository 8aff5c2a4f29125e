//===- SafeTensorsIndex.cpp - where tensors lie in a safetensors file -----===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SafeTensorsIndex.h"
#include "Error.h"

#include <cstring>
#include <nlohmann/json.hpp>

using namespace qnt::runtime;
using Json = nlohmann::json;

std::map<std::string, std::span<const std::byte>>
qnt::runtime::indexSafeTensors(const std::string &path,
                               std::span<const std::byte> file) {
  uint64_t headerSize = 0;
  if (file.size() >= 8)
    std::memcpy(&headerSize, file.data(), 8);
  if (file.size() < 8 || headerSize > file.size() - 8)
    fail(QNT_ERROR_FORMAT, path +
                               ": truncated: " + std::to_string(file.size()) +
                               " bytes do not hold a safetensors header");
  const char *text = reinterpret_cast<const char *>(file.data()) + 8;
  Json header = Json::parse(text, text + headerSize, nullptr,
                            /*allow_exceptions=*/false);
  if (!header.is_object())
    fail(QNT_ERROR_FORMAT,
         path + ": the safetensors header is not a JSON object");

  std::span<const std::byte> data = file.subspan(8 + headerSize);
  std::map<std::string, std::span<const std::byte>> index;
  for (const auto &[name, tensor] : header.items()) {
    if (name == "__metadata__")
      continue;
    const Json *offsets = tensor.is_object() && tensor.contains("data_offsets")
                              ? &tensor["data_offsets"]
                              : nullptr;
    if (!offsets || !offsets->is_array() || offsets->size() != 2 ||
        !(*offsets)[0].is_number_unsigned() ||
        !(*offsets)[1].is_number_unsigned())
      fail(QNT_ERROR_FORMAT,
           path + ": tensor '" + name + "': expected two data_offsets");
    uint64_t begin = (*offsets)[0], end = (*offsets)[1];
    if (begin > end || end > data.size())
      fail(QNT_ERROR_FORMAT,
           path + ": tensor '" + name + "': data_offsets [" +
               std::to_string(begin) + ", " + std::to_string(end) +
               "] pass the " + std::to_string(data.size()) + " bytes of data");
    index.emplace(name, data.subspan(begin, end - begin));
  }
  return index;
}
