//===- ParamRotations.cpp - parameters in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Blas.h"
#include "ParamEvaluator.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/Hadamard.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qnt;
using params::ParamsError;

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

/// Numbers that are kept beside the two blocks asked for last: threads work on
/// one parameter, and where it ends also on the next.
static constexpr size_t keptNumbers = 1 << 24;

RowCache::Rows RowCache::get(Operation *op, int64_t block,
                             llvm::function_ref<std::vector<float>()> compute) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = llvm::find_if(entries, [&](const auto &other) {
      return other->op == op && other->block == block;
    });
    if (found == entries.end()) {
      entry = std::make_shared<Entry>();
      entry->op = op;
      entry->block = block;
      entries.push_front(entry);
    } else {
      entry = *found;
      entries.splice(entries.begin(), entries, found);
    }
  }
  Rows rows;
  {
    std::lock_guard<std::mutex> lock(entry->mutex);
    if (entry->rows)
      return entry->rows;
    rows = std::make_shared<const std::vector<float>>(compute());
    entry->rows = rows;
  }
  evict();
  return rows;
}

void RowCache::evict() {
  std::lock_guard<std::mutex> lock(mutex);
  size_t kept = 0, place = 0;
  for (auto it = entries.begin(); it != entries.end(); ++place) {
    // One that is being computed is in use, and counted when it is there.
    std::unique_lock<std::mutex> entry((*it)->mutex, std::try_to_lock);
    bool isReady = entry.owns_lock() && (*it)->rows;
    kept += isReady ? (*it)->rows->size() : 0;
    bool isOld = isReady && place >= 2 && kept > keptNumbers;
    if (entry)
      entry.unlock();
    it = isOld ? entries.erase(it) : std::next(it);
  }
}

//===----------------------------------------------------------------------===//
// Changes of basis
//===----------------------------------------------------------------------===//

/// Numbers [first, first + count) of a float constant.
template <typename Number>
static void appendConstant(DenseElementsAttr elements, int64_t first,
                           int64_t count, std::vector<double> &result) {
  auto values = elements.getValues<Number>();
  for (int64_t i = first; i < first + count; ++i)
    result.push_back(values[i]);
}

/// Lines of `width` numbers, which are block `block` of the features that
/// the op rotates and those after it, rotated in place.
void ParamEvaluator::rotateLines(RotateOp op, int64_t block,
                                 MutableArrayRef<double> lines,
                                 int64_t width) const {
  int64_t n = op.getBlock(), count = int64_t(lines.size());
  bool transposed = op.getTransposed();
  if (auto hadamard = op.getHadamardAttr()) {
    rotateHadamard(lines, width, n, hadamard.getSeed(), block * n, transposed);
    return;
  }
  std::vector<double> matrices;
  auto constant = op.getMatrices().getDefiningOp<arith::ConstantOp>();
  auto elements =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  if (elements && elements.getElementType().isF64())
    appendConstant<double>(elements, block * n * n, width * n, matrices);
  else if (elements)
    appendConstant<float>(elements, block * n * n, width * n, matrices);
  else
    for (float number : evaluateFloat(op.getMatrices(), {block, width / n}))
      matrices.push_back(number);
  // Lines, all at once, times one block after another.
  useOneBlasThread();
  std::vector<double> result(lines.size());
  for (int64_t at = 0; at < width; at += n)
    cblas_dgemm(CblasRowMajor, CblasNoTrans,
                transposed ? CblasTrans : CblasNoTrans, count / width, n, n,
                1.0, lines.data() + at, width, matrices.data() + at * n, n, 0.0,
                result.data() + at, width);
  llvm::copy(result, lines.begin());
}

/// Rows [block * n, (block + 1) * n), of which those of the operand are mixed.
std::vector<float> ParamEvaluator::rotateBlock(RotateOp op,
                                               int64_t block) const {
  int64_t n = op.getBlock();
  std::vector<float> rows = evaluateFloat(op.getInput(), {block * n, n});
  int64_t columns = int64_t(rows.size()) / n;
  // Columns become lines, as many at once as a cache line has numbers.
  constexpr int64_t step = 16;
  std::vector<double> lines(step * n);
  for (int64_t first = 0; first < columns; first += step) {
    int64_t count = std::min(step, columns - first);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < count; ++j)
        lines[j * n + i] = rows[i * columns + first + j];
    rotateLines(op, block, MutableArrayRef(lines).take_front(count * n), n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < count; ++j)
        rows[i * columns + first + j] = float(lines[j * n + i]);
  }
  return rows;
}

std::vector<float> ParamEvaluator::evaluateRotate(RotateOp op,
                                                  RowRange rows) const {
  int64_t n = op.getBlock();
  if (!op.getOutputs() && op.getType().getRank() > 1) {
    std::vector<float> result = evaluateFloat(op.getInput(), rows);
    int64_t width = op.getType().getShape().back();
    // Matrices are read once for all of these lines.
    size_t step =
        width * std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, width));
    std::vector<double> lines;
    for (size_t at = 0; at < result.size(); at += step) {
      auto part = MutableArrayRef(result).drop_front(at).take_front(step);
      lines.assign(part.begin(), part.end());
      rotateLines(op, 0, lines, width);
      llvm::copy(lines, part.begin());
    }
    return result;
  }
  int64_t length = getRowLength(op.getType()), end = rows.first + rows.count;
  std::vector<float> result;
  result.reserve(rows.count * length);
  for (int64_t row = rows.first; row < end;) {
    int64_t block = row / n, next = std::min(end, (block + 1) * n);
    RowCache::Rows mixed =
        cache.get(op, block, [&] { return rotateBlock(op, block); });
    auto from = mixed->begin() + (row - block * n) * length;
    result.insert(result.end(), from, from + (next - row) * length);
    row = next;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Choices of features
//===----------------------------------------------------------------------===//

std::vector<float> ParamEvaluator::evaluateSelect(nn::SelectFeaturesOp op,
                                                  RowRange rows) const {
  auto constant = op.getIndices().getDefiningOp<arith::ConstantOp>();
  auto elements =
      constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
  if (!elements)
    throw ParamsError("parameter " + describeParam(op) +
                      ": nn.select_features: expected constant indices");
  int64_t width = op.getInput().getType().getShape().back();
  SmallVector<int64_t> indices;
  for (const APInt &index : elements.getValues<APInt>()) {
    indices.push_back(index.getSExtValue());
    if (indices.back() < 0 || indices.back() >= width)
      throw ParamsError("parameter " + describeParam(op) +
                        ": nn.select_features: expected indices from 0 to " +
                        std::to_string(width - 1) + ", got " +
                        std::to_string(indices.back()));
  }
  std::vector<float> result;
  if (op.getType().getRank() == 1) {
    std::vector<float> all = evaluateFloat(op.getInput(), {0, width});
    for (int64_t i = rows.first; i < rows.first + rows.count; ++i)
      result.push_back(all[indices[i]]);
    return result;
  }
  std::vector<float> input = evaluateFloat(op.getInput(), rows);
  for (size_t at = 0; at < input.size(); at += width)
    for (int64_t index : indices)
      result.push_back(input[at + index]);
  return result;
}
