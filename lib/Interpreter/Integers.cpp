//===- Integers.cpp - functions of codes in integers ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "qnt/Dialect/QNT/IntegerTables.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

/// 2^(shift - 1), or 0 where nothing is shifted out.
static int64_t getHalf(int64_t shift) {
  return shift > 0 ? int64_t(1) << (shift - 1) : 0;
}

/// value * 2^(-shift), rounded down.
static uint64_t shiftRight(uint64_t value, int64_t shift) {
  return shift >= 0 ? value >> shift : value << -shift;
}

static LogicalResult evaluate(NormalizeOp op, Frame &frame) {
  static const SmallVector<int64_t> roots = getInverseRootTable();
  const QuantizedTensor &input = frame.quantized(op.getInput());
  std::vector<int64_t> numbers = getNumbers(input);
  size_t features = input.type.getShape().back();
  for (size_t first = 0; first < numbers.size(); first += features) {
    MutableArrayRef<int64_t> row(numbers.data() + first, features);
    uint64_t sum = op.getStabilizer();
    for (int64_t x : row)
      sum += uint64_t(x * x);
    sum = std::max<uint64_t>(sum, 4);
    // Of 9 or 10 bits.
    int64_t h = (int64_t(llvm::Log2_64(sum)) >> 1) - 4;
    int64_t root = roots[shiftRight(sum, 2 * h) - 256], shift = 3 + h;
    for (int64_t &x : row)
      x = (x * root + getHalf(shift)) >> shift;
  }
  return applyIntegerEpilogue(op, frame, input.type.getShape(), numbers, {});
}

static LogicalResult evaluate(qnt::RopeOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  const Tensor &table = frame.tensor(op.getTable());
  ArrayRef<int64_t> shape = input.type.getShape();
  if (table.getShape().drop_back() != shape.drop_back())
    return op.emitOpError("expected a table for [")
           << shape.drop_back() << "] tokens, got ["
           << table.getShape().drop_back() << "]";
  std::vector<int64_t> numbers = getNumbers(input), turns = table.toInts();
  auto heads = int64_t(op.getHeads());
  int64_t size = shape.back() / heads, half = size / 2;
  for (int64_t head = 0, end = numbers.size() / size; head < end; ++head) {
    int64_t *x = numbers.data() + head * size;
    const int64_t *turn = turns.data() + head / heads * size;
    for (int64_t i = 0; i < half; ++i) {
      int64_t a = x[i], b = x[i + half];
      x[i] = a * turn[i] - b * turn[i + half];
      x[i + half] = b * turn[i] + a * turn[i + half];
    }
  }
  return applyIntegerEpilogue(op, frame, shape, numbers, {});
}

namespace {
/// One head of one sequence of qnt.attention: rows of `size` numbers that lie
/// `stride` and `kvStride` apart.
struct Head {
  const int64_t *queries, *keys, *values;
  int64_t stride, kvStride, size;
};
} // namespace

/// What token `t` sees of the values, in 8 fractional bits.
static void attend(qnt::AttentionOp op, const Head &head, int64_t t,
                   int64_t *result) {
  static const SmallVector<int64_t> exponentials = getExponentialTable();
  static const SmallVector<int64_t> reciprocals = getReciprocalTable();
  SmallVector<int64_t> weights;
  for (int64_t j = 0; j <= t; ++j) {
    int64_t score = 0;
    for (int64_t d = 0; d < head.size; ++d)
      score +=
          head.queries[t * head.stride + d] * head.keys[j * head.kvStride + d];
    weights.push_back(score);
  }
  int64_t largest = *llvm::max_element(weights), total = 0;
  for (int64_t &weight : weights) {
    auto shift = int64_t(op.getShift());
    int64_t below = (largest - weight) * int64_t(op.getMultiplier());
    int64_t z = (below + getHalf(shift)) >> shift;
    weight = exponentials[std::min<int64_t>(z, exponentials.size() - 1)];
    total += weight;
  }
  int64_t h = int64_t(llvm::Log2_64(total)) - 9;
  int64_t reciprocal = reciprocals[shiftRight(total, h) - 512], shift = 16 + h;
  for (int64_t d = 0; d < head.size; ++d) {
    int64_t sum = 0;
    for (auto [j, weight] : llvm::enumerate(weights))
      sum += weight * head.values[int64_t(j) * head.kvStride + d];
    result[d] = (sum * reciprocal + getHalf(shift)) >> shift;
  }
}

static LogicalResult evaluate(qnt::AttentionOp op, Frame &frame) {
  const QuantizedTensor &query = frame.quantized(op.getQuery());
  const QuantizedTensor &key = frame.quantized(op.getKey());
  ArrayRef<int64_t> shape = query.type.getShape();
  for (Value other : {op.getKey(), op.getValue()})
    if (frame.quantized(other).type.getShape().drop_back() != shape.drop_back())
      return op.emitOpError("expected keys and values for [")
             << shape.drop_back() << "] tokens, got ["
             << frame.quantized(other).type.getShape().drop_back() << "]";
  std::vector<int64_t> q = getNumbers(query), k = getNumbers(key);
  std::vector<int64_t> v = getNumbers(frame.quantized(op.getValue()));
  std::vector<int64_t> numbers(q.size());
  int64_t stride = shape.back(), kvStride = key.type.getShape().back();
  auto heads = int64_t(op.getHeads()), kvHeads = int64_t(op.getKvHeads());
  int64_t size = stride / heads, tokens = shape[shape.size() - 2];
  int64_t sequences = countElements(shape.drop_back(2));
  for (int64_t sequence = 0; sequence < sequences; ++sequence)
    for (int64_t h = 0; h < heads; ++h) {
      int64_t at = sequence * tokens * stride + h * size;
      int64_t shared =
          sequence * tokens * kvStride + h / (heads / kvHeads) * size;
      Head head{q.data() + at, k.data() + shared, v.data() + shared,
                stride,        kvStride,          size};
      for (int64_t t = 0; t < tokens; ++t)
        attend(op, head, t, numbers.data() + at + t * stride);
    }
  return applyIntegerEpilogue(op, frame, shape, numbers, {});
}

static LogicalResult evaluate(MultiplyOp op, Frame &frame) {
  const QuantizedTensor &lhs = frame.quantized(op.getLhs());
  const QuantizedTensor &rhs = frame.quantized(op.getRhs());
  if (lhs.type.getShape() != rhs.type.getShape())
    return op.emitOpError("expected operands of one shape");
  std::vector<int64_t> numbers = getNumbers(lhs);
  for (auto [number, other] : llvm::zip_equal(numbers, getNumbers(rhs)))
    number *= other;
  return applyIntegerEpilogue(op, frame, lhs.type.getShape(), numbers, {});
}

static LogicalResult evaluate(qnt::LookupOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  auto result =
      makeQuantized(op, op.getResult().getType(), input.type.getShape(),
                    frame.tensor(op.getScale()),
                    op.getZero() ? &frame.tensor(op.getZero()) : nullptr);
  if (failed(result))
    return failure();
  NumberFormat format = result->type.getFormat();
  SmallVector<uint32_t> codes;
  for (const APInt &entry : op.getTable().getValues<APInt>())
    codes.push_back(format.encode(float(entry.getSExtValue())));
  for (auto [code, from] : llvm::zip_equal(result->codes, input.codes))
    code = codes[from];
  frame.set(op, std::move(*result));
  return success();
}

void interp::registerIntegers(Registry &registry) {
  registry.add<NormalizeOp>(evaluate);
  registry.add<qnt::RopeOp>(evaluate);
  registry.add<qnt::AttentionOp>(evaluate);
  registry.add<MultiplyOp>(evaluate);
  registry.add<qnt::LookupOp>(evaluate);
}
