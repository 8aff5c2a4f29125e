//===- Attention.cpp - scaled dot-product attention -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionTile.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// Query rows of one head that are one unit of parallel work.
constexpr int64_t kUnitRows = 64;

/// Calls the smallest tile that holds rows [first, end), or the largest one.
static void callTile(KernelBuilder &k, ArrayRef<Kernel> tiles, int64_t rows,
                     Value left, ValueRange args) {
  if (tiles.size() == 1)
    return k.call(tiles[0], args);
  k.ifElse(
      k.ltS(k.c64(rows / 2), left), [&] { k.call(tiles[0], args); },
      [&] { callTile(k, tiles.drop_front(), rows / 2, left, args); });
}

Kernel qnt::cpu::getAttentionKernel(KernelLibrary &lib, AttentionShape shape) {
  const CacheGeometry &cache = shape.cache;
  std::string name = llvm::formatv(
      "attention.{0}kv{1}x{2}.{3}.{4:x-}{5}{6}{7}", shape.heads, cache.heads,
      cache.headDim, cache.element, llvm::bit_cast<uint64_t>(shape.scale),
      shape.fromStart ? ".start" : "", shape.causal ? ".causal" : "",
      shape.window ? ".window" + std::to_string(shape.window) : "");
  if (auto existing = lib.module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  int64_t group = shape.heads / cache.heads;
  int64_t most = getMaxAttentionRows(lib.isa);
  SmallVector<Kernel> tiles;
  for (int64_t rows = most; rows > 0; rows /= 2)
    tiles.push_back(getAttentionTile(lib, name, shape, rows));

  // Arguments: query, cache, limits, out, batch, tokens, capacity.
  auto unitsPerHead = [=](KernelBuilder &k, ValueRange args) {
    return k.ceilDiv(k.mul(args[5], k.c64(group)), kUnitRows);
  };
  return lib.getParallel(
      name, argTypes(lib, 4, 3),
      [=](KernelBuilder &k, ValueRange args) {
        return k.mul(k.mul(args[4], k.c64(cache.heads)), unitsPerHead(k, args));
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value tokens = args[5], units = unitsPerHead(k, args);
        Value size = k.mul(args[6], k.c64(cache.headBytes()));
        k.loop(begin, end, 1, [&](Value unit) {
          Value index = k.divS(unit, units);
          Value block = k.sub(unit, k.mul(index, units));
          Value b = k.divS(index, k.c64(cache.heads));
          Value head = k.sub(index, k.mul(b, k.c64(cache.heads)));
          // The first of the query heads that share this head, of token 0.
          Value row = k.add(k.mul(k.mul(b, tokens), k.c64(shape.heads)),
                            k.mul(head, k.c64(group)));
          Value place = k.mul(row, k.c64(4 * cache.headDim));
          Value keys = k.at(args[1], k.mul(k.shl(index, 1), size));
          Value limit =
              loadIndexOr(k, args[2], b, shape.fromStart ? k.c64(0) : tokens);
          Value first = k.mul(block, k.c64(kUnitRows));
          Value last = k.minS(k.add(first, k.c64(kUnitRows)),
                              k.mul(tokens, k.c64(group)));
          k.loop(first, last, most, [&](Value r) {
            callTile(k, tiles, most, k.sub(last, r),
                     {k.at(args[0], place), k.at(args[3], place), keys,
                      k.at(keys, size), r, k.sub(last, k.c64(1)), limit});
          });
        });
      });
}
