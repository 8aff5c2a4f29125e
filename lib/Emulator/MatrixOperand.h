//===- MatrixOperand.h - matrices in shared memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_MATRIXOPERAND_H
#define QNT_LIB_EMULATOR_MATRIXOPERAND_H

#include "ThreadBlock.h"

#include "qnt/Dialect/QGPU/QGPU.h"

namespace qnt::emu {

/// Bytes of a column's inputs in one step of a product.
constexpr size_t kStepBytes = 32;

/// Element `index` of those that lie together from `from` on, of less than 8
/// bits the lowest first. Every element is exact in f32, integers too.
float decode(qgpu::Element element, const char *from, size_t index);

/// A scale of a block of e2m1: ue4m3, or where it `isPower` ue8m0.
double decodeScale(uint8_t byte, bool isPower);

/// Operand B of a product of wgmma or tcgen05.mma in shared memory: a column's
/// inputs lie in a row of memory of 128 or 64 bytes, swizzled by as many, and 8
/// columns together.
struct SwizzledMatrix {
  /// Of an address in shared memory there are 18 bits.
  uint64_t address, stride, rowBytes;
  qgpu::Element element;
  unsigned columns;

  /// Reads it as [columns][inputs] for lane i, which the product `by` does. An
  /// error, or nothing.
  std::string load(Execution &execution, size_t i, Shadow::Epoch by,
                   std::vector<float> &matrix) const;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_MATRIXOPERAND_H
