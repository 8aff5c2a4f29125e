//===- Rotate.cpp - changes of basis, choices of features -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "qnt/Dialect/QNT/Hadamard.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

/// Whether a value is computed from parameters and constants alone: its ops
/// lead to no argument of the function.
static bool isKnown(Value value) {
  llvm::DenseSet<Operation *> seen;
  SmallVector<Value> work{value};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op)
      return false;
    if (seen.insert(op).second)
      llvm::append_range(work, op->getOperands());
  }
  return cast<ShapedType>(value.getType()).hasStaticShape();
}

/// Rows of `values` times blocks of a matrix [blocks, n, n].
static void multiply(MutableArrayRef<double> values, const Tensor &matrices,
                     bool transposed) {
  int64_t blocks = matrices.getDim(0), n = matrices.getDim(1);
  std::vector<double> m = matrices.toDoubles(), result(n);
  for (int64_t at = 0; at < int64_t(values.size()); at += n) {
    MutableArrayRef<double> x = values.slice(at, n);
    const double *block = m.data() + (at / n) % blocks * n * n;
    for (int64_t j = 0; j < n; ++j) {
      result[j] = 0;
      for (int64_t i = 0; i < n; ++i)
        result[j] += x[i] * block[transposed ? j * n + i : i * n + j];
    }
    llvm::copy(result, x.begin());
  }
}

/// Rows of `width` features, rotated in place.
static void rotateRows(RotateOp op, Frame &frame, std::vector<double> &values,
                       int64_t width) {
  auto hadamard = op.getHadamardAttr();
  if (!hadamard)
    return multiply(values, frame.tensor(op.getMatrices()), op.getTransposed());
  int64_t block = hadamard.getBlock();
  uint64_t seed = hadamard.getSeed();
  // Of activations in f32, step by step, so that targets can give the same.
  bool single = getElementTypeOrSelf(op.getType()).isF32() && !isKnown(op);
  if (!single) {
    rotateHadamard(values, width, block, seed, 0, op.getTransposed());
    return;
  }
  std::vector<float> numbers(values.begin(), values.end());
  rotateHadamard(numbers, width, block, seed, 0, op.getTransposed());
  llvm::copy(numbers, values.begin());
}

static LogicalResult evaluate(RotateOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  SmallVector<int64_t> shape(input.getShape());
  std::vector<double> values = input.toDoubles();
  if (!op.getOutputs()) {
    rotateRows(op, frame, values, shape.back());
    frame.setFloats(op, shape, values);
    return success();
  }
  // Columns are rows of the transposed matrix.
  int64_t rows = shape.front(), columns = rows ? input.size() / rows : 0;
  std::vector<double> turned(values.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      turned[j * rows + i] = values[i * columns + j];
  rotateRows(op, frame, turned, rows);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      values[i * columns + j] = turned[j * rows + i];
  frame.setFloats(op, shape, values);
  return success();
}

static LogicalResult evaluate(nn::SelectFeaturesOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<int64_t> indices = frame.tensor(op.getIndices()).toInts();
  int64_t width = input.getShape().back();
  for (auto [i, index] : llvm::enumerate(indices))
    if (index < 0 || index >= width)
      return op.emitOpError("expected indices from 0 to ")
             << width - 1 << ", got " << index << " at " << i;
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = int64_t(indices.size());
  std::vector<double> result;
  for (int64_t at = 0, size = input.size(); at < size; at += width)
    for (int64_t index : indices)
      result.push_back(input.getFloat(at + index));
  frame.setFloats(op, shape, result);
  return success();
}

void interp::registerRotations(Registry &registry) {
  registry.add<RotateOp>(evaluate);
  registry.add<nn::SelectFeaturesOp>(evaluate);
}
