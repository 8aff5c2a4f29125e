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

void KernelBuilder::storeTensor(Value address, ValueRange words) {
  NVVM::Tcgen05StOp::create(
      b, loc, /*unpack=*/false, NVVM::Tcgen05LdStShape::SHAPE_16X128B,
      toTensorPointer(*this, address), pack(words), /*offset=*/Value());
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
  bool ofIntegers = instruction.isInteger();
  auto isSigned = [](qgpu::Element element) {
    return uint32_t(element == qgpu::Element::S8);
  };
  uint32_t sums = ofIntegers ? 2 : 1;
  return sums << 4 | isSigned(instruction.a) << 7 |
         isSigned(instruction.b) << 10 | uint32_t(n / 8) << 17 |
         uint32_t(128 / 16) << 24;
}

void KernelBuilder::multiplyTensor(const WarpgroupInstruction &instruction,
                                   int64_t n, Value d, Value a, Value bMatrix,
                                   Value adds) {
  auto kind = instruction.isInteger() ? NVVM::Tcgen05MMAKind::I8
                                      : NVVM::Tcgen05MMAKind::F16;
  NVVM::Tcgen05MMAOp::create(
      b, loc, TypeRange(), kind, NVVM::CTAGroupKind::CTA_1,
      NVVM::Tcgen05MMACollectorOp::DISCARD, /*aShift=*/false,
      toTensorPointer(*this, d), toTensorPointer(*this, a), bMatrix,
      c32(int32_t(describeProduct(instruction, n))), adds,
      /*scaleInputD=*/Value(), /*disableOutputLane=*/Value());
}
void KernelBuilder::commitProducts(Value mbarrier) {
  NVVM::Tcgen05CommitOp::create(b, loc, mbarrier, /*multicastMask=*/Value(),
                                NVVM::CTAGroupKind::CTA_1);
}
