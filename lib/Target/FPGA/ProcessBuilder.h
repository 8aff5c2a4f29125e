//===- ProcessBuilder.h - builds a process -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_PROCESSBUILDER_H
#define QNT_LIB_TARGET_FPGA_PROCESSBUILDER_H

#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace qnt::fpga {

/// Makes a process op by op, at the end of its body, words being vectors
/// however many lanes they have.
class ProcessBuilder {
public:
  struct Spec {
    std::string name;
    mlir::ValueRange inputs;
    mlir::TypeRange results;
    llvm::ArrayRef<int64_t> loops;
    llvm::SmallVector<mlir::Attribute> initial = {};
  };
  /// At `place`, in a design.
  ProcessBuilder(mlir::OpBuilder &place, mlir::Location loc, const Spec &spec);

  mlir::Value index(size_t loop) { return process.getIndices()[loop]; }
  mlir::Value state(size_t number) { return process.getStates()[number]; }
  mlir::Value isTrue() { return integer(1, 1); }
  /// A constant of so many bits.
  mlir::Value integer(unsigned bits, int64_t value);
  /// Whether an index has this value.
  mlir::Value isAt(mlir::Value index, int64_t value);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);
  /// A word of stream `number`, vector<lanes x iN>.
  mlir::Value read(size_t number, mlir::Value condition);
  void write(size_t number, mlir::Value word, mlir::Value condition);
  /// Lanes of `a` and, counted on from its last, of `b`.
  mlir::Value shuffle(mlir::Value a, mlir::Value b,
                      llvm::ArrayRef<int64_t> lanes);
  /// Ends the body.
  qflow::ProcessOp finish(mlir::ValueRange states);

  mlir::OpBuilder &getBuilder() { return builder; }

private:
  qflow::ProcessOp process;
  mlir::OpBuilder builder;
  mlir::Location loc;
};

/// vector<lanes x iN>, whatever `lanes` is.
mlir::VectorType getWordVector(qflow::StreamType stream);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_PROCESSBUILDER_H
