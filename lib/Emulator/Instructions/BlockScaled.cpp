//===- BlockScaled.cpp - products of blocks with scales -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// mma.sync.m16n8k64 of e2m1 with .block_scale (PTX ISA, "Matrix Fragments for
// mma.m16n8k64" and "Block Scaling"), its figures written as formulas.
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"
#include "../MatrixOperand.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <array>

using namespace mlir;
using namespace qnt::emu;

static constexpr unsigned kInputs = 64;

/// Element `e` of a word.
static double decodeNibble(uint32_t word, unsigned e) {
  return decode(qnt::qgpu::Element::E2M1, reinterpret_cast<const char *>(&word),
                e);
}

namespace {
struct BlockScaledProduct {
  /// Scales of a row in a step, and whether they are powers of two.
  unsigned groups;
  bool isPower;

  void run(Execution &execution) const;

private:
  // Of the operands: A, B, C, then data, byte and thread of both scales.
  enum { A = 0, B = 4, C = 6, ScaleA = 10, ScaleB = 13 };
  bool isSelected(Execution &execution, unsigned first, unsigned threads) const;
};
} // namespace

/// Whether byte and thread are those of all lanes, and in range; a word with as
/// many scales as bytes is taken whole, one of two from byte 0 or 2.
bool BlockScaledProduct::isSelected(Execution &execution, unsigned first,
                                    unsigned threads) const {
  auto byte = execution.operand<uint16_t>(0, first + 1);
  auto thread = execution.operand<uint16_t>(0, first + 2);
  for (size_t i = 1; i < kWarp; ++i)
    if (execution.operand<uint16_t>(i, first + 1) != byte ||
        execution.operand<uint16_t>(i, first + 2) != thread)
      return execution.fail(i, "selects scales of its own"), false;
  if (byte % groups || byte >= 4 || thread >= threads)
    return execution.fail(0, "selects scales that there are not"), false;
  return true;
}

void BlockScaledProduct::run(Execution &execution) const {
  if (!isSelected(execution, ScaleA, 2) || !isSelected(execution, ScaleB, 4))
    return;
  unsigned byteA = execution.operand<uint16_t>(0, ScaleA + 1);
  unsigned byteB = execution.operand<uint16_t>(0, ScaleB + 1);
  unsigned threadA = execution.operand<uint16_t>(0, ScaleA + 2);
  unsigned threadB = execution.operand<uint16_t>(0, ScaleB + 2);
  std::array<std::array<double, kInputs>, 16> a;
  std::array<std::array<double, kInputs>, 8> b;
  for (size_t i = 0; i < kWarp; ++i) {
    size_t g = i / 4, t = i % 4;
    for (unsigned e = 0; e < 32; ++e) {
      uint32_t word = execution.operand<uint32_t>(i, A + e / 8);
      a[g + (e / 8 % 2 ? 8 : 0)][8 * t + e % 8 + (e >= 16 ? 32 : 0)] =
          decodeNibble(word, e % 8);
    }
    for (unsigned e = 0; e < 16; ++e) {
      uint32_t word = execution.operand<uint32_t>(i, B + e / 8);
      b[g][8 * t + e % 8 + (e >= 8 ? 32 : 0)] = decodeNibble(word, e % 8);
    }
  }
  auto scaleOf = [&](size_t lane, unsigned first, unsigned byte, unsigned k) {
    uint32_t word = execution.operand<uint32_t>(lane, first);
    unsigned group = k / (kInputs / groups);
    return decodeScale(uint8_t(word >> 8 * (byte + group)), isPower);
  };
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned k = 0; k < kInputs; ++k)
      // Of a quad, the pair of lanes that is selected gives the rows g, g + 8.
      a[row][k] *=
          scaleOf(4 * (row % 8) + 2 * threadA + row / 8, ScaleA, byteA, k);
  for (unsigned column = 0; column < 8; ++column)
    for (unsigned k = 0; k < kInputs; ++k)
      b[column][k] *= scaleOf(4 * column + threadB, ScaleB, byteB, k);
  for (size_t i = 0; i < kWarp; ++i) {
    size_t g = i / 4, t = i % 4;
    for (unsigned e = 0; e < 4; ++e) {
      size_t row = g + (e >= 2 ? 8 : 0), column = 2 * t + e % 2;
      auto sum = execution.operand<float>(i, C + e);
      for (unsigned k = 0; k < kInputs; ++k)
        sum = float(sum + a[row][k] * b[column][k]);
      execution.result<float>(i, e) = sum;
    }
  }
}

static FailureOr<Instruction> lowerProduct(NVVM::MmaBlockScaleOp op) {
  using Type = NVVM::MMATypes;
  NVVM::MMAShapeAttr shape = op.getShape();
  bool isPower = op.getBlockScaleFormat() == NVVM::BlockScaleFormat::UE8M0;
  bool isFour = op.getScaleVecSize() == NVVM::ScaleVecSize::X4;
  bool isKnown =
      isPower ? op.getScaleVecSize() == NVVM::ScaleVecSize::X2 &&
                    op.getKind() == NVVM::MMABlockScaleKind::MXF4
              : isFour && op.getKind() == NVVM::MMABlockScaleKind::MXF4NVF4;
  if (!isKnown || shape.getM() != 16 || shape.getN() != 8 ||
      shape.getK() != kInputs || op.getMultiplicandAPtxType() != Type::e2m1 ||
      op.getMultiplicandBPtxType() != Type::e2m1 ||
      op.getOperandA().size() != 4 || op.getOperandB().size() != 2 ||
      op.getOperandC().size() != 4)
    return op.emitOpError(
        "multiplies matrices that the emulator does not know");
  BlockScaledProduct product{isFour ? 4u : 2u, isPower};
  return Instruction{
      Scope::Warp, [product](Execution &execution) { product.run(execution); }};
}

void qnt::emu::addBlockScaled(InstructionTable &table) {
  table.add<NVVM::MmaBlockScaleOp>(lowerProduct);
}
