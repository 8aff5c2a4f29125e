//===- Profile.cpp - speed of each operation ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Roofline.h"
#include "Workload.h"

#include <algorithm>
#include <optional>
#include <tuple>

using namespace qnt::run;
using Clock = std::chrono::steady_clock;

namespace {

/// One operation's share of a phase.
struct OpTime {
  int64_t calls = 0;
  double seconds = 0;
};

/// A line of a report: an operation, or all operations of a kernel.
struct Line {
  std::string name, kernel;
  Work work;
};

/// `lines`, slowest first, as a table under `title` and as JSON. Kernels have
/// no name beside their own.
Json tabulate(std::vector<Line> lines, const std::string &title, double total,
              const Roofline *roofline,
              std::vector<std::vector<std::string>> &table) {
  std::ranges::sort(lines, [](const Line &a, const Line &b) {
    return std::tie(b.work.seconds, a.name) < std::tie(a.work.seconds, b.name);
  });
  bool named = !lines.empty() && !lines.front().name.empty();
  table.push_back({title});
  if (named)
    table.back().push_back("kernel");
  for (const char *column :
       {"calls", "ms", "share", "GB/s", "moved GB/s", "GOP/s"})
    table.back().push_back(column);
  if (roofline)
    table.back().push_back("of limit");
  Json list = Json::array();
  for (const Line &line : lines) {
    const Work &work = line.work;
    std::vector<std::string> row;
    Json entry;
    if (named) {
      row.push_back(line.name);
      entry["name"] = line.name;
    }
    row.push_back(line.kernel);
    entry["kernel"] = line.kernel;
    entry["calls"] = work.calls;
    entry["ms"] = 1e3 * work.seconds;
    entry["share"] = work.seconds / total;
    row.push_back(std::to_string(work.calls));
    row.push_back(format("%.3f", 1e3 * work.seconds));
    row.push_back(format("%.1f%%", 100 * work.seconds / total));
    for (auto [key, amount] : {std::pair("gb_per_second", work.read),
                               {"moved_gb_per_second", work.moved},
                               {"gop_per_second", work.operations}}) {
      double speed = amount / work.seconds / 1e9;
      row.push_back(amount > 0 ? format("%.2f", speed) : std::string());
      if (amount > 0)
        entry[key] = speed;
    }
    if (roofline) {
      Share share = roofline->findShare(work);
      row.push_back(share.limit
                        ? format("%.0f%% %s", 100 * share.share, share.limit)
                        : std::string());
      if (share.limit) {
        entry["limit"] = share.limit;
        entry["limit_share"] = share.share;
      }
    }
    table.push_back(row);
    list.push_back(entry);
  }
  return list;
}

/// Adds up the times of operations.
class Profiler {
public:
  explicit Profiler(Model &model) : model(model) {
    // A GPU's limits are not measured.
    if (!model.manifest.contains("device"))
      roofline.emplace(model);
    if (!model.manifest.contains("ops") || model.manifest["ops"].empty())
      throw RunError(model.path + ": the manifest lists no operations");
    model.setTimer([this](int64_t op, double seconds) {
      times[op].calls += 1;
      times[op].seconds += seconds;
      rest -= seconds;
    });
    reset();
  }
  ~Profiler() { model.setTimer(nullptr); }

  void reset() {
    measure();
    times.assign(model.manifest["ops"].size(), {});
    rest = 0;
    calls = 0;
  }

  /// Runs `work`, which makes one call.
  template <typename Work> void time(Work work) {
    auto begin = Clock::now();
    work();
    rest += std::chrono::duration<double>(Clock::now() - begin).count();
    ++calls;
    if (Clock::now() - measured > std::chrono::milliseconds(200))
      measure();
  }

  /// The kernels that ran and, with `perOp`, every operation, slowest first.
  void report(const std::string &name, const Phase &phase, bool perOp,
              Output &output) const;

private:
  void measure() {
    if (roofline)
      roofline->measure();
    measured = Clock::now();
  }

  Model &model;
  std::optional<Roofline> roofline;
  Clock::time_point measured;
  std::vector<OpTime> times;
  /// Seconds of calls outside operations.
  double rest = 0;
  int64_t calls = 0;
};

void Profiler::report(const std::string &name, const Phase &phase, bool perOp,
                      Output &output) const {
  double total = rest;
  std::vector<Line> ops;
  std::map<std::string, Line> byKernel;
  for (size_t op = 0; op < times.size(); ++op) {
    const OpTime &time = times[op];
    if (time.calls == 0)
      continue;
    total += time.seconds;
    const nlohmann::json &info = model.manifest["ops"][op];
    Work work = findWork(model, info, phase);
    double calls = double(time.calls);
    work = {time.calls,
            time.seconds,
            work.read * calls,
            work.moved * calls,
            work.operations * calls,
            work.products};
    std::string path = info["name"];
    // Operations of one call are one line.
    if (info.value("call", op) != op) {
      Line &line = ops.back();
      line.name += " + " + path.substr(path.find_last_of('.') + 1);
      work.calls = 0;
      line.work.add(work);
      continue;
    }
    ops.push_back({path, info.value("kernel", ""), work});
  }
  for (const Line &line : ops) {
    Line &sum = byKernel[line.kernel];
    sum.kernel = line.kernel;
    sum.work.add(line.work);
  }
  std::vector<Line> kernels;
  for (const auto &[kernel, line] : byKernel)
    kernels.push_back(line);

  output.print(name + ": " + std::to_string(calls) + " calls, " +
               format("%.3f", 1e3 * total) + " ms, of which " +
               format("%.3f", 1e3 * rest) + " ms outside operations\n");
  std::vector<std::vector<std::string>> kernelTable, opTable;
  const Roofline *limits = roofline ? &*roofline : nullptr;
  if (limits) {
    std::string text = "limits:";
    for (const auto &[figure, speed] : limits->getLimits()) {
      output.values["limits"][figure + "_per_second"] = speed;
      static const std::map<std::string, std::pair<const char *, const char *>>
          texts = {{"read_gb", {"memory", "GB/s"}},
                   {"cache_gb", {"second cache", "GB/s"}},
                   {"int8_gop", {"int8 products", "GOP/s"}},
                   {"f32_gop", {"f32 products", "GOP/s"}}};
      auto [what, unit] = texts.at(figure);
      text += format(" %s %.1f %s,", what, speed, unit);
    }
    text.pop_back();
    output.print(text + "\n");
  }
  Json kernelList = tabulate(kernels, "kernel", total, limits, kernelTable);
  Json opList = tabulate(ops, "operation", total, limits, opTable);
  output.table(kernelTable, 1);
  if (perOp)
    output.table(opTable, 2);
  output.values["profile"][name] = {{"calls", calls},
                                    {"ms", 1e3 * total},
                                    {"kernels", kernelList},
                                    {"ops", opList}};
}

} // namespace

void qnt::run::profile(Model &model, const Args &args, Output &output) {
  if (model.kind != "causal_lm") {
    Call call = makeWorkload(model, args);
    call.run();
    Profiler profiler(model);
    for (int64_t run = 0; run < args.runs; ++run)
      profiler.time([&] { call.run(); });
    profiler.report("run", {call.dimensions}, args.perOp, output);
    return;
  }
  LanguageWorkload work(model, args);
  work.prefill();
  work.decode(0);
  Profiler profiler(model);
  for (int64_t run = 0; run < args.runs; ++run)
    profiler.time([&] { work.prefill(); });
  Phase prompt{{{"batch", work.batch}, {"tokens", work.promptTokens}},
               /*first=*/0,
               /*rows=*/work.promptTokens};
  profiler.report("prefill", prompt, args.perOp, output);
  output.print("\n");
  profiler.reset();
  for (int64_t step = 0; step < work.genTokens; ++step)
    profiler.time([&] { work.decode(step); });
  Phase steps{{{"batch", work.batch}, {"tokens", 1}},
              /*first=*/work.promptTokens,
              /*rows=*/1,
              /*calls=*/work.genTokens};
  profiler.report("decode", steps, args.perOp, output);
}
