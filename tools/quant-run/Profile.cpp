//===- Profile.cpp - speed of each operation ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Workload.h"

#include <algorithm>
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
  int64_t calls = 0;
  double seconds = 0, bytes = 0, work = 0;
};

/// `lines`, slowest first, as a table under `title` and as JSON. Kernels have
/// no name beside their own.
Json tabulate(std::vector<Line> lines, const std::string &title, double total,
              std::vector<std::vector<std::string>> &table) {
  std::ranges::sort(lines, [](const Line &a, const Line &b) {
    return std::tie(b.seconds, a.name) < std::tie(a.seconds, b.name);
  });
  bool named = !lines.empty() && !lines.front().name.empty();
  table.push_back({title});
  if (named)
    table.back().push_back("kernel");
  for (const char *column : {"calls", "ms", "share", "GB/s", "GOP/s"})
    table.back().push_back(column);
  Json list = Json::array();
  for (const Line &line : lines) {
    double gbs = line.bytes / line.seconds / 1e9;
    double gops = line.work / line.seconds / 1e9;
    std::vector<std::string> row;
    Json entry;
    if (named) {
      row.push_back(line.name);
      entry["name"] = line.name;
    }
    row.push_back(line.kernel);
    entry["kernel"] = line.kernel;
    entry["calls"] = line.calls;
    entry["ms"] = 1e3 * line.seconds;
    entry["share"] = line.seconds / total;
    for (const std::string &cell :
         {std::to_string(line.calls), format("%.3f", 1e3 * line.seconds),
          format("%.1f%%", 100 * line.seconds / total),
          line.bytes > 0 ? format("%.2f", gbs) : std::string(),
          line.work > 0 ? format("%.2f", gops) : std::string()})
      row.push_back(cell);
    if (line.bytes > 0)
      entry["gb_per_second"] = gbs;
    if (line.work > 0)
      entry["gop_per_second"] = gops;
    table.push_back(row);
    list.push_back(entry);
  }
  return list;
}

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

  /// The kernels that ran and, with `perOp`, every operation, slowest first.
  /// `dims` are those of the calls.
  void report(const std::string &phase,
              const std::map<std::string, int64_t> &dims, bool perOp,
              Output &output) const;

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
    if (shape[i].is_null() || (shape[i].is_string() && dim == dims.end()))
      return 0;
    rows *= shape[i].is_string() ? dim->second : shape[i].get<int64_t>();
  }
  return rows;
}

void Profiler::report(const std::string &phase,
                      const std::map<std::string, int64_t> &dims, bool perOp,
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
    Line line{info["name"],
              info.value("kernel", ""),
              time.calls,
              time.seconds,
              info.value("bytes", 0.0) * time.calls,
              2.0 * info.value("macs_per_row", 0.0) * rowsOf(info, dims) *
                  time.calls};
    ops.push_back(line);
    Line &sum = byKernel[line.kernel];
    sum.kernel = line.kernel;
    sum.calls += line.calls;
    sum.seconds += line.seconds;
    sum.bytes += line.bytes;
    sum.work += line.work;
  }
  std::vector<Line> kernels;
  for (const auto &[name, line] : byKernel)
    kernels.push_back(line);

  output.print(phase + ": " + std::to_string(calls) + " calls, " +
               format("%.3f", 1e3 * total) + " ms, of which " +
               format("%.3f", 1e3 * rest) + " ms outside operations\n");
  std::vector<std::vector<std::string>> kernelTable, opTable;
  Json kernelList = tabulate(kernels, "kernel", total, kernelTable);
  Json opList = tabulate(ops, "operation", total, opTable);
  output.table(kernelTable, 1);
  if (perOp)
    output.table(opTable, 2);
  output.values["profile"][phase] = {{"calls", calls},
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
    profiler.report("run", call.dimensions, args.perOp, output);
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
  profiler.report("prefill", dims, args.perOp, output);
  output.print("\n");
  profiler.reset();
  for (int64_t step = 0; step < work.genTokens; ++step)
    profiler.time([&] { work.decode(step); });
  dims["tokens"] = 1;
  profiler.report("decode", dims, args.perOp, output);
}
