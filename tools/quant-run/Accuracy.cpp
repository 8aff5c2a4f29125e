//===- Accuracy.cpp - top-1 accuracy of a classifier ----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Commands.h"
#include "Sampler.h"
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <cstring>
#include <span>

using namespace qnt::run;
using namespace qnt::support;

/// Rows [first, first + count) of `array`; past its end the last row again.
static NpyArray rows(const NpyArray &array, int64_t first, int64_t count) {
  NpyArray part{array.type, array.shape, {}};
  part.shape[0] = count;
  size_t row = array.bytes.size() / array.shape[0];
  part.bytes.resize(row * count);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(part.bytes.data() + i * row,
                array.bytes.data() +
                    std::min(first + i, array.shape[0] - 1) * row,
                row);
  return part;
}

/// Rows at a time: what the model was compiled for, else --batch.
static int64_t batchSize(const Model &model, int64_t entry, const Args &args,
                         const Arrays &arrays, int64_t samples) {
  for (const qnt_tensor_info *info : model.inputs(entry)) {
    auto found = arrays.find(info->name);
    if (found == arrays.end() || info->rank == 0 ||
        found->second.shape.empty() || found->second.shape[0] != samples)
      continue;
    if (info->shape[0] > 0)
      return info->shape[0];
  }
  return std::min(args.batch ? args.batch : 64, samples);
}

void qnt::run::evaluateTop1(Model &model, const Args &args, Output &output) {
  model.needKind("graph", "--eval top1=");
  int64_t entry = chosenEntry(model, args);
  Arrays arrays = readNpz(args.evalFile);
  auto found = arrays.find("label");
  if (found == arrays.end())
    throw RunError(args.evalFile + ": there is no array 'label'");
  if (found->second.shape.size() != 1 || found->second.shape[0] < 1)
    throw RunError(args.evalFile + ": 'label': expected shape [samples]");
  std::vector<int64_t> labels = found->second.toInts();
  arrays.erase(found);
  auto infos = model.outputs(entry);
  if (infos.size() != 1 || infos[0]->rank != 2 || infos[0]->dtype != QNT_F32)
    throw RunError(model.path +
                   ": --eval top1= needs one f32 output [samples, classes]");

  int64_t samples = labels.size(), correct = 0;
  int64_t used = args.limit ? std::min(args.limit, samples) : samples;
  std::string file = outputFiles(model, entry, args)[0];
  std::vector<float> all;
  int64_t width = 0;
  int64_t batch = batchSize(model, entry, args, arrays, samples);
  Progress progress("top-1", used);
  for (int64_t first = 0; first < used; first += batch) {
    int64_t count = std::min(batch, used - first);
    Arrays part;
    for (const auto &[name, array] : arrays) {
      bool sliced = !array.shape.empty() && array.shape[0] == samples;
      bool fixed = std::ranges::any_of(model.inputs(entry), [&](auto *info) {
        return info->name == name && info->rank > 0 && info->shape[0] > 0;
      });
      part.emplace(name,
                   sliced ? rows(array, first, fixed ? batch : count) : array);
    }
    Call call(model, entry, args, toTensors(model, entry, part));
    call.run();
    auto scores = call.outputs[0].as<float>();
    int64_t classes = call.outputs[0].shape[1];
    if (call.outputs[0].shape[0] < count || classes < 1)
      throw RunError(model.path + ": output '" + infos[0]->name +
                     "': expected a row for each of the " +
                     std::to_string(count) + " samples");
    if (!file.empty()) {
      all.insert(all.end(), scores.begin(), scores.begin() + count * classes);
      width = classes;
    }
    for (int64_t i = 0; i < count; ++i)
      correct +=
          argmax(scores.subspan(i * classes, classes)) == labels[first + i];
    progress.advance(count);
  }
  const int64_t shape[] = {used, width};
  if (!file.empty())
    writeNpy(file, NpyType::F32, shape, std::as_bytes(std::span(all)));
  double top1 = 100.0 * correct / used;
  progress.clear();
  output.print(format("top-1 %.2f%% of %lld samples\n", top1,
                      static_cast<long long>(used)));
  output.values["top1"] = top1;
  output.values["samples"] = used;
}
