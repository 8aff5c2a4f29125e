//===- SafeTensors.cpp - fuzzes safetensors files ------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Both readers of the format get the same bytes: a file that both take must
// hold the same tensors. Text that starts with '{' is an index of shards
// instead; two shards, a.safetensors and b.safetensors, lie beside it.
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/SafeTensorsIndex.h"

#include "qnt/Params/SafeTensors.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

using namespace qnt;
using params::ParamStore;

/// Reads all that a store offers.
static void use(const ParamStore &store) {
  for (const std::string &name : store.names()) {
    const params::TensorView &tensor = store.get(name);
    int64_t count = tensor.numElements();
    std::vector<float> floats(size_t(std::min<int64_t>(count, 100)));
    try {
      params::toFloat(tensor, count - int64_t(floats.size()), floats);
    } catch (const params::ParamsError &error) {
      fuzz::checkError(error.what());
    }
    store.release(tensor);
  }
  store.sha256();
}

static bool readIndex(std::string_view text) {
  static const bool shards = [] {
    for (const char *name : {"a", "b"}) {
      params::SafeTensorsWriter writer(fuzz::scratchFolder() + "/" + name +
                                           ".safetensors",
                                       {{name, params::DType::F32, {1}}});
      writer.write(std::as_bytes(std::span("1234", 4)));
      writer.finish();
    }
    return true;
  }();
  (void)shards;
  try {
    use(*ParamStore::open(
        fuzz::writeFile("model.safetensors.index.json", text)));
    return true;
  } catch (const params::ParamsError &error) {
    fuzz::checkError(error.what());
    return false;
  }
}

bool fuzz::readInput(std::string_view input) {
  if (input.starts_with('{'))
    return readIndex(input);
  auto bytes = std::as_bytes(std::span(input));
  std::shared_ptr<ParamStore> store;
  try {
    store = ParamStore::fromMemory(bytes, "input");
    use(*store);
  } catch (const params::ParamsError &error) {
    checkError(error.what());
  }
  std::optional<std::map<std::string, std::span<const std::byte>>> index;
  try {
    index = runtime::indexSafeTensors("input", bytes);
  } catch (const runtime::Error &error) {
    checkError(error.message);
  }
  if (!store || !index)
    return false;
  for (const std::string &name : store->names()) {
    auto found = index->find(name);
    auto tensor = store->get(name).bytes;
    if (found == index->end() || found->second.data() != tensor.data() ||
        found->second.size() != tensor.size())
      std::abort();
  }
  return true;
}
