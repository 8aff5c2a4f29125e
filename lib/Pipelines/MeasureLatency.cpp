//===- MeasureLatency.cpp - times kernels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MeasureLatency.h"

#include "CPUCostModel.h"

#include "qnt/InitAll.h"
#include "qnt/Params/SafeTensors.h"
#include "qnt/Pipelines/Compile.h"
#include "qnt/Runtime/qnt.h"
#include "qnt/Support/Progress.h"
#include "qnt/Target/CPU/Layouts.h"
#include "qnt/Target/CPU/Passes.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <chrono>
#include <random>

using namespace mlir;
using namespace qnt;

namespace {

/// Layers of a size that a call runs one after the other.
constexpr int64_t leastLayers = 4, mostLayers = 64;
/// The same where many rows come at once, which use their weights often.
constexpr int64_t layersOfRows = 2;

/// Fails with the runtime's message.
llvm::Error check(qnt_status status) {
  if (status == QNT_OK)
    return llvm::Error::success();
  return llvm::createStringError(qnt_last_error());
}

/// Bytes that are more than the caches hold, within what any machine has to
/// spare.
int64_t getWorkingSet() {
  int64_t largest = int64_t(32) << 20;
  for (int index = 0; index < 8; ++index) {
    auto file =
        llvm::MemoryBuffer::getFile("/sys/devices/system/cpu/cpu0/cache/index" +
                                    std::to_string(index) + "/size");
    int64_t kilobytes = 0;
    if (file &&
        !(*file)->getBuffer().rtrim().rtrim('K').getAsInteger(10, kilobytes))
      largest = std::max(largest, kilobytes << 10);
  }
  return std::clamp(2 * largest, int64_t(128) << 20, int64_t(512) << 20);
}

/// Layers of one size, and the entries that run them.
struct Size {
  int64_t features = 0, inputs = 0, layers = 0;
  /// With its layout.
  QTensorType weight;
  std::string name() const {
    return std::to_string(features) + "x" + std::to_string(inputs);
  }
  std::string parameter(int64_t layer) const {
    return name() + "." + std::to_string(layer);
  }
};

/// Measures one kind.
class Measurement {
public:
  Measurement(const LatencyKind &kind, const LatencyTable::Machine &machine,
              const LatencyPlan &plan, MLIRContext *context, std::string folder)
      : kind(kind), machine(machine), plan(plan), context(context),
        folder(std::move(folder)) {}
  ~Measurement() { qnt_close(model); }

  llvm::Error compile();
  llvm::Expected<LatencyGrid> run(int64_t rows);

private:
  llvm::Error chooseSizes();
  void printEntry(raw_ostream &os, const Size &size, bool isRow);
  /// Weights as they are stored, in place of those that would be packed.
  void replacePacks(ModuleOp module);
  void writeWeights(const std::string &path);
  std::vector<char> makeWeight(const Size &size);
  llvm::Error call(const Size &size, int64_t entry, int64_t rows);

  const LatencyKind &kind;
  const LatencyTable::Machine &machine;
  const LatencyPlan &plan;
  MLIRContext *context;
  const std::string folder;
  std::vector<Size> sizes;
  std::mt19937 random{1};
  qnt_model *model = nullptr;
  /// By op of the manifest, whether it is a layer; the seconds of those that
  /// ran.
  std::vector<bool> isLayer;
  std::vector<double> seconds;
  std::chrono::steady_clock::time_point previous;
};

} // namespace

llvm::Error Measurement::chooseSizes() {
  int64_t share = (plan.bytes ? plan.bytes : getWorkingSet()) /
                  int64_t(plan.features.size() * plan.inputs.size());
  for (int64_t features : plan.features)
    for (int64_t inputs : plan.inputs) {
      Size size{features, inputs, 0,
                makeWeightType(kind, features, inputs, context)};
      Layout layout = cpu::getWeightLayout(
          size.weight, makeInputType(kind, inputs, context));
      if (!layout)
        return llvm::createStringError(
            "the CPU target has no lowering for weights of " + kind.describe());
      int64_t bytes = layout.getByteSize(size.weight);
      size.weight = size.weight.withLayout(layout);
      size.layers = std::clamp(share / bytes, leastLayers, mostLayers);
      sizes.push_back(size);
    }
  return llvm::Error::success();
}

void Measurement::printEntry(raw_ostream &os, const Size &size, bool isRow) {
  std::string x = "tensor<?x" + std::to_string(size.inputs) + "xf32>";
  std::string y = "tensor<?x" + std::to_string(size.features) + "xf32>";
  QTensorType weight = size.weight.withLayout({});
  QTensorType input = makeInputType(kind, size.inputs, context);
  auto argument = [&](const char *name, const std::string &type) {
    os << "%" << name << ": " << type << " {qnt.name = \"" << name
       << "\", qnt.dims = [\"rows\", \"\"]}";
  };
  os << "func.func @\"" << size.name() << (isRow ? ".row" : ".rows") << "\"(";
  // Layers of one input would run in one call: they have two in turn.
  argument("x0", x);
  os << ", ";
  argument("x1", x);
  os << ", ";
  argument("y0", y);
  os << ") -> (" << y << " {qnt.name = \"y\"}) {\n";
  if (input) {
    std::string operands, types;
    if (kind.perTensor) {
      operands = " scale %scale", types = ", tensor<f32>";
      os << "%scale = ml_program.global_load_const @scale : tensor<f32>\n";
    }
    if (kind.perTensor && kind.activationZero) {
      operands += " zero %zero", types += ", tensor<f32>";
      os << "%zero = ml_program.global_load_const @zero : tensor<f32>\n";
    }
    for (int64_t i : {0, 1})
      os << "%q" << i << " = qnt.quantize %x" << i << operands << " : " << x
         << types << " -> " << input << "\n";
  }
  // Each layer adds to what comes before, as those do that end in a residual.
  int64_t layers = isRow ? size.layers : layersOfRows;
  for (int64_t i = 0; i < layers; ++i) {
    os << "%w" << i << " = ml_program.global_load_const @\""
       << size.parameter(i) << "\" : " << weight << "\n"
       << "%y" << i + 1 << " = qnt.linear %" << (input ? "q" : "x") << i % 2
       << ", %w" << i << " epilogue [add](%y" << i << " : " << y << ") : ";
    if (input)
      os << input;
    else
      os << x;
    os << ", " << weight << "\n";
  }
  os << "return %y" << layers << " : " << y << "\n}\n";
}

void Measurement::replacePacks(ModuleOp module) {
  SmallVector<PackOp> packs;
  module.walk([&](PackOp op) { packs.push_back(op); });
  for (PackOp pack : packs) {
    auto load = pack.getInput().getDefiningOp<ml_program::GlobalLoadConstOp>();
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
        pack, load.getGlobalAttr());
    QTensorType type = pack.getType();
    global.setTypeAttr(TypeAttr::get(type));
    global.setValueAttr(ml_program::ExternAttr::get(context, type));
    OpBuilder builder(pack);
    pack.replaceAllUsesWith(
        ml_program::GlobalLoadConstOp::create(builder, pack.getLoc(), type,
                                              load.getGlobalAttr())
            .getResult());
    pack.erase();
    load.erase();
  }
}

std::vector<char> Measurement::makeWeight(const Size &size) {
  // The same rows over and over: what matters is where the bytes come from.
  auto layout = cast<Layout>(size.weight.getLayout());
  int64_t rows = layout.getRowMultiple();
  QTensorType part = size.weight.withShape({rows, size.inputs});
  NumberFormat format = part.getFormat();
  std::normal_distribution<float> normal;
  std::vector<uint32_t> codes(rows * size.inputs);
  float step = part.hasScale() ? format.getMax() / 3 : 0.05f;
  for (uint32_t &code : codes)
    code = format.encode(step * normal(random));
  int64_t blocks = part.hasScale() ? rows * part.getGroupsPerRow() : 0;
  std::vector<float> scales(blocks, 0.015625f);
  std::vector<float> zeros(part.hasZeros() ? blocks : 0, 0.0f);
  std::vector<char> bytes(layout.getByteSize(part));
  layout.packRows(part.withLayout({}), {0, rows, codes, scales, zeros}, bytes);
  std::vector<char> whole;
  for (int64_t row = 0; row < size.features; row += rows)
    whole.insert(whole.end(), bytes.begin(), bytes.end());
  return whole;
}

void Measurement::writeWeights(const std::string &path) {
  using params::DType;
  using params::SafeTensorsWriter;
  std::vector<SafeTensorsWriter::Entry> entries = {{"scale", DType::F32, {}},
                                                   {"zero", DType::F32, {}}};
  std::vector<std::vector<char>> weights;
  for (const Size &size : sizes) {
    weights.push_back(makeWeight(size));
    for (int64_t i = 0; i < size.layers; ++i)
      entries.push_back(
          {size.parameter(i), DType::U8, {int64_t(weights.back().size())}});
  }
  SafeTensorsWriter writer(path, entries, {},
                           SafeTensorsWriter::Kind::Temporary);
  for (float value : {0.03125f, 128.0f})
    writer.write(std::as_bytes(std::span(&value, 1)));
  for (size_t s = 0; s < sizes.size(); ++s)
    for (int64_t i = 0; i < sizes[s].layers; ++i)
      writer.write(std::as_bytes(std::span(weights[s])));
  writer.finish();
}

llvm::Error Measurement::compile() {
  if (llvm::Error error = chooseSizes())
    return error;
  std::string text = "module {\n";
  llvm::raw_string_ostream os(text);
  auto declare = [&](const std::string &name, Type type) {
    os << "ml_program.global private @\"" << name
       << "\"(#ml_program.extern : " << type << ") : " << type << "\n";
  };
  for (const char *name : {"scale", "zero"})
    declare(name, RankedTensorType::get({}, Float32Type::get(context)));
  for (const Size &size : sizes) {
    for (int64_t i = 0; i < size.layers; ++i)
      declare(size.parameter(i), size.weight.withLayout({}));
    printEntry(os, size, /*isRow=*/true);
    printEntry(os, size, /*isRow=*/false);
  }
  os << "}\n";

  std::string message = "cannot compile layers of " + kind.describe();
  bool hasMessage = false;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
        !std::exchange(hasMessage, true))
      message += ": " + diagnostic.str();
  });
  auto failure = [&] { return llvm::createStringError(message); };
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(context));
  if (!module)
    return failure();
  PassManager pm(context);
  pm.addPass(cpu::createChooseLayoutsPass());
  if (failed(pm.run(*module)))
    return failure();
  replacePacks(*module);
  std::string code = folder + "/layers.so", store = getParamsPath(code);
  writeWeights(store);
  (*module)->setAttr("qnt.params", StringAttr::get(context, store));
  TargetOptions target;
  target.isas.push_back(cpu::findISA(machine.isa));
  target.tiles = plan.tiles;
  if (failed(compileCode(*module, target, code, store)))
    return failure();

  qnt_options options = {};
  options.threads = machine.threads;
  options.isa = machine.isa.c_str();
  if (llvm::Error error = check(qnt_open(code.c_str(), &options, &model)))
    return error;
  auto manifest = llvm::cantFail(llvm::json::parse(qnt_manifest(model)));
  for (const llvm::json::Value &op : *manifest.getAsObject()->getArray("ops"))
    isLayer.push_back(op.getAsObject()->getString("op") == "qnt.linear");
  qnt_set_after_op(
      model,
      [](void *user, int64_t op, const qnt_tensor *) {
        auto *self = static_cast<Measurement *>(user);
        auto now = std::chrono::steady_clock::now();
        if (self->isLayer[op])
          self->seconds.push_back(
              std::chrono::duration<double>(now - self->previous).count());
        self->previous = now;
      },
      this);
  return llvm::Error::success();
}

/// Leaves the seconds of the layers in `seconds`.
llvm::Error Measurement::call(const Size &size, int64_t entry, int64_t rows) {
  std::vector<float> x(rows * size.inputs), y(rows * size.features), z(y);
  std::normal_distribution<float> normal;
  for (float &value : x)
    value = normal(random);
  std::array<int64_t, 2> in = {rows, size.inputs}, out = {rows, size.features};
  std::array<qnt_tensor, 3> inputs = {
      {{x.data(), QNT_F32, 2, in.data(), nullptr},
       {x.data(), QNT_F32, 2, in.data(), nullptr},
       {y.data(), QNT_F32, 2, out.data(), nullptr}}};
  qnt_tensor output = {z.data(), QNT_F32, 2, out.data(), nullptr};
  seconds.clear();
  previous = std::chrono::steady_clock::now();
  return check(
      qnt_run(model, entry, inputs.data(), inputs.size(), &output, 1, nullptr));
}

llvm::Expected<LatencyGrid> Measurement::run(int64_t rows) {
  int64_t rounds = rows == 1 ? plan.roundsOfRow : plan.roundsOfRows;
  // By size and layer.
  std::vector<std::vector<std::vector<double>>> all(sizes.size());
  for (int64_t round = 0; round <= rounds; ++round)
    for (size_t s = 0; s < sizes.size(); ++s) {
      std::string name = sizes[s].name() + (rows == 1 ? ".row" : ".rows");
      if (llvm::Error error =
              call(sizes[s], qnt_find_entry(model, name.c_str()), rows))
        return error;
      all[s].resize(seconds.size());
      if (round)
        for (auto [layer, time] : llvm::zip_equal(all[s], seconds))
          layer.push_back(time);
    }
  LatencyGrid grid{plan.features, plan.inputs, {}};
  for (std::vector<std::vector<double>> &layers : all) {
    double sum = 0;
    for (std::vector<double> &times : layers) {
      // What disturbs makes slower: the lower quartile.
      llvm::sort(times);
      sum += times[times.size() / 4];
    }
    grid.seconds.push_back(sum / double(layers.size()));
  }
  grid.makeMonotone();
  return grid;
}

llvm::Expected<LatencyTable>
qnt::measureLatencies(const LatencyTable::Machine &machine,
                      llvm::ArrayRef<std::pair<LatencyKind, int64_t>> wanted,
                      const LatencyPlan &plan) {
  std::map<LatencyKind, std::vector<int64_t>> kinds;
  for (const auto &[kind, rows] : wanted)
    kinds[kind].push_back(rows);
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  llvm::SmallString<128> folder;
  namespace fs = llvm::sys::fs;
  if (std::error_code code = fs::createUniqueDirectory("qnt-latency", folder))
    return llvm::createStringError("cannot create a temporary folder: " +
                                   code.message());
  llvm::scope_exit cleanup([&] { (void)fs::remove_directories(folder); });
  std::optional<support::Progress> progress;
  if (plan.showsProgress)
    progress.emplace("measure latencies",
                     int64_t(kinds.size() + wanted.size()));
  auto advance = [&] {
    if (progress)
      progress->advance();
  };
  LatencyTable table(machine);
  for (const auto &[kind, rows] : kinds) {
    Measurement measurement(kind, machine, plan, &context, folder.str().str());
    if (llvm::Error error = measurement.compile())
      return error;
    advance();
    for (int64_t count : rows) {
      llvm::Expected<LatencyGrid> grid = measurement.run(count);
      if (!grid)
        return grid.takeError();
      table.insert(kind, count, std::move(*grid));
      advance();
    }
  }
  return table;
}
