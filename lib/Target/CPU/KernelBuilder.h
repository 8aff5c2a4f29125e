//===- KernelBuilder.h - writes kernels in MLIR -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELBUILDER_H
#define QNT_LIB_TARGET_CPU_KERNELBUILDER_H

#include "../Common/CodeBuilder.h"

#include "qnt/Target/CPU/ISA.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt::cpu {

/// Lanes of the vectors that kernels are written in. Narrower machines split
/// them; layouts and tiles count in these.
constexpr int64_t kLanes = 16;
/// Bytes of a line of the caches.
constexpr int64_t kLineBytes = 64;

/// Writes the body of one kernel for the CPU. Integers are i64 unless said
/// otherwise, pointers `!llvm.ptr`, `Value`s of vector type have kLanes lanes
/// unless said otherwise.
class KernelBuilder : public target::CodeBuilder {
public:
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, const ISA &isa)
      : CodeBuilder(builder, loc), isa(isa) {}

  const ISA &isa;
  /// Where the kernel lies; null outside of KernelLibrary. The operations
  /// around the insertion point do not lead to it while they are being built.
  mlir::ModuleOp module;

  mlir::VectorType vec(Type element, int64_t lanes = kLanes) {
    return CodeBuilder::vec(element, lanes);
  }
  Value splat(Value scalar, int64_t lanes = kLanes);
  /// <0, 1, ..., 15> of i32.
  Value iota();
  /// The first `count`, an i64, of kLanes lanes, as vector<16xi1>.
  Value laneMask(Value count);
  /// kLanes numbers, one a lane.
  Value table(llvm::ArrayRef<float> lanes);

  /// Round half to even, to i32.
  Value roundToInt(Value x);
  Value extF(Value x, Type element);
  Value truncF(Value x, Type element);

  // Functions of each element.
  /// Of f32, to about one unit in the last place: 0 below ln(2^-126), the value
  /// at ln(2^128) above it, NaN of NaN (Kernels/Functions.cpp).
  Value exp(Value x);
  /// erfc(|x|), to 1.5e-7.
  Value erfcOfMagnitude(Value x);
  Value tanh(Value x);
  /// Of f32, to two units in the last place, with libm's results at the ends.
  Value erf(Value x);
  Value log(Value x);
  Value sin(Value x);
  Value cos(Value x);

  // Reductions of a vector to a scalar.
  Value reduceAdd(Value x);
  Value reduceMaxF(Value x);
  Value reduceMinF(Value x);

  // Memory.
  /// Lanes [0, count) of kLanes elements (`count` i64, any value); the others
  /// load as zero, and are not written. Works for every element type.
  Value loadPartial(Type element, Value pointer, Value count);
  void storePartial(Value value, Value pointer, Value count);
  /// kLanes elements of `element` (f32, f16, bf16), as f32.
  Value loadAsF32(Type element, Value pointer);
  /// The first `count` elements as f32, other lanes zero.
  Value loadAsF32Partial(Type element, Value pointer, Value count);
  /// f32 lanes rounded to `element` and stored.
  void storeF32As(Value value, Type element, Value pointer);
  void storeF32AsPartial(Value value, Type element, Value pointer, Value count);
  /// Asks for the line of the caches at `pointer`, which may be any address.
  void prefetch(Value pointer);

  /// Visits [0, `elements`) in whole vectors and one partial one: `body(offset,
  /// count)` gets the first element's index and null, or the number of valid
  /// lanes in a last, partial vector.
  void overLanes(int64_t elements,
                 std::function<void(Value index, Value count)> body);
  /// The same of [`begin`, `end`), known at run time.
  void overLanes(Value begin, Value end,
                 std::function<void(Value index, Value count)> body);

  /// The i32 lanes acc[c] + sum_j u[4c+j] * s[4c+j]; `u` are 64 unsigned and
  /// `s` 64 signed bytes as vector<16xi32>. `narrow` promises that sums of two
  /// products fit 16 bits, `below128` that no byte of `u` is larger.
  Value dot4(Value acc, Value u, Value s, bool narrow, bool below128 = false);
  /// bytes[c] of each of the bytes c, all below 16, of a vector<16xi32>.
  Value lookUpBytes(Value codes, llvm::ArrayRef<uint8_t> bytes);
  /// values[c] of each code c, below their number, which is a power of two: a
  /// tree of selections by the bits of the code.
  Value selectByCode(Value code, llvm::SmallVector<Value> values);
};

/// The kernels of a module, by name: each is generated once and shared by all
/// that ask for it.
class KernelLibrary {
public:
  KernelLibrary(mlir::ModuleOp module, const ISA &isa)
      : module(module), isa(isa) {}

  using Body = std::function<void(KernelBuilder &, mlir::ValueRange args)>;
  using Count =
      std::function<mlir::Value(KernelBuilder &, mlir::ValueRange args)>;
  using Task = std::function<void(KernelBuilder &, mlir::ValueRange args,
                                  mlir::Value begin, mlir::Value end)>;

  /// void name(args...).
  mlir::LLVM::LLVMFuncOp get(llvm::StringRef name, mlir::TypeRange args,
                             Body body);
  /// void name(context, args...), which runs `task` over [0, count(args)) in
  /// parallel slices. `args` are pointers, i64 or f32.
  mlir::LLVM::LLVMFuncOp getParallel(llvm::StringRef name, mlir::TypeRange args,
                                     Count count, Task task);

  mlir::ModuleOp module;
  const ISA &isa;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELBUILDER_H
