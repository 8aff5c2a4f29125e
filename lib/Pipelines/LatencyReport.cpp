//===- LatencyReport.cpp - quant-opt --measure-latency ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LatencyReport.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// The type of a weight; null where the format cannot have that block.
static QTensorType getWeightType(const ReportedFormat &format,
                                 ArrayRef<int64_t> shape) {
  MLIRContext *context = format.weight.getContext();
  bool isScaled = format.weight.isScaled();
  BlockKind block = !isScaled      ? BlockKind::Unscaled
                    : format.group ? BlockKind::Group
                                   : BlockKind::PerChannel;
  if (block == BlockKind::Group && shape.size() != 2)
    return {};
  Type scale;
  if (isScaled)
    scale = format.group ? Type(Float16Type::get(context))
                         : Type(Float32Type::get(context));
  ScopedDiagnosticHandler quiet(context, [](Diagnostic &) {});
  return QTensorType::getChecked(
      [&] { return emitError(UnknownLoc::get(context)); }, context, shape,
      format.weight, BlockAttr::get(context, block, format.group), scale,
      ZeroKind::None, Attribute());
}

QuantizedContraction ReportedFormat::of(const ContractionShape &shape) const {
  return {getWeightType(*this, shape.weight), activation, shape};
}

static llvm::Error refuse(const Twine &word, const Twine &why) {
  return llvm::createStringError("'" + word + "': " + why);
}

llvm::Expected<std::vector<ReportedFormat>>
qnt::parseReportedFormats(StringRef text, const CostModel &costs,
                          MLIRContext *context) {
  std::vector<ReportedFormat> formats;
  SmallVector<StringRef> words;
  text.split(words, ',');
  for (StringRef word : words) {
    ReportedFormat format;
    format.name = word.str();
    auto [weight, activation] = word.split('/');
    auto [name, group] = weight.split(':');
    format.weight = parseFormat(name, context);
    if (!format.weight)
      return refuse(word, "expected FORMAT, FORMAT:GROUP or "
                          "FORMAT:GROUP/ACTIVATION, such as int4:64 or "
                          "int4:64/none; there is no format '" +
                              name + "'");
    if (weight.contains(':') &&
        (group.getAsInteger(10, format.group) || format.group <= 0 ||
         format.group % 16 || !format.weight.isScaled()))
      return refuse(word, format.weight.isScaled()
                              ? "expected a group of a multiple of 16 inputs"
                              : "this format has no scales");
    if (!word.contains('/')) {
      format.activation = costs.preferredActivation(format.weight);
    } else if (activation != "none") {
      auto integer =
          dyn_cast_or_null<IntFormatAttr>(parseFormat(activation, context));
      if (!integer || integer.getWidth() < 4)
        return refuse(word, "expected activations of int4 to int8, uint4 to "
                            "uint8, or none, got '" +
                                activation + "'");
      if (!isa<IntFormatAttr>(format.weight))
        return refuse(word, "integer activations need integer weights");
      format.activation = {integer, !integer.getIsSigned()};
    }
    if (!getWeightType(format, {64, 256}))
      return refuse(word, "this format cannot have such groups");
    formats.push_back(format);
  }
  return formats;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

std::vector<ReportedLayers> qnt::collectReportedLayers(ModuleOp module,
                                                       int64_t rows) {
  std::vector<ReportedLayers> all;
  llvm::StringSet<> parameters;
  module.walk([&](Operation *op) {
    ReportedLayers layers;
    auto conv = dyn_cast<nn::ConvOp>(op);
    if (!conv && !isa<nn::LinearOp>(op))
      return;
    Value weight = op->getOperand(1);
    StringRef name = getParamName(weight);
    if (!isParamExpression(weight) ||
        (!name.empty() && !parameters.insert(name).second))
      return;
    layers.name = name.str();
    layers.isLinear = !conv;
    layers.shape.weight.assign(
        cast<RankedTensorType>(weight.getType()).getShape());
    layers.shape.rows = rows;
    if (conv) {
      auto result = cast<RankedTensorType>(conv.getResult().getType());
      layers.shape.groups = conv.getGroups();
      for (int64_t d : {1, 2})
        if (!result.isDynamicDim(d))
          layers.shape.rows *= result.getDimSize(d);
    }
    auto found = llvm::find_if(all, [&](const ReportedLayers &other) {
      return other.shape.weight == layers.shape.weight &&
             other.shape.groups == layers.shape.groups &&
             other.shape.rows == layers.shape.rows;
    });
    if (found == all.end())
      found = all.insert(all.end(), layers);
    ++found->count;
  });
  return all;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

static void printMachine(const CPUCostModel &costs, raw_ostream &os) {
  const LatencyTable::Machine &machine = costs.getMachine();
  os << machine.cpu << ", " << machine.isa << ", " << machine.threads
     << (machine.threads == 1 ? " thread" : " threads") << ", qnt "
     << machine.version << "\n";
}

llvm::Error qnt::reportLatencies(ArrayRef<ReportedFormat> formats,
                                 const CPUCostModel &costs, raw_ostream &os) {
  std::vector<QuantizedContraction> layers;
  for (const ReportedFormat &format : formats)
    for (int64_t rows : LatencyTable::getRows(2))
      layers.push_back(format.of({{64, 256}, 1, rows}));
  if (llvm::Error error = costs.prepareLatencies(layers))
    return error;
  printMachine(costs, os);
  os << llvm::formatv("{0,-24}{1,6}{2,10}{3,8}{4,12}{5,8}{6,9}\n",
                      "weights, activations", "rows", "features", "inputs",
                      "us", "GB/s", "GOP/s");
  for (const QuantizedContraction &layer : layers) {
    auto kind = llvm::cantFail(makeKind(layer));
    LatencyGrid grid = *costs.getTable().find(kind, layer.shape.rows);
    for (auto [f, features] : llvm::enumerate(grid.features))
      for (auto [i, inputs] : llvm::enumerate(grid.inputs)) {
        QuantizedContraction at = layer;
        at.shape.weight = {features, inputs};
        at.weight = layer.weight.withShape(at.shape.weight);
        double seconds = grid.at(f, i);
        os << llvm::formatv(
            "{0,-24}{1,6}{2,10}{3,8}{4,12:F2}{5,8:F2}{6,9:F1}\n",
            kind.describe(), layer.shape.rows, features, inputs, seconds * 1e6,
            double(costs.getBytes(at)) / seconds / 1e9,
            2 * double(at.shape.getProducts()) / seconds / 1e9);
      }
  }
  return llvm::Error::success();
}

static std::string describeShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

llvm::Error qnt::reportCosts(ArrayRef<ReportedLayers> layers,
                             ArrayRef<ReportedFormat> formats,
                             const CPUCostModel &costs, raw_ostream &os,
                             std::string &json) {
  std::vector<QuantizedContraction> all;
  for (const ReportedLayers &group : layers)
    for (const ReportedFormat &format : formats)
      if (group.isLinear)
        all.push_back(format.of(group.shape));
  if (llvm::Error error = costs.prepareLatencies(all))
    return error;
  printMachine(costs, os);
  os << llvm::formatv("{0,-24}{1,6}{2,8}{3,8} {4,-16}{5,12}{6,10}{7,12}\n",
                      "layers", "count", "groups", "rows", "format", "MB",
                      "GBOP", "us");
  llvm::json::Array groups;
  std::vector<double> totals(formats.size());
  std::vector<int64_t> totalBytes(formats.size());
  for (const ReportedLayers &group : layers) {
    llvm::json::Array entries;
    for (auto [f, format] : llvm::enumerate(formats)) {
      QuantizedContraction layer = format.of(group.shape);
      if (!layer.weight)
        continue;
      int64_t bytes = costs.getBytes(layer);
      double operations = CostModel::getBitOperations(layer);
      llvm::json::Object entry{{"format", format.name},
                               {"bytes", bytes},
                               {"bit_operations", operations}};
      std::string time;
      if (group.isLinear) {
        double seconds = llvm::cantFail(costs.getLatency(layer));
        entry["seconds"] = seconds;
        totals[f] += double(group.count) * seconds;
        time = llvm::formatv("{0:F2}", seconds * 1e6);
      }
      totalBytes[f] += group.count * bytes;
      os << llvm::formatv(
          "{0,-24}{1,6}{2,8}{3,8} {4,-16}{5,12:F3}{6,10:F3}{7,12}\n",
          describeShape(group.shape.weight), group.count, group.shape.groups,
          group.shape.rows, format.name, double(bytes) / 1e6, operations / 1e9,
          time);
      entries.push_back(std::move(entry));
    }
    groups.push_back(
        llvm::json::Object{{"first", group.name},
                           {"shape", llvm::json::Array(group.shape.weight)},
                           {"groups", group.shape.groups},
                           {"rows", group.shape.rows},
                           {"count", group.count},
                           {"costs", std::move(entries)}});
  }
  for (auto [format, bytes, seconds] :
       llvm::zip_equal(formats, totalBytes, totals))
    os << llvm::formatv(
        "{0,-24}{1,6}{2,8}{3,8} {4,-16}{5,12:F3}{6,10}{7,12:F2}\n", "all", "",
        "", "", format.name, double(bytes) / 1e6, "", seconds * 1e6);
  const LatencyTable::Machine &machine = costs.getMachine();
  llvm::json::Object result{
      {"machine", llvm::json::Object{{"cpu", machine.cpu},
                                     {"isa", machine.isa},
                                     {"threads", machine.threads},
                                     {"version", machine.version}}},
      {"layers", std::move(groups)}};
  llvm::raw_string_ostream(json)
      << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(result)));
  return llvm::Error::success();
}
