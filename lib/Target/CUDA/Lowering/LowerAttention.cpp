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

/// Positions of a context that is worth cutting.
static constexpr int64_t kLongContext = 256;

static Kernel getFewTokensKernel(KernelLibrary &lib, const AttentionSpec &spec,
                                 int64_t splits) {
  return checkAttentionColumns(spec).empty()
             ? getAttentionColumnsKernel(lib, spec, splits)
             : getAttentionRowsKernel(lib, spec, splits);
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
  Kernel few = getFewTokensKernel(module.lib, spec, /*splits=*/1);
  Numbers numbers = getNumbers(k, few, args);
  int64_t multiprocessors = module.lib.chip.multiprocessors;
  int64_t splits = chooseAttentionSplits(module.lib.chip, few.grid[0].blocks);
  if (spec.isCached && splits > 1) {
    Kernel parts = getFewTokensKernel(module.lib, spec, splits);
    module.needWorkspace(parts.workspaceBytes * multiprocessors);
    Value workspace = getWorkspace(k), fits = k.c64(multiprocessors);
    llvm::append_values(args, k.at(workspace, module.getCounterBytes()),
                        workspace);
    Value isLong = k.geS(capacities[op.getCache()], k.c64(kLongContext));
    Value isSplit =
        k.band(isLong, k.geS(fits, k.mul(numbers.grid[0], numbers.grid[1])));
    numbers = choose(k, isSplit, getNumbers(k, parts, args), numbers);
  }
  if (checkAttentionTiles(spec).empty())
    numbers =
        choose(k, k.geS(k.c64(kFewTokens), tokens), numbers,
               getNumbers(k, getAttentionTilesKernel(module.lib, spec), args));
  launch(k, numbers, args);
  record(k, *op, few.code.getName(), pointer(op.getResult()));
  return success();
}
