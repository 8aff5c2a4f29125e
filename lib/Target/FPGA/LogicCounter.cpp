//===- LogicCounter.cpp - what a process is made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LogicCounter.h"

#include "Lanes.h"
#include "Memories.h"
#include "Products.h"
#include "States.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Slices of a factor that one DSP does not take: of 17 bits, and the rest.
static int64_t countSlices(int64_t bits, int64_t most) {
  return bits > most ? (bits - most + 16) / 17 + 1 : 1;
}

/// DSP48E1 that a product of so many bits takes, by the rules of Yosys'
/// mul2dsp for 25 by 18 bits; 0 where it makes LUTs of it.
static int64_t countDSPs(int64_t aBits, int64_t bBits, int64_t productBits) {
  if (aBits < bBits)
    std::swap(aBits, bBits);
  if (bBits < 2 || productBits < 9)
    return 0;
  return countSlices(aBits, 25) * countSlices(bBits, 18);
}

/// What has no sign is multiplied so where that takes no DSP, and is extended
/// where one takes it.
static int64_t countDSPs(arith::MulIOp op) {
  SmallVector<Factor, 2> factors = getFactors(op);
  const int64_t a = factors[0].getBits(), b = factors[1].getBits(),
                bits = getElementBits(op.getType());
  if (!factors[0].isSigned && !factors[1].isSigned &&
      countDSPs(a, b, std::min(bits, a + b)) == 0)
    return 0;
  return countDSPs(factors[0].getSignedBits(), factors[1].getSignedBits(),
                   bits);
}

namespace {
class LogicCounter {
public:
  LogicCounter(ProcessOp process, const Pipeline &pipeline, Stage &stage)
      : process(process), pipeline(pipeline), stage(stage) {}

  void run();

private:
  void add(Logic kind, double count) { stage.logic[size_t(kind)] += count; }
  void findData();
  void use(Value value, int64_t at);
  void countUses(Operation *op);
  void countDelays();
  void count(Operation *op);
  void count(MemoryOp op);
  void countProducts(arith::MulIOp op);
  int64_t countProducts(const ConstantProducts &products);

  ProcessOp process;
  const Pipeline &pipeline;
  Stage &stage;
  /// Stages in which values are needed after those where they are known first.
  llvm::DenseMap<Value, std::set<int64_t>> uses;
  /// What is made of words of streams or memories; the rest is control, which
  /// indices tell.
  llvm::DenseSet<Value> data;
};
} // namespace

void LogicCounter::findData() {
  Block &body = process.getBody().front();
  for (bool isNew = true; isNew;) {
    isNew = false;
    for (Operation &op : body.without_terminator())
      if (isa<ReadOp, LoadOp>(op) ||
          llvm::any_of(op.getOperands(),
                       [&](Value value) { return data.contains(value); }))
        data.insert_range(op.getResults());
    for (auto [state, after] :
         llvm::zip_equal(process.getStates(),
                         cast<NextOp>(body.getTerminator()).getStates()))
      if (data.contains(after))
        isNew |= data.insert(state).second;
  }
}

/// As the Verilog refers to values.
void LogicCounter::use(Value value, int64_t at) {
  Operation *op = value.getDefiningOp();
  if (isa<StreamType, MemoryType>(value.getType()) ||
      isa_and_present<arith::ConstantOp>(op))
    return;
  if (op && isWiring(op)) {
    for (Value operand : op->getOperands())
      use(operand, at);
    return;
  }
  if (at > pipeline.getStage(value))
    uses[value].insert(at);
}

void LogicCounter::countUses(Operation *op) {
  if (isWiring(op))
    return;
  if (auto next = dyn_cast<NextOp>(op)) {
    for (auto [state, after] :
         llvm::zip_equal(process.getStates(), next.getStates()))
      use(after, pipeline.getStage(state));
    return;
  }
  for (Value operand : op->getOperands())
    use(operand, pipeline.getStage(op));
}

/// Three registers or more in a row are a shift register.
void LogicCounter::countDelays() {
  for (const auto &[value, stages] : uses) {
    int64_t before = pipeline.getStage(value);
    for (int64_t at : stages) {
      if (at - before >= 3)
        add(Logic::Delays, double(countBits(value.getType()) *
                                  llvm::divideCeil(at - before, 32)));
      before = at;
    }
  }
}

void LogicCounter::count(MemoryOp op) {
  MemoryType type = op.getMemory().getType();
  int64_t depth = type.getDepth(), bits = type.getWordBits();
  if (op.getStyle() == MemoryStyle::Block)
    stage.resources.halfBlocks += countHalfBlocks(op);
  else if (!op.getContents())
    add(Logic::Memories,
        double(countRAMLuts(
            depth, bits,
            std::max<int64_t>(
                1, llvm::count_if(op->getUsers(), llvm::IsaPred<LoadOp>)))));
  else if (depth > 2) {
    // Of fewer words than a LUT has, what reads them takes a part of it in.
    double share =
        std::min(1.0, (llvm::Log2_64_Ceil(uint64_t(depth)) - 1) / 5.0);
    add(Logic::Constants, share * double(bits * llvm::divideCeil(depth, 64)));
  }
}

/// Equal ones are made once. A factor loses the zeros at its end; what has no
/// sign is multiplied so, and is extended only where a DSP takes it.
int64_t LogicCounter::countProducts(const ConstantProducts &products) {
  std::set<std::tuple<void *, int64_t, std::string>> seen;
  int64_t dsps = 0;
  for (auto [lane, product] : llvm::enumerate(products.lanes)) {
    if (product.constant.isZero())
      continue;
    const unsigned zeros = product.constant.countr_zero();
    APInt odd = product.constant.ashr(zeros);
    if (odd.isOne())
      continue;
    auto [source, at] = traceLane(products.other.value, int64_t(lane));
    if (!seen.insert({source.getAsOpaquePointer(), at,
                      llvm::toString(product.constant, 16, true)})
             .second)
      continue;
    const bool isSigned = products.other.isSigned || odd.isNegative();
    const int64_t bits = product.bits - zeros,
                  other = isSigned ? products.other.getSignedBits()
                                   : products.other.getBits(),
                  own =
                      isSigned ? odd.getSignificantBits() : odd.getActiveBits();
    int64_t count = countDSPs(own, other, bits);
    if (count > 0)
      count = countDSPs(own + !isSigned, other + !isSigned, bits);
    else
      add(Logic::Adders, double(bits));
    dsps += count;
  }
  return dsps;
}

void LogicCounter::countProducts(arith::MulIOp op) {
  int64_t lanes = countLanes(op.getType()), bits = getElementBits(op.getType());
  if (isInLuts(op)) {
    ProductShape shape(op);
    return add(Logic::Products,
               double(lanes * shape.getDigits() * (shape.a.getBits() + 3)));
  }
  if (auto products = getConstantProducts(op)) {
    stage.resources.dsps += countProducts(*products);
    return;
  }
  SmallVector<Factor, 2> factors = getFactors(op);
  const int64_t dsps = countDSPs(op);
  stage.resources.dsps += lanes * dsps;
  if (dsps == 0)
    add(Logic::Products,
        double(lanes * factors[0].getBits() * factors[1].getBits()));
  else
    add(Logic::Parts, double(lanes * (dsps - 1) *
                             std::max(factors[0].getSignedBits(),
                                      factors[1].getSignedBits())));
}

static bool isConstant(Value value) {
  return matchPattern(traceLane(value, 0).first, m_Constant());
}

/// A DSP adds to its product.
static bool isMadeInDSPs(Operation *sum) {
  return llvm::any_of(sum->getOperands(), [](Value operand) {
    auto product = traceLane(operand, 0).first.getDefiningOp<arith::MulIOp>();
    return product && !isInLuts(product) && countDSPs(product) == 1;
  });
}

void LogicCounter::count(Operation *op) {
  if (auto memory = dyn_cast<MemoryOp>(op))
    return count(memory);
  if (auto product = dyn_cast<arith::MulIOp>(op))
    return countProducts(product);
  if (isa<ReadOp, WriteOp>(op))
    return add(Logic::Streams, 1);
  if (isWiring(op) || op->getNumResults() == 0 || isa<LoadOp>(op))
    return;
  // What follows from constants is one.
  if (llvm::all_of(op->getOperands(), isConstant))
    return;
  auto bits = double(countBits(op->getOperand(0).getType()));
  bool isControl = llvm::none_of(
      op->getOperands(), [&](Value value) { return data.contains(value); });
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return add(isControl          ? Logic::ControlAdders
               : isSharedSum(op)  ? Logic::SharedAdders
               : isMadeInDSPs(op) ? Logic::AddersInDSPs
                                  : Logic::Adders,
               bits);
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    bool isEquality =
        llvm::is_contained({P::eq, P::ne}, compare.getPredicate());
    return add(isEquality  ? Logic::Equalities
               : isControl ? Logic::ControlComparisons
                           : Logic::Comparisons,
               bits);
  }
  if (isa<arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp>(op)) {
    add(Logic::Comparisons, bits);
    return add(Logic::Selections, bits);
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    bool isMask =
        isConstant(select.getTrueValue()) || isConstant(select.getFalseValue());
    return add(isControl ? Logic::ControlSelections
               : isMask  ? Logic::Masks
                         : Logic::Selections,
               double(countBits(op->getResult(0).getType())));
  }
  if (isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op)) {
    Value places = op->getOperand(1);
    if (!isConstant(places)) {
      auto [source, lane] = traceLane(places, 0);
      add(Logic::Shifts, bits * double(getElementBits(source.getType())));
    }
    return;
  }
  add(Logic::Gates, bits);
}

void LogicCounter::run() {
  add(Logic::Processes, 1);
  // Those that nothing asks for, nor what is within them, are not there.
  bool isUsed = !process.getStates().empty();
  for (Value index : process.getIndices()) {
    isUsed |= !index.use_empty();
    if (isUsed)
      add(Logic::Indices, double(countBits(index.getType())));
  }
  for (Value state : process.getStates())
    if (isSeenFirst(process, state))
      add(Logic::States, double(countBits(state.getType())));
  findData();
  for (Operation &op : process.getBody().front()) {
    count(&op);
    countUses(&op);
  }
  countDelays();
}

void fpga::countLogic(ProcessOp process, const Pipeline &pipeline,
                      Stage &stage) {
  LogicCounter(process, pipeline, stage).run();
}
