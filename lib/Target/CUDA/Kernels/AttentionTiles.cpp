//===- AttentionTiles.cpp - attention of many tokens -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp has 16 rows, a row being a token and one of the heads that share keys;
// 64 positions at a time lie in shared memory as f16; of a cache of f16, the
// next ones come by cp.async meanwhile. Sums of scores become,
// without leaving their lanes, the left operand of the product with the values:
// what a lane holds of two neighbouring tiles of D is what it is to hold of A.
//
//===----------------------------------------------------------------------===//
#include "KVReader.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kWarps = 4, kThreads = kWarps * kWarp;
static constexpr int64_t kRows = 16, kPositions = 64, kTiles = kPositions / 8;
static constexpr int64_t kFeatures = KVReader::kFeatures;
static constexpr float kLowest = std::numeric_limits<float>::lowest();

namespace {
class TilesEmitter {
public:
  explicit TilesEmitter(const AttentionSpec &spec)
      : spec(spec), cache(spec.cache), reader(cache), dim(cache.headDim),
        rowBytes(2 * dim + 16) {}

  Kernel describe();
  void emit(KernelBuilder &k, ValueRange args) const;

private:
  /// A lane's two rows.
  struct Row {
    Value token, head, exists;
    Span span;
  };
  struct Context {
    Value lane;
    std::pair<KVRows, KVRows> memory;
    Row rows[2];
    /// The lane's first column in a tile of sums.
    Value column;
    /// Operands A of the queries, by steps of 16 features.
    SmallVector<Values> queries;
  };

  Row locateRow(KernelBuilder &k, Value index, Value limit, Value tokens) const;
  Value placeOf(KernelBuilder &k, ValueRange args, Value tensor, Value b,
                const Row &row) const;
  void loadQueries(KernelBuilder &k, ValueRange args, Value b, Value kvHead,
                   Context &context) const;
  void copyTile(KernelBuilder &k, const Context &context, Value stage,
                Value base, Value end) const;
  SmallVector<Values> multiplyKeys(KernelBuilder &k, const Context &context,
                                   Value keys) const;
  void multiplyValues(KernelBuilder &k, const Context &context, Value values,
                      ArrayRef<Values> weights,
                      MutableArrayRef<Value> out) const;
  Values visit(KernelBuilder &k, const Context &context, Value stage,
               Value base, ValueRange state) const;
  Values visitAll(KernelBuilder &k, const Context &context, Span span) const;
  bool isCopied() const { return cache.element.isF16(); }
  /// Of keys, or values, in shared memory; both are a stage.
  int64_t getTileBytes() const { return kPositions * rowBytes; }

  const AttentionSpec &spec;
  const CacheGeometry &cache;
  KVReader reader;
  /// Rows in shared memory are padded, so that ldmatrix meets no bank twice.
  int64_t dim, rowBytes;
  AttentionArguments at;
};
} // namespace

Kernel TilesEmitter::describe() {
  Kernel kernel;
  kernel.threads = kThreads;
  kernel.sharedBytes = (isCopied() ? 4 : 2) * getTileBytes();
  at = AttentionArguments::add(spec, kernel);
  kernel.grid[0].by(at.tokens, spec.getGroup(), kWarps * kRows);
  kernel.grid[1].blocks = cache.heads;
  kernel.grid[2].by(at.batch);
  return kernel;
}

/// A row beyond the last is the last.
TilesEmitter::Row TilesEmitter::locateRow(KernelBuilder &k, Value index,
                                          Value limit, Value tokens) const {
  Value token = k.divC(index, spec.getGroup());
  Value head = k.remC(index, spec.getGroup());
  Value exists = k.ltS(token, tokens);
  token = k.minS(token, k.addC(tokens, -1));
  return {token, head, exists, emitSpan(k, spec, limit, token, tokens)};
}

/// The row's features in query or out; its head is one of all.
Value TilesEmitter::placeOf(KernelBuilder &k, ValueRange args, Value tensor,
                            Value b, const Row &row) const {
  Value index = k.add(k.mul(b, args[at.tokens]), row.token);
  Value place = k.atRow(tensor, index, 4 * spec.heads * dim);
  return k.at(place, k.mulC(row.head, 4 * dim));
}

void TilesEmitter::loadQueries(KernelBuilder &k, ValueRange args, Value b,
                               Value kvHead, Context &context) const {
  Value from[2];
  for (auto [place, row] : llvm::zip_equal(from, context.rows)) {
    row.head = k.add(row.head, k.mulC(kvHead, spec.getGroup()));
    place = k.at(placeOf(k, args, args[at.query], b, row),
                 k.mulC(context.column, 4));
  }
  // A: rows g and g + 8, then both 8 columns further.
  for (int64_t step = 0; step < dim; step += mmaF16.k) {
    Values &words = context.queries.emplace_back();
    for (int64_t i = 0; i < 4; ++i) {
      Value pair = k.load(k.vec(k.f32(), 2),
                          k.at(from[i % 2], 4 * (step + i / 2 * 8)), 8);
      words.push_back(k.bitcast(k.truncF(pair, k.f16()), k.i32()));
    }
  }
}

/// Keys and values of kPositions from `base` on to a stage in shared memory;
/// beyond the end, those of the last position.
void TilesEmitter::copyTile(KernelBuilder &k, const Context &context,
                            Value stage, Value base, Value end) const {
  int64_t perRow = dim / kFeatures;
  for (auto [from, to] :
       {std::pair(context.memory.first, stage),
        std::pair(context.memory.second, k.at(stage, getTileBytes()))})
    for (int64_t i = 0; i < kPositions * perRow; i += kThreads) {
      Value item = k.addC(k.threadId(), i);
      Value row = k.divC(item, perRow);
      Value feature = k.mulC(k.remC(item, perRow), kFeatures);
      Value position = k.minS(k.add(base, row), k.addC(end, -1));
      Value place = k.at(to, k.add(k.mulC(row, rowBytes), k.mulC(feature, 2)));
      if (isCopied()) {
        k.copyAsync(place, reader.at(k, from, position, feature), Value());
        continue;
      }
      Values numbers = reader.load(k, from, position, feature);
      k.store(k.truncF(k.pack(numbers), k.f16()), place, 16);
    }
}

/// Scores of the warp's rows, by tiles of 8 positions.
SmallVector<Values> TilesEmitter::multiplyKeys(KernelBuilder &k,
                                               const Context &context,
                                               Value keys) const {
  SmallVector<Values> scores(size_t(kTiles), Values(4, k.cf32(0)));
  // Four matrices: 8 positions by 16 features, then the next 8.
  Value inMatrix = k.remC(context.lane, 8), matrix = k.divC(context.lane, 8);
  Value row = k.add(inMatrix, k.mulC(k.divC(matrix, 2), 8));
  Value column = k.mulC(k.remC(matrix, 2), 8);
  Value first = k.at(keys, k.add(k.mulC(row, rowBytes), k.mulC(column, 2)));
  for (int64_t n = 0; n < kTiles; n += 2)
    for (auto [step, query] : llvm::enumerate(context.queries)) {
      Value place =
          k.at(first, k.c32(int32_t(8 * n * rowBytes + 32 * int64_t(step))));
      Values b = k.loadMatrices(place, 4);
      for (int64_t i = 0; i < 2; ++i)
        scores[n + i] = k.multiply(mmaF16, query, ValueRange(b).slice(2 * i, 2),
                                   scores[n + i]);
    }
  return scores;
}

/// Adds weights times values, four sums for each 8 features.
void TilesEmitter::multiplyValues(KernelBuilder &k, const Context &context,
                                  Value values, ArrayRef<Values> weights,
                                  MutableArrayRef<Value> out) const {
  // Four matrices: 16 positions by 8 features, then the next 8 features.
  Value inMatrix = k.remC(context.lane, 8), matrix = k.divC(context.lane, 8);
  Value row = k.add(inMatrix, k.mulC(k.remC(matrix, 2), 8));
  Value column = k.mulC(k.divC(matrix, 2), 8);
  Value first = k.at(values, k.add(k.mulC(row, rowBytes), k.mulC(column, 2)));
  for (int64_t n = 0; n < kTiles; n += 2) {
    const Values &low = weights[n], &high = weights[n + 1];
    Values a{k.toHalves(low[0], low[1]), k.toHalves(low[2], low[3]),
             k.toHalves(high[0], high[1]), k.toHalves(high[2], high[3])};
    for (int64_t d = 0; d < dim; d += 16) {
      Value place = k.at(first, k.c32(int32_t(8 * n * rowBytes + 2 * d)));
      Values b = k.loadMatrices(place, 4, /*transposed=*/true);
      for (int64_t i = 0; i < 2; ++i) {
        auto sums = out.slice(size_t(4 * (d / 8 + i)), 4);
        llvm::copy(
            k.multiply(mmaF16, a, ValueRange(b).slice(2 * i, 2), Values(sums)),
            sums.begin());
      }
    }
  }
}

/// One tile of positions. The state is the largest score and the lane's sum of
/// weights, of two rows each, then the weighted values.
Values TilesEmitter::visit(KernelBuilder &k, const Context &context,
                           Value stage, Value base, ValueRange state) const {
  SmallVector<Values> scores = multiplyKeys(k, context, stage);
  Values next(state);
  Value factor = k.cf32(float(spec.scale * M_LOG2E));
  // A lane's numbers of a tile are two of each row.
  for (unsigned r = 0; r < 2; ++r) {
    const Span &span = context.rows[r].span;
    Values exists;
    Value most = state[r];
    for (int64_t n = 0; n < kTiles; ++n)
      for (unsigned i = 0; i < 2; ++i) {
        Value position = k.add(base, k.addC(context.column, 8 * n + i));
        exists.push_back(
            k.band(k.ltS(position, span.end), k.geS(position, span.begin)));
        Value &score = scores[n][2 * r + i];
        score = k.select(exists.back(), k.mul(score, factor), k.cf32(kLowest));
        most = k.maxF(most, score);
      }
    // Four lanes share a row.
    for (int64_t mask : {1, 2})
      most = k.maxF(most, k.shuffleXor(most, mask));
    Value rescale = k.exp2(k.sub(state[r], most));
    Value sum = k.mul(state[2 + r], rescale);
    for (int64_t n = 0; n < kTiles; ++n)
      for (unsigned i = 0; i < 2; ++i) {
        Value &score = scores[n][2 * r + i];
        score = k.select(exists[size_t(2 * n) + i], k.exp2(k.sub(score, most)),
                         k.cf32(0));
        sum = k.add(sum, score);
      }
    next[r] = most;
    next[2 + r] = sum;
    for (int64_t n = 0; n < dim / 8; ++n)
      for (unsigned i = 0; i < 2; ++i) {
        Value &number = next[4 + 4 * n + 2 * r + i];
        number = k.mul(number, rescale);
      }
  }
  multiplyValues(k, context, k.at(stage, getTileBytes()), scores,
                 MutableArrayRef<Value>(next).drop_front(4));
  return next;
}

/// All positions of `span`; the state of `visit`.
Values TilesEmitter::visitAll(KernelBuilder &k, const Context &context,
                              Span span) const {
  Values state{k.cf32(kLowest), k.cf32(kLowest), k.cf32(0), k.cf32(0)};
  state.append(size_t(dim / 2), k.cf32(0));
  if (!isCopied())
    return k.loop(span.begin, span.end, kPositions, state,
                  [&](Value base, ValueRange sofar) {
                    k.barrier();
                    copyTile(k, context, k.shared(), base, span.end);
                    k.barrier();
                    return visit(k, context, k.shared(), base, sofar);
                  });
  auto start = [&](Value stage, Value base) {
    k.ifThen(k.ltS(base, span.end), [&] {
      copyTile(k, context, k.at(k.shared(), stage), base, span.end);
    });
    k.commitCopies();
  };
  start(k.c32(0), span.begin);
  // The stage that is read.
  state.push_back(k.c32(0));
  state = k.loop(span.begin, span.end, kPositions, state,
                 [&](Value base, ValueRange sofar) {
                   Value stage = sofar.back();
                   Value other =
                       k.sub(k.c32(int32_t(2 * getTileBytes())), stage);
                   // Everybody is done with the other one.
                   k.barrier();
                   start(other, k.addC(base, kPositions));
                   k.waitCopies(1);
                   k.barrier();
                   Values next = visit(k, context, k.at(k.shared(), stage),
                                       base, sofar.drop_back());
                   next.push_back(other);
                   return next;
                 });
  state.pop_back();
  return state;
}

void TilesEmitter::emit(KernelBuilder &k, ValueRange args) const {
  Value block = k.blockId(gpu::Dimension::x);
  Value kvHead = k.blockId(gpu::Dimension::y);
  Value b = k.blockId(gpu::Dimension::z), tokens = args[at.tokens];
  Value limit = loadLimit(k, spec, at, args, b);
  Context context;
  context.lane = k.remC(k.threadId(), kWarp);
  context.memory = locateHead(k, spec, at, args, b, kvHead);
  auto [row, column] = k.locate(mmaF16.cMap, context.lane);
  context.column = column;
  Value blockRow = k.mulC(block, kWarps * kRows);
  Value firstRow = k.add(blockRow, k.mulC(k.divC(k.threadId(), kWarp), kRows));
  for (unsigned r = 0; r < 2; ++r)
    context.rows[r] =
        locateRow(k, k.add(firstRow, k.addC(row, 8 * r)), limit, tokens);
  loadQueries(k, args, b, kvHead, context);

  // What the block's first and last rows attend to, and all between.
  Span first = locateRow(k, blockRow, limit, tokens).span;
  Span last =
      locateRow(k, k.addC(blockRow, kWarps * kRows - 1), limit, tokens).span;
  Values state = visitAll(k, context, {first.begin, last.end});
  for (unsigned r = 0; r < 2; ++r) {
    Value sum = state[2 + r];
    for (int64_t mask : {1, 2})
      sum = k.add(sum, k.shuffleXor(sum, mask));
    // Tokens that attend to nothing.
    Value isNone = k.eqF(sum, k.cf32(0));
    Value factor = k.select(isNone, k.cf32(0), k.fdiv(k.cf32(1), sum));
    Value to = k.at(placeOf(k, args, args[at.out], b, context.rows[r]),
                    k.mulC(column, 4));
    k.ifThen(context.rows[r].exists, [&] {
      for (int64_t n = 0; n < dim / 8; ++n) {
        ArrayRef<Value> pair = ArrayRef(state).slice(4 + 4 * n + 2 * r, 2);
        k.store(k.pack({k.mul(pair[0], factor), k.mul(pair[1], factor)}),
                k.at(to, 32 * n), 8);
      }
    });
  }
}

std::string qnt::cuda::checkAttentionTiles(const AttentionSpec &spec) {
  int64_t dim = spec.cache.headDim;
  if (dim % 16 || dim > 128)
    return "expected heads of a multiple of 16 features, up to 128, got " +
           std::to_string(dim);
  return {};
}

Kernel qnt::cuda::getAttentionTilesKernel(KernelLibrary &lib,
                                          const AttentionSpec &spec) {
  TilesEmitter emitter(spec);
  Kernel kernel = emitter.describe();
  return lib.get(
      "attention_tiles" + spec.getName(), kernel,
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
