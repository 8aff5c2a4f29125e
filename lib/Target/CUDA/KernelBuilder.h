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
constexpr int64_t kWarp = 32, kWarpgroup = 128;
/// Of a CUtensorMap.
constexpr int64_t kTensorMapBytes = 128;

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
  /// One instruction: the other one where either is NaN.
  Value maxNum(Value x, Value y);
  /// Four f32 as bytes of a word, the first lowest, to the nearest e5m2 or
  /// e4m3, even of two, or the largest number; NaN as NaN.
  Value toFloat8(mlir::ValueRange numbers, bool isE5M2);
  /// Likewise as e2m1, in the low 16 bits, of numbers that are not NaN.
  Value toFloat4(mlir::ValueRange numbers);
  /// Two f32 as f16, the first in the low half of a word.
  Value toHalves(Value low, Value high);
  /// A word of four of the bytes of two: 0 to 3 are those of `x`, 4 to 7 of
  /// `y`, from the lowest up.
  Value takeBytes(Value x, Value y, std::array<int64_t, 4> bytes);
  /// The integer nearest to an f32 that is one.
  Value toInt(Value x);
  Values elements(Value vector);
  /// 4, 8 or 16 bytes that lie together, as i32.
  Values loadWords(Value from, int64_t bytes);
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
  /// What that lane of the warp has.
  Value shuffle(Value x, Value lane);
  /// Copies 4, 8 or 16 bytes in the background; where `valid` is false, zeros.
  void copyAsync(Value to, Value from, Value valid, int64_t bytes = 16);
  void commitCopies();
  /// Until all but the last `left` groups of the lane's copies are there.
  void waitCopies(unsigned left);
  /// `count` matrices of 8 rows of 16 bytes; lane 8 j + i points to row i of
  /// matrix j. A register for each: of a row, or `transposed` of a column.
  Values loadMatrices(Value row, unsigned count, bool transposed = false);
  /// D, of which `sums` are C.
  Values multiply(const MatrixInstruction &instruction, mlir::ValueRange a,
                  mlir::ValueRange b, mlir::ValueRange sums);
  /// The same of blocks, whose scales in a lane's words begin at `byte`.
  Values multiply(const MatrixInstruction &instruction, mlir::ValueRange a,
                  mlir::ValueRange b, mlir::ValueRange sums, Value scaleA,
                  Value scaleB, int64_t byte);

  // Asynchronous.cpp, for chips with TMA: mbarriers are 8 bytes of shared
  // memory.
  /// A phase of the mbarrier ends after `arrivals`.
  void initBarrier(Value mbarrier, int64_t arrivals);
  /// Mbarriers that were initialised before are known to copies.
  void fenceBarriers();
  void arrive(Value mbarrier);
  /// Arrives; the phase also waits for `bytes` of copies.
  void arriveExpecting(Value mbarrier, Value bytes);
  /// Until the phase of that parity has ended.
  void waitPhase(Value mbarrier, Value parity);
  /// Copies to shared memory that `mbarrier` counts: of `bytes`, in multiples
  /// of 16; of the box of a tensor map that begins at that column and row, to a
  /// multiple of 1024.
  void copyBulk(Value to, Value from, Value bytes, Value mbarrier);
  void copyBox(Value to, Value map, Value column, Value row, Value mbarrier);
  void prefetchMap(Value map);
  /// What the lanes of the warp did before is there for what they do next.
  void syncWarp();
  /// The registers of each lane of the warpgroup from here on.
  void limitRegisters(int64_t count, bool isMore);
  /// Of wgmma, or of tcgen05 on chips with that, for rows of 128 or 64 bytes in
  /// shared memory, as boxes lie there: the descriptor, and that of the columns
  /// from `bytes` on, a multiple of 32.
  Value describeMatrix(Value pointer, int64_t rowBytes = 128);
  Value advanceMatrix(Value descriptor, int64_t bytes);
  /// D, whose first numbers are `sums`, or zeros without them. It is there
  /// after `waitProducts`, which gives it back.
  Values multiply(const WarpgroupInstruction &instruction, int64_t n,
                  mlir::ValueRange a, Value b, mlir::ValueRange sums);
  Values waitProducts(mlir::ValueRange sums);

  // TensorMemory.cpp, for chips with tcgen05. Addresses of tensor memory are a
  // lane, from bit 16 on, and a column.
  /// By a whole warp: the address of `columns`, a power of two of 32 or more,
  /// is stored in shared memory; nothing more is allocated from then on.
  void allocateTensor(Value to, int64_t columns);
  void freeTensor(Value address, int64_t columns);
  /// What the lane did to tensor memory is known to who waits for the lane
  /// next; what lanes that it has waited for did, to the lane.
  void fenceTensorBefore();
  void fenceTensorAfter();
  /// By a warp: of 16 lanes of tensor memory, in columns 4 j + lane % 4, word
  /// 2 j of lane / 4 and word 2 j + 1 of lane / 4 + 8.
  void storeTensor(Value address, mlir::ValueRange words);
  /// By a warp: words of the lane's lane, a power of two of them.
  void storeTensorRows(Value address, mlir::ValueRange words);
  void waitTensorStores();
  /// By a warp: `count` columns of the lane's lane.
  Values loadTensor(Value address, int64_t count, Type number);
  /// By one lane: D = A B, or + D where `adds`, with A and D of 128 rows in
  /// tensor memory, of one step: 32 bytes of inputs.
  void multiplyTensor(const WarpgroupInstruction &instruction, int64_t n,
                      Value d, Value a, Value b, Value adds);
  /// The same of blocks. Their scales, words of rows of A and of columns of B,
  /// are in tensor memory: that of row r in lane r % 32 of each of four
  /// quarters, in column r / 32; those of the step begin at `byte`.
  void multiplyTensor(const WarpgroupInstruction &instruction, int64_t n,
                      Value d, Value a, Value b, Value scaleA, Value scaleB,
                      int64_t byte, Value adds);
  /// The lane's products so far arrive at `mbarrier` when they are over.
  void commitProducts(Value mbarrier);
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
