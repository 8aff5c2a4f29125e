//===- Elementwise.h - chains of ops on each number -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ELEMENTWISE_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ELEMENTWISE_H

#include "../KernelBuilder.h"

namespace qnt::cuda {

/// A number that each point of an elementwise kernel computes: an op of
/// arith or math by its name, with the attributes it has, or
///   nn.add, nn.mul        of two
///   nn.activation         {kind = "silu"} as nn::ActivationKind spells it
///   nn.clamp              {low = f32, high = f32}; NaN stays NaN
///   arith.constant        {value}
struct ElementwiseStep {
  std::string op;
  /// Numbers of earlier values: the inputs, then the steps.
  llvm::SmallVector<unsigned> operands;
  /// Of the result: f32, f16, bf16, index or an integer.
  mlir::Type type;
  mlir::DictionaryAttr attributes;
};

/// Results that each depend on one element of each input, at the points of a
/// nest of loops: chains of ops, and without steps copies of boxes (slices,
/// parts of concatenations, transpositions, broadcasts).
struct ElementwiseSpec {
  /// From one point of a loop to the next, in elements.
  enum class Stride { Zero, One, Runtime };
  struct Operand {
    mlir::Type element;
    /// By loop.
    llvm::SmallVector<Stride> strides;
  };

  /// Outermost first; one at least.
  unsigned loops = 1;
  llvm::SmallVector<Operand> inputs, results;
  llvm::SmallVector<ElementwiseStep> steps;
  /// The value of each result.
  llvm::SmallVector<unsigned> yields;
  /// Whether the innermost loop has a multiple of 4 points, which in each
  /// operand are one or neighbours that begin at multiples of 16 bytes (8 of
  /// 16 bits, 4 of 8 bits): lanes take four at a time.
  bool isWide = false;

  unsigned addStep(llvm::StringRef op, llvm::ArrayRef<unsigned> operands,
                   mlir::Type type, mlir::DictionaryAttr attributes = {});
  /// Adds the steps and yields of a linalg body whose first arguments are the
  /// inputs, and which reads no inits. The reason why it cannot, or nothing.
  std::string addBody(mlir::Block &body);
  /// The reason why there is no kernel, or nothing.
  std::string check() const;
  std::string getName() const;
};

/// (in0, in1, ..., out0, ..., points, then extent1, ... of all loops but the
/// outermost, then in0_stride0, ..., out0_stride0, ... where they are Runtime,
/// in elements), points being the product of all extents, below 2^31.
Kernel getElementwiseKernel(KernelLibrary &lib, const ElementwiseSpec &spec);

/// Numbers of an element type are computed in this one: f32 for f16 and bf16,
/// i64 for index.
mlir::Type getComputeType(mlir::Type element);
bool isScalarOpKnown(const ElementwiseStep &step);
/// A step on scalars of compute type; f16 and bf16 are rounded to.
mlir::Value emitScalarOp(KernelBuilder &k, const ElementwiseStep &step,
                         mlir::ValueRange operands);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ELEMENTWISE_H
