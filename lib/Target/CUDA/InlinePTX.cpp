//===- InlinePTX.cpp - instructions that nvvm lacks, as PTX -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "InlinePTX.h"

#include "qnt/Dialect/QGPU/QGPU.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;

namespace {
/// Inline assembly in the place of an op: its results are the first operands
/// of the text, `tied` are the registers that they begin with, if any.
class Assembly {
public:
  explicit Assembly(Operation *op) : op(op), b(op) {
    for (Type type : op->getResultTypes())
      constrain("=", type);
  }

  /// Results begin with these numbers.
  void tie(ValueRange values) {
    for (auto [i, value] : llvm::enumerate(values)) {
      operands.push_back(value);
      addConstraint(std::to_string(i));
    }
  }
  /// The first of the operands' places in the text.
  unsigned read(ValueRange values) {
    auto first = unsigned(op->getNumResults() + operands.size());
    for (Value value : values) {
      operands.push_back(value);
      constrain("", value.getType());
    }
    return first;
  }
  /// {$first, $first + 1, ...}
  static std::string list(unsigned first, unsigned count) {
    std::string text = "{";
    for (unsigned i = 0; i < count; ++i)
      text += (i ? ", $" : "$") + std::to_string(first + i);
    return text + "}";
  }

  void finish(StringRef text) {
    SmallVector<Type> types(op->getResultTypes());
    Type type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
    auto code = LLVM::InlineAsmOp::create(
        b, op->getLoc(), type, operands, text, constraints,
        /*has_side_effects=*/true, /*is_align_stack=*/false,
        LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
        /*operand_attrs=*/nullptr);
    for (OpResult result : op->getResults())
      result.replaceAllUsesWith(
          LLVM::ExtractValueOp::create(b, op->getLoc(), code.getResult(0),
                                       int64_t(result.getResultNumber())));
    op->erase();
  }

private:
  void constrain(StringRef prefix, Type type) {
    addConstraint(prefix.str() + (type.isF32()         ? "f"
                                  : type.isInteger(64) ? "l"
                                                       : "r"));
  }
  void addConstraint(const std::string &text) {
    constraints += (constraints.empty() ? "" : ",") + text;
  }

  Operation *op;
  OpBuilder b;
  SmallVector<Value> operands;
  std::string constraints;
};
} // namespace

static void lower(qgpu::MmaOp op) {
  Assembly assembly(op);
  assembly.tie(op.getC());
  unsigned firstA = assembly.read(op.getA());
  unsigned firstB = assembly.read(op.getB());
  std::string sums = Assembly::list(0, 4);
  assembly.finish(
      llvm::formatv("mma.sync.aligned.m16n8k32.row.col.f32.{0}.{1}.f32 {2}, "
                    "{3}, {4}, {2};",
                    qgpu::stringifyElement(op.getElementA()),
                    qgpu::stringifyElement(op.getElementB()), sums,
                    Assembly::list(firstA, 4), Assembly::list(firstB, 2))
          .str());
}

static void lower(qgpu::WgmmaOp op) {
  auto n = unsigned(op.getN());
  qgpu::Element a = op.getElementA(), b = op.getElementB();
  bool ofIntegers = qgpu::isInteger(a);
  Assembly assembly(op);
  assembly.tie(op.getC());
  unsigned firstA = assembly.read(op.getA());
  unsigned firstB = assembly.read(op.getB());
  // Factors of A and B, and for 16 bits that B is not transposed.
  const char *factors = ofIntegers               ? ""
                        : qgpu::getBits(a) == 16 ? ", 1, 1, 0"
                                                 : ", 1, 1";
  std::string text = llvm::formatv(
      "{{ .reg .pred p; setp.ne.b32 p, {0}, 0; wgmma.fence.sync.aligned; "
      "wgmma.mma_async.sync.aligned.m64n{1}k{2}.{3}.{4}.{5} {6}, {7}, ${8}, "
      "p{9}; wgmma.commit_group.sync.aligned; }",
      op.getC().empty() ? 0 : 1, n, 256 / qgpu::getBits(a),
      ofIntegers ? "s32" : "f32", qgpu::stringifyElement(a),
      qgpu::stringifyElement(b), Assembly::list(0, n / 2),
      Assembly::list(firstA, 4), firstB, factors);
  assembly.finish(text);
}

static void lower(qgpu::WgmmaWaitOp op) {
  Assembly assembly(op);
  assembly.tie(op.getSums());
  assembly.finish("wgmma.wait_group.sync.aligned 0;");
}

static void lower(qgpu::TensorLoadOp op) {
  auto count = unsigned(op.getValues().size());
  Assembly assembly(op);
  unsigned address = assembly.read(op.getAddress());
  std::string text =
      llvm::formatv("{{ tcgen05.ld.sync.aligned.32x32b.x{0}.b32 {1}, [${2}]; "
                    "tcgen05.wait::ld.sync.aligned; }",
                    count, Assembly::list(0, count), address);
  assembly.finish(text);
}

void qnt::cuda::lowerToInlinePTX(ModuleOp module) {
  module.walk([](qgpu::MmaOp op) { lower(op); });
  module.walk([](qgpu::WgmmaOp op) { lower(op); });
  module.walk([](qgpu::WgmmaWaitOp op) { lower(op); });
  module.walk([](qgpu::TensorLoadOp op) { lower(op); });
}
