//===- Lanes.h - arith and math ops of numbers or lanes ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_LANES_H
#define QNT_LIB_TARGET_CPU_KERNELS_LANES_H

#include "../../Common/RowsGeometry.h"
#include "../KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace qnt::cpu {

/// The type that numbers of `element` are computed in: f32 for f16 and bf16,
/// i64 for index.
mlir::Type getComputeType(mlir::Type element);
using target::getByteWidth;

/// Whether `emitScalarOp` knows the op and its types.
bool isScalarOpKnown(mlir::Operation *op);
/// An arith or math op on operands of compute type, numbers or vectors, with
/// the results that docs/interpreter.md defines; f16 and bf16 results are
/// rounded.
mlir::Value emitScalarOp(KernelBuilder &k, mlir::Operation *op,
                         mlir::ValueRange operands);

/// A function of the C library of each element, by its name for doubles.
mlir::Value emitLibm(KernelBuilder &k, llvm::StringRef name,
                     mlir::ValueRange operands);

/// A value that lanes share, one that differs, or (`isRamp`) consecutive i64
/// numbers from that of the first lane on.
struct Lanes {
  mlir::Value value;
  bool isRamp = false;
  bool isShared() const {
    return !isRamp && !mlir::isa<mlir::VectorType>(value.getType());
  }
};
/// One number a lane. Of a KernelBuilder::vec of kLanes.
mlir::Value widen(KernelBuilder &k, Lanes lanes);

/// A float or integer attribute, in its compute type.
mlir::Value emitNumber(KernelBuilder &k, mlir::TypedAttr value);
/// Elements of `element` at `pointer`, in its compute type: one, kLanes
/// consecutive ones, or (`count`) the first of these.
mlir::Value loadNumber(KernelBuilder &k, mlir::Type element,
                       mlir::Value pointer);
mlir::Value loadNumbers(KernelBuilder &k, mlir::Type element,
                        mlir::Value pointer, mlir::Value count);
/// Lane i from `pointer` + offsets[i] bytes; lanes from `count` on are zero.
mlir::Value gatherNumbers(KernelBuilder &k, mlir::Type element,
                          mlir::Value pointer, mlir::Value offsets,
                          mlir::Value count);
void storeNumber(KernelBuilder &k, mlir::Value value, mlir::Type element,
                 mlir::Value pointer);
void storeNumbers(KernelBuilder &k, mlir::Value value, mlir::Type element,
                  mlir::Value pointer, mlir::Value count);

/// A tensor that a body reads elements of.
struct BodySource {
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> dims;
};

/// Emits the body of a linalg op for one point, or for kLanes points.
class BodyEmitter {
public:
  BodyEmitter(KernelBuilder &k, mlir::Block &body,
              const llvm::DenseMap<mlir::Value, BodySource> &sources,
              mlir::Value count)
      : k(k), body(body), sources(sources), count(count) {}

  /// Values of block arguments, and of scalars from outside.
  void set(mlir::Value value, Lanes lanes) { values[value] = lanes; }
  /// A constant from outside, or of the body.
  void setConstant(mlir::arith::ConstantOp constant);
  /// `index(i)` is the index of the op's i-th loop; `skip` is left out.
  void emit(llvm::function_ref<Lanes(int64_t)> index,
            llvm::ArrayRef<mlir::Operation *> skip = {});
  Lanes get(mlir::Value value) const { return values.lookup(value); }

private:
  Lanes emitOp(mlir::Operation &op);
  Lanes emitExtract(mlir::Operation &op);

  KernelBuilder &k;
  mlir::Block &body;
  const llvm::DenseMap<mlir::Value, BodySource> &sources;
  /// Valid lanes, or null for all.
  mlir::Value count;
  llvm::DenseMap<mlir::Value, Lanes> values;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_LANES_H
