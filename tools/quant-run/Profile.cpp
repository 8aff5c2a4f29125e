//===- Profile.cpp - speed of each operation ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "ProductTest.h"
#include "ReadTest.h"
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
  /// The kind of products that `work` counts.
  std::string products;
  int64_t calls = 0;
  double seconds = 0, bytes = 0, work = 0;
};

/// What the machine could do, measured between the calls: how fast it reads
/// memory, and multiplies (Williams, Waterman and Patterson 2009).
class Roofline {
public:
  explicit Roofline(const Model &model)
      : read(qnt_threads(model.handle)),
        products(qnt_isa(model.handle), qnt_threads(model.handle)) {}

  void measure() {
    bytes.push_back(read.run());
    int8.push_back(products.runInt8());
    floats.push_back(products.runFloat());
  }
  double bytesPerSecond() const { return Summary(bytes).median; }
  /// 0 where it is not known.
  double operationsPerSecond(const std::string &kind) const {
    if (kind == "int8")
      return Summary(int8).median;
    return kind == "f32" ? Summary(floats).median : 0;
  }

private:
  ReadTest read;
  ProductTest products;
  std::vector<double> bytes, int8, floats;
};

/// The share of a limit that a line reaches, and which limit that is.
struct Share {
  double share = 0;
  const char *limit = nullptr;
};

Share findShare(const Line &line, const Roofline &roofline) {
  Share found;
  if (line.bytes > 0)
    found = {line.bytes / roofline.bytesPerSecond() / line.seconds, "memory"};
  double speed = roofline.operationsPerSecond(line.products);
  double share = speed > 0 ? line.work / speed / line.seconds : 0;
  return share > found.share ? Share{share, "products"} : found;
}

/// `lines`, slowest first, as a table under `title` and as JSON. Kernels have
/// no name beside their own.
Json tabulate(std::vector<Line> lines, const std::string &title, double total,
              const Roofline *roofline,
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
  if (roofline)
    table.back().push_back("of limit");
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
    if (roofline) {
      Share share = findShare(line, *roofline);
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
  /// `dims` are those of the calls.
  void report(const std::string &phase,
              const std::map<std::string, int64_t> &dims, bool perOp,
              Output &output) const;

private:
  void measure() {
    if (roofline)
      roofline->measure();
    measured = Clock::now();
  }
  /// Rows of the output of `op`: all but its last extent. 0 when unknown.
  static int64_t rowsOf(const nlohmann::json &op,
                        const std::map<std::string, int64_t> &dims);

  Model &model;
  std::optional<Roofline> roofline;
  Clock::time_point measured;
  std::vector<OpTime> times;
  /// Seconds of calls outside operations.
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
    double bytes = info.value("bytes", 0.0) * time.calls;
    double work =
        2.0 * info.value("macs_per_row", 0.0) * rowsOf(info, dims) * time.calls;
    std::string name = info["name"];
    // Operations of one call are one line.
    if (info.value("call", op) != op) {
      Line &line = ops.back();
      line.name += " + " + name.substr(name.find_last_of('.') + 1);
      line.seconds += time.seconds;
      line.bytes += bytes;
      line.work += work;
      continue;
    }
    ops.push_back({name, info.value("kernel", ""), info.value("products", ""),
                   time.calls, time.seconds, bytes, work});
  }
  for (const Line &line : ops) {
    Line &sum = byKernel[line.kernel];
    sum.kernel = line.kernel;
    sum.products = line.products;
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
  const Roofline *limits = roofline ? &*roofline : nullptr;
  if (limits) {
    Json &values = output.values["limits"];
    values["read_gb_per_second"] = limits->bytesPerSecond() / 1e9;
    std::string text = format("limits: memory %.1f GB/s",
                              values["read_gb_per_second"].get<double>());
    for (const char *kind : {"int8", "f32"})
      if (double speed = limits->operationsPerSecond(kind); speed > 0) {
        values[std::string(kind) + "_gop_per_second"] = speed / 1e9;
        text += format(", %s products %.0f GOP/s", kind, speed / 1e9);
      }
    output.print(text + "\n");
  }
  Json kernelList = tabulate(kernels, "kernel", total, limits, kernelTable);
  Json opList = tabulate(ops, "operation", total, limits, opTable);
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
