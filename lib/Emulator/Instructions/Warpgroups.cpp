//===- Warpgroups.cpp - matrix instructions of warpgroups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// wgmma (PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions"), with the
// figures of its fragments and descriptors written as formulas. A product takes
// place when it is asked for, but reads shared memory until it is waited for.
//===----------------------------------------------------------------------===//
#include "../Instructions.h"
#include "../MatrixOperand.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::emu;

static constexpr int64_t kRows = 64;

namespace {
/// Where B lies: columns of the product are rows of memory.
struct Descriptor {
  uint64_t address, stride, baseOffset, swizzle;

  explicit Descriptor(uint64_t bits)
      : address((bits & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4),
        baseOffset(bits >> 49 & 7), swizzle(bits >> 62) {}
};

struct Product {
  qgpu::Element a, b;
  unsigned n;
  bool hasSums;

  void run(Execution &execution) const;

private:
  bool loadB(Execution &execution, std::vector<float> &matrix) const;
  template <typename Number>
  void multiply(Execution &execution, ArrayRef<float> matrix) const;
  size_t getInputs() const { return 8 * kStepBytes / size_t(qgpu::getBits(a)); }
};
} // namespace

/// B as [n][inputs].
bool Product::loadB(Execution &execution, std::vector<float> &matrix) const {
  // Operands: 4 words of A, then the descriptor.
  Descriptor descriptor(execution.operand<uint64_t>(0, 4));
  for (size_t i = 1; i < execution.size(); ++i)
    if (execution.operand<uint64_t>(i, 4) != execution.operand<uint64_t>(0, 4))
      return execution.fail(i, "has a descriptor of its own"), false;
  if (descriptor.swizzle != 1 || descriptor.baseOffset)
    return execution.fail(0, "reads a matrix that is not swizzled by 128 bytes "
                             "from a multiple of 1024 on"),
           false;
  auto &group = execution.block.groupOf(execution.lane(0), Scope::Warpgroup);
  SwizzledMatrix operand{descriptor.address, descriptor.stride,
                         /*rowBytes=*/128, b, n};
  std::string error = operand.load(
      execution, 0, Shadow::of(group.agent, group.products + 1), matrix);
  if (!error.empty())
    execution.fail(0, error);
  return error.empty();
}

template <typename Number>
void Product::multiply(Execution &execution, ArrayRef<float> matrix) const {
  size_t inputs = getInputs();
  // Elements of a register.
  size_t packed = 32 / size_t(qgpu::getBits(a));
  std::vector<Number> rows(kRows * inputs),
      columns(matrix.begin(), matrix.end());
  for (size_t i = 0; i < kWarpgroup; ++i) {
    size_t warp = i / kWarp, g = i % kWarp / 4, t = i % 4;
    for (size_t e = 0; e < 4 * packed; ++e) {
      size_t reg = e / packed;
      size_t row = 16 * warp + g + (reg % 2 ? 8 : 0);
      size_t input = packed * t + e % packed + (reg >= 2 ? inputs / 2 : 0);
      auto *word = reinterpret_cast<const char *>(
          &execution.operand<uint32_t>(i, unsigned(reg)));
      rows[row * inputs + input] = Number(decode(a, word, e % packed));
    }
  }
  for (size_t i = 0; i < kWarpgroup; ++i) {
    size_t warp = i / kWarp, g = i % kWarp / 4, t = i % 4;
    for (size_t e = 0; e < n / 2; ++e) {
      size_t row = 16 * warp + g + (e % 4 >= 2 ? 8 : 0);
      size_t column = e / 4 * 8 + 2 * t + e % 2;
      Number sum = hasSums ? execution.operand<Number>(i, unsigned(5 + e)) : 0;
      const Number *x = rows.data() + row * inputs;
      const Number *y = columns.data() + column * inputs;
      for (size_t k = 0; k < inputs; ++k)
        if constexpr (std::is_integral_v<Number>)
          sum = Number(uint32_t(sum) + uint32_t(x[k] * y[k]));
        else
          sum += x[k] * y[k];
      execution.result<Number>(i, e) = sum;
    }
  }
}

void Product::run(Execution &execution) const {
  std::vector<float> matrix;
  if (!loadB(execution, matrix))
    return;
  if (qgpu::isInteger(a))
    multiply<int32_t>(execution, matrix);
  else
    multiply<float>(execution, matrix);
  ++execution.block.groupOf(execution.lane(0), Scope::Warpgroup).products;
}

static FailureOr<Instruction> lowerProduct(qgpu::WgmmaOp op) {
  Product product{op.getElementA(), op.getElementB(), unsigned(op.getN()),
                  !op.getC().empty()};
  return Instruction{Scope::Warpgroup, [product](Execution &execution) {
                       product.run(execution);
                     }};
}

/// The sums are there already; what the products read is read.
static FailureOr<Instruction> lowerWait(qgpu::WgmmaWaitOp op) {
  size_t count = op.getSums().size();
  return Instruction{Scope::Warpgroup, [count](Execution &execution) {
                       auto &group = execution.block.groupOf(execution.lane(0),
                                                             Scope::Warpgroup);
                       for (size_t i = 0; i < execution.size(); ++i) {
                         for (size_t e = 0; e < count; ++e)
                           execution.result<uint32_t>(i, e) =
                               execution.operand<uint32_t>(i, unsigned(e));
                         LaneClock &clock = execution.lane(i).clock;
                         LaneClock::Vector seen(*clock.seen);
                         seen[group.agent] = group.products;
                         clock.acquire(seen);
                       }
                     }};
}

/// A limit of registers, which lanes of the emulator do not have.
static FailureOr<Instruction> lowerLimit(NVVM::SetMaxRegisterOp) {
  return Instruction{Scope::Warpgroup, [](Execution &) {}};
}

void qnt::emu::addWarpgroups(InstructionTable &table) {
  table.add<NVVM::SetMaxRegisterOp>(lowerLimit);
  table.add<qgpu::WgmmaOp>(lowerProduct);
  table.add<qgpu::WgmmaWaitOp>(lowerWait);
}
