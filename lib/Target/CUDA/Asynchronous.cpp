//===- Asynchronous.cpp - mbarriers, TMA and wgmma -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// Nanoseconds that a wait may sleep before it looks again.
static constexpr int32_t kWaitTicks = 10000000;

void KernelBuilder::initBarrier(Value mbarrier, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(b, loc, mbarrier, c32(int32_t(arrivals)),
                               /*predicate=*/Value());
}
void KernelBuilder::fenceBarriers() {
  NVVM::FenceMbarrierInitOp::create(b, loc);
}
void KernelBuilder::arrive(Value mbarrier) {
  NVVM::MBarrierArriveOp::create(b, loc, TypeRange(), mbarrier,
                                 /*count=*/Value());
}
void KernelBuilder::arriveExpecting(Value mbarrier, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(
      b, loc, TypeRange(), mbarrier, bytes, NVVM::MemScopeKind::CTA,
      /*relaxed=*/false, /*predicate=*/Value());
}
void KernelBuilder::waitPhase(Value mbarrier, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(b, loc, mbarrier, parity,
                                        c32(kWaitTicks));
}

/// Of the block's cluster, which is the block; PTX 8.0 has copies to no other.
static Value inCluster(KernelBuilder &k, Value shared) {
  auto space = unsigned(NVVM::NVVMMemorySpace::SharedCluster);
  return LLVM::AddrSpaceCastOp::create(k.b, k.loc, k.ptr(space), shared);
}

void KernelBuilder::copyBulk(Value to, Value from, Value bytes,
                             Value mbarrier) {
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(
      b, loc, inCluster(*this, to), from, mbarrier, bytes,
      /*multicastMask=*/Value(), /*l2CacheHint=*/Value());
}
void KernelBuilder::copyBox(Value to, Value map, Value column, Value row,
                            Value mbarrier) {
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      b, loc, inCluster(*this, to), map, ValueRange{column, row}, mbarrier,
      /*im2colOffsets=*/ValueRange(), /*multicastMask=*/Value(),
      /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
      /*group=*/nullptr, /*predicate=*/Value());
}
void KernelBuilder::prefetchMap(Value map) {
  NVVM::PrefetchOp::create(b, loc, /*cacheLevel=*/nullptr,
                           /*evictPriority=*/nullptr, map,
                           /*predicate=*/Value(), /*tensormap=*/true,
                           /*uniform=*/false, /*in_param_space=*/false);
}
void KernelBuilder::syncWarp() { NVVM::SyncWarpOp::create(b, loc, c32(-1)); }
void KernelBuilder::limitRegisters(int64_t count, bool isMore) {
  NVVM::SetMaxRegisterOp::create(b, loc, int32_t(count),
                                 isMore ? NVVM::SetMaxRegisterAction::increase
                                        : NVVM::SetMaxRegisterAction::decrease);
}

// PTX ISA, "Matrix Descriptor Format" and, of tcgen05, "Shared memory
// descriptor", which has a version: addresses and distances in 16 bytes; 8 rows
// are a pattern of the swizzle, by which bits 62 and 63 are, and follow one
// another.
Value KernelBuilder::describeMatrix(Value pointer, int64_t rowBytes) {
  Value address = LLVM::PtrToIntOp::create(b, loc, i32(), pointer);
  Value low = shrU(band(address, c32(0x3ffff)), 4);
  uint64_t rest = uint64_t(1) << (rowBytes == 128 ? 62 : 63) |
                  uint64_t(8 * rowBytes >> 4) << 32 | 1 << 16;
  if (chip.hasTcgen05)
    rest |= uint64_t(1) << 46;
  return bor(zext(low, i64()), c64(int64_t(rest)));
}
Value KernelBuilder::advanceMatrix(Value descriptor, int64_t bytes) {
  return bytes ? add(descriptor, c64(bytes >> 4)) : descriptor;
}

KernelBuilder::Values
KernelBuilder::multiply(const WarpgroupInstruction &instruction, int64_t n,
                        ValueRange a, Value matrix, ValueRange sums) {
  Type number = instruction.isInteger() ? i32() : f32();
  SmallVector<Type> numbers(size_t(n / 2), number);
  return Values(qgpu::WgmmaOp::create(b, loc, numbers, a, matrix, sums, n,
                                      instruction.a, instruction.b)
                    .getD());
}
KernelBuilder::Values KernelBuilder::waitProducts(ValueRange sums) {
  return Values(
      qgpu::WgmmaWaitOp::create(b, loc, sums.getTypes(), sums).getResults());
}
