//===- RetypeCaches.h - what a KV cache holds -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_RETYPECACHES_H
#define QNT_LIB_TRANSFORMS_RETYPECACHES_H

#include "qnt/Dialect/NN/NN.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// Makes every KV cache of a module one of `format`: f16, f32, int8 or int4;
/// `same` changes nothing. Emits errors at the module for other words, models
/// without a cache, and heads that the format cannot hold.
llvm::LogicalResult retypeCaches(mlir::ModuleOp module, llvm::StringRef format);

/// The cache that an entry point takes; null where none does.
nn::KVCacheType findCache(mlir::ModuleOp module);

/// `cache` in a format of f16, f32, int8 and int4. Null after an error, which
/// `error` begins, for other words and heads that the format cannot hold.
nn::KVCacheType
getCacheType(nn::KVCacheType cache, llvm::StringRef format,
             llvm::function_ref<mlir::InFlightDiagnostic()> error);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_RETYPECACHES_H
