//===- RunOnDevice.cpp - make a call on a GPU -----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Error.h"
#include "Model.h"

#include <algorithm>
#include <array>
#include <utility>

using namespace qnt::runtime;

namespace {

size_t getBytes(const qnt_tensor &tensor) {
  int64_t elements = 1;
  for (int32_t i = 0; i < tensor.rank; ++i)
    elements *= tensor.shape[i];
  return size_t(elements * qnt_dtype_size(tensor.dtype));
}

/// qnt_context::after_op, for the caller's hooks. Times are told when they are
/// known, at the end of the call.
void afterOp(const qnt_context *ctx, int64_t op, const void *output,
             const int64_t *shape) {
  auto &call = *static_cast<const CallContext *>(ctx);
  const qnt_model &model = *call.model;
  if (model.timer) {
    model.device->mark();
    call.timedOps.push_back(op);
  }
  if (!model.hook || op < 0 || op >= int64_t(model.manifest.ops.size()))
    return;
  const OpSpec &spec = model.manifest.ops[op];
  if (!spec.dtype)
    return model.hook(model.hookUser, op, nullptr);
  qnt_tensor tensor = {nullptr, *spec.dtype, int32_t(spec.rank), shape,
                       nullptr};
  std::vector<std::byte> copy(getBytes(tensor));
  try {
    model.device->copyOut(copy.data(), output, copy.size());
  } catch (const Error &) {
    // The call fails for the same reason when it ends.
    return;
  }
  tensor.data = copy.data();
  model.hook(model.hookUser, op, &tensor);
}

} // namespace

void qnt_model::runOnDevice(int64_t index, std::span<const qnt_tensor> inputs,
                            std::span<const qnt_tensor> outputs,
                            std::span<const int64_t> dims, void *kv,
                            void *scratch) {
  std::lock_guard<std::mutex> lock(deviceMutex);
  constexpr size_t alignment = 256;
  auto rounded = [](const qnt_tensor &tensor) {
    return (getBytes(tensor) + alignment - 1) / alignment * alignment;
  };
  size_t needed = 0;
  for (std::span<const qnt_tensor> tensors : {inputs, outputs})
    for (const qnt_tensor &tensor : tensors)
      needed += rounded(tensor);
  if (staging.size() < needed) {
    staging = DeviceMemory();
    staging = device->allocate(needed, "inputs and outputs");
  }
  auto *next = static_cast<std::byte *>(staging.data());
  auto place = [&](const qnt_tensor &tensor) -> void * {
    return std::exchange(next, next + rounded(tensor));
  };
  std::array<void *, maxTensors> in, out;
  std::ranges::transform(inputs, in.begin(), place);
  std::ranges::transform(outputs, out.begin(), place);
  for (size_t i = 0; i < inputs.size(); ++i)
    device->copyIn(in[i], inputs[i].data, getBytes(inputs[i]));
  CallContext call(context, this);
  call.after_op = hook || timer ? afterOp : nullptr;
  auto launches = [&] {
    variant->entries[index].run(&call, params.pointers(), in.data(), out.data(),
                                dims.data(), kv, scratch);
  };
  if (call.after_op) {
    device->mark();
    launches();
  } else {
    // Where inputs and outputs lie follows from their sizes.
    LaunchGraph::Key key{uint64_t(index) + 1, uint64_t(kv), uint64_t(scratch),
                         uint64_t(staging.data())};
    std::ranges::copy(dims, key.begin() + 4);
    graphs.resize(size_t(variant->num_entries));
    LaunchGraph &graph = graphs[size_t(index)];
    if (device->beginLaunches(graph, key))
      launches();
    device->endLaunches(graph);
  }
  device->finish();
  for (size_t i = 0; i < call.timedOps.size(); ++i)
    timer(timerUser, call.timedOps[i], device->getIntervals()[i]);
  for (size_t i = 0; i < outputs.size(); ++i)
    device->copyOut(outputs[i].data, out[i], getBytes(outputs[i]));
}
