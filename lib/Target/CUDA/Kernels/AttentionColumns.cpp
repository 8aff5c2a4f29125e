//===- AttentionColumns.cpp - attention of few tokens -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Queries that share keys, tokens and heads, are eight columns. A warp takes
// some positions of its own at a time, straight from global memory
// (KVOperands.h): scores are the queries, as rows of A, times keys; what a lane
// has of them is what it is to hold of the weights, B, in the product with the
// values, whose sums have features as rows and queries as columns.
//
// Eight queries fill half of A: its other rows are what f16 leaves of them, so
// that scores are those of queries of 22 bits. Weights are multiplied likewise,
// one product for each half.
//
// Codes are multiplied as they are. The scale of a position's keys multiplies
// its scores; that of its values its weights, over the largest scale so far,
// rounded to a power of two, so that weights keep to the range of f16. Zero
// points of keys are taken off with the sum of the query; those of values are
// one more row of values, whose sums are taken off.
//
//===----------------------------------------------------------------------===//
#include "AttentionParts.h"
#include "KVOperands.h"

#include <cmath>
#include <limits>
#include <map>

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kWarps = 4, kThreads = kWarps * kWarp;
static constexpr int64_t kColumns = 8, kPositions = 16;
/// Positions of a lane's sums in a tile of kPositions.
static constexpr int64_t kOwn = 4;
static constexpr float kNoScore = AttentionParts::kNoScore;
/// So far below that its weight is zero even where there is no score yet.
static constexpr float kMasked = std::numeric_limits<float>::lowest();
/// The largest weight is 2^this, so that f16 holds small ones too.
static constexpr float kWeightBits = 14;
/// The bits of f32's exponent; of the least scale, 2^-24; of 2^127.
static constexpr int32_t kExponent = 0x7f800000, kLeastScale = 103 << 23,
                         kTwoTo127 = 0x7f000000;

namespace {
class ColumnsEmitter {
public:
  ColumnsEmitter(const AttentionSpec &spec, int64_t splits)
      : spec(spec), cache(spec.cache), operands(cache), splits(splits),
        parts(kColumns, cache.headDim, kWarps, splits) {}

  Kernel describe();
  void emit(KernelBuilder &k, ValueRange args) const;

private:
  struct Context {
    Value lane, warp;
    /// lane % 4.
    Value quad;
    std::pair<KVRows, KVRows> memory;
    /// What the lane's query, column lane / 4, attends to, and the part of all
    /// of them that the block has.
    Span span, part;
    /// Operands A by steps of 16 features, and less the sum of the query.
    SmallVector<Values> queries;
    Value offQuery;
    /// What codes are ored into.
    Value codeBase;
  };
  /// Of the lane's query the largest score and the lane's sum of weights; the
  /// bits of the largest scale of values; sums of weighted values, four for
  /// each step: features by two queries; and of what is to be taken off them.
  struct State {
    Value most, sum, scale;
    Values out, offset;
  };
  /// What a lane loads of kPositions.
  struct Tile {
    Value base;
    SmallVector<Values> keys, values;
    Values keyParams, valueParams;
  };

  int64_t getTiles() const { return cache.isCodes() ? 2 : 1; }
  State makeState(KernelBuilder &k) const;
  Values flatten(const State &state) const;
  State unflatten(ValueRange values) const;

  void loadQuery(KernelBuilder &k, Value row, Context &context) const;
  Tile load(KernelBuilder &k, const Context &context, Value base) const;
  Values multiplyKeys(KernelBuilder &k, const Context &context,
                      const Tile &tile) const;
  Value countLeft(KernelBuilder &k, const Context &context, const Tile &tile,
                  Value end) const;
  Values getValueScales(KernelBuilder &k, const Context &context,
                        const Tile &tile) const;
  State visit(KernelBuilder &k, const Context &context, Value base,
              const State &state) const;
  Values finish(KernelBuilder &k, State &state) const;

  const AttentionSpec &spec;
  const CacheGeometry &cache;
  KVOperands operands;
  int64_t splits;
  AttentionParts parts;
  AttentionArguments at;
};
} // namespace

Kernel ColumnsEmitter::describe() {
  Kernel kernel;
  kernel.threads = kThreads;
  at = AttentionArguments::add(spec, kernel);
  kernel.grid[0].by(at.tokens, spec.getGroup(), kColumns).blocks = cache.heads;
  kernel.grid[1].by(at.batch);
  parts.describe(kernel);
  return kernel;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

ColumnsEmitter::State ColumnsEmitter::makeState(KernelBuilder &k) const {
  Value zero = k.cf32(0);
  return {k.cf32(kNoScore), zero, k.c32(kLeastScale),
          Values(size_t(4 * operands.getSteps()), zero), Values(4, zero)};
}

Values ColumnsEmitter::flatten(const State &state) const {
  Values values{state.most, state.sum};
  llvm::append_range(values, state.out);
  if (cache.isCodes()) {
    values.push_back(state.scale);
    llvm::append_range(values, state.offset);
  }
  return values;
}

ColumnsEmitter::State ColumnsEmitter::unflatten(ValueRange values) const {
  auto count = size_t(4 * operands.getSteps());
  State state{
      values[0], values[1], Value(), Values(values.slice(2, count)), {}};
  if (cache.isCodes()) {
    state.scale = values[2 + count];
    state.offset = Values(values.drop_front(3 + count));
  }
  return state;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Numbers as f16, two a word, and what that leaves of them.
static std::array<Values, 2> splitHalves(KernelBuilder &k, ValueRange numbers) {
  std::array<Values, 2> words;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    Values rest;
    for (Value number : numbers.slice(i, 2))
      rest.push_back(k.sub(number, k.extF(k.truncF(number, k.f16()))));
    words[0].push_back(k.toHalves(numbers[i], numbers[i + 1]));
    words[1].push_back(k.toHalves(rest[0], rest[1]));
  }
  return words;
}

/// The query at `row`, f32, times the scale and log2 e, so that weights are
/// powers of two.
void ColumnsEmitter::loadQuery(KernelBuilder &k, Value row,
                               Context &context) const {
  Value from = k.at(row, k.mulC(operands.getKeyFeature(k, context.lane), 4));
  Value factor = k.cf32(float(spec.scale * M_LOG2E)), sum = k.cf32(0);
  std::map<int64_t, Values> loaded;
  auto numberOf = [&](int64_t feature) {
    Values &four = loaded[feature / 4];
    if (four.empty())
      four = k.elements(
          k.load(k.vec(k.f32(), 4), k.at(from, feature / 4 * 16), 16));
    return k.mul(four[feature % 4], factor);
  };
  for (int64_t step = 0; step < operands.getSteps(); ++step) {
    Values four;
    for (int64_t feature : operands.getQueryFeatures(step)) {
      four.push_back(numberOf(feature));
      sum = k.add(sum, four.back());
    }
    // A: rows g and g + 8, then both 8 columns further.
    auto [high, low] = splitHalves(k, four);
    context.queries.push_back({high[0], low[0], high[1], low[1]});
  }
  for (int64_t mask : {1, 2})
    sum = k.add(sum, k.shuffleXor(sum, mask));
  context.offQuery = k.negF(sum);
}

ColumnsEmitter::Tile ColumnsEmitter::load(KernelBuilder &k,
                                          const Context &context,
                                          Value base) const {
  Tile tile;
  tile.base = base;
  // Memory goes on to a multiple of kPositions, but nobody wrote what is beyond
  // the end: codes are harmless there, floats of values are not.
  Value last = k.addC(context.part.end, -1);
  Value from = base;
  if (getTiles() > 1)
    from = k.minS(from, k.band(last, k.c32(int32_t(-kPositions))));
  for (int64_t i : {0, 1})
    tile.keys.push_back(operands.loadKeys(
        k, context.memory.first,
        k.add(from, operands.getKeyPosition(k, context.lane, i)),
        context.lane));
  Value own = k.add(from, k.mulC(context.quad, kOwn));
  for (int64_t i = 0; i < kOwn; ++i) {
    Value position = k.addC(own, i);
    if (!cache.isCodes())
      position = k.minS(position, last);
    tile.values.push_back(
        operands.loadValues(k, context.memory.second, position, context.lane));
  }
  if (!cache.isCodes())
    return tile;
  auto loadParams = [&](const KVRows &rows) {
    return k.elements(
        k.load(k.vec(k.i32(), kOwn), k.atRow(rows.params, own, 4), 16));
  };
  tile.keyParams = loadParams(context.memory.first);
  tile.valueParams = loadParams(context.memory.second);
  return tile;
}

/// Positions from the lane's first one of a tile to `end`.
Value ColumnsEmitter::countLeft(KernelBuilder &k, const Context &context,
                                const Tile &tile, Value end) const {
  return k.sub(k.sub(end, k.mulC(context.quad, kOwn)), tile.base);
}

/// The f16 in the low half of a word, as f32.
static Value getScale(KernelBuilder &k, Value params) {
  return k.extF(k.bitcast(k.trunc(params, k.i16()), k.f16()));
}

/// The lane's scores, of its query with positions 4 t to 4 t + 3.
Values ColumnsEmitter::multiplyKeys(KernelBuilder &k, const Context &context,
                                    const Tile &tile) const {
  Values scores;
  for (const Values &words : tile.keys) {
    Values b = operands.decodeKeys(k, words, context.codeBase);
    Values sums(4, k.cf32(0));
    for (auto [step, query] : llvm::enumerate(context.queries))
      sums = k.multiply(mmaF16, query, ValueRange(b).slice(2 * step, 2), sums);
    for (unsigned i : {0, 1})
      scores.push_back(k.add(sums[i], sums[i + 2]));
  }
  if (!cache.isCodes())
    return scores;
  for (auto [score, params] : llvm::zip_equal(scores, tile.keyParams)) {
    // A zero point in the last bits of 2^23 counts one.
    Value base = k.c32(0x4b000000);
    Value zero = k.bitcast(k.takeBytes(params, base, {2, 4, 4, 7}), k.f32());
    zero = k.sub(zero, k.bitcast(base, k.f32()));
    score = k.fma(zero, context.offQuery, score);
    score = k.mul(score, getScale(k, params));
  }
  return scores;
}

/// Scales of the values of positions 4 t to 4 t + 3; of positions beyond the
/// end zero, as nobody wrote them.
Values ColumnsEmitter::getValueScales(KernelBuilder &k, const Context &context,
                                      const Tile &tile) const {
  Values scales;
  Value left = countLeft(k, context, tile, context.part.end);
  for (auto [i, params] : llvm::enumerate(tile.valueParams)) {
    Value exists = k.ltS(k.c32(int32_t(i)), left);
    scales.push_back(k.select(exists, getScale(k, params), k.cf32(0)));
  }
  return scales;
}

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// The lane's number of the queries of its sums, columns 2 t and 2 t + 1.
static Values spread(KernelBuilder &k, Value quad, Value x) {
  // Query g is that of lanes 4 g to 4 g + 3.
  Value from = k.mulC(quad, 8);
  return {k.shuffle(x, from), k.shuffle(x, k.addC(from, 4))};
}

/// The next positions of a warp.
ColumnsEmitter::State ColumnsEmitter::visit(KernelBuilder &k,
                                            const Context &context, Value base,
                                            const State &state) const {
  std::vector<Tile> tiles;
  for (int64_t i = 0; i < getTiles(); ++i)
    tiles.push_back(load(k, context, k.addC(base, i * kPositions)));
  State next = state;
  SmallVector<Values> scores, scales;
  for (const Tile &tile : tiles) {
    Values &own = scores.emplace_back(multiplyKeys(k, context, tile));
    Value left = countLeft(k, context, tile, context.span.end);
    Value before;
    if (spec.window)
      before = countLeft(k, context, tile, context.span.begin);
    for (auto [i, score] : llvm::enumerate(own)) {
      Value index = k.c32(int32_t(i)), exists = k.ltS(index, left);
      if (before)
        exists = k.band(exists, k.geS(index, before));
      score = k.select(exists, score, k.cf32(kMasked));
      next.most = k.maxNum(next.most, score);
    }
  }
  for (int64_t mask : {1, 2})
    next.most = k.maxNum(next.most, k.shuffleXor(next.most, mask));
  Value factor = k.exp2(k.sub(state.most, next.most));
  next.sum = k.mul(state.sum, factor);

  Value unit;
  if (cache.isCodes()) {
    Value largest = k.cf32(0);
    for (const Tile &tile : tiles)
      for (Value scale : scales.emplace_back(getValueScales(k, context, tile)))
        largest = k.maxNum(largest, scale);
    for (int64_t mask : {1, 2})
      largest = k.maxNum(largest, k.shuffleXor(largest, mask));
    Value bits = k.band(k.bitcast(largest, k.i32()), k.c32(kExponent));
    next.scale = k.maxS(state.scale, bits);
    unit = k.bitcast(k.sub(k.c32(kTwoTo127), next.scale), k.f32());
    factor = k.mul(factor, k.mul(k.bitcast(state.scale, k.f32()), unit));
  }
  // Offsets come off now, before they grow.
  Values factors = spread(k, context.quad, factor);
  for (auto [i, offset] : llvm::enumerate(next.offset))
    offset = k.negF(k.mul(offset, factors[i % 2]));
  for (auto [i, sum] : llvm::enumerate(next.out))
    sum = cache.isCodes() ? k.fma(sum, factors[i % 2], next.offset[i % 4])
                          : k.mul(sum, factors[i % 2]);
  next.offset = Values(next.offset.size(), k.cf32(0));
  Value shift = k.sub(next.most, k.cf32(kWeightBits));
  for (auto [t, tile] : llvm::enumerate(tiles)) {
    Values weights;
    for (auto [i, score] : llvm::enumerate(scores[t])) {
      Value weight = k.exp2(k.sub(score, shift));
      next.sum = k.add(next.sum, weight);
      if (cache.isCodes())
        weight = k.mul(weight, k.mul(scales[t][i], unit));
      weights.push_back(weight);
    }
    SmallVector<Values> a =
        operands.decodeValues(k, tile.values, context.codeBase);
    // What f16 leaves of the weights is a product of its own.
    for (const Values &b : splitHalves(k, weights)) {
      for (auto [step, values] : llvm::enumerate(a)) {
        auto sums = MutableArrayRef<Value>(next.out).slice(4 * step, 4);
        llvm::copy(k.multiply(mmaF16, values, b, Values(sums)), sums.begin());
      }
      if (cache.isCodes())
        next.offset = k.multiply(
            mmaF16, operands.decodeZeros(k, tile.valueParams, context.codeBase),
            b, next.offset);
    }
  }
  return next;
}

/// The lane's sums as numbers, and the sum of weights that its query has.
Values ColumnsEmitter::finish(KernelBuilder &k, State &state) const {
  for (int64_t mask : {1, 2})
    state.sum = k.add(state.sum, k.shuffleXor(state.sum, mask));
  Values numbers = state.out;
  if (cache.isCodes())
    for (auto [i, number] : llvm::enumerate(numbers)) {
      number = k.sub(number, state.offset[i % 4]);
      number = k.mul(number, k.bitcast(state.scale, k.f32()));
      if (operands.isSpread() && i % 4 >= 2)
        number = k.mul(number, k.cf32(1 / 16.0f));
    }
  return numbers;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void ColumnsEmitter::emit(KernelBuilder &k, ValueRange args) const {
  int64_t group = spec.getGroup(), dim = cache.headDim;
  Value x = k.blockId(gpu::Dimension::x), b = k.blockId(gpu::Dimension::y);
  Value kvHead = k.remC(x, cache.heads);
  Value firstRow = k.mulC(k.divC(x, cache.heads), kColumns);
  Value tokens = args[at.tokens], rows = k.mulC(tokens, group);
  Value count = k.minC(k.sub(rows, firstRow), kColumns);
  Context context;
  context.lane = k.remC(k.threadId(), kWarp);
  context.warp = k.divC(k.threadId(), kWarp);
  context.quad = k.remC(context.lane, 4);
  context.codeBase = KVOperands::getCodeBase(k, tokens);
  context.memory = locateHead(k, spec, at, args, b, kvHead);
  auto placeOf = [&](Value tensor, Value column) {
    Value row = k.add(firstRow, column);
    Value token = k.add(k.mul(b, tokens), k.divC(row, group));
    Value head = k.add(k.mulC(kvHead, group), k.remC(row, group));
    return k.at(k.atRow(tensor, token, 4 * spec.heads * dim),
                k.mulC(head, 4 * dim));
  };

  // Beyond the last row is the last.
  Value column = k.divC(context.lane, 4);
  Value mine = k.minS(column, k.addC(count, -1));
  loadQuery(k, placeOf(args[at.query], mine), context);
  Value limit = loadLimit(k, spec, at, args, b);
  auto spanOf = [&](Value column) {
    Value token = k.divC(k.add(firstRow, column), group);
    return emitSpan(k, spec, limit, token, tokens);
  };
  context.span = spanOf(mine);
  Value begin = spanOf(k.c32(0)).begin;
  context.part = {k.band(begin, k.c32(int32_t(-kPositions))),
                  spanOf(k.addC(count, -1)).end};
  if (splits > 1)
    context.part = takePart(k, context.part, splits, kWarps * kPositions);
  context.span.end = k.minS(context.span.end, context.part.end);

  int64_t step = getTiles() * kPositions;
  Value from = k.add(context.part.begin, k.mulC(context.warp, step));
  State state = unflatten(
      k.loop(from, context.part.end, kWarps * step, flatten(makeState(k)),
             [&](Value base, ValueRange sofar) {
               return flatten(visit(k, context, base, unflatten(sofar)));
             }));

  Values numbers = finish(k, state);
  Value feature = operands.getValueFeature(k, context.lane);
  for (unsigned i : {0, 1}) {
    Value column = k.addC(k.mulC(context.quad, 2), i);
    Value to =
        k.at(parts.valuesOf(k, context.warp, column), k.mulC(feature, 4));
    for (int64_t s = 0; s < operands.getSteps(); ++s)
      k.store(k.pack({numbers[4 * s + i], numbers[4 * s + 2 + i]}),
              k.at(to, 4 * operands.getValueFeature(s)), 8);
  }
  k.ifThen(k.eq(context.quad, k.c32(0)), [&] {
    parts.storeState(k, context.warp, column, state.most, state.sum);
  });
  // Tiles are blocks of the grid's x and y.
  Value perSequence = k.mulC(k.ceilDiv(rows, kColumns), cache.heads);
  Value tile = k.add(k.mul(b, perSequence), x);
  parts.finish(k, args, tile, count,
               [&](Value row) { return placeOf(args[at.out], row); });
}

std::string qnt::cuda::checkAttentionColumns(const AttentionSpec &spec) {
  return KVOperands::check(spec.cache);
}

Kernel qnt::cuda::getAttentionColumnsKernel(KernelLibrary &lib,
                                            const AttentionSpec &spec,
                                            int64_t splits) {
  ColumnsEmitter emitter(spec, splits);
  Kernel kernel = emitter.describe();
  kernel = lib.get(
      "attention_columns" + spec.getName() + "_p" + std::to_string(splits),
      kernel,
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
  // Weights below 2^-126 are zero: with smaller numbers, a power of two takes
  // four instructions.
  Builder b(kernel.code.getContext());
  kernel.code->setAttr("passthrough",
                       b.getArrayAttr(b.getStrArrayAttr(
                           {"denormal-fp-math-f32", "preserve-sign"})));
  return kernel;
}
