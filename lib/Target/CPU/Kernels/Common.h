//===- Common.h - what kernels share ----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_COMMON_H
#define QNT_LIB_TARGET_CPU_KERNELS_COMMON_H

#include "../Kernels.h"

namespace qnt::cpu {

/// The bits of a number, for names of kernels.
std::string getKey(double value);

/// `pointers` pointers, then `integers` i64: the arguments of most kernels.
llvm::SmallVector<mlir::Type> argTypes(KernelLibrary &lib, int64_t pointers,
                                       int64_t integers);

/// A kernel that calls `row` for each index below `rows(args)`, several to a
/// slice where one is too little work (`elements` numbers read or written) to
/// be worth a thread.
Kernel getRowsKernel(
    KernelLibrary &lib, llvm::StringRef name, mlir::TypeRange args,
    int64_t elements, KernelLibrary::Count rows,
    std::function<void(KernelBuilder &, mlir::ValueRange args, mlir::Value row)>
        row);
/// As above; `row` gets `scratchBytes` of its thread's stack too, 64-byte
/// aligned.
Kernel getRowsKernel(KernelLibrary &lib, llvm::StringRef name,
                     mlir::TypeRange args, int64_t elements,
                     KernelLibrary::Count rows,
                     std::function<void(KernelBuilder &, mlir::ValueRange args,
                                        mlir::Value row, mlir::Value scratch)>
                         row,
                     int64_t scratchBytes);

/// As above, where the numbers of a row are known at run time.
Kernel getRowsKernel(
    KernelLibrary &lib, llvm::StringRef name, mlir::TypeRange args,
    KernelLibrary::Count elements, KernelLibrary::Count rows,
    std::function<void(KernelBuilder &, mlir::ValueRange args, mlir::Value row)>
        row);

/// A kernel that visits [0, last argument) in vectors
/// (KernelBuilder::overLanes). `elements` numbers are read or written for each.
Kernel getFlatKernel(KernelLibrary &lib, llvm::StringRef name,
                     mlir::TypeRange args, int64_t elements,
                     std::function<void(KernelBuilder &, mlir::ValueRange args,
                                        mlir::Value index, mlir::Value count)>
                         body);

/// Whether a pointer is null.
mlir::Value isNull(KernelBuilder &k, mlir::Value pointer);
/// The i32 at index `i` of `pointer` as i64, or `otherwise` when it is null.
mlir::Value loadIndexOr(KernelBuilder &k, mlir::Value pointer, mlir::Value i,
                        mlir::Value otherwise);

/// Copies `bytes` that do not overlap, on this thread.
void copyBytes(KernelBuilder &k, mlir::Value to, mlir::Value from,
               mlir::Value bytes);

/// The address of f32 `index` of `pointer`.
mlir::Value f32At(KernelBuilder &k, mlir::Value pointer, mlir::Value index);
/// f32 lanes from `index` on, `count` of them where it is not null
/// (KernelBuilder::overLanes), other lanes zero.
mlir::Value loadLanes(KernelBuilder &k, mlir::Value pointer, mlir::Value index,
                      mlir::Value count);
void storeLanes(KernelBuilder &k, mlir::Value value, mlir::Value pointer,
                mlir::Value index, mlir::Value count);
/// `value`, zero in lanes from `count` on where that is not null.
mlir::Value zeroBeyond(KernelBuilder &k, mlir::Value value, mlir::Value count);

/// `value`, 0 where it is NaN.
mlir::Value zeroIfNaN(KernelBuilder &k, mlir::Value value);

/// Folds vectors of [0, elements) into one: step(accumulator, index, count) as
/// in overLanes. Several accumulators, which start at `init` (neutral for
/// `join`), keep several folds in flight; `join` combines them.
mlir::Value foldLanes(
    KernelBuilder &k, int64_t elements, mlir::Value init,
    llvm::function_ref<mlir::Value(mlir::Value, mlir::Value, mlir::Value)> step,
    llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> join);

/// Makes a read-only array of the module; `data` is a dense attribute.
mlir::LLVM::GlobalOp getConstantArray(KernelLibrary &lib, llvm::StringRef name,
                                      mlir::DenseElementsAttr data);
mlir::Value addressOf(KernelBuilder &k, mlir::LLVM::GlobalOp global);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_COMMON_H
