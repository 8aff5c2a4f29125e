//===- Attention.cpp - attention and its cache ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

namespace {
/// Keys and values [batch, positions, kvHeads, size] of one attention.
struct Memory {
  std::vector<double> keys, values;
  int64_t positions = 0;
};

/// The positions [begin, end) that one token attends to.
struct Span {
  int64_t begin = 0, end = 0;
};
} // namespace

/// What codes of a cache are, of the features of one head of one token.
static QTensorType getCodesType(nn::KVCacheType cache) {
  MLIRContext *context = cache.getContext();
  unsigned bits = cache.getElementType().getIntOrFloatBitWidth();
  return QTensorType::get(context, {1, cache.getHeadDim()},
                          IntFormatAttr::get(context, bits, /*isSigned=*/false),
                          BlockAttr::get(context, BlockKind::PerRow, 0),
                          Float16Type::get(context), ZeroKind::Point,
                          Attribute());
}

/// The numbers of whole heads as the cache holds them, to `to` on.
static void store(nn::KVCacheType cache, ArrayRef<double> numbers, float *to) {
  Type element = cache.getElementType();
  if (!element.isInteger()) {
    ElementKind kind = *getElementKind(element);
    for (double number : numbers)
      *to++ = float(roundTo(kind, number));
    return;
  }
  BlockQuantizer quantizer(getCodesType(cache));
  SmallVector<float> head(cache.getHeadDim());
  SmallVector<uint32_t> codes(head.size());
  for (; !numbers.empty(); numbers = numbers.drop_front(head.size())) {
    llvm::copy(numbers.take_front(head.size()), head.begin());
    BlockParams params = quantizer.chooseScale(ClipMethod::AbsMax, head);
    quantizer.encode(params, head, codes);
    quantizer.decode(params, codes, MutableArrayRef(to, head.size()));
    to += head.size();
  }
}

/// Writes the new keys and values to the cache, at its precision, and reads the
/// layer back.
static FailureOr<Memory> updateCache(nn::AttentionOp op, Frame &frame) {
  const Tensor &key = frame.tensor(op.getKey());
  const Tensor &value = frame.tensor(op.getValue());
  const Tensor &start = frame.tensor(op.getStart());
  KVCache &cache = frame.cache(op.getCache());
  int64_t batch = key.getDim(0), tokens = key.getDim(1), width = key.getDim(2);
  if (batch > cache.batch)
    return op.emitOpError("expected at most ")
           << cache.batch << " sequences, as the cache holds, got " << batch;
  std::vector<float> &keys = cache.keys[*op.getLayer()];
  std::vector<float> &values = cache.values[*op.getLayer()];
  std::vector<double> newKeys = key.toDoubles(), newValues = value.toDoubles();
  for (int64_t b = 0; b < batch; ++b) {
    int64_t first = start.getInt(b);
    if (first < 0 || first + tokens > cache.positions)
      return op.emitOpError("writes positions ")
             << first << " to " << first + tokens - 1 << " of a cache of "
             << cache.positions;
    int64_t to = (b * cache.positions + first) * width;
    size_t from = b * tokens * width, count = tokens * width;
    store(cache.type, ArrayRef(newKeys).slice(from, count), &keys[to]);
    store(cache.type, ArrayRef(newValues).slice(from, count), &values[to]);
  }
  return Memory{{keys.begin(), keys.end()},
                {values.begin(), values.end()},
                cache.positions};
}

static Span getSpan(nn::AttentionOp op, Frame &frame, int64_t b, int64_t t,
                    int64_t tokens) {
  int64_t position = t;
  Span span{0, tokens};
  if (op.getCache()) {
    position += frame.tensor(op.getStart()).getInt(b);
    span.end = position + 1;
  } else {
    if (op.getLengths())
      span.end = frame.tensor(op.getLengths()).getInt(b);
    if (op.getCausal())
      span.end = std::min(span.end, position + 1);
  }
  if (op.getWindow())
    span.begin = std::max<int64_t>(0, position + 1 - int64_t(*op.getWindow()));
  return span;
}

/// Softmax of the scores of one query with the keys of `span`, applied to the
/// values. `stride` is the distance of positions in `keys` and `values`.
static void attend(const double *query, const double *keys,
                   const double *values, int64_t size, int64_t stride,
                   Span span, double scale, double *out) {
  std::vector<double> weights;
  for (int64_t p = span.begin; p < span.end; ++p) {
    double score = 0;
    for (int64_t d = 0; d < size; ++d)
      score += query[d] * keys[p * stride + d];
    weights.push_back(scale * score);
  }
  if (weights.empty())
    return;
  double largest = *llvm::max_element(weights), sum = 0;
  for (double &weight : weights) {
    weight = std::exp(weight - largest);
    sum += weight;
  }
  for (int64_t d = 0; d < size; ++d) {
    double total = 0;
    for (auto [i, weight] : llvm::enumerate(weights))
      total += weight * values[(span.begin + int64_t(i)) * stride + d];
    out[d] = total / sum;
  }
}

static LogicalResult checkShapes(nn::AttentionOp op, Frame &frame) {
  ArrayRef<int64_t> query = frame.tensor(op.getQuery()).getShape();
  if (frame.tensor(op.getKey()).getShape().drop_back() != query.drop_back() ||
      frame.tensor(op.getValue()).getShape() !=
          frame.tensor(op.getKey()).getShape())
    return op.emitOpError("expected keys and values for [")
           << query.drop_back() << "] tokens, got ["
           << frame.tensor(op.getKey()).getShape().drop_back() << "]";
  for (Value numbers : {op.getLengths(), op.getStart()})
    if (numbers && frame.tensor(numbers).getDim(0) != query[0])
      return op.emitOpError("expected one number for each of ")
             << query[0] << " sequences, got "
             << frame.tensor(numbers).getDim(0);
  if (op.getLengths())
    for (int64_t length : frame.tensor(op.getLengths()).toInts())
      if (length < 0 || length > query[1])
        return op.emitOpError("expected lengths from 0 to ")
               << query[1] << ", got " << length;
  return success();
}

static LogicalResult evaluate(nn::AttentionOp op, Frame &frame) {
  if (failed(checkShapes(op, frame)))
    return failure();
  const Tensor &queries = frame.tensor(op.getQuery());
  int64_t batch = queries.getDim(0), tokens = queries.getDim(1);
  int64_t heads = op.getHeads(), kvHeads = op.getKvHeads();
  int64_t size = queries.getDim(2) / heads, stride = kvHeads * size;
  Memory memory;
  if (op.getCache()) {
    auto updated = updateCache(op, frame);
    if (failed(updated))
      return failure();
    memory = std::move(*updated);
  } else {
    memory = {frame.tensor(op.getKey()).toDoubles(),
              frame.tensor(op.getValue()).toDoubles(), tokens};
  }
  std::vector<double> q = queries.toDoubles(), y(q.size());
  double scale = op.getScale().convertToDouble();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t from = ((b * tokens + t) * heads + h) * size;
        int64_t shared =
            b * memory.positions * stride + h / (heads / kvHeads) * size;
        attend(q.data() + from, memory.keys.data() + shared,
               memory.values.data() + shared, size, stride,
               getSpan(op, frame, b, t, tokens), scale, y.data() + from);
      }
  SmallVector<int64_t> shape(queries.getShape());
  frame.setFloats(op, shape, y);
  return success();
}

void interp::registerAttention(Registry &registry) {
  registry.add<nn::AttentionOp>(evaluate);
}
