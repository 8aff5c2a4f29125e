//===- DesignStreams.cpp - streams of a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DesignStreams.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

std::string UniqueNames::make(StringRef wanted) {
  std::string name;
  for (char c : wanted)
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name = "n" + name;
  std::string base = name;
  for (unsigned number = 1; !names.insert(name).second; ++number)
    name = base + "_" + std::to_string(number);
  return name;
}

static std::string getName(DictionaryAttr attributes, const char *kind,
                           unsigned number) {
  auto name =
      attributes ? attributes.getAs<StringAttr>("qflow.name") : StringAttr();
  return name ? name.str() : kind + std::to_string(number);
}

std::string fpga::getInputName(DesignOp design, unsigned number) {
  return getName(design.getArgAttrDict(number), "in", number);
}

std::string fpga::getOutputName(DesignOp design, unsigned number) {
  return getName(design.getResultAttrDict(number), "out", number);
}

SmallVector<Port> fpga::getPorts(DesignOp design) {
  SmallVector<Port> ports;
  for (auto [number, type] : llvm::enumerate(design.getArgumentTypes()))
    ports.push_back({getInputName(design, number), cast<StreamType>(type),
                     design.getArgAttrDict(number), true});
  for (auto [number, type] : llvm::enumerate(design.getResultTypes()))
    ports.push_back({getOutputName(design, number), cast<StreamType>(type),
                     design.getResultAttrDict(number), false});
  return ports;
}

std::vector<std::string> fpga::nameProcesses(DesignOp design) {
  UniqueNames names;
  std::vector<std::string> result;
  for (auto process : design.getBody().front().getOps<ProcessOp>())
    result.push_back(names.make(process.getName()));
  return result;
}

double fpga::getClock(DesignOp design) {
  return design.getClock() ? design.getClock()->convertToDouble() : 100;
}

double fpga::getStagePeriod(double clock) { return 0.7 * 1e3 / clock; }

FifoChain fpga::followFifos(Value stream) {
  FifoChain chain{stream};
  while (auto fifo = chain.source.getDefiningOp<FifoOp>()) {
    chain.depth = std::max<int64_t>(chain.depth, fifo.getDepth());
    chain.source = fifo.getInput();
  }
  return chain;
}
