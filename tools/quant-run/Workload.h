//===- Workload.h - made-up work to measure ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_WORKLOAD_H
#define QNT_TOOLS_QUANTRUN_WORKLOAD_H

#include "Arrays.h"
#include "LanguageModel.h"

#include <chrono>
#include <memory>
#include <vector>

namespace qnt::run {

/// Median of the runs, and (largest - smallest) / median.
struct Summary {
  double median = 0, spread = 0;
  explicit Summary(std::vector<double> runs);
};

/// Seconds that `work` takes.
template <typename Work> double secondsOf(Work work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Random tokens through `prefill` and `decode`.
class LanguageWorkload {
public:
  /// Throws RunError when the context cannot hold what the options ask for.
  LanguageWorkload(Model &model, const Args &args);

  /// Seconds of `prefill` on all prompts.
  double prefill();
  /// Seconds of the decode step number `step` after a prefill.
  double decode(int64_t step);
  /// What that step must at least read: the manifest's ideal_bytes.
  double idealBytes(int64_t step) const;

  int64_t promptTokens, genTokens, batch;

private:
  std::vector<int32_t> random(int64_t count) const;

  std::unique_ptr<LanguageModel> language;
  std::vector<int32_t> prompt, last, next, positions;
  double paramBytes = 0, kvBytesPerToken = 0;
};

/// One entry on random inputs: sentences of an encoder, normally distributed
/// floats of a graph, or the arrays of --input. Dimensions of a graph that
/// nothing tells are --batch, else 1.
Call makeWorkload(Model &model, const Args &args);

/// Its number of sequences or samples, for "per sentence".
int64_t workloadBatch(const Call &call);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_WORKLOAD_H
