//===- AttentionTest.cpp - attention in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionTest.h"

#include "InterpreterTest.h"

#include "qnt/Support/Half.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

using Floats = std::vector<float>;
using Limits = cuda::AttentionSpec::Limits;

std::string AttentionCase::getName() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (kind == Tiles     ? "tiles "
         : kind == Columns ? "columns "
                           : "rows ")
     << heads << " heads on " << kvHeads << " of " << headDim << ", batch "
     << batch << ", tokens";
  for (int64_t tokens : calls)
    os << " " << tokens;
  os << (element.empty() ? "" : ", cache " + element)
     << (hasLengths ? ", lengths" : "") << (causal ? ", causal" : "");
  if (window)
    os << ", window " << window;
  if (splits > 1)
    os << ", " << splits << " splits";
  return text;
}

namespace {
class AttentionRun {
public:
  AttentionRun(MLIRContext &context, const AttentionCase &test,
               std::mt19937_64 &random);
  std::string run();

private:
  bool hasCache() const { return !test.element.empty(); }
  std::string call(int64_t tokens);
  Floats draw(int64_t tokens, int64_t heads);
  Floats interpretCall(int64_t tokens);
  std::string store(int64_t tokens);
  std::string attend(int64_t tokens, Floats &out);
  std::string compareCache() const;
  float readCache(int64_t b, int64_t head, bool isValue, int64_t position,
                  int64_t feature) const;
  double getScoreError() const;
  double getLimit();

  MLIRContext &context;
  const AttentionCase &test;
  std::mt19937_64 &random;
  cuda::AttentionSpec spec;
  int64_t capacity = 0;
  double most = 0, mostKey = 0;
  std::vector<int32_t> limits;
  std::vector<char> cache;
  std::shared_ptr<interp::KVCache> truth;
  Floats query, key, value;
};
} // namespace

static Type parseElement(MLIRContext &context, StringRef name) {
  OpBuilder b(&context);
  if (name == "f16")
    return b.getF16Type();
  if (name == "i8" || name == "i4")
    return b.getIntegerType(name == "i8" ? 8 : 4);
  return b.getF32Type();
}

AttentionRun::AttentionRun(MLIRContext &context, const AttentionCase &test,
                           std::mt19937_64 &random)
    : context(context), test(test), random(random) {
  spec.heads = test.heads;
  spec.scale = 1 / std::sqrt(double(test.headDim));
  spec.causal = test.causal;
  spec.window = test.window;
  spec.isCached = hasCache();
  spec.limits = hasCache()        ? Limits::Start
                : test.hasLengths ? Limits::Lengths
                                  : Limits::None;
  spec.cache = {test.kvHeads, test.headDim,
                parseElement(context, test.element)};
  int64_t tokens = 0;
  for (int64_t call : test.calls)
    tokens += call;
  for (int64_t b = 0; b < test.batch; ++b)
    limits.push_back(int32_t(hasCache()
                                 ? test::draw(random, 0, b ? 20 : 0)
                                 : test::draw(random, b ? 0 : 1, tokens)));
  capacity = llvm::alignTo(tokens + 20, 16);
  if (!hasCache())
    return;
  cache.resize(size_t(test.batch * capacity * spec.cache.bytesPerPosition()));
  auto type = nn::KVCacheType::get(&context, 1, test.kvHeads, test.headDim,
                                   spec.cache.element);
  truth = interp::KVCache::create(type, test.batch, capacity);
}

/// Normal numbers that f16 holds.
Floats AttentionRun::draw(int64_t tokens, int64_t heads) {
  Floats numbers =
      drawFloats(random, test.batch * tokens * heads * test.headDim);
  for (float &number : numbers)
    number = support::f16ToFloat(support::floatToF16(number));
  return numbers;
}

Floats AttentionRun::interpretCall(int64_t tokens) {
  SmallVector<int64_t> wide{test.batch, tokens, test.heads * test.headDim};
  SmallVector<int64_t> narrow{test.batch, tokens, test.kvHeads * test.headDim};
  std::string q = getType(wide), kv = getType(narrow), more, params;
  std::vector<interp::Datum> args{floats(wide, query), floats(narrow, key),
                                  floats(narrow, value)};
  std::string counts = getType({test.batch}, "i32");
  std::vector<int64_t> numbers(limits.begin(), limits.end());
  auto given =
      interp::Tensor::ofInts(interp::ElementKind::I32, {test.batch}, numbers);
  if (hasCache()) {
    std::string type =
        llvm::formatv("!nn.kv_cache<1 layers, {0} heads, {1}, {2}>",
                      test.kvHeads, test.headDim, test.element);
    params = ", %n: " + counts + ", %c: " + type;
    more = "cache(%c : " + type + ") layer 0 at(%n : " + counts + ")";
    args.push_back(given);
    args.push_back(truth);
  } else if (test.hasLengths) {
    params = ", %n: " + counts;
    more = "lengths(%n : " + counts + ")";
    args.push_back(given);
  }
  std::string tail = test.causal ? " causal" : "";
  if (test.window)
    tail += " window " + std::to_string(test.window);
  std::string text = llvm::formatv(
      "func.func @f(%q: {0}, %k: {1}, %v: {1}{2}) -> {0} {{\n"
      "%y = nn.attention %q, %k, %v {3} heads {4} kv_heads {5} scale {6:e}{7} "
      ": {0}, {1}, {1}\nreturn %y : {0}\n}",
      q, kv, params, more, test.heads, test.kvHeads, spec.scale, tail);
  return interpretFloats(context, text, args);
}

std::string AttentionRun::store(int64_t tokens) {
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getCacheStoreKernel(library, spec.cache);
  });
  launcher.set("key", key);
  launcher.set("value", value);
  launcher.set("start", limits);
  launcher.set("cache", cache);
  launcher.set("batch", test.batch);
  launcher.set("tokens", tokens);
  launcher.set("capacity", capacity);
  return launcher.run();
}

std::string AttentionRun::attend(int64_t tokens, Floats &out) {
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    if (test.kind == AttentionCase::Tiles)
      return cuda::getAttentionTilesKernel(library, spec);
    return test.kind == AttentionCase::Columns
               ? cuda::getAttentionColumnsKernel(library, spec, test.splits)
               : cuda::getAttentionRowsKernel(library, spec, test.splits);
  });
  launcher.set("query", query);
  launcher.set("out", out);
  launcher.set("batch", test.batch);
  launcher.set("tokens", tokens);
  if (hasCache()) {
    launcher.set("cache", cache);
    launcher.set("capacity", capacity);
  } else {
    launcher.set("key", key);
    launcher.set("value", value);
  }
  if (spec.limits != Limits::None)
    launcher.set("limits", limits);
  return launcher.run();
}

/// As Kernels.h says that it lies.
float AttentionRun::readCache(int64_t b, int64_t head, bool isValue,
                              int64_t position, int64_t feature) const {
  const cuda::CacheGeometry &g = spec.cache;
  const char *base = cache.data() + ((b * g.heads + head) * 2 + isValue) *
                                        capacity * g.headBytes();
  const char *row = base + position * g.rowBytes();
  if (g.element.isF32()) {
    float number;
    std::memcpy(&number, row + 4 * feature, 4);
    return number;
  }
  if (g.element.isF16()) {
    uint16_t number;
    std::memcpy(&number, row + 2 * feature, 2);
    return support::f16ToFloat(number);
  }
  const char *params = base + capacity * g.rowBytes() + 4 * position;
  uint16_t scale;
  std::memcpy(&scale, params, 2);
  auto zero = uint8_t(params[2]);
  auto code = uint8_t(row[g.bits() == 8 ? feature : feature / 2]);
  if (g.bits() == 4)
    code = feature % 2 ? code >> 4 : code & 15;
  return support::f16ToFloat(scale) * float(int(code) - int(zero));
}

std::string AttentionRun::compareCache() const {
  const cuda::CacheGeometry &g = spec.cache;
  for (int64_t b = 0; b < test.batch; ++b)
    for (int64_t head = 0; head < g.heads; ++head)
      for (bool isValue : {false, true})
        for (int64_t position = 0; position < capacity; ++position)
          for (int64_t i = 0; i < g.headDim; ++i) {
            int64_t at =
                ((b * capacity + position) * g.heads + head) * g.headDim + i;
            float want = (isValue ? truth->values : truth->keys)[0][at];
            float got = readCache(b, head, isValue, position, i);
            if (got != want)
              return llvm::formatv("cache of sequence {0}, head {1}, position "
                                   "{2}, feature {3}: got {4}, expected {5}",
                                   b, head, position, i, got, want);
          }
  return {};
}

/// What the columns' scores, as exponents of two, may be off by: f32 sums of as
/// many products as a head has features, their operands exact but for 22 bits
/// of a query. Codes are up to twice the largest key from zero, and so is what
/// their zero points take off.
double AttentionRun::getScoreError() const {
  double largest = 0;
  for (size_t row = 0; row < query.size(); row += size_t(test.headDim)) {
    double sum = 0;
    for (int64_t i = 0; i < test.headDim; ++i)
      sum += std::abs(double(query[row + size_t(i)]));
    largest = std::max(largest, sum);
  }
  double terms = largest * mostKey * spec.scale * M_LOG2E;
  if (spec.cache.isCodes())
    terms *= 4;
  return std::ldexp(double(test.headDim + 8), -24) * terms;
}

double AttentionRun::getLimit() {
  // Of this call's keys and values and earlier ones.
  for (float number : key)
    mostKey = std::max(mostKey, std::abs(double(number)));
  for (float number : value)
    most = std::max(most, std::abs(double(number)));
  // f32 sums, scores of up to about 8 of 2^-24 each.
  if (test.kind == AttentionCase::Rows)
    return 1e-5;
  if (test.kind == AttentionCase::Tiles) {
    // Weights, which sum up to one, are rounded to f16; so are decoded codes,
    // whose scores then are off by some 2^-11 of eight.
    double rounding = std::ldexp(most, -11) + 1e-5;
    return spec.cache.isCodes() ? 8 * rounding : rounding;
  }
  // Weights have 22 bits; each, and the sum of them, is off by a factor of
  // 2^error. Sums of up to 400 f32.
  double rounding = std::ldexp(most, -22) + std::ldexp(400 * most, -24) +
                    2 * std::expm1(M_LN2 * getScoreError()) * most;
  // Sums of weighted codes with up to 1024 + 256 added, of 32 positions, and of
  // what is taken off; a code is a scale of twice the largest value over all
  // codes.
  if (spec.cache.isCodes())
    rounding += 2 * std::ldexp(32 + 2, -24) * 1280 * 2 * most /
                ((1 << spec.cache.bits()) - 1);
  return rounding;
}

std::string AttentionRun::call(int64_t tokens) {
  query = draw(tokens, test.heads);
  key = draw(tokens, test.kvHeads);
  value = draw(tokens, test.kvHeads);
  // A head of zeros, and one of large numbers.
  std::fill_n(value.begin(), test.headDim, 0.0f);
  Floats want = interpretCall(tokens), got(want.size(), -9);
  std::string error = hasCache() ? store(tokens) : "";
  if (error.empty() && hasCache())
    error = compareCache();
  if (error.empty())
    error = attend(tokens, got);
  if (error.empty())
    error = compare(got, want, getLimit());
  for (int32_t &limit : limits)
    limit += int32_t(tokens);
  return error;
}

std::string AttentionRun::run() {
  std::string error = spec.cache.check();
  if (error.empty() && test.kind == AttentionCase::Tiles)
    error = cuda::checkAttentionTiles(spec);
  if (error.empty() && test.kind == AttentionCase::Columns)
    error = cuda::checkAttentionColumns(spec);
  for (int64_t tokens : test.calls)
    if (error.empty())
      error = call(tokens);
  return error;
}

std::string qnt::test::runAttention(MLIRContext &context,
                                    const AttentionCase &test,
                                    std::mt19937_64 &random) {
  return AttentionRun(context, test, random).run();
}
