//===- Attention.cpp - the cache and attention ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Support/Half.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

namespace {
struct Case {
  int64_t heads, kvHeads, headDim;
  const char *element;
  bool fromStart, causal;
  int64_t window = 0;
  CacheGeometry cache = {};
  /// What codes are.
  QTensorType codes = {};
  Kernel store = {}, attend = {};

  double scale() const { return 1 / std::sqrt(double(headDim)); }
  std::string name() const {
    return llvm::formatv("attention {0}/{1}x{2} {3}{4}{5} window {6}", heads,
                         kvHeads, headDim, element,
                         fromStart ? " from start" : "",
                         causal ? " causal" : "", window);
  }
  /// What the cache holds of the features of a head.
  Floats rounded(const float *values) const {
    Floats out(values, values + headDim);
    if (cache.isCodes()) {
      BlockQuantizer quantizer(codes);
      BlockParams params = quantizer.chooseScale(ClipMethod::AbsMax, out);
      std::vector<uint32_t> words(headDim);
      quantizer.encode(params, out, words);
      quantizer.decode(params, words, out);
    } else if (cache.element.isF16()) {
      for (float &value : out)
        value = support::f16ToFloat(support::floatToF16(value));
    }
    return out;
  }
};

/// A cache in memory, and what it should hold by plain indices.
struct Cache {
  const Case &c;
  int64_t batch, capacity;
  GuardedVector<uint8_t> bytes;
  /// [batch, kvHeads, capacity, headDim]; NaN where nothing was written.
  Floats keys, values;

  Cache(const Case &c, int64_t batch, int64_t capacity)
      : c(c), batch(batch), capacity(capacity),
        // Bytes of NaN: what must not be read shows.
        bytes(batch * capacity * c.cache.bytesPerPosition(), 0xff),
        keys(batch * c.kvHeads * capacity * c.headDim, NAN), values(keys) {}

  size_t index(int64_t b, int64_t head, int64_t position, int64_t d) const {
    return ((b * c.kvHeads + head) * capacity + position) * c.headDim + d;
  }

  /// Stores random keys and values of `tokens` tokens at start[b] on.
  void store(Suite &suite, Kernels &kernels, const int32_t *start,
             int64_t tokens) {
    Floats key = suite.normal(batch * tokens * c.kvHeads * c.headDim);
    Floats value = suite.normal(key.size());
    // A head of zeros, and one on one side of zero.
    std::fill_n(key.begin(), c.headDim, 0.0f);
    for (int64_t d = 0; d < c.headDim; ++d)
      value.end()[-1 - d] = std::fabs(value.end()[-1 - d]) + 2;
    kernels.run(c.store, 3, key.data(), value.data(), bytes.data(), start,
                batch, tokens, capacity);
    for (int64_t b = 0, i = 0; b < batch; ++b)
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t head = 0; head < c.kvHeads; ++head, i += c.headDim) {
          size_t at = index(b, head, (start ? start[b] : 0) + t, 0);
          llvm::copy(c.rounded(&key[i]), keys.begin() + at);
          llvm::copy(c.rounded(&value[i]), values.begin() + at);
        }
    // A panel that begins with these tokens holds no others.
    for (int64_t b = 0; b < batch; ++b) {
      int64_t begin = start ? start[b] : 0, end = begin + tokens;
      for (int64_t p = end; p % 16 && p / 16 * 16 >= begin; ++p)
        for (int64_t head = 0; head < c.kvHeads; ++head)
          std::fill_n(keys.begin() + index(b, head, p, 0), c.headDim, NAN);
    }
  }

  float half(size_t at) const {
    uint16_t word;
    std::memcpy(&word, &bytes[at], 2);
    return support::f16ToFloat(word);
  }

  /// Feature d of a panel's lane: its unit lies at `unit`.
  float element(size_t panel, int64_t lane, size_t unit, int64_t d) const {
    if (!c.cache.isCodes()) {
      if (c.cache.element.isF16())
        return half(unit);
      float word;
      std::memcpy(&word, &bytes[unit], 4);
      return word;
    }
    auto code = int8_t(bytes[unit]);
    if (c.cache.parts() == 2)
      code = d < c.cache.width() ? int8_t(code << 4) >> 4 : code >> 4;
    size_t tail = panel + 16 * c.cache.rowBytes();
    auto zero = int8_t(bytes[tail + 32 + lane]);
    return half(tail + 2 * lane) * float(code - zero);
  }

  /// The layout of CacheGeometry, position by position. Lanes after the last
  /// key of a panel are zero.
  void check(Suite &suite) const {
    Floats gotKeys, gotValues, wantKeys, wantValues;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t head = 0; head < c.kvHeads; ++head)
        for (int64_t p = 0; p < capacity; ++p)
          for (int64_t d = 0; d < c.headDim; ++d) {
            int64_t lane = p % 16, unit = d % c.cache.width();
            size_t base =
                2 * (b * c.kvHeads + head) * capacity * c.cache.headBytes() +
                p / 16 * c.cache.panelBytes();
            float key = keys[index(b, head, p, d)];
            bool panel = !std::isnan(keys[index(b, head, p / 16 * 16, d)]);
            if (!panel && std::isnan(key))
              continue;
            wantKeys.push_back(std::isnan(key) ? 0 : key);
            gotKeys.push_back(
                element(base, lane,
                        base + (unit * 16 + lane) * c.cache.unitBytes(), d));
            if (std::isnan(key))
              continue;
            wantValues.push_back(values[index(b, head, p, d)]);
            base += capacity * c.cache.headBytes();
            gotValues.push_back(element(base, lane,
                                        base + lane * c.cache.rowBytes() +
                                            unit * c.cache.unitBytes(),
                                        d));
          }
    suite.equal<float>(c.name() + ": stored keys", gotKeys, wantKeys);
    suite.equal<float>(c.name() + ": stored values", gotValues, wantValues);
  }
};

/// Attention in double precision, one row at a time.
std::vector<double> reference(const Case &c, const Cache &cache,
                              const Floats &query, const int32_t *limits,
                              int64_t tokens) {
  std::vector<double> out;
  for (int64_t b = 0; b < cache.batch; ++b)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t head = 0; head < c.heads; ++head) {
        int64_t kv = head / (c.heads / c.kvHeads);
        int64_t position = c.fromStart ? (limits ? limits[b] : 0) + t : t;
        int64_t end = c.fromStart ? position + 1 : limits ? limits[b] : tokens;
        if (c.causal)
          end = std::min(end, position + 1);
        int64_t begin =
            c.window ? std::max<int64_t>(0, position - c.window + 1) : 0;
        const float *q =
            &query[((b * tokens + t) * c.heads + head) * c.headDim];
        std::vector<double> powers;
        double most = -INFINITY, total = 0;
        for (int64_t p = begin; p < end; ++p) {
          double dot = 0;
          for (int64_t d = 0; d < c.headDim; ++d)
            dot += double(q[d]) * cache.keys[cache.index(b, kv, p, d)];
          powers.push_back(dot * c.scale());
          most = std::max(most, powers.back());
        }
        for (double &power : powers)
          total += power = std::exp(power - most);
        for (int64_t d = 0; d < c.headDim; ++d) {
          double sum = 0;
          for (int64_t p = begin; p < end; ++p)
            sum += powers[p - begin] * cache.values[cache.index(b, kv, p, d)];
          out.push_back(total > 0 ? sum / total : 0);
        }
      }
  return out;
}

void check(Suite &suite, Kernels &kernels, const Case &c, int64_t batch,
           int64_t tokens, int64_t before, bool given) {
  int64_t capacity = (before + tokens + 16) / 16 * 16;
  Cache cache(c, batch, capacity);
  GuardedVector<int32_t> limits;
  for (int64_t b = 0; b < batch; ++b)
    limits.push_back(c.fromStart ? suite.integer(0, before)
                                 : suite.integer(b ? 1 : 0, tokens));
  const int32_t *limit = given ? limits.data() : nullptr;
  // What the sequences held, then the new tokens: both ends inside of panels.
  if (c.fromStart && before)
    cache.store(suite, kernels, nullptr, before);
  cache.store(suite, kernels, c.fromStart ? limit : nullptr, tokens);
  cache.check(suite);

  // Large scores, which sums without a maximum do not survive.
  Floats query = suite.normal(batch * tokens * c.heads * c.headDim, 6);
  Floats out(query.size(), NAN);
  for (int slices : {1, 5}) {
    kernels.run(c.attend, slices, query.data(), cache.bytes.data(), limit,
                out.data(), batch, tokens, capacity);
    suite.close(c.name() + " of " + std::to_string(tokens), out,
                reference(c, cache, query, limit, tokens), 3e-5, 3e-5);
  }
  if (c.headDim == 40 && c.element == llvm::StringRef("f32") && given &&
      tokens == 33) {
    suite.write("attention.query", query, {batch, tokens, c.heads, c.headDim});
    suite.write("attention.keys", cache.keys,
                {batch, c.kvHeads, capacity, c.headDim});
    suite.write("attention.values", cache.values,
                {batch, c.kvHeads, capacity, c.headDim});
    suite.write("attention.lengths", Floats(limits.begin(), limits.end()),
                {batch});
    suite.write("attention.out", out, {batch, tokens, c.heads, c.headDim});
  }
}

/// One layer of a model at work, on one thread.
void time(Suite &suite, Kernels &kernels, const Case &c, int64_t tokens,
          int64_t before) {
  if (!suite.bench)
    return;
  int64_t capacity = (before + tokens + 15) / 16 * 16;
  Cache cache(c, 1, capacity);
  int32_t start = before;
  if (before)
    cache.store(suite, kernels, nullptr, before);
  const int32_t *limit = c.fromStart ? &start : nullptr;
  Floats key = suite.normal(tokens * c.kvHeads * c.headDim);
  suite.time(
      c.name() + ": store " + std::to_string(tokens), 2 * key.size(), [&] {
        kernels.run(c.store, 1, key.data(), key.data(), cache.bytes.data(),
                    limit, int64_t(1), tokens, capacity);
      });
  Floats query = suite.normal(tokens * c.heads * c.headDim);
  Floats out(query.size());
  double pairs = double(tokens) * (before + (c.fromStart ? 0.5 : 1) * tokens);
  suite.time(c.name() + ": attend " + std::to_string(tokens) + " after " +
                 std::to_string(before),
             pairs * 2 * c.heads * c.headDim, [&] {
               kernels.run(c.attend, 1, query.data(), cache.bytes.data(), limit,
                           out.data(), int64_t(1), tokens, capacity);
             });
}
} // namespace

void test::testAttention(Suite &suite) {
  // heads, kvHeads, headDim, element, fromStart, causal, window
  std::vector<Case> cases = {
      {12, 12, 32, "f32", false, false},   {16, 8, 128, "f16", true, true},
      {3, 3, 40, "f32", false, false},     {6, 2, 40, "f16", false, true},
      {7, 1, 64, "f16", true, true},       {4, 2, 17, "f32", true, true},
      {2, 1, 80, "f16", true, true, 9},    {2, 2, 48, "f32", false, true, 21},
      {3, 1, 6, "f16", false, false, 300}, {16, 8, 128, "i8", true, true},
      {16, 8, 128, "i4", true, true},      {7, 1, 64, "i8", true, true},
      {4, 2, 64, "i4", true, true, 40},    {4, 2, 17, "i8", true, true},
      {5, 1, 40, "i4", true, true},        {3, 3, 6, "i4", true, true, 9},
  };
  Kernels kernels(suite.context, suite.isa);
  for (Case &c : cases) {
    c.cache = {c.kvHeads, c.headDim,
               mlir::parseType(c.element, &suite.context)};
    if (c.cache.isCodes())
      c.codes = QTensorType::get(
          &suite.context, {1, c.headDim},
          IntFormatAttr::get(&suite.context, c.cache.bits(), false),
          BlockAttr::get(&suite.context, BlockKind::PerRow, 0),
          mlir::Float16Type::get(&suite.context), ZeroKind::Point, {});
    c.store = getCacheStoreKernel(kernels.library(), c.cache);
    c.attend =
        getAttentionKernel(kernels.library(), {c.heads, c.scale(), c.causal,
                                               c.window, c.cache, c.fromStart});
  }
  for (const Case &c : cases) {
    check(suite, kernels, c, 1, 1, 0, false);
    check(suite, kernels, c, 3, 33, 20, true);
    check(suite, kernels, c, 2, suite.integer(2, 70), 1, true);
    // Several blocks of keys, and one token after many.
    check(suite, kernels, c, 1, 300, 0, false);
    check(suite, kernels, c, 2, 1, suite.integer(500, 600), true);
  }
  time(suite, kernels, cases[0], 128, 0);
  for (int i : {1, 9, 10}) {
    time(suite, kernels, cases[i], 512, 0);
    time(suite, kernels, cases[i], 1, 1000);
    time(suite, kernels, cases[i], 1, 16000);
  }
}
