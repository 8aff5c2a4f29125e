//===- AttentionRows.cpp - attention of few tokens -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Some lanes, eight features each, have a position together, so that a warp
// reads several at once in pieces of 16 bytes. Each such group keeps a maximum,
// a sum and weighted values of the positions that it has seen; they are joined
// within the warp, the block and the splits, in orders that do not change.
//
//===----------------------------------------------------------------------===//
#include "AttentionParts.h"
#include "KVReader.h"

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kWarps = 4, kThreads = kWarps * kWarp,
                         kFeatures = KVReader::kFeatures;
/// Positions that a group of lanes loads before it uses them.
static constexpr int64_t kUnroll = 4;
static constexpr float kNoScore = AttentionParts::kNoScore;

namespace {
/// Of one query head: the largest score, the sum of the weights, and eight
/// weighted sums of values.
struct HeadState {
  Value most, sum;
  Values out;
};

class RowsEmitter {
public:
  RowsEmitter(const AttentionSpec &spec, int64_t splits)
      : spec(spec), cache(spec.cache), reader(cache), splits(splits),
        lanes(cache.getLanes()), groups(kWarp / lanes), heads(getHeads()),
        parts(heads, cache.headDim, kWarps, splits) {}

  Kernel describe();
  void emit(KernelBuilder &k, ValueRange args) const;

private:
  using States = SmallVector<HeadState>;
  /// Heads of a block: those that share keys, as far as registers go.
  int64_t getHeads() const {
    int64_t most = 4;
    while (spec.getGroup() % most)
      --most;
    return most;
  }

  Values flatten(const States &states) const;
  States unflatten(ValueRange values) const;
  States makeStates(KernelBuilder &k) const;
  SmallVector<Values> loadQueries(KernelBuilder &k, Value row,
                                  Value feature) const;
  States visit(KernelBuilder &k, ArrayRef<Values> queries,
               std::pair<KVRows, KVRows> memory, Value feature, Span span,
               States states, Value base, Value group) const;
  void joinWarp(KernelBuilder &k, States &states) const;

  const AttentionSpec &spec;
  const CacheGeometry &cache;
  KVReader reader;
  int64_t splits, lanes, groups, heads;
  AttentionParts parts;
  AttentionArguments at;
};
} // namespace

Kernel RowsEmitter::describe() {
  Kernel kernel;
  kernel.threads = kThreads;
  at = AttentionArguments::add(spec, kernel);
  kernel.grid[0].by(at.tokens).blocks = spec.heads / heads;
  kernel.grid[1].by(at.batch);
  parts.describe(kernel);
  return kernel;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

Values RowsEmitter::flatten(const States &states) const {
  Values values;
  for (const HeadState &state : states) {
    values.append({state.most, state.sum});
    llvm::append_range(values, state.out);
  }
  return values;
}

RowsEmitter::States RowsEmitter::unflatten(ValueRange values) const {
  States states;
  for (int64_t h = 0; h < heads; ++h) {
    ValueRange mine = values.slice(h * (2 + kFeatures), 2 + kFeatures);
    states.push_back({mine[0], mine[1], Values(mine.drop_front(2))});
  }
  return states;
}

RowsEmitter::States RowsEmitter::makeStates(KernelBuilder &k) const {
  Value zero = k.cf32(0);
  return States(size_t(heads),
                HeadState{k.cf32(kNoScore), zero, Values(kFeatures, zero)});
}

/// The queries of all heads, times the scale and log2 e, so that weights are
/// powers of two.
SmallVector<Values> RowsEmitter::loadQueries(KernelBuilder &k, Value row,
                                             Value feature) const {
  SmallVector<Values> queries;
  Value factor = k.cf32(float(spec.scale * M_LOG2E));
  Value exists = k.ltS(feature, k.c32(int32_t(cache.headDim)));
  factor = k.select(exists, factor, k.cf32(0));
  Value from = k.minC(feature, cache.headDim - kFeatures);
  for (int64_t h = 0; h < heads; ++h) {
    Values &query = queries.emplace_back();
    for (int64_t i = 0; i < kFeatures; i += 4) {
      Value there = k.at(row, k.mulC(from, 4));
      Value part = k.load(k.vec(k.f32(), 4),
                          k.at(there, 4 * (h * cache.headDim + i)), 16);
      for (Value number : k.elements(part))
        query.push_back(k.mul(number, factor));
    }
  }
  return queries;
}

/// The positions `group`, `group` + a step, ... of those from `base` on.
RowsEmitter::States RowsEmitter::visit(KernelBuilder &k,
                                       ArrayRef<Values> queries,
                                       std::pair<KVRows, KVRows> memory,
                                       Value feature, Span span, States states,
                                       Value base, Value group) const {
  Values positions, exists;
  Value from = k.minC(feature, cache.headDim - kFeatures);
  for (int64_t u = 0; u < kUnroll; ++u) {
    Value position = k.add(k.addC(base, u * kWarps * groups), group);
    exists.push_back(k.ltS(position, span.end));
    positions.push_back(k.minS(position, k.addC(span.end, -1)));
  }
  SmallVector<Values> keys, values;
  SmallVector<Values> scores{size_t(heads), Values{}};
  for (Value position : positions)
    keys.push_back(reader.load(k, memory.first, position, from));
  for (Value position : positions)
    values.push_back(reader.load(k, memory.second, position, from));
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t u = 0; u < kUnroll; ++u) {
      Value score = k.cf32(0);
      for (int64_t i = 0; i < kFeatures; ++i)
        score = k.fma(queries[h][i], keys[u][i], score);
      for (int64_t mask = lanes / 2; mask; mask /= 2)
        score = k.add(score, k.shuffleXor(score, mask));
      scores[h].push_back(k.select(exists[u], score, k.cf32(kNoScore)));
    }
  for (auto [state, score] : llvm::zip_equal(states, scores)) {
    Value most = state.most;
    for (Value one : score)
      most = k.maxF(most, one);
    Value factor = k.exp2(k.sub(state.most, most));
    state.most = most;
    state.sum = k.mul(state.sum, factor);
    for (Value &number : state.out)
      number = k.mul(number, factor);
    for (int64_t u = 0; u < kUnroll; ++u) {
      Value weight = k.exp2(k.sub(score[u], most));
      weight = k.select(exists[u], weight, k.cf32(0));
      state.sum = k.add(state.sum, weight);
      for (int64_t i = 0; i < kFeatures; ++i)
        state.out[i] = k.fma(weight, values[u][i], state.out[i]);
    }
  }
  return states;
}

/// The states of the warp's groups, in the lanes of each.
void RowsEmitter::joinWarp(KernelBuilder &k, States &states) const {
  for (HeadState &state : states)
    for (int64_t mask = kWarp / 2; mask >= lanes; mask /= 2) {
      Value most = k.maxF(state.most, k.shuffleXor(state.most, mask));
      Value factor = k.exp2(k.sub(state.most, most));
      auto join = [&](Value &number) {
        number = k.mul(number, factor);
        number = k.add(number, k.shuffleXor(number, mask));
      };
      state.most = most;
      join(state.sum);
      for (Value &number : state.out)
        join(number);
    }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void RowsEmitter::emit(KernelBuilder &k, ValueRange args) const {
  int64_t blocks = spec.heads / heads;
  Value x = k.blockId(gpu::Dimension::x), b = k.blockId(gpu::Dimension::y);
  Value token = k.divC(x, blocks), firstHead = k.mulC(k.remC(x, blocks), heads);
  Value tokens = args[at.tokens];
  Value lane = k.remC(k.threadId(), kWarp), warp = k.divC(k.threadId(), kWarp);
  Value feature = k.mulC(k.remC(lane, lanes), kFeatures);
  Value group = k.add(k.mulC(warp, groups), k.divC(lane, lanes));

  auto memory =
      locateHead(k, spec, at, args, b, k.divC(firstHead, spec.getGroup()));
  Span span = emitSpan(k, spec, loadLimit(k, spec, at, args, b), token, tokens);
  if (splits > 1)
    span = takePart(k, span, splits, kWarps * groups);
  Value row = k.add(k.mul(b, tokens), token);
  auto placeOf = [&](Value tensor) {
    Value place = k.atRow(tensor, row, 4 * spec.heads * cache.headDim);
    return k.at(place, k.mulC(firstHead, 4 * cache.headDim));
  };
  SmallVector<Values> queries =
      loadQueries(k, placeOf(args[at.query]), feature);
  Values last =
      k.loop(span.begin, span.end, kUnroll * kWarps * groups,
             flatten(makeStates(k)), [&](Value base, ValueRange sofar) {
               return flatten(visit(k, queries, memory, feature, span,
                                    unflatten(sofar), base, group));
             });
  States states = unflatten(last);
  joinWarp(k, states);
  // The warp's first group leaves what it has.
  Value isInside = k.ltS(feature, k.c32(int32_t(cache.headDim)));
  k.ifThen(k.band(k.ltS(lane, k.c32(int32_t(lanes))), isInside), [&] {
    for (auto [h, state] : llvm::enumerate(states)) {
      Value row = k.c32(int32_t(h));
      Value out = k.at(parts.valuesOf(k, warp, row), k.mulC(feature, 4));
      for (int64_t i = 0; i < kFeatures; i += 4)
        k.store(k.pack(ValueRange(state.out).slice(i, 4)), k.at(out, 4 * i),
                16);
      k.ifThen(k.eq(feature, k.c32(0)),
               [&] { parts.storeState(k, warp, row, state.most, state.sum); });
    }
  });
  // Tiles are blocks of the grid's x and y.
  Value tile = k.add(k.mul(b, k.mulC(tokens, blocks)), x);
  Value out = placeOf(args[at.out]);
  parts.finish(k, args, tile, k.c32(int32_t(heads)), [&](Value head) {
    return k.at(out, k.mulC(head, 4 * cache.headDim));
  });
}

Kernel qnt::cuda::getAttentionRowsKernel(KernelLibrary &lib,
                                         const AttentionSpec &spec,
                                         int64_t splits) {
  RowsEmitter emitter(spec, splits);
  Kernel kernel = emitter.describe();
  return lib.get(
      "attention_rows" + spec.getName() + "_p" + std::to_string(splits), kernel,
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
