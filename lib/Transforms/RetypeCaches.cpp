//===- RetypeCaches.cpp - what a KV cache holds -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RetypeCaches.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qnt;

/// The type of the elements; null for other words.
static Type parseElement(StringRef format, MLIRContext *context) {
  Builder b(context);
  return llvm::StringSwitch<Type>(format)
      .Case("f16", b.getF16Type())
      .Case("f32", b.getF32Type())
      .Case("int8", b.getI8Type())
      .Case("int4", b.getIntegerType(4))
      .Default({});
}

nn::KVCacheType
qnt::getCacheType(nn::KVCacheType cache, StringRef format,
                  llvm::function_ref<InFlightDiagnostic()> error) {
  Type element = parseElement(format, cache.getContext());
  if (!element) {
    error() << "expected f16, f32, int8 or int4";
    return {};
  }
  return nn::KVCacheType::getChecked(error, cache.getContext(),
                                     cache.getLayers(), cache.getHeads(),
                                     cache.getHeadDim(), element);
}

nn::KVCacheType qnt::findCache(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (auto cache = dyn_cast<nn::KVCacheType>(type))
        return cache;
  return {};
}

LogicalResult qnt::retypeCaches(ModuleOp module, StringRef format) {
  if (format == "same")
    return success();
  auto error = [&] {
    return module.emitError("qnt-quantize: kv=") << format << ": ";
  };
  nn::KVCacheType first = findCache(module);
  if (!parseElement(format, module.getContext()))
    return error() << "expected same, f16, f32, int8 or int4";
  if (!first)
    return error() << "the model has no KV cache";
  if (!getCacheType(first, format, error))
    return failure();
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](nn::KVCacheType cache) -> Type {
    return getCacheType(cache, format, error);
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  remark::passed(module.getLoc(),
                 remark::RemarkOpts::name("cache").category("qnt-quantize"))
      << remark::metric("format", format);
  return success();
}
