//===- costs-test.cpp - costs and tables of latencies, by command ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the Python tests beside it drive. Commands:
//   machine                       this machine's, as JSON lines
//   predict TABLE ROWS N K ...    seconds of the table's first kind
//   copy TABLE OUT                reads and writes
//   measure OUT                   a few small layers, far from realistic
//   bytes MODEL.mlir              of each qnt.linear and qnt.conv, by name
// TABLE is read as one of this machine, with one thread.
//
//===----------------------------------------------------------------------===//
#include "lib/Pipelines/CPUCostModel.h"
#include "lib/Pipelines/MeasureLatency.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/InitAll.h"
#include "qnt/Support/Error.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <iostream>

using namespace mlir;
using namespace qnt;
using Args = std::vector<std::string>;

static LatencyTable::Machine getMachine() {
  return getMachine(cpu::getNativeISA(), /*threads=*/1);
}

static int predict(const Args &args) {
  LatencyTable table = LatencyTable::read(args[0], getMachine());
  if (table.getGrids().empty()) {
    std::cout << "nothing\n";
    return 0;
  }
  const LatencyKind &kind = table.getGrids().begin()->first.first;
  std::cout.precision(17);
  for (size_t i = 1; i + 2 < args.size(); i += 3) {
    auto seconds =
        table.getSeconds(kind, std::stoll(args[i]), std::stoll(args[i + 1]),
                         std::stoll(args[i + 2]));
    if (seconds)
      std::cout << *seconds << "\n";
    else
      std::cout << "nothing\n";
  }
  return 0;
}

static int measure(const Args &args) {
  LatencyPlan plan{{64, 128}, {64, 256}, /*bytes=*/1 << 20, 3, 2};
  LatencyKind w4{"int4", "int8", 64, "f16", "none", false, false};
  LatencyKind w8{"int8", "uint8", 0, "f32", "none", true, true};
  LatencyKind floats{"bf16", "none", 0, "none", "none", false, false};
  auto table = measureLatencies(
      getMachine(), {{w4, 1}, {w4, 128}, {w8, 1}, {floats, 1}}, plan);
  if (!table) {
    std::cerr << llvm::toString(table.takeError()) << "\n";
    return 1;
  }
  table->write(args[0]);
  return 0;
}

static int printBytes(const Args &args) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  auto module = parseSourceFile<ModuleOp>(args[0], ParserConfig(&context));
  if (!module)
    return 1;
  CPUCostModel costs(cpu::getNativeISA(), 1);
  CostModel neutral;
  module->walk([&](Operation *op) {
    auto conv = dyn_cast<qnt::ConvOp>(op);
    if (!conv && !isa<qnt::LinearOp>(op))
      return;
    QuantizedContraction layer;
    layer.weight = cast<QTensorType>(op->getOperand(1).getType());
    layer.shape.weight.assign(layer.weight.getShape());
    if (conv)
      layer.shape.groups = conv.getGroups();
    if (auto input = dyn_cast<QTensorType>(op->getOperand(0).getType()))
      layer.activation = {input.getFormat(), input.hasZeros(),
                          input.getBlock().getKind() == BlockKind::PerTensor};
    std::cout << getParamName(op->getOperand(1)).str() << " "
              << costs.getBytes(layer) << " " << neutral.getBytes(layer) << " "
              << int64_t(CostModel::getBitOperations(layer)) << "\n";
  });
  return 0;
}

int main(int argc, char **argv) {
  Args args(argv + 2, argv + argc);
  std::string command = argv[1];
  try {
    if (command == "predict")
      return predict(args);
    if (command == "copy")
      LatencyTable::read(args[0], getMachine()).write(args[1]);
    else if (command == "measure")
      return measure(args);
    else if (command == "bytes")
      return printBytes(args);
    else
      std::cout << getMachine().cpu << "\n"
                << getMachine().isa << "\n"
                << getMachine().version << "\n";
  } catch (const support::FileError &error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
