//===- BlockRun.cpp - one compiled block and its samples -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BlockRun.h"

#include "EntryCall.h"

#include "llvm/Support/JSON.h"

using namespace qnt;

BlockRun::BlockRun(const std::string &path, const ModelBlock &block,
                   RunObserver *observer)
    : path(path), block(block), observer(observer) {
  qnt_options options = {};
  options.params = QNT_PARAMS_MAP;
  checkStatus(qnt_open(path.c_str(), &options, &model));
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
  EntryCall call(model, entry);
  for (int64_t input : block.inputs)
    if (input == ModelBlock::link)
      call.addInput(before.values.data(), before.shape);
    else
      call.addInput(sample[input].bytes.data(), sample[input].shape);
  Activation result;
  if (qnt_num_outputs(model, entry)) {
    result.shape = call.getOutputShape(0);
    result.values.resize(llvm::product_of(result.shape));
    call.addOutput(result.values.data(), result.shape);
  }
  qnt_memory memory = {};
  std::unique_ptr<char, decltype(&std::free)> cache(nullptr, std::free);
  if (hasCache) {
    memory.max_length = call.getSize("tokens");
    memory.kv_bytes =
        qnt_kv_bytes(model, call.getSize("batch"), memory.max_length);
    int64_t rounded = (memory.kv_bytes + 63) / 64 * 64;
    cache.reset(static_cast<char *>(std::aligned_alloc(64, rounded)));
    std::fill_n(cache.get(), rounded, 0);
    memory.kv = cache.get();
  }
  if (call.run(&memory) == QNT_OK)
    return result;
  // The samples are at fault, not the temporary model.
  llvm::StringRef message = qnt_last_error();
  message.consume_front(path + ": ");
  throw std::runtime_error("'" + where + "': " + message.str());
}
