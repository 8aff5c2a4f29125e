//===- KVReader.cpp - keys and values in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KVReader.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;
using Limits = AttentionSpec::Limits;

KVRows KVReader::locate(KernelBuilder &k, Value pointer, Value capacity,
                        Value b, Value head, Value isValue) const {
  Value index = k.add(k.mulC(b, cache.heads), head);
  index = k.zext(k.add(k.mulC(index, 2), isValue), k.i64());
  Value positions = k.mul(index, k.zext(capacity, k.i64()));
  Value base = k.at(pointer, k.mul(positions, k.c64(cache.headBytes())));
  return {base, k.atRow(base, capacity, cache.rowBytes()), cache.rowBytes()};
}

KVRows KVReader::locate(KernelBuilder &k, Value pointer, Value tokens, Value b,
                        Value head) const {
  int64_t stride = 4 * cache.heads * cache.headDim;
  Value base = k.atRow(pointer, k.mul(b, tokens), stride);
  return {k.at(base, k.mulC(head, 4 * cache.headDim)), Value(), stride};
}

Value KVReader::at(KernelBuilder &k, const KVRows &from, Value position,
                   Value feature) const {
  Value offset = k.divC(k.mulC(feature, cache.bits()), 8);
  return k.at(k.atRow(from.rows, position, from.stride), offset);
}

Values KVReader::load(KernelBuilder &k, const KVRows &from, Value position,
                      Value feature) const {
  Value there = at(k, from, position, feature);
  if (!cache.isCodes()) {
    Values numbers;
    int64_t most = 128 / cache.bits();
    for (int64_t i = 0; i < kFeatures; i += most) {
      Value part = k.load(k.vec(cache.element, most),
                          k.at(there, i * cache.bits() / 8), 16);
      llvm::append_range(numbers, k.elements(k.extF(part)));
    }
    return numbers;
  }
  int64_t bits = cache.bits(), words = kFeatures * bits / 32;
  Value packed = k.load(words == 1 ? k.i32() : k.vec(k.i32(), words), there,
                        unsigned(4 * words));
  Values loaded = words == 1 ? Values{packed} : k.elements(packed);
  Value params = k.load(k.i32(), k.atRow(from.params, position, 4), 4);
  Value scale = k.extF(k.bitcast(k.trunc(params, k.i16()), k.f16()));
  // A code in the last bits of 2^23 counts one; both come off exactly.
  Value base = k.c32(0x4b000000);
  Value zero =
      k.bitcast(k.bor(k.band(k.shrU(params, 16), k.c32(255)), base), k.f32());
  Values numbers;
  for (int64_t i = 0; i < kFeatures; ++i) {
    unsigned shift = unsigned(i * bits % 32);
    Value code =
        k.band(k.shrU(loaded[i * bits / 32], shift), k.c32((1 << bits) - 1));
    Value number = k.sub(k.bitcast(k.bor(code, base), k.f32()), zero);
    numbers.push_back(k.mul(number, scale));
  }
  return numbers;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

std::string AttentionSpec::getName() const {
  const char *limit = limits == Limits::None      ? ""
                      : limits == Limits::Lengths ? "_lengths"
                                                  : "_start";
  return llvm::formatv("_{0}kv{1}x{2}_{3}{4}_{5:x-}{6}{7}{8}", heads,
                       cache.heads, cache.headDim, isCached ? "" : "in",
                       cache.element, llvm::bit_cast<uint32_t>(float(scale)),
                       limit, causal ? "_causal" : "",
                       window ? "_window" + std::to_string(window) : "");
}

AttentionArguments AttentionArguments::add(const AttentionSpec &spec,
                                           Kernel &kernel) {
  AttentionArguments at;
  at.query = kernel.addInput("query");
  if (spec.isCached) {
    at.keys = at.values = kernel.addInput("cache");
  } else {
    at.keys = kernel.addInput("key");
    at.values = kernel.addInput("value");
  }
  at.out = kernel.addOutput("out");
  at.batch = kernel.addSize("batch");
  at.tokens = kernel.addSize("tokens");
  if (spec.isCached)
    at.capacity = kernel.addSize("capacity");
  if (spec.limits != Limits::None)
    at.limits = kernel.addInput("limits");
  return at;
}

std::pair<KVRows, KVRows> qnt::cuda::locateHead(KernelBuilder &k,
                                                const AttentionSpec &spec,
                                                const AttentionArguments &at,
                                                ValueRange args, Value b,
                                                Value head) {
  KVReader reader(spec.cache);
  auto locate = [&](unsigned argument, int32_t isValue) {
    if (spec.isCached)
      return reader.locate(k, args[argument], args[at.capacity], b, head,
                           k.c32(isValue));
    return reader.locate(k, args[argument], args[at.tokens], b, head);
  };
  return {locate(at.keys, 0), locate(at.values, 1)};
}

Value qnt::cuda::loadLimit(KernelBuilder &k, const AttentionSpec &spec,
                           const AttentionArguments &at, ValueRange args,
                           Value b) {
  if (spec.limits == Limits::None)
    return Value();
  return k.load(k.i32(), k.atRow(args[at.limits], b, 4), 4);
}

Span qnt::cuda::emitSpan(KernelBuilder &k, const AttentionSpec &spec,
                         Value limit, Value token, Value tokens) {
  Value position = token, end = tokens;
  if (spec.limits == Limits::Start)
    position = k.add(limit, token);
  if (spec.limits == Limits::Lengths)
    end = limit;
  Value next = k.addC(position, 1);
  if (spec.limits == Limits::Start)
    end = next;
  else if (spec.causal)
    end = k.minS(end, next);
  Value begin = k.c32(0);
  if (spec.window)
    begin = k.maxS(begin, k.addC(next, -spec.window));
  return {begin, end};
}

Span qnt::cuda::takePart(KernelBuilder &k, Span span, int64_t splits,
                         int64_t multiple) {
  Value count = k.maxS(k.sub(span.end, span.begin), k.c32(0));
  Value share = k.roundUp(k.ceilDiv(count, splits), multiple);
  Value begin = k.add(span.begin, k.mul(share, k.blockId(gpu::Dimension::z)));
  return {begin, k.minS(span.end, k.add(begin, share))};
}
