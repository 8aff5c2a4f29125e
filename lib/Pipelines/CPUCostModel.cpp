//===- CPUCostModel.cpp - costs on the CPU target ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CPUCostModel.h"

#include "MachineFiles.h"
#include "MeasureLatency.h"

#include "../Runtime/Threads.h"
#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/Error.h"
#include "qnt/Target/CPU/Layouts.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

#include <set>

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// Kinds of layers
//===----------------------------------------------------------------------===//

static std::string getScaleName(Type type) {
  if (!type)
    return "none";
  return type.isF16() ? "f16" : type.isBF16() ? "bf16" : "f32";
}

static Type parseScale(llvm::StringRef name, MLIRContext *context) {
  if (name == "none")
    return {};
  if (name == "f16")
    return Float16Type::get(context);
  if (name == "bf16")
    return BFloat16Type::get(context);
  return Float32Type::get(context);
}

/// The codes that a layer takes, null for floats.
static QTensorType makeInputType(const ActivationFormat &format,
                                 llvm::ArrayRef<int64_t> shape) {
  if (!format.format)
    return {};
  MLIRContext *context = format.format.getContext();
  return QTensorType::get(
      context, shape, format.format,
      BlockAttr::get(
          context, format.perTensor ? BlockKind::PerTensor : BlockKind::PerRow,
          0),
      Float32Type::get(context),
      format.zeroPoint ? ZeroKind::Point : ZeroKind::None, Attribute());
}

llvm::Expected<LatencyKind> qnt::makeKind(const QuantizedContraction &layer) {
  QTensorType weight = layer.weight;
  if (weight.getRank() != 2)
    return llvm::createStringError(
        "there is no table of the latencies of convolutions");
  LatencyKind kind;
  kind.weight = weight.getFormat().getName();
  kind.activation = "none";
  if (NumberFormat format = layer.activation.format) {
    kind.activation = format.getName();
    kind.activationZero = layer.activation.zeroPoint;
    kind.perTensor = layer.activation.perTensor;
  }
  if (weight.getBlock().getKind() == BlockKind::Group)
    kind.group = weight.getBlock().getGroup();
  kind.scale = getScaleName(weight.getScaleType());
  kind.zero = weight.hasOffsets() ? "offset"
              : weight.hasZeros() ? "point"
                                  : "none";
  return kind;
}

QTensorType qnt::makeWeightType(const LatencyKind &kind, int64_t features,
                                int64_t inputs, MLIRContext *context) {
  NumberFormat format = parseFormat(kind.weight, context);
  BlockKind block = !format.isScaled() ? BlockKind::Unscaled
                    : kind.group       ? BlockKind::Group
                                       : BlockKind::PerChannel;
  ZeroKind zero = kind.zero == "point"    ? ZeroKind::Point
                  : kind.zero == "offset" ? ZeroKind::Offset
                                          : ZeroKind::None;
  return QTensorType::get(context, {features, inputs}, format,
                          BlockAttr::get(context, block, kind.group),
                          parseScale(kind.scale, context), zero, Attribute());
}

QTensorType qnt::makeInputType(const LatencyKind &kind, int64_t inputs,
                               MLIRContext *context) {
  if (kind.activation == "none")
    return {};
  return ::makeInputType({parseFormat(kind.activation, context),
                          kind.activationZero, kind.perTensor},
                         {ShapedType::kDynamic, inputs});
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

LatencyTable::Machine qnt::getMachine(const cpu::ISA &isa, int64_t threads) {
  LatencyTable::Machine machine;
  machine.cpu = llvm::sys::getHostCPUName().str();
  if (auto file = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo"))
    for (llvm::StringRef line : llvm::split((*file)->getBuffer(), '\n'))
      if (line.consume_front("model name"))
        machine.cpu = line.ltrim(" \t:").str();
  machine.isa = isa.name.str();
  machine.threads = threads ? threads : runtime::defaultThreads();
  machine.version = QNT_VERSION;
  return machine;
}

CPUCostModel::CPUCostModel(const cpu::ISA &isa, int64_t threads)
    : isa(isa), table(qnt::getMachine(isa, threads)) {}

/// Null where there is no code for the layer.
static Layout getLayout(const QuantizedContraction &layer) {
  llvm::SmallVector<int64_t> input(layer.weight.getRank(),
                                   ShapedType::kDynamic);
  input.back() = layer.weight.getShape().back() * layer.shape.groups;
  return cpu::getWeightLayout(layer.weight,
                              ::makeInputType(layer.activation, input),
                              layer.shape.groups);
}

bool CPUCostModel::isSupported(const QuantizedContraction &layer) const {
  return bool(getLayout(layer));
}

int64_t CPUCostModel::getBytes(const QuantizedContraction &layer) const {
  Layout layout = getLayout(layer);
  return layout ? layout.getByteSize(layer.weight.withLayout(layout))
                : CostModel::getBytes(layer);
}

int64_t CPUCostModel::getCacheBytes(nn::KVCacheType cache,
                                    int64_t positions) const {
  return cpu::getCacheBytes(cache, positions);
}

std::string CPUCostModel::getTableName() const {
  return ("latency-" + isa.name + "-" + llvm::Twine(table.machine.threads) +
          ".json")
      .str();
}

llvm::Expected<std::string> CPUCostModel::getTablePath() const {
  return getMachineFile(getTableName());
}

llvm::Error CPUCostModel::readTable() const {
  if (wasRead)
    return llvm::Error::success();
  auto path = getTablePath();
  if (!path)
    return path.takeError();
  table.merge(LatencyTable::read(*path, table.machine));
  wasRead = true;
  return llvm::Error::success();
}

llvm::Error CPUCostModel::measure(
    llvm::ArrayRef<std::pair<LatencyKind, int64_t>> wanted) const {
  if (!cpu::isRunnable(isa))
    return llvm::createStringError("latencies of " + isa.name +
                                   " cannot be measured on this machine, which "
                                   "runs " +
                                   cpu::getNativeISA().name);
  auto path = prepareMachineFile(getTableName());
  if (!path)
    return path.takeError();
  auto measured = measureLatencies(table.machine, wanted);
  if (!measured)
    return measured.takeError();
  table.merge(*measured);
  // With what others measured meanwhile.
  LatencyTable all = LatencyTable::read(*path, table.machine);
  all.merge(table);
  all.write(*path);
  return llvm::Error::success();
}

llvm::Error CPUCostModel::prepareLatencies(
    llvm::ArrayRef<QuantizedContraction> layers) const {
  try {
    if (llvm::Error error = readTable())
      return error;
    std::set<std::pair<LatencyKind, int64_t>> wanted;
    for (const QuantizedContraction &layer : layers) {
      auto kind = makeKind(layer);
      if (!kind)
        return kind.takeError();
      for (int64_t rows : LatencyTable::getRows(layer.shape.rows))
        if (!table.find(*kind, rows))
          wanted.emplace(*kind, rows);
    }
    if (wanted.empty())
      return llvm::Error::success();
    return measure(std::vector(wanted.begin(), wanted.end()));
  } catch (const support::FileError &error) {
    return llvm::createStringError(error.what());
  } catch (const params::ParamsError &error) {
    return llvm::createStringError(error.what());
  }
}

llvm::Expected<double>
CPUCostModel::getLatency(const QuantizedContraction &layer) const {
  if (llvm::Error error = prepareLatencies(layer))
    return error;
  const llvm::ArrayRef<int64_t> shape = layer.weight.getShape();
  return *table.getSeconds(*makeKind(layer), layer.shape.rows, shape[0],
                           shape[1]);
}
