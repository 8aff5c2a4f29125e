//===- Bench.cpp - speed of a model ---------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "ReadTest.h"
#include "Workload.h"
#include "qnt/Support/Progress.h"

#include <algorithm>

using namespace qnt::run;

/// Prints and records one figure.
static void put(Output &output, const char *key, const char *label,
                const Summary &summary) {
  output.print(format("%-22s %12.2f  (spread %.1f%%)\n", label, summary.median,
                      100 * summary.spread));
  output.values[key] = summary.median;
  output.values[std::string(key) + "_spread"] = summary.spread;
}

static double median(const std::vector<double> &values) {
  return Summary(values).median;
}

/// Reads of the test buffer in every run, evenly among the decode steps, so
/// that both see the same machine.
static constexpr int64_t readsPerRun = 8;

static void benchLanguage(Model &model, const Args &args, Output &output) {
  LanguageWorkload work(model, args);
  ReadTest readTest = ReadTest::ofMemory(qnt_threads(model.handle));
  // Grows the arena and fills the caches.
  work.prefill();
  work.decode(0);

  std::vector<double> prefillSpeeds, decodeSpeeds, reads, ratios, steps;
  qnt::support::Progress progress("bench", args.runs);
  int64_t every = std::max<int64_t>(work.genTokens / readsPerRun, 1);
  for (int64_t run = 0; run < args.runs; ++run) {
    prefillSpeeds.push_back(work.batch * work.promptTokens / work.prefill());
    std::vector<double> stepSeconds, bandwidths, stepReads;
    for (int64_t step = 0; step < work.genTokens; ++step) {
      if (step % every == 0)
        stepReads.push_back(readTest.run());
      double seconds = work.decode(step);
      stepSeconds.push_back(seconds);
      bandwidths.push_back(work.idealBytes(step) / seconds);
    }
    double seconds = median(stepSeconds), read = median(stepReads);
    steps.push_back(1e3 * seconds);
    decodeSpeeds.push_back(work.batch / seconds);
    reads.push_back(read / 1e9);
    ratios.push_back(median(bandwidths) / read);
    progress.advance();
  }
  progress.clear();
  output.print(format("%lld sequence(s), %lld prompt tokens, %lld new, median "
                      "of %lld runs\n",
                      static_cast<long long>(work.batch),
                      static_cast<long long>(work.promptTokens),
                      static_cast<long long>(work.genTokens),
                      static_cast<long long>(args.runs)));
  put(output, "prefill_tokens_per_second", "prefill tokens/s",
      Summary(prefillSpeeds));
  put(output, "tokens_per_second", "decode tokens/s", Summary(decodeSpeeds));
  put(output, "ms", "decode step ms", Summary(steps));
  put(output, "read_gb_per_second", "memory read GB/s", Summary(reads));
  put(output, "decode_bandwidth_ratio", "decode / read", Summary(ratios));
  output.values["prompt_tokens"] = work.promptTokens;
  output.values["gen_tokens"] = work.genTokens;
  output.values["batch"] = work.batch;
}

static void benchCall(Model &model, const Args &args, Output &output) {
  Call call = makeWorkload(model, args);
  int64_t batch = workloadBatch(call);
  bool encoder = model.kind == "encoder";
  std::vector<double> milliseconds;
  // Until both the caches are warm and the processor is at speed.
  double warmUp = 0;
  for (int i = 0; i < 100 && warmUp < 0.1; ++i)
    warmUp += secondsOf([&] { call.run(); });
  // A run repeats short calls, so that the clock's resolution and single
  // interruptions do not count.
  double one = secondsOf([&] { call.run(); });
  int64_t repeats = std::clamp<int64_t>(0.05 / std::max(one, 1e-7), 1, 100000);
  qnt::support::Progress progress("bench", args.runs);
  for (int64_t run = 0; run < args.runs; ++run) {
    std::vector<double> calls(repeats);
    for (double &seconds : calls)
      seconds = secondsOf([&] { call.run(); });
    milliseconds.push_back(1e3 * median(calls) / (encoder ? batch : 1));
    progress.advance();
  }
  progress.clear();
  put(output, "ms", encoder ? "ms per sentence" : "ms", Summary(milliseconds));
  output.values["batch"] = batch;
  if (encoder)
    output.values["tokens"] = args.tokens;
}

void qnt::run::bench(Model &model, const Args &args, Output &output) {
  if (model.kind == "causal_lm")
    benchLanguage(model, args, output);
  else
    benchCall(model, args, output);
  output.values["runs"] = args.runs;
}
