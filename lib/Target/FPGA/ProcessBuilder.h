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
  };
  /// At `place`, in a design.
  ProcessBuilder(mlir::OpBuilder &place, mlir::Location loc, const Spec &spec);

  mlir::ValueRange getIndices() { return process.getIndices(); }
  mlir::Value index(size_t loop) { return process.getIndices()[loop]; }
  /// One more state; setNext says what becomes of it.
  mlir::Value addState(mlir::TypedAttr initial);
  void setNext(mlir::Value state, mlir::Value value);
  struct Count {
    mlir::Value now;
    /// Whether it moves, and begins anew.
    mlir::Value wraps;
  };
  /// A state that counts from 0 to `count` - 1 over and over, where `condition`
  /// holds.
  Count countUp(int64_t count, mlir::Value condition);
  struct Place {
    /// In a memory [groups, count].
    mlir::Value address;
    /// Whether the words of a group are at hand for the first time.
    mlir::Value isFirst;
  };
  /// Words of groups, where `condition` holds: all of a group in their order,
  /// `repeats` times, before those of the next one; over and over.
  Place countGroups(int64_t groups, int64_t repeats, int64_t count,
                    mlir::Value condition);
  mlir::Value isTrue() { return integer(1, 1); }
  /// A constant of so many bits.
  mlir::Value integer(unsigned bits, int64_t value);
  /// Whether an index has this value.
  mlir::Value isAt(mlir::Value index, int64_t value);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a,
                      mlir::Value b);
  mlir::Value add(mlir::Value a, mlir::Value b);
  /// By a constant.
  mlir::Value shiftLeft(mlir::Value value, unsigned places);
  mlir::Value shiftRight(mlir::Value value, unsigned places, bool isSigned);
  /// Both, where a bit is set in one of them at most.
  mlir::Value join(mlir::Value a, mlir::Value b);
  mlir::Value subtract(mlir::Value a, mlir::Value b);
  /// Arithmetic, by a number of places that all lanes have, not negative.
  mlir::Value shiftRight(mlir::Value value, mlir::Value places);
  /// Codes of such elements less `zero`, signed, in the bits that they need.
  mlir::Value subtractZero(mlir::Value codes, mlir::IntegerType element,
                           int64_t zero);
  struct Shifted {
    mlir::Value value;
    /// By how many groups.
    mlir::Value groups;
  };
  /// An integer of whole groups of bits, not 0, shifted up by groups until the
  /// highest one is not 0. Of 0, some number.
  Shifted shiftUp(mlir::Value value, unsigned groupBits);
  /// Sums over the first dimension of vector<n x m x iN>, signed, in as many
  /// bits as they need, none beyond those of the whole sum, `bits`, which the
  /// result has.
  mlir::Value sumRows(mlir::Value terms, unsigned bits);
  /// The sum of the lanes of a vector, in the same way.
  mlir::Value sumLanes(mlir::Value lanes, unsigned bits);
  /// The low bits of a value, or more of them: zeros, or the sign's.
  mlir::Value resize(mlir::Value value, unsigned bits, bool isSigned);
  /// The product of all bits of `a` and `b`, in LUTs or in DSPs.
  mlir::Value multiply(mlir::Value a, bool isASigned, mlir::Value b,
                       bool isBSigned, bool inLuts);
  mlir::Value constant(mlir::TypedAttr value);
  /// One number in all elements of `type`.
  mlir::Value splat(mlir::Type type, int64_t value);
  /// A word of stream `number`, vector<lanes x iN>.
  mlir::Value read(size_t number, mlir::Value condition);
  /// The same where `isNew` holds; else what was read when it did last for this
  /// address, which is below `depth`.
  mlir::Value readOrKeep(size_t number, mlir::Value isNew, int64_t depth,
                         mlir::Value address);
  void write(size_t number, mlir::Value word, mlir::Value condition);
  /// `value` in all lanes, `lanes` of them.
  mlir::Value broadcast(mlir::Value value, int64_t lanes);
  mlir::Value getLane(mlir::Value vector, int64_t lane);
  /// Lanes of `a` and, counted on from its last, of `b`.
  mlir::Value shuffle(mlir::Value a, mlir::Value b,
                      llvm::ArrayRef<int64_t> lanes);
  /// Words [depth, ...] at an index or a state below `depth`: a memory, or
  /// where it has one word, that.
  mlir::Value lookUp(mlir::DenseIntElementsAttr contents, mlir::Value address);
  mlir::Value memory(int64_t depth, mlir::Type word,
                     mlir::DenseIntElementsAttr contents = {});
  /// Written, whose words are loaded `apart` iterations after they were stored,
  /// or later.
  mlir::Value memoryApart(int64_t depth, mlir::Type word, int64_t apart);
  /// An entry of a table of numbers below 2^bits in block RAM, whose logic
  /// would be many LUTs. Addresses are below their number.
  mlir::Value lookUpInBlock(llvm::ArrayRef<int64_t> table, unsigned bits,
                            mlir::Value address);
  /// Addresses are cut or extended by zeros.
  mlir::Value load(mlir::Value memory, mlir::Value address);
  void store(mlir::Value word, mlir::Value memory, mlir::Value address,
             mlir::Value condition);
  /// Ends the body.
  qflow::ProcessOp finish();

  mlir::OpBuilder &getBuilder() { return builder; }

private:
  qflow::ProcessOp process;
  mlir::OpBuilder builder;
  mlir::Location loc;
  /// What becomes of the states.
  llvm::SmallVector<mlir::Value> next;
};

/// Integers of so many bits, cut from those of `numbers`.
mlir::DenseIntElementsAttr makeTensor(mlir::MLIRContext *context,
                                      llvm::ArrayRef<int64_t> shape,
                                      unsigned bits,
                                      llvm::ArrayRef<int64_t> numbers);

/// The elements of a tensor, as they are signed.
llvm::SmallVector<int64_t> getNumbers(mlir::DenseIntElementsAttr tensor);

/// vector<lanes x iN>, whatever `lanes` is.
mlir::VectorType getWordVector(qflow::StreamType stream);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_PROCESSBUILDER_H
