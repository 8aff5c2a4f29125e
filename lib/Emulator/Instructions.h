//===- Instructions.h - what the emulator can execute -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_INSTRUCTIONS_H
#define QNT_LIB_EMULATOR_INSTRUCTIONS_H

#include "ThreadBlock.h"

#include "llvm/ADT/StringMap.h"

namespace qnt::emu {

/// How an op is executed: by whom, and what it does.
struct Instruction {
  Scope scope;
  std::function<void(Execution &)> run;
  /// Where a lane may have to wait: whether it need not, which does all that
  /// the instruction does; `run` then tells what a wait without end is for.
  std::function<bool(Execution &)> isReady = nullptr;
};

/// The instructions that are no arithmetic, by the name of their op. A file of
/// Instructions/ adds those of a kind.
class InstructionTable {
public:
  InstructionTable();

  /// `lower` gives the instruction of an op, or fails with an error at it.
  template <typename Op>
  void add(mlir::FailureOr<Instruction> (*lower)(Op op)) {
    table[Op::getOperationName()] = [lower](mlir::Operation *op) {
      return lower(mlir::cast<Op>(op));
    };
  }
  /// Fails with an error at an op that has none.
  mlir::FailureOr<Instruction> lower(mlir::Operation *op) const;

private:
  using Lower =
      std::function<mlir::FailureOr<Instruction>(mlir::Operation *op)>;
  llvm::StringMap<Lower> table;
};

void addBarriers(InstructionTable &table);
void addBlockScaled(InstructionTable &table);
void addBulkCopies(InstructionTable &table);
void addConversions(InstructionTable &table);
void addCopies(InstructionTable &table);
void addMatrices(InstructionTable &table);
void addMBarriers(InstructionTable &table);
void addShuffles(InstructionTable &table);
void addTensorMemory(InstructionTable &table);
void addTensorProducts(InstructionTable &table);
void addWarpgroups(InstructionTable &table);

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_INSTRUCTIONS_H
