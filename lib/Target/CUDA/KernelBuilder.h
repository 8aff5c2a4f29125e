//===- KernelBuilder.h - writes kernels of GPUs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELBUILDER_H
#define QNT_LIB_TARGET_CUDA_KERNELBUILDER_H

#include "../Common/CodeBuilder.h"
#include "Instructions.h"
#include "Kernel.h"

#include "qnt/Target/CUDA/Chip.h"

namespace qnt::cuda {

constexpr unsigned kGlobal = 1, kShared = 3;
constexpr int64_t kWarp = 32;

/// Writes the body of one kernel. Integers are i32 unless said otherwise;
/// pointers have the address space of what they point to.
class KernelBuilder : public target::CodeBuilder {
public:
  using Values = llvm::SmallVector<Value>;

  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, const Chip &chip)
      : CodeBuilder(builder, loc), chip(chip) {}

  const Chip &chip;

  /// The lane's number in the block, which is one line of lanes.
  Value threadId();
  Value blockId(mlir::gpu::Dimension dimension);
  /// The block's shared memory.
  Value shared();

  // Arithmetic of i32 and f32 with constants.
  Value addC(Value x, int64_t y);
  Value mulC(Value x, int64_t y);
  Value divC(Value x, int64_t y);
  Value remC(Value x, int64_t y);
  Value minC(Value x, int64_t y);
  /// pointer + index * stride bytes, the product in 64 bits.
  Value atRow(Value pointer, Value index, int64_t stride);
  Value extF(Value x);
  /// Of floats, to the nearest, even of two.
  Value truncF(Value x, Type element);
  /// x / y to about two units in the last place.
  Value divFast(Value x, Value y);

  Value eqF(Value x, Value y);
  /// The integer nearest to an f32 that is one.
  Value toInt(Value x);
  Values elements(Value vector);
  Value pack(mlir::ValueRange elements);

  // Functions of f32 (Functions.cpp).
  /// One instruction.
  Value exp2(Value x);
  /// To two units in the last place; 0 and infinity beyond the range.
  Value exp(Value x);
  Value sigmoid(Value x);
  /// To 2e-7 absolute.
  Value tanh(Value x);
  /// To 2e-7 absolute (Abramowitz and Stegun 1964, 7.1.26).
  Value erf(Value x);

  /// Lane and place of a fragment as row and column, of which `place` is known.
  std::pair<Value, Value> locate(const FragmentMap &map, Value lane);

  void barrier();
  /// What the lane stored before is there for all blocks before what it stores
  /// or adds next, and likewise for what it loads.
  void fence();
  /// Adds to an i32 in global memory; what it was before.
  Value atomicAdd(Value pointer, Value x);
  Value shuffleXor(Value x, int64_t mask);
  /// Copies 16 bytes in the background; where `valid` is false, zeros.
  void copyAsync(Value to, Value from, Value valid);
  void commitCopies();
  /// Until all but the last `left` groups of the lane's copies are there.
  void waitCopies(unsigned left);
  /// `count` matrices of 8 rows of 16 bytes; lane 8 j + i points to row i of
  /// matrix j. A register for each: of a row, or `transposed` of a column.
  Values loadMatrices(Value row, unsigned count, bool transposed = false);
  /// D, of which `sums` are C.
  Values multiply(const MatrixInstruction &instruction, mlir::ValueRange a,
                  mlir::ValueRange b, mlir::ValueRange sums);
};

/// The kernels of a module, by name.
class KernelLibrary {
public:
  KernelLibrary(mlir::gpu::GPUModuleOp module, const Chip &chip);

  using Body = std::function<void(KernelBuilder &, mlir::ValueRange args)>;
  /// `kernel`, which says all but the code, as the kernel `name`. Its code is
  /// generated unless it is there. At least `minBlocks` blocks are to fit a
  /// multiprocessor.
  Kernel get(llvm::StringRef name, Kernel kernel, Body body,
             int64_t minBlocks = 1);

  mlir::gpu::GPUModuleOp module;
  const Chip &chip;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELBUILDER_H
