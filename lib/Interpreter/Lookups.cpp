//===- Lookups.cpp - embedding, positions, rows -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult checkIds(Operation *op, const Tensor &ids, int64_t end) {
  for (int64_t i = 0, count = ids.size(); i < count; ++i)
    if (ids.getInt(i) < 0 || ids.getInt(i) >= end)
      return op->emitOpError("expected indices from 0 to ")
             << end - 1 << ", got " << ids.getInt(i) << " at " << i;
  return success();
}

static LogicalResult checkBatch(Operation *op, const Tensor &perSequence,
                                int64_t batch) {
  if (perSequence.getDim(0) == batch)
    return success();
  return op->emitOpError("expected one number for each of ")
         << batch << " sequences, got " << perSequence.getDim(0);
}

/// Rows `ids` of a table of `width` columns, read element by element.
static std::vector<double> gather(const Tensor &ids, int64_t width,
                                  function_ref<double(int64_t)> element) {
  std::vector<double> result;
  result.reserve(ids.size() * width);
  for (int64_t i = 0, count = ids.size(); i < count; ++i)
    for (int64_t h = 0; h < width; ++h)
      result.push_back(element(ids.getInt(i) * width + h));
  return result;
}

static LogicalResult evaluate(nn::EmbeddingOp op, Frame &frame) {
  const Tensor &ids = frame.tensor(op.getIds());
  const Tensor &table = frame.tensor(op.getTable());
  if (failed(checkIds(op, ids, table.getDim(0))))
    return failure();
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(table.getDim(1));
  auto rows = gather(ids, table.getDim(1),
                     [&](int64_t i) { return table.getFloat(i); });
  frame.setFloats(op, shape, rows);
  return success();
}

static LogicalResult evaluate(EmbeddingOp op, Frame &frame) {
  const Tensor &ids = frame.tensor(op.getIds());
  const QuantizedTensor &table = frame.quantized(op.getTable());
  ArrayRef<int64_t> size = table.type.getShape();
  if (failed(checkIds(op, ids, size[0])))
    return failure();
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(size[1]);
  std::vector<float> values = table.dequantize();
  auto rows = gather(ids, size[1], [&](int64_t i) { return values[i]; });
  frame.setFloats(op, shape, rows);
  return success();
}

static LogicalResult evaluate(nn::PositionIdsOp op, Frame &frame) {
  const Tensor &tokens = frame.tensor(op.getTokens());
  int64_t batch = tokens.getDim(0), length = tokens.getDim(1);
  if (op.getStart() &&
      failed(checkBatch(op, frame.tensor(op.getStart()), batch)))
    return failure();
  std::vector<int64_t> result;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < length; ++t)
      result.push_back(
          (op.getStart() ? frame.tensor(op.getStart()).getInt(b) : 0) + t);
  frame.set(op, Tensor::ofInts(tokens.getKind(), {batch, length}, result));
  return success();
}

static LogicalResult evaluate(nn::SelectRowsOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  int64_t batch = input.getDim(0), length = input.getDim(1);
  int64_t width = input.getDim(2);
  if (op.getRows() &&
      (failed(checkBatch(op, frame.tensor(op.getRows()), batch)) ||
       failed(checkIds(op, frame.tensor(op.getRows()), length))))
    return failure();
  if (length == 0)
    return op.emitOpError("expected at least one row to select from");
  std::vector<double> result;
  for (int64_t b = 0; b < batch; ++b) {
    int64_t row =
        op.getRows() ? frame.tensor(op.getRows()).getInt(b) : length - 1;
    for (int64_t h = 0; h < width; ++h)
      result.push_back(input.getFloat((b * length + row) * width + h));
  }
  frame.setFloats(op, {batch, width}, result);
  return success();
}

static LogicalResult evaluate(nn::MeanPoolOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  const Tensor &lengths = frame.tensor(op.getLengths());
  int64_t batch = input.getDim(0), length = input.getDim(1);
  int64_t width = input.getDim(2);
  if (failed(checkBatch(op, lengths, batch)))
    return failure();
  std::vector<double> result(batch * width);
  for (int64_t b = 0; b < batch; ++b) {
    int64_t valid = lengths.getInt(b);
    if (valid < 1 || valid > length)
      return op.emitOpError("expected lengths from 1 to ")
             << length << ", got " << valid;
    for (int64_t h = 0; h < width; ++h) {
      double sum = 0;
      for (int64_t t = 0; t < valid; ++t)
        sum += input.getFloat((b * length + t) * width + h);
      result[b * width + h] = sum / double(valid);
    }
  }
  frame.setFloats(op, {batch, width}, result);
  return success();
}

void interp::registerLookups(Registry &registry) {
  registry.add<nn::EmbeddingOp>(evaluate);
  registry.add<EmbeddingOp>(evaluate);
  registry.add<nn::PositionIdsOp>(evaluate);
  registry.add<nn::SelectRowsOp>(evaluate);
  registry.add<nn::MeanPoolOp>(evaluate);
}
