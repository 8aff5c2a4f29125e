//===- Pipeline.h - the stages of a process -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_PIPELINE_H
#define QNT_LIB_TARGET_FPGA_PIPELINE_H

#include "qnt/Dialect/QFlow/QFlow.h"

#include "llvm/ADT/DenseMap.h"

namespace qnt::fpga {

/// Whether an op is wiring alone: it takes no time, and no register holds its
/// result, but those of what it is made from.
bool isWiring(mlir::Operation *op);

/// In which stage of its pipeline each op of a process takes place, so that an
/// iteration begins every clock cycle (docs/fpga-target.md).
class Pipeline {
public:
  /// `period` in ns is how much a stage may take, registers not counted. Emits
  /// an error at an op that no pipeline has: of a kind that is not known, or
  /// a load that a store of its memory, or its own state, waits for. A store
  /// `apart` from loads may wait for them, by fewer stages than it is apart.
  static mlir::FailureOr<Pipeline> make(qflow::ProcessOp process,
                                        double period);

  /// How many there are, at least 1.
  int64_t getStages() const { return stages; }
  /// In which a value is known first. Of a state, where its register is; of
  /// what a load gives, the stage after it.
  int64_t getStage(mlir::Value value) const;
  /// In which an op takes its operands: a read in the first, a write in the
  /// last.
  int64_t getStage(mlir::Operation *op) const;

private:
  friend class Scheduler;
  llvm::DenseMap<mlir::Value, int64_t> ofValues;
  llvm::DenseMap<mlir::Operation *, int64_t> ofOps;
  int64_t stages = 1;
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_PIPELINE_H
