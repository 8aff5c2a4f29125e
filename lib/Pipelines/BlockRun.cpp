//===- BlockRun.cpp - one compiled block and its samples -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BlockRun.h"

#include "llvm/Support/JSON.h"

#include <map>

using namespace qnt;

static void check(qnt_status status) {
  if (status != QNT_OK)
    throw std::runtime_error(qnt_last_error());
}

BlockRun::BlockRun(const std::string &path, const ModelBlock &block,
                   RunObserver *observer)
    : path(path), block(block), observer(observer) {
  qnt_options options = {};
  options.params = QNT_PARAMS_MAP;
  check(qnt_open(path.c_str(), &options, &model));
  auto manifest =
      *llvm::cantFail(llvm::json::parse(qnt_manifest(model))).getAsObject();
  hasCache = manifest.get("kv_cache");
  entry = qnt_find_entry(model, "main");
  for (const llvm::json::Value &value : *manifest.getArray("ops")) {
    const llvm::json::Object &op = *value.getAsObject();
    int64_t site = -1;
    if (op.getString("op") == "qnt.observe")
      (void)op.getString("name")->getAsInteger(10, site);
    sites.push_back(site);
  }
  if (!observer)
    return;
  qnt_set_after_op(
      model,
      [](void *user, int64_t op, const qnt_tensor *output) {
        static_cast<BlockRun *>(user)->observe(op, output);
      },
      this);
}

BlockRun::~BlockRun() { qnt_close(model); }

void BlockRun::observe(int64_t op, const qnt_tensor *output) {
  if (sites[op] < 0 || !output)
    return;
  int64_t elements = 1;
  for (int32_t d = 0; d < output->rank; ++d)
    elements *= output->shape[d];
  observer->observe(
      block.sites[sites[op]].name,
      llvm::ArrayRef(static_cast<const float *>(output->data), elements),
      output->rank ? output->shape[output->rank - 1] : 1);
}

Activation BlockRun::call(const Sample &sample, const Activation &before,
                          const std::string &where) {
  std::map<std::string, int64_t> dims;
  std::vector<qnt_tensor> inputs;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    bool isLink = block.inputs[i] == ModelBlock::link;
    const std::vector<int64_t> &shape =
        isLink ? before.shape : sample[block.inputs[i]].shape;
    const void *data = isLink ? static_cast<const void *>(before.values.data())
                              : sample[block.inputs[i]].bytes.data();
    for (int32_t d = 0; d < info->rank; ++d)
      if (info->shape[d] < 0)
        dims[qnt_dim_name(model, entry, -1 - info->shape[d])] = shape[d];
    inputs.push_back({const_cast<void *>(data), info->dtype, info->rank,
                      shape.data(), nullptr});
  }
  // A cache holds as many positions as a sample has tokens.
  std::vector<int64_t> sizes;
  for (int64_t d = 0; d < qnt_num_dims(model, entry); ++d) {
    auto known = dims.find(qnt_dim_name(model, entry, d));
    sizes.push_back(known != dims.end() ? known->second : dims["tokens"]);
  }
  Activation result;
  std::vector<qnt_tensor> outputs;
  if (qnt_num_outputs(model, entry)) {
    const qnt_tensor_info *info = qnt_output(model, entry, 0);
    result.shape.resize(info->rank);
    check(qnt_output_shape(model, entry, sizes.data(), 0, result.shape.data()));
    int64_t elements = 1;
    for (int64_t size : result.shape)
      elements *= size;
    result.values.resize(elements);
    outputs.push_back({result.values.data(), info->dtype, info->rank,
                       result.shape.data(), nullptr});
  }
  qnt_memory memory = {};
  std::unique_ptr<char, decltype(&std::free)> cache(nullptr, std::free);
  if (hasCache) {
    memory.max_length = dims.at("tokens");
    memory.kv_bytes = qnt_kv_bytes(model, dims.at("batch"), memory.max_length);
    int64_t rounded = (memory.kv_bytes + 63) / 64 * 64;
    cache.reset(static_cast<char *>(std::aligned_alloc(64, rounded)));
    std::fill_n(cache.get(), rounded, 0);
    memory.kv = cache.get();
  }
  if (qnt_run(model, entry, inputs.data(), inputs.size(), outputs.data(),
              outputs.size(), &memory) == QNT_OK)
    return result;
  // The samples are at fault, not the temporary model.
  llvm::StringRef message = qnt_last_error();
  message.consume_front(path + ": ");
  throw std::runtime_error("'" + where + "': " + message.str());
}
