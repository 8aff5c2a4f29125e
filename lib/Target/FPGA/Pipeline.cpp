//===- Pipeline.cpp - the stages of a process -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pipeline.h"
#include "Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Of a shift by a constant number of places.
static std::optional<APInt> getPlaces(Operation *op) {
  APInt places;
  if (isa_and_present<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op) &&
      matchPattern(op->getOperand(1), m_ConstantInt(&places)))
    return places;
  return std::nullopt;
}

/// Bits that may be set, from the lowest on.
static int64_t countLowBits(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto ext = dyn_cast_or_null<arith::ExtUIOp>(op))
    return countLowBits(ext.getIn());
  if (auto shift = dyn_cast_or_null<arith::ShLIOp>(op))
    if (auto places = getPlaces(shift))
      return countLowBits(shift.getLhs()) + places->getSExtValue();
  if (isa_and_present<arith::OrIOp>(op))
    return std::max(countLowBits(op->getOperand(0)),
                    countLowBits(op->getOperand(1)));
  return getElementBits(value.getType());
}

/// Whether numbers are set beside each other: one was shifted over what the
/// other has.
static bool isJoin(Operation *op) {
  if (!isa<arith::OrIOp>(op))
    return false;
  auto shift = op->getOperand(0).getDefiningOp<arith::ShLIOp>();
  auto places = getPlaces(shift);
  return places && countLowBits(op->getOperand(1)) <= places->getSExtValue();
}

bool fpga::isWiring(Operation *op) {
  if (isa<arith::ShLIOp, arith::ShRUIOp>(op))
    return bool(getPlaces(op));
  return isJoin(op) ||
         isa<arith::ConstantOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp,
             vector::BroadcastOp, vector::ShapeCastOp, vector::ExtractOp,
             vector::ExtractStridedSliceOp, vector::FromElementsOp,
             vector::ShuffleOp>(op);
}

/// Nanoseconds from operands to results, those of a 7 series part of medium
/// speed with its routing, coarsely: what is placed in a stage depends on it,
/// what is computed does not.
static double getDelay(Operation *op) {
  if (isWiring(op))
    return 0;
  double bits =
      op->getNumOperands()
          ? double(
                getElementTypeOrSelf(op->getOperand(0)).getIntOrFloatBitWidth())
          : 0;
  if (isa<arith::AddIOp, arith::SubIOp, arith::CmpIOp>(op))
    return 1.2 + 0.03 * bits;
  if (isa<arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp>(op))
    return 1.9 + 0.03 * bits;
  if (isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op))
    return getPlaces(op) ? 0 : 2.0;
  if (isa<arith::MulIOp>(op))
    return 4.0;
  return 0.9;
}

/// What comes out of a register later than its clock edge: a block RAM's or a
/// FIFO's word.
static constexpr double memoryDelay = 2.0;

/// Whether the result is in a register at the end of the stage, so that the
/// next one has it.
static bool isRegistered(Operation *op) { return isa<arith::MulIOp>(op); }

static Value getMemory(Operation *access) {
  if (auto load = dyn_cast<LoadOp>(access))
    return load.getMemory();
  return cast<StoreOp>(access).getMemory();
}

static std::optional<int64_t> getApart(Value memory) {
  return memory.getDefiningOp<MemoryOp>().getApart();
}

static bool isKnown(Operation *op) {
  return isWiring(op) ||
         isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::CmpIOp,
             arith::SelectOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp,
             arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp, arith::MaxSIOp,
             arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp, ReadOp, WriteOp,
             LoadOp, StoreOp, MemoryOp, NextOp>(op);
}

namespace qnt::fpga {
class Scheduler {
public:
  Scheduler(ProcessOp process, double period)
      : process(process), period(period) {}

  FailureOr<Pipeline> run();

private:
  struct Time {
    int64_t stage = 0;
    /// Within it, in ns.
    double at = 0;
    bool operator<(const Time &other) const {
      return std::pair(stage, at) < std::pair(other.stage, other.at);
    }
  };

  Time getTime(Value value) const { return times.lookup(value); }
  Time getStart(Operation *op) const;
  void findRecurrences();
  void place(Operation *op);
  bool settleStates();
  bool settleMemories();
  bool delayLoads();
  LogicalResult checkApart();
  bool moveState(Value state, int64_t stage);

  ProcessOp process;
  const double period;
  llvm::DenseMap<Value, Time> times;
  /// In which ops take their operands.
  llvm::DenseMap<Operation *, int64_t> places;
  /// Where memories are accessed; of one that is apart, loaded.
  llvm::DenseMap<Value, int64_t> memoryStages;
  /// Memories whose loads were moved to where they are needed.
  llvm::DenseSet<Operation *> delayed;
  /// Ops between a state and what it becomes next, which one stage holds,
  /// however long they take; and one of the states that they depend on.
  llvm::DenseMap<Operation *, Value> recurrences;
};
} // namespace qnt::fpga

/// Ops that depend on a state and that this state depends on.
void Scheduler::findRecurrences() {
  auto next = cast<NextOp>(process.getBody().front().getTerminator());
  for (auto [state, after] :
       llvm::zip_equal(process.getStates(), next.getStates())) {
    llvm::SetVector<Operation *> after_, before;
    auto grow = [](llvm::SetVector<Operation *> &set, auto getMore) {
      for (size_t i = 0; i < set.size(); ++i)
        for (Operation *more : getMore(set[i]))
          set.insert(more);
    };
    for (Operation *user : state.getUsers())
      after_.insert(user);
    grow(after_, [](Operation *op) { return llvm::to_vector(op->getUsers()); });
    if (Operation *op = after.getDefiningOp())
      before.insert(op);
    grow(before, [](Operation *op) {
      SmallVector<Operation *> ops;
      for (Value operand : op->getOperands())
        if (Operation *maker = operand.getDefiningOp())
          ops.push_back(maker);
      return ops;
    });
    for (Operation *op : before)
      if (after_.contains(op))
        recurrences[op] = state;
  }
}

Scheduler::Time Scheduler::getStart(Operation *op) const {
  Time start;
  for (Value operand : op->getOperands()) {
    Operation *maker = operand.getDefiningOp();
    if (!isa_and_present<arith::ConstantOp, MemoryOp>(maker))
      start = std::max(start, getTime(operand));
  }
  return start;
}

void Scheduler::place(Operation *op) {
  Time time = getStart(op);
  if (isa<LoadOp, StoreOp>(op)) {
    Value memory = getMemory(op);
    if (isa<LoadOp>(op) || !getApart(memory))
      time = std::max(time, Time{memoryStages.lookup(memory), 0});
    places[op] = time.stage;
    for (Value result : op->getResults())
      times[result] = {time.stage + 1, memoryDelay};
    return;
  }
  if (isa<ReadOp>(op)) {
    places[op] = 0;
    times[op->getResult(0)] = {0, std::max(time.at, memoryDelay)};
    return;
  }
  double delay = getDelay(op);
  // A recurrence fits into its stage or makes the clock slower.
  if (time.at + delay > period && time.at > 0 && !recurrences.count(op))
    time = {time.stage + 1, 0};
  places[op] = time.stage;
  time.at += delay;
  if (isRegistered(op) && !recurrences.count(op))
    time = {time.stage + 1, 0};
  for (Value result : op->getResults())
    times[result] = time;
}

bool Scheduler::moveState(Value state, int64_t stage) {
  if (stage <= getTime(state).stage)
    return false;
  times[state] = {stage, 0};
  return true;
}

/// Whether registers of states had to move to where what they become is known.
bool Scheduler::settleStates() {
  bool moved = false;
  auto next = cast<NextOp>(process.getBody().front().getTerminator());
  for (auto [state, after] :
       llvm::zip_equal(process.getStates(), next.getStates()))
    moved |= moveState(state, getTime(after).stage);
  // All on one recurrence are in one stage: those that wait, with their state.
  for (auto [op, state] : recurrences)
    for (Value result : op->getResults())
      moved |= moveState(state, getTime(result).stage);
  return moved;
}

/// Loads and stores of a memory meet in one stage: a load sees the stores of
/// the iterations before its own, and no other.
bool Scheduler::settleMemories() {
  bool moved = false;
  for (auto [op, stage] : places) {
    if (!isa<LoadOp, StoreOp>(op))
      continue;
    Value memory = getMemory(op);
    bool isStored = llvm::any_of(memory.getUsers(), llvm::IsaPred<StoreOp>);
    if (!isStored || getApart(memory) || stage <= memoryStages.lookup(memory))
      continue;
    memoryStages[memory] = stage;
    moved = true;
  }
  return moved;
}

/// Once all else has its place: what is loaded early waits in registers. It is
/// there two stages before the store, one for logic between.
bool Scheduler::delayLoads() {
  for (auto memory : process.getBody().getOps<MemoryOp>()) {
    if (!memory.getApart() || !delayed.insert(memory).second)
      continue;
    for (Operation *user : memory->getUsers())
      if (isa<StoreOp>(user) && places[user] > 3) {
        memoryStages[memory] = places[user] - 3;
        return true;
      }
  }
  return false;
}

/// An iteration's load comes after the store `apart` iterations before it.
LogicalResult Scheduler::checkApart() {
  for (auto store : process.getBody().getOps<StoreOp>()) {
    auto apart = getApart(store.getMemory());
    for (auto load : process.getBody().getOps<LoadOp>())
      if (apart && load.getMemory() == store.getMemory() &&
          places[store] - places[load] >= *apart)
        return store.emitOpError("comes ")
               << places[store] - places[load]
               << " stages after a load of its memory, expected fewer than "
               << *apart;
  }
  return success();
}

FailureOr<Pipeline> Scheduler::run() {
  Block &body = process.getBody().front();
  for (Operation &op : body)
    if (!isKnown(&op))
      return op.emitOpError("is not something that a process does");
  findRecurrences();
  for (bool moved = true; moved;) {
    moved = false;
    for (Operation &op : body)
      place(&op);
    moved |= settleStates();
    moved |= settleMemories();
    if (!moved)
      moved = delayLoads();
    // Where a load waits for itself, each round moves it on.
    for (auto load : body.getOps<LoadOp>())
      if (places[load] > int64_t(body.getOperations().size()))
        return load.emitOpError("waits for itself: neither a store of its "
                                "memory nor a state that its address depends "
                                "on can depend on a load of the iteration");
  }
  if (failed(checkApart()))
    return failure();
  Pipeline pipeline;
  for (auto [value, time] : times)
    pipeline.ofValues[value] = time.stage;
  pipeline.ofOps = std::move(places);
  int64_t last = 0;
  for (auto [op, stage] : pipeline.ofOps)
    last = std::max(last, stage);
  for (auto write : body.getOps<WriteOp>())
    pipeline.ofOps[write] = last;
  pipeline.stages = last + 1;
  return pipeline;
}

FailureOr<Pipeline> Pipeline::make(ProcessOp process, double period) {
  return Scheduler(process, period).run();
}

int64_t Pipeline::getStage(Value value) const { return ofValues.lookup(value); }

int64_t Pipeline::getStage(Operation *op) const { return ofOps.lookup(op); }
