//===- Estimate.cpp - what a design takes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Estimate.h"

#include "DesignStreams.h"
#include "LogicCounter.h"
#include "Memories.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// LUTs for one of what is counted.
struct Coefficient {
  llvm::StringLiteral name;
  double luts;
};
} // namespace

// In the order of Logic. Fitted to what test/Bench/fpga_resources.py reads from
// Yosys of random stages, pulled towards what each takes alone: its plain fit
// of few stages swings.
static constexpr Coefficient coefficients[numLogic] = {
    {"processes", 0},
    {"streams", 0.84},
    {"indices", 1.04},
    {"states", 0.77},
    {"adders", 0.37},
    {"adders_in_dsps", 0.62},
    {"shared_adders", 0.8},
    {"comparisons", 0.34},
    {"equalities", 0.33},
    {"selections", 0.67},
    {"masks", 0.85},
    {"gates", 0.86},
    {"control_adders", 0.1},
    {"control_comparisons", 0.33},
    {"control_selections", 0.2},
    {"shifts", 0.29},
    {"products", 1.75},
    {"parts", 0.63},
    {"constants", 1},
    {"memories", 1},
    {"delays", 1},
};
/// Beside its memory: of a FIFO, and of a bit of its addresses.
static constexpr double fifoLuts = 4, fifoAddressLuts = 4;
/// Of a fetch, and of a bit of its counters.
static constexpr double fetchLuts = 10, fetchBitLuts = 3;
static constexpr double blockFifoLuts = 4, blockFifoAddressLuts = 4;

llvm::StringRef fpga::getName(Logic logic) {
  return coefficients[size_t(logic)].name;
}

Resources &Resources::operator+=(const Resources &other) {
  dsps += other.dsps;
  luts += other.luts;
  halfBlocks += other.halfBlocks;
  return *this;
}

const Stage &Estimate::getBottleneck() const {
  return *std::max_element(
      stages.begin(), stages.end(),
      [](const Stage &a, const Stage &b) { return a.cycles < b.cycles; });
}

static int64_t countFrameBits(Value stream) {
  auto type = cast<StreamType>(stream.getType());
  return type.getElements() * type.getElement().getWidth();
}

FailureOr<Stage> fpga::estimate(ProcessOp process, double clock) {
  auto pipeline = Pipeline::make(process, getStagePeriod(clock));
  if (failed(pipeline))
    return failure();
  Stage stage;
  stage.kind = process.getName().str();
  stage.cycles = process.getIterations();
  stage.latency = pipeline->getStages();
  for (Value input : process.getInputs())
    stage.bitsIn += countFrameBits(input);
  for (Value result : process.getResults())
    stage.bitsOut += countFrameBits(result);
  countLogic(process, *pipeline, stage);
  double luts = 0;
  for (auto [coefficient, count] : llvm::zip_equal(coefficients, stage.logic))
    luts += coefficient.luts * count;
  stage.resources.luts = std::lround(luts);
  return stage;
}

Resources fpga::estimateFifo(int64_t wordBits, int64_t depth) {
  Resources resources;
  auto addressBits = double(ProcessOp::getIndexBits(depth));
  if (chooseMemoryStyle(depth, wordBits, /*isWritten=*/true) ==
      MemoryStyle::Block) {
    resources.halfBlocks = countHalfBlocks(depth, wordBits);
    resources.luts =
        std::lround(blockFifoLuts + blockFifoAddressLuts * addressBits);
  } else {
    resources.luts = countRAMLuts(depth, wordBits) +
                     std::lround(fifoLuts + fifoAddressLuts * addressBits);
  }
  return resources;
}

static Stage makeFifo(Value stream, const std::string &reader) {
  Stage stage;
  stage.name = reader;
  stage.kind = "fifo";
  stage.depth = followFifos(stream).depth;
  stage.wordBits = cast<StreamType>(stream.getType()).getWordBits();
  stage.bitsIn = stage.bitsOut = countFrameBits(stream);
  stage.resources = estimateFifo(stage.wordBits, stage.depth);
  return stage;
}

/// With the FIFO of what is ahead.
static Stage estimateFetch(FetchOp fetch) {
  StreamType type = fetch.getResult().getType();
  Stage stage;
  auto ahead = int64_t(fetch.getAhead());
  stage.name = fetch.getName().str();
  stage.kind = "fetch";
  stage.cycles = type.getWords();
  stage.bitsIn = 8 * fetch.getBytes();
  stage.bitsOut = countFrameBits(fetch.getResult());
  stage.resources = estimateFifo(type.getWordBits(), ahead);
  int64_t bursts = llvm::divideCeil(type.getWords(), fetch.getBurst());
  stage.resources.luts += std::lround(
      fetchLuts + fetchBitLuts * double(ProcessOp::getIndexBits(bursts) +
                                        ProcessOp::getIndexBits(ahead)));
  return stage;
}

void Estimate::addMemory(double bandwidth, double clock) {
  Stage memory;
  memory.name = memory.kind = "memory";
  for (const Stage &stage : stages)
    if (stage.kind == "fetch")
      memory.bitsOut += stage.bitsIn;
  memory.cycles = std::lround(
      std::ceil(double(memory.bitsOut) / 8 * clock * 1e6 / bandwidth));
  if (memory.bitsOut > 0)
    stages.push_back(std::move(memory));
}

FailureOr<Estimate> fpga::estimate(DesignOp design) {
  Estimate all;
  std::vector<std::string> names = nameProcesses(design);
  size_t number = 0;
  for (auto fetch : design.getBody().front().getOps<FetchOp>())
    all.stages.push_back(estimateFetch(fetch));
  for (auto process : design.getBody().front().getOps<ProcessOp>()) {
    auto stage = estimate(process, getClock(design));
    if (failed(stage))
      return failure();
    stage->name = names[number++];
    for (Value input : process.getInputs())
      all.stages.push_back(makeFifo(input, stage->name));
    all.stages.push_back(std::move(*stage));
  }
  auto output = cast<OutputOp>(design.getBody().front().getTerminator());
  for (auto [at, stream] : llvm::enumerate(output.getStreams()))
    all.stages.push_back(makeFifo(stream, getOutputName(design, at)));
  for (const Stage &stage : all.stages)
    all.total += stage.resources;
  return all;
}
