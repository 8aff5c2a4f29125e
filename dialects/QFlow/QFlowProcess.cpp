//===- QFlowProcess.cpp - processes and what is in them -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::qflow;

unsigned ProcessOp::getIndexBits(int64_t count) {
  return std::max<unsigned>(1, llvm::Log2_64_Ceil(uint64_t(count)));
}

Block::BlockArgListType ProcessOp::getReadStreams() {
  return getBody().getArguments().take_front(getInputs().size());
}

Block::BlockArgListType ProcessOp::getWrittenStreams() {
  return getBody().getArguments().slice(getInputs().size(),
                                        getResults().size());
}

Block::BlockArgListType ProcessOp::getIndices() {
  return getBody().getArguments().slice(
      getInputs().size() + getResults().size(), getLoops().size());
}

Block::BlockArgListType ProcessOp::getStates() {
  return getBody().getArguments().take_back(getInitial().size());
}

LogicalResult ProcessOp::verify() {
  if (getLoops().empty() ||
      llvm::any_of(getLoops(), [](int64_t n) { return n < 1; })) // (C1)
    return emitOpError("expected a loop or more, each of 1 or more iterations");
  SmallVector<Type> expected(getInputs().getTypes()); // (C2)
  llvm::append_range(expected, getResults().getTypes());
  for (int64_t count : getLoops())
    expected.push_back(IntegerType::get(getContext(), getIndexBits(count)));
  for (auto initial : getInitial().getAsRange<TypedAttr>()) {
    if (!getElementTypeOrSelf(initial.getType()).isSignlessInteger())
      return emitOpError("expected initial states that are signless integers "
                         "or vectors of such, got ")
             << initial;
    expected.push_back(initial.getType());
  }
  Block &block = getBody().front();
  if (block.getNumArguments() != expected.size())
    return emitOpError("expected a body with ")
           << expected.size()
           << " arguments (streams in, streams out, indices, "
           << "states), got " << block.getNumArguments();
  for (auto [argument, type] : llvm::zip(block.getArguments(), expected))
    if (argument.getType() != type)
      return emitOpError("expected argument ")
             << argument.getArgNumber() << " of the body to be " << type
             << ", got " << argument.getType();
  return success();
}

/// Whether it follows from indices and states alone.
static bool isKnownBeforeReads(Value condition) {
  llvm::SetVector<Value> needed;
  needed.insert(condition);
  for (size_t i = 0; i < needed.size(); ++i) {
    Operation *op = needed[i].getDefiningOp();
    if (isa_and_present<ReadOp, LoadOp>(op))
      return false;
    if (op)
      needed.insert_range(op->getOperands());
  }
  return true;
}

LogicalResult ProcessOp::verifyRegions() {
  auto isUsedOnce = [](BlockArgument stream, auto isIt) {
    return stream.hasOneUse() && isIt(*stream.user_begin());
  };
  for (BlockArgument stream : getReadStreams()) { // (C3), (C4)
    if (!isUsedOnce(stream, llvm::IsaPred<ReadOp>))
      return emitOpError(
          "expected one qflow.read of each stream that comes in");
    auto read = cast<ReadOp>(*stream.user_begin());
    if (!isKnownBeforeReads(read.getCondition()))
      return read.emitOpError("expected a condition that follows from indices "
                              "and states, not from what is read or loaded");
  }
  for (BlockArgument stream : getWrittenStreams())
    if (!isUsedOnce(stream, llvm::IsaPred<WriteOp>))
      return emitOpError("expected one qflow.write to each stream that goes "
                         "out");
  return success();
}

LogicalResult NextOp::verify() {
  auto process = cast<ProcessOp>((*this)->getParentOp());
  if (getStates().getTypes() != TypeRange(ValueRange(process.getStates())))
    return emitOpError("expected states of the types of the process's");
  return success();
}

LogicalResult ReadOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                       ValueRange operands, DictionaryAttr,
                                       OpaqueProperties, RegionRange,
                                       SmallVectorImpl<Type> &results) {
  results.push_back(cast<StreamType>(operands.front().getType()).getWordType());
  return success();
}

LogicalResult WriteOp::verify() {
  Type expected = getStream().getType().getWordType();
  if (getWord().getType() != expected) // (C1)
    return emitOpError("expected a word of ")
           << expected << ", got " << getWord().getType();
  return success();
}

LogicalResult MemoryOp::verify() {
  auto contents = getContentsAttr();
  if (getApart() && (contents || int64_t(*getApart()) < 1)) // (C2)
    return emitOpError("expected loads apart from stores by 1 or more, of a "
                       "memory without contents");
  if (!contents)
    return success();
  MemoryType memory = getMemory().getType();
  SmallVector<int64_t> expected = {memory.getDepth()};
  if (auto vector = dyn_cast<VectorType>(memory.getWord()))
    llvm::append_range(expected, vector.getShape());
  auto type = dyn_cast<RankedTensorType>(contents.getType());
  if (!type || type.getShape() != ArrayRef(expected) ||
      type.getElementType() != getElementTypeOrSelf(memory.getWord())) // (C1)
    return emitOpError("expected contents of type ")
           << RankedTensorType::get(expected,
                                    getElementTypeOrSelf(memory.getWord()))
           << ", got " << contents.getType();
  return success();
}

LogicalResult StoreOp::verify() {
  auto memory = getMemory().getDefiningOp<MemoryOp>(); // (C1)
  if (memory && memory.getContents())
    return emitOpError("expected a memory without contents");
  for (Operation *user : getMemory().getUsers())
    if (user != *this && isa<StoreOp>(user))
      return emitOpError("expected the memory's only store");
  return success();
}
