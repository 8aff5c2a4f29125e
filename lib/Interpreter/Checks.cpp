//===- Checks.cpp - expectations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "qnt/Dialect/QCheck/QCheck.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

/// "[1, 0, 2]" for element `i` of a tensor of `shape`.
static std::string position(ArrayRef<int64_t> shape, int64_t i) {
  SmallVector<int64_t> index(shape.size());
  for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
    index[dim] = i % shape[dim];
    i /= shape[dim];
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(index, os);
  os << "]";
  return text;
}

static std::string print(const Tensor &tensor, int64_t i) {
  if (!isFloat(tensor.getKind()))
    return std::to_string(tensor.getInt(i));
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", tensor.getFloat(i));
  return text;
}

static LogicalResult expect(Operation *op, const Tensor &actual,
                            const Tensor &expected,
                            function_ref<bool(int64_t)> holds) {
  if (actual.getShape() != expected.getShape())
    return op->emitOpError("expected shape [")
           << expected.getShape() << "], got [" << actual.getShape() << "]";
  int64_t count = actual.size(), wrong = 0, first = 0;
  for (int64_t i = 0; i < count; ++i)
    if (!holds(i) && wrong++ == 0)
      first = i;
  if (wrong == 0)
    return success();
  return op->emitOpError("does not hold at ")
         << position(actual.getShape(), first) << ": got "
         << print(actual, first) << ", expected " << print(expected, first)
         << "; " << wrong << " of " << count << " elements differ";
}

static LogicalResult evaluate(qcheck::ExpectEqOp op, Frame &frame) {
  const Tensor &actual = frame.tensor(op.getActual());
  const Tensor &expected = frame.tensor(op.getExpected());
  return expect(op, actual, expected, [&](int64_t i) {
    if (!isFloat(actual.getKind()))
      return actual.getInt(i) == expected.getInt(i);
    double x = actual.getFloat(i), y = expected.getFloat(i);
    return x == y || (std::isnan(x) && std::isnan(y));
  });
}

static LogicalResult evaluate(qcheck::ExpectCloseOp op, Frame &frame) {
  const Tensor &actual = frame.tensor(op.getActual());
  const Tensor &expected = frame.tensor(op.getExpected());
  double atol = op.getAtol().convertToDouble();
  double rtol = op.getRtol().convertToDouble();
  return expect(op, actual, expected, [&](int64_t i) {
    double x = actual.getFloat(i), y = expected.getFloat(i);
    if (std::isnan(x) || std::isnan(y))
      return std::isnan(x) && std::isnan(y);
    return x == y || std::fabs(x - y) <= atol + rtol * std::fabs(y);
  });
}

void interp::registerChecks(Registry &registry) {
  registry.add<qcheck::ExpectEqOp>(evaluate);
  registry.add<qcheck::ExpectCloseOp>(evaluate);
}
