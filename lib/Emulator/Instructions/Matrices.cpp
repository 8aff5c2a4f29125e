//===- Matrices.cpp - warp-level matrix instructions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Fragments are those of the PTX manual's figures, restated in docs/emulator.md
// and written here as formulas. Targets have their own tables of them.
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Support/Half.h"

#include <cstring>

using namespace mlir;
using namespace qnt::emu;

//===----------------------------------------------------------------------===//
// ldmatrix
//===----------------------------------------------------------------------===//

static FailureOr<Instruction> lowerLoad(NVVM::LdMatrixOp op) {
  NVVM::LdStMatrixShapeAttr shape = op.getShape();
  if (shape.getM() != 8 || shape.getN() != 8 ||
      op.getEltType() != NVVM::LdStMatrixEltType::B16)
    return op.emitOpError("loads other than 8 x 8 elements of 16 bits");
  unsigned matrices = op.getNum();
  bool isTransposed = op.getLayout() == NVVM::MMALayout::col;
  return Instruction{
      Scope::Warp, [matrices, isTransposed](Execution &execution) {
        for (unsigned j = 0; j < matrices; ++j)
          for (unsigned row = 0; row < 8; ++row) {
            size_t giver = 8 * j + row;
            auto *from = execution.operand<const char *>(giver, 0);
            if (reinterpret_cast<uintptr_t>(from) % 16)
              return execution.fail(giver, "an address is no multiple of 16");
            if (!execution.block.isShared(from))
              return execution.fail(giver, "loads outside of shared memory");
            if (!execution.access(giver, from, 16, /*isWrite=*/false))
              return;
            for (unsigned column = 0; column < 8; ++column) {
              // Two neighbours of a row, or with .trans of a column.
              unsigned across = isTransposed ? column : row;
              unsigned along = isTransposed ? row : column;
              auto *to = reinterpret_cast<char *>(
                  &execution.result<uint32_t>(4 * across + along / 2, j));
              std::memcpy(to + along % 2 * 2, from + 2 * column, 2);
            }
          }
      }};
}

//===----------------------------------------------------------------------===//
// mma.sync, m16n8k(32 bytes)
//===----------------------------------------------------------------------===//

namespace {
/// An operand's elements: k of them in 32 bytes.
template <typename T, typename Number, Number (*decode)(T)> struct Element {
  using number = Number;
  static constexpr unsigned inputs = 32 / sizeof(T);
  /// Elements in a register.
  static constexpr unsigned packed = 4 / sizeof(T);

  /// Element e of the registers of lane i from operand `first` on.
  static Number get(const Execution &execution, size_t i, unsigned first,
                    unsigned e) {
    T element;
    std::memcpy(&element,
                reinterpret_cast<const char *>(
                    &execution.operand<uint32_t>(i, first + e / packed)) +
                    e % packed * sizeof(T),
                sizeof(T));
    return decode(element);
  }
};

int32_t fromSigned(int8_t x) { return x; }
int32_t fromUnsigned(uint8_t x) { return x; }
float fromHalf(uint16_t x) { return qnt::support::f16ToFloat(x); }
float fromBFloat(uint16_t x) { return qnt::support::bf16ToFloat(x); }
float fromE4M3(uint8_t x) { return qnt::support::f8e4m3ToFloat(x); }
float fromE5M2(uint8_t x) { return qnt::support::f8e5m2ToFloat(x); }
using S8 = Element<int8_t, int32_t, fromSigned>;
using U8 = Element<uint8_t, int32_t, fromUnsigned>;
using F16 = Element<uint16_t, float, fromHalf>;
using BF16 = Element<uint16_t, float, fromBFloat>;
using E4M3 = Element<uint8_t, float, fromE4M3>;
using E5M2 = Element<uint8_t, float, fromE5M2>;

/// D = A B + C. Integers wrap.
template <typename A, typename B> void multiply(Execution &execution) {
  constexpr unsigned inputs = A::inputs, packed = A::packed;
  using Number = typename A::number;
  Number a[16][inputs], b[8][inputs];
  for (size_t i = 0; i < kWarp; ++i) {
    unsigned g = i / 4, t = i % 4;
    for (unsigned e = 0; e < 4 * packed; ++e) {
      unsigned reg = e / packed;
      unsigned row = g + (reg % 2 ? 8 : 0);
      unsigned column = packed * t + e % packed + (reg >= 2 ? inputs / 2 : 0);
      a[row][column] = A::get(execution, i, 0, e);
    }
    for (unsigned e = 0; e < 2 * packed; ++e) {
      unsigned k = packed * t + e % packed + (e >= packed ? inputs / 2 : 0);
      b[g][k] = B::get(execution, i, 4, e);
    }
  }
  for (size_t i = 0; i < kWarp; ++i) {
    unsigned g = i / 4, t = i % 4;
    for (unsigned e = 0; e < 4; ++e) {
      unsigned row = g + (e >= 2 ? 8 : 0), column = 2 * t + e % 2;
      auto sum = execution.operand<Number>(i, 6 + e);
      for (unsigned k = 0; k < inputs; ++k)
        if constexpr (std::is_integral_v<Number>)
          sum = int32_t(uint32_t(sum) + uint32_t(a[row][k] * b[column][k]));
        else
          sum += a[row][k] * b[column][k];
      execution.result<Number>(i, e) = sum;
    }
  }
}
} // namespace

static FailureOr<Instruction> lowerMultiply(NVVM::MmaOp op) {
  using Type = NVVM::MMATypes;
  auto a = op.getMultiplicandAPtxType(), b = op.getMultiplicandBPtxType();
  auto is = [&](int64_t k, Type first, Type second) {
    NVVM::MMAShapeAttr shape = op.getShape();
    return shape.getM() == 16 && shape.getN() == 8 && shape.getK() == k &&
           a == first && b == second && op.getOperandC().size() == 4;
  };
  auto whenAll = [](void (*run)(Execution &)) {
    return Instruction{Scope::Warp, run};
  };
  if (op.getLayoutA() == NVVM::MMALayout::row &&
      op.getLayoutB() == NVVM::MMALayout::col) {
    if (is(32, Type::s8, Type::s8))
      return whenAll(multiply<S8, S8>);
    if (is(32, Type::s8, Type::u8))
      return whenAll(multiply<S8, U8>);
    if (is(32, Type::u8, Type::s8))
      return whenAll(multiply<U8, S8>);
    if (is(16, Type::f16, Type::f16))
      return whenAll(multiply<F16, F16>);
    if (is(16, Type::bf16, Type::bf16))
      return whenAll(multiply<BF16, BF16>);
  }
  return op.emitOpError("multiplies matrices that the emulator does not know");
}

static FailureOr<Instruction> lowerByteFloats(qnt::qgpu::MmaOp op) {
  using qnt::qgpu::Element::E4M3;
  bool isFirst = op.getElementA() == E4M3, isSecond = op.getElementB() == E4M3;
  return Instruction{
      Scope::Warp,
      isFirst
          ? (isSecond ? multiply<::E4M3, ::E4M3> : multiply<::E4M3, ::E5M2>)
          : (isSecond ? multiply<::E5M2, ::E4M3> : multiply<::E5M2, ::E5M2>)};
}

void qnt::emu::addMatrices(InstructionTable &table) {
  table.add<NVVM::LdMatrixOp>(lowerLoad);
  table.add<NVVM::MmaOp>(lowerMultiply);
  table.add<qnt::qgpu::MmaOp>(lowerByteFloats);
}
