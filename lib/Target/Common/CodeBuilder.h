//===- CodeBuilder.h - a vocabulary for writing kernels ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_CODEBUILDER_H
#define QNT_LIB_TARGET_COMMON_CODEBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace qnt::target {

/// A thin vocabulary over arith, math, scf and llvm, for targets whose kernels
/// work on bare pointers. Methods work on scalars and vectors alike; constants
/// and loop bounds take the type of what they meet.
class CodeBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;

  CodeBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  // Types.
  Type i1() { return b.getI1Type(); }
  Type i8() { return b.getI8Type(); }
  Type i16() { return b.getI16Type(); }
  Type i32() { return b.getI32Type(); }
  Type i64() { return b.getI64Type(); }
  Type f16() { return b.getF16Type(); }
  Type bf16() { return b.getBF16Type(); }
  Type f32() { return b.getF32Type(); }
  Type f64() { return b.getF64Type(); }
  Type ptr(unsigned addressSpace = 0) {
    return mlir::LLVM::LLVMPointerType::get(b.getContext(), addressSpace);
  }
  mlir::VectorType vec(Type element, int64_t lanes) {
    return mlir::VectorType::get({lanes}, element);
  }

  // Constants.
  Value c64(int64_t value);
  Value c32(int32_t value);
  Value cf32(float value);
  Value cf64(double value);
  /// `value` of the integer or float type `type` (splat for vectors).
  Value constant(Type type, double value);

  // Integers and floats.
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value fdiv(Value x, Value y);
  Value divS(Value x, Value y);
  Value remS(Value x, Value y);
  Value divU(Value x, Value y);
  Value remU(Value x, Value y);
  Value minS(Value x, Value y);
  Value maxS(Value x, Value y);
  /// By comparison and selection: y where either is NaN.
  Value minF(Value x, Value y);
  Value maxF(Value x, Value y);
  Value absF(Value x);
  Value negF(Value x);
  Value sqrt(Value x);
  /// x * y + z, fused where the machine can.
  Value fma(Value x, Value y, Value z);
  Value band(Value x, Value y);
  Value bor(Value x, Value y);
  Value bxor(Value x, Value y);
  Value shl(Value x, unsigned bits);
  Value shrU(Value x, unsigned bits);
  Value shrS(Value x, unsigned bits);
  /// ceil(x / d) for x >= 0.
  Value ceilDiv(Value x, int64_t d);
  /// x rounded up to a multiple of d.
  Value roundUp(Value x, int64_t d) {
    return mul(ceilDiv(x, d), constant(x.getType(), d));
  }

  // Comparisons and selection (i1 or vectors of i1).
  Value ltS(Value x, Value y);
  Value geS(Value x, Value y);
  Value eq(Value x, Value y);
  Value ltF(Value x, Value y);
  Value gtF(Value x, Value y);
  Value select(Value condition, Value x, Value y);

  // Conversions; `element` is the scalar type, whatever x's shape.
  Value bitcast(Value x, Type type);
  Value sitofp(Value x, Type element);
  Value sext(Value x, Type element);
  Value zext(Value x, Type element);
  Value trunc(Value x, Type element);

  // Memory. `offset` is in bytes; pointers keep their address space.
  Value at(Value pointer, Value offset);
  Value at(Value pointer, int64_t offset);
  Value load(Type type, Value pointer, unsigned align = 1);
  void store(Value value, Value pointer, unsigned align = 1);

  // Control.
  using LoopBody =
      std::function<llvm::SmallVector<Value>(Value iv, mlir::ValueRange state)>;
  /// for (iv = low; iv < high; iv += step) state = body(iv, state).
  llvm::SmallVector<Value> loop(Value low, Value high, int64_t step,
                                mlir::ValueRange state, LoopBody body);
  void loop(Value low, Value high, int64_t step,
            std::function<void(Value iv)> body);
  void ifThen(Value condition, std::function<void()> then);
  void ifElse(Value condition, std::function<void()> then,
              std::function<void()> otherwise);

  // Within an llvm.func.
  void call(mlir::LLVM::LLVMFuncOp callee, mlir::ValueRange args);
  /// Stack space of `bytes`, 64-byte aligned, for the whole function.
  Value stack(int64_t bytes);
};

/// The function void name(args...) of `module`, internal to it: the one there
/// is, or a new one that `body` writes.
mlir::LLVM::LLVMFuncOp
getFunction(mlir::ModuleOp module, llvm::StringRef name, mlir::TypeRange args,
            llvm::function_ref<void(CodeBuilder &, mlir::ValueRange)> body);

/// `element`, in vectors of the lanes of `like` where that is a vector.
mlir::Type withShapeOf(mlir::Type element, mlir::Type like);

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_CODEBUILDER_H
