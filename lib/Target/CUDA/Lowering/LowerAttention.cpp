//===- LowerAttention.cpp - attention to launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;
using target::CodeBuilder;

/// Tokens of a sequence up to which attention goes row by row.
static constexpr int64_t kFewTokens = 15;

int64_t ModuleLowering::getCacheBytesPerPosition(nn::KVCacheType cache) const {
  CacheGeometry geometry{cache.getHeads(), cache.getHeadDim(),
                         cache.getElementType()};
  return cache.getLayers() * geometry.bytesPerPosition();
}

static AttentionSpec getSpec(nn::AttentionOp op) {
  AttentionSpec spec;
  spec.heads = int64_t(op.getHeads());
  spec.scale = op.getScale().convertToDouble();
  spec.causal = op.getCausal() || op.getCache();
  spec.window = int64_t(op.getWindow().value_or(0));
  spec.isCached = bool(op.getCache());
  spec.limits = op.getCache()     ? AttentionSpec::Limits::Start
                : op.getLengths() ? AttentionSpec::Limits::Lengths
                                  : AttentionSpec::Limits::None;
  Type element = op.getCache() ? op.getCache().getType().getElementType()
                               : Float32Type::get(op.getContext());
  spec.cache = {int64_t(op.getKvHeads()), op.getHeadDim(), element};
  return spec;
}

LogicalResult FunctionLowering::emitAttention(CodeBuilder &k,
                                              nn::AttentionOp op) {
  AttentionSpec spec = getSpec(op);
  std::string reason = spec.cache.check();
  if (!reason.empty())
    return op.emitOpError("has no kernel in the CUDA target: ") << reason;
  if (failed(checkSequences(op)))
    return failure();
  Value batch = dimOf(k, op.getQuery(), 0), tokens = dimOf(k, op.getQuery(), 1);
  SmallVector<Value> args{pointer(op.getQuery())};
  if (spec.isCached) {
    Value capacity = capacities[op.getCache()];
    Value layerBytes =
        k.mul(k.mul(batch, capacity), k.c64(spec.cache.bytesPerPosition()));
    Value cache =
        k.at(pointer(op.getCache()), k.mul(layerBytes, k.c64(*op.getLayer())));
    launch(k, getCacheStoreKernel(module.lib, spec.cache),
           {pointer(op.getKey()), pointer(op.getValue()),
            pointer(op.getStart()), cache, batch, tokens, capacity});
    llvm::append_values(args, cache, pointer(op.getResult()), batch, tokens,
                        capacity, pointer(op.getStart()));
  } else {
    llvm::append_values(args, pointer(op.getKey()), pointer(op.getValue()),
                        pointer(op.getResult()), batch, tokens);
    if (op.getLengths())
      args.push_back(pointer(op.getLengths()));
  }
  Kernel rows = getAttentionRowsKernel(module.lib, spec, /*splits=*/1);
  Numbers numbers = getNumbers(k, rows, args);
  if (checkAttentionTiles(spec).empty())
    numbers =
        choose(k, k.geS(k.c64(kFewTokens), tokens), numbers,
               getNumbers(k, getAttentionTilesKernel(module.lib, spec), args));
  launch(k, numbers, args);
  record(k, *op, rows.code.getName(), pointer(op.getResult()));
  return success();
}
