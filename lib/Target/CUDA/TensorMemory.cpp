//===- TensorMemory.cpp - tensor memory and tcgen05 -*- C++ -*-===//
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

static Value toTensorPointer(KernelBuilder &k, Value address) {
  auto space = unsigned(NVVM::NVVMMemorySpace::Tensor);
  return LLVM::IntToPtrOp::create(k.b, k.loc, k.ptr(space), address);
}

void KernelBuilder::allocateTensor(Value to, int64_t columns) {
  NVVM::Tcgen05AllocOp::create(b, loc, to, c32(int32_t(columns)),
                               NVVM::CTAGroupKind::CTA_1);
  NVVM::Tcgen05RelinquishAllocPermitOp::create(b, loc,
                                               NVVM::CTAGroupKind::CTA_1);
}
void KernelBuilder::freeTensor(Value address, int64_t columns) {
  NVVM::Tcgen05DeallocOp::create(b, loc, toTensorPointer(*this, address),
                                 c32(int32_t(columns)),
                                 NVVM::CTAGroupKind::CTA_1);
}
void KernelBuilder::fenceTensorBefore() {
  NVVM::Tcgen05FenceOp::create(b, loc,
                               NVVM::Tcgen05FenceKind::BEFORE_THREAD_SYNC);
}
void KernelBuilder::fenceTensorAfter() {
  NVVM::Tcgen05FenceOp::create(b, loc,
                               NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC);
}

static void storeShape(KernelBuilder &k, NVVM::Tcgen05LdStShape shape,
                       Value address, ValueRange words) {
  NVVM::Tcgen05StOp::create(k.b, k.loc, /*unpack=*/false, shape,
                            toTensorPointer(k, address), k.pack(words),
                            /*offset=*/Value());
}
void KernelBuilder::storeTensor(Value address, ValueRange words) {
  storeShape(*this, NVVM::Tcgen05LdStShape::SHAPE_16X128B, address, words);
}
void KernelBuilder::storeTensorRows(Value address, ValueRange words) {
  storeShape(*this, NVVM::Tcgen05LdStShape::SHAPE_32X32B, address, words);
}
void KernelBuilder::waitTensorStores() {
  NVVM::Tcgen05WaitOp::create(b, loc, NVVM::Tcgen05WaitKind::STORE);
}
KernelBuilder::Values KernelBuilder::loadTensor(Value address, int64_t count,
                                                Type number) {
  SmallVector<Type> numbers(size_t(count), number);
  return Values(
      qgpu::TensorLoadOp::create(b, loc, numbers, address).getValues());
}

// PTX ISA, "Instruction descriptor": the type of D, those of A and B, columns
// and rows; both matrices have the inputs of a row together.
static uint32_t describeProduct(const WarpgroupInstruction &instruction,
                                int64_t n) {
  // The second of the kind's elements.
  auto isSecond = [](qgpu::Element element) {
    return uint32_t(element == qgpu::Element::S8 ||
                    element == qgpu::Element::E5M2);
  };
  uint32_t sums = instruction.isInteger() ? 2 : 1;
  return sums << 4 | isSecond(instruction.a) << 7 |
         isSecond(instruction.b) << 10 | uint32_t(n / 8) << 17 |
         uint32_t(128 / 16) << 24;
}
// The same of blocks of e2m1, which is 1: the byte of both scales, and whether
// they are ue8m0.
static uint32_t describeBlocks(const BlockScale &scale, int64_t n,
                               int64_t byte) {
  uint32_t isPower = scale.format == NVVM::BlockScaleFormat::UE8M0;
  return uint32_t(byte) << 4 | 1 << 7 | 1 << 10 | uint32_t(n / 8) << 17 |
         isPower << 23 | uint32_t(128 / 128) << 27 | uint32_t(byte) << 29;
}

void KernelBuilder::multiplyTensor(const WarpgroupInstruction &instruction,
                                   int64_t n, Value d, Value a, Value bMatrix,
                                   Value adds) {
  auto kind = instruction.isInteger() ? NVVM::Tcgen05MMAKind::I8
              : qgpu::getBits(instruction.a) == 16
                  ? NVVM::Tcgen05MMAKind::F16
                  : NVVM::Tcgen05MMAKind::F8F6F4;
  NVVM::Tcgen05MMAOp::create(
      b, loc, TypeRange(), kind, NVVM::CTAGroupKind::CTA_1,
      NVVM::Tcgen05MMACollectorOp::DISCARD, /*aShift=*/false,
      toTensorPointer(*this, d), toTensorPointer(*this, a), bMatrix,
      c32(int32_t(describeProduct(instruction, n))), adds,
      /*scaleInputD=*/Value(), /*disableOutputLane=*/Value());
}
void KernelBuilder::multiplyTensor(const WarpgroupInstruction &instruction,
                                   int64_t n, Value d, Value a, Value bMatrix,
                                   Value scaleA, Value scaleB, int64_t byte,
                                   Value adds) {
  const BlockScale &scale = *instruction.warp.scale;
  auto blocks = scale.group == 16 ? NVVM::Tcgen05MMABlockScale::BLOCK16
                                  : NVVM::Tcgen05MMABlockScale::BLOCK32;
  NVVM::Tcgen05MMABlockScaleOp::create(
      b, loc, scale.kind, NVVM::CTAGroupKind::CTA_1, blocks,
      NVVM::Tcgen05MMACollectorOp::DISCARD, toTensorPointer(*this, d),
      toTensorPointer(*this, a), bMatrix,
      c32(int32_t(describeBlocks(scale, n, byte))), adds,
      toTensorPointer(*this, scaleA), toTensorPointer(*this, scaleB));
}
void KernelBuilder::commitProducts(Value mbarrier) {
  NVVM::Tcgen05CommitOp::create(b, loc, mbarrier, /*multicastMask=*/Value(),
                                NVVM::CTAGroupKind::CTA_1);
}
