//===- Body.h - the region of a linalg op, for many points -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_INTERPRETER_BODY_H
#define QNT_LIB_INTERPRETER_BODY_H

#include "Registry.h"
#include "ScalarOps.h"

namespace qnt::interp {

/// A block of scalar ops as a list of instructions on slots of kMaxLanes
/// numbers each. The block and the frame must outlive it.
class Body {
public:
  /// Resolves the ops of `block`. Values from outside are read from `frame`:
  /// scalars, and the tensors of tensor.extract. Reports ops that it does not
  /// know.
  static mlir::FailureOr<Body> compile(mlir::Block &block, const Frame &frame);

  /// The lanes of the block's i-th argument, to be set before `run`; null for
  /// one that the body does not use.
  Scalar *argument(unsigned i);
  /// The lanes of each linalg.index, with its dimension.
  void forIndices(llvm::function_ref<void(int64_t dim, Scalar *lanes)> fn);
  /// Computes `count` lanes; reports an index outside of a tensor.
  mlir::LogicalResult run(int64_t count);
  /// The lanes of the i-th value that the block yields.
  const Scalar *result(unsigned i) { return lanesOf(results[i]); }

private:
  struct Instruction {
    /// None for tensor.extract.
    std::optional<ScalarOp> op;
    mlir::Operation *origin;
    llvm::SmallVector<unsigned, 3> operands;
    unsigned result;
  };

  Scalar *lanesOf(unsigned slot) { return lanes.data() + slot * kMaxLanes; }
  unsigned newSlot();
  unsigned slotOf(mlir::Value value, const Frame &frame);
  mlir::LogicalResult add(mlir::Operation &op, const Frame &frame);
  mlir::LogicalResult extract(const Instruction &instruction, int64_t count);

  mlir::Block *block = nullptr;
  llvm::DenseMap<mlir::Value, unsigned> slots;
  llvm::DenseMap<mlir::Operation *, Tensor> sources;
  llvm::SmallVector<std::pair<int64_t, unsigned>> indices;
  std::vector<Instruction> instructions;
  llvm::SmallVector<unsigned> results;
  std::vector<Scalar> lanes;
};

} // namespace qnt::interp

#endif // QNT_LIB_INTERPRETER_BODY_H
