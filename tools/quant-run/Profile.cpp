//===- Profile.cpp - speed of each operation ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Workload.h"

#include <algorithm>
#include <numeric>

using namespace qnt::run;
using Clock = std::chrono::steady_clock;

namespace {

/// One operation's share of a phase.
struct OpTime {
  int64_t calls = 0;
  double seconds = 0;
};

/// Times operations by when their hooks are called.
class Profiler {
public:
  explicit Profiler(Model &model) : model(model) {
    if (!model.manifest.contains("ops") || model.manifest["ops"].empty())
      throw RunError(model.path + ": the manifest lists no operations");
    model.setHook([this](int64_t op, const qnt_tensor *) {
      auto now = Clock::now();
      times[op].calls += 1;
      times[op].seconds +=
          std::chrono::duration<double>(now - previous).count();
      previous = now;
    });
    reset();
  }
  ~Profiler() { model.setHook(nullptr); }

  void reset() {
    times.assign(model.manifest["ops"].size(), {});
    rest = 0;
    calls = 0;
  }

  /// Runs `work`, which makes one call.
  template <typename Work> void time(Work work) {
    previous = Clock::now();
    work();
    rest += std::chrono::duration<double>(Clock::now() - previous).count();
    ++calls;
  }

  /// The operations that ran, slowest first. `dims` are those of the calls.
  void report(const std::string &phase,
              const std::map<std::string, int64_t> &dims, Output &output) const;

private:
  /// Rows of the output of `op`: all but its last extent. 0 when unknown.
  static int64_t rowsOf(const nlohmann::json &op,
                        const std::map<std::string, int64_t> &dims);

  Model &model;
  Clock::time_point previous;
  std::vector<OpTime> times;
  /// Seconds after the last operation of each call.
  double rest = 0;
  int64_t calls = 0;
};

int64_t Profiler::rowsOf(const nlohmann::json &op,
                         const std::map<std::string, int64_t> &dims) {
  if (!op.contains("shape") || op["shape"].empty())
    return 0;
  int64_t rows = 1;
  const nlohmann::json &shape = op["shape"];
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    auto dim = shape[i].is_string() ? dims.find(shape[i]) : dims.end();
    if (shape[i].is_string() && dim == dims.end())
      return 0;
    rows *= shape[i].is_string() ? dim->second : shape[i].get<int64_t>();
  }
  return rows;
}

void Profiler::report(const std::string &phase,
                      const std::map<std::string, int64_t> &dims,
                      Output &output) const {
  double total = rest;
  for (const OpTime &time : times)
    total += time.seconds;
  std::vector<size_t> order(times.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return times[a].seconds != times[b].seconds
               ? times[a].seconds > times[b].seconds
               : a < b;
  });

  std::vector<std::vector<std::string>> table = {
      {"operation", "kernel", "calls", "ms", "share", "GB/s", "GOP/s"}};
  Json list = Json::array();
  for (size_t op : order) {
    const OpTime &time = times[op];
    if (time.calls == 0)
      continue;
    const nlohmann::json &info = model.manifest["ops"][op];
    double bytes = info.value("bytes", 0.0) * time.calls;
    double work =
        2.0 * info.value("macs_per_row", 0.0) * rowsOf(info, dims) * time.calls;
    double gbs = bytes / time.seconds / 1e9, gops = work / time.seconds / 1e9;
    std::string kernel = info.value("kernel", "");
    table.push_back({info["name"], kernel, std::to_string(time.calls),
                     format("%.3f", 1e3 * time.seconds),
                     format("%.1f%%", 100 * time.seconds / total),
                     bytes > 0 ? format("%.2f", gbs) : "",
                     work > 0 ? format("%.2f", gops) : ""});
    Json entry = {{"name", info["name"]},
                  {"kernel", kernel},
                  {"calls", time.calls},
                  {"ms", 1e3 * time.seconds},
                  {"share", time.seconds / total}};
    if (bytes > 0)
      entry["gb_per_second"] = gbs;
    if (work > 0)
      entry["gop_per_second"] = gops;
    list.push_back(entry);
  }
  table.push_back({"(outside operations)", "", std::to_string(calls),
                   format("%.3f", 1e3 * rest),
                   format("%.1f%%", 100 * rest / total), "", ""});
  output.print(phase + ": " + std::to_string(calls) + " calls, " +
               format("%.3f", 1e3 * total) + " ms\n");
  output.table(table, 2);
  output.values["profile"][phase] = {
      {"calls", calls}, {"ms", 1e3 * total}, {"ops", list}};
}

} // namespace

void qnt::run::profile(Model &model, const Args &args, Output &output) {
  if (model.kind != "causal_lm") {
    Call call = makeWorkload(model, args);
    call.run();
    Profiler profiler(model);
    for (int64_t run = 0; run < args.runs; ++run)
      profiler.time([&] { call.run(); });
    profiler.report("run", call.dimensions, output);
    return;
  }
  LanguageWorkload work(model, args);
  work.prefill();
  work.decode(0);
  Profiler profiler(model);
  for (int64_t run = 0; run < args.runs; ++run)
    profiler.time([&] { work.prefill(); });
  std::map<std::string, int64_t> dims = {{"batch", work.batch},
                                         {"tokens", work.promptTokens}};
  profiler.report("prefill", dims, output);
  output.print("\n");
  profiler.reset();
  for (int64_t step = 0; step < work.genTokens; ++step)
    profiler.time([&] { work.decode(step); });
  dims["tokens"] = 1;
  profiler.report("decode", dims, output);
}
