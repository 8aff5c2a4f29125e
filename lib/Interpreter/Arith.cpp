//===- Arith.cpp - upstream arithmetic, element by element -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static ElementKind kindOf(Value value) {
  return *getElementKind(getElementTypeOrSelf(value.getType()));
}

static LogicalResult checkOneShape(Operation *op, Frame &frame) {
  for (Value operand : op->getOperands())
    if (frame.tensor(operand).getShape() !=
        frame.tensor(op->getOperand(0)).getShape())
      return op->emitOpError("expected operands of one shape");
  return success();
}

/// Floats are computed in double and rounded to the result's element type; for
/// + - * / and the square root that equals rounding once.
template <typename OpTy>
static void addFloat(Registry &registry, auto compute) {
  registry.add<OpTy>([compute](Operation *op, Frame &frame) -> LogicalResult {
    if (failed(checkOneShape(op, frame)))
      return failure();
    const Tensor &first = frame.tensor(op->getOperand(0));
    std::vector<double> result(first.size());
    for (auto [i, y] : llvm::enumerate(result)) {
      auto x = [&](unsigned operand) {
        return frame.tensor(op->getOperand(operand)).getFloat(i);
      };
      if constexpr (std::is_invocable_v<decltype(compute), double>)
        y = compute(x(0));
      else if constexpr (std::is_invocable_v<decltype(compute), double, double>)
        y = compute(x(0), x(1));
      else
        y = compute(x(0), x(1), x(2));
    }
    SmallVector<int64_t> shape(first.getShape());
    frame.setFloats(op->getResult(0), shape, result);
    return success();
  });
}

/// Integers wrap around at the width of the result.
template <typename OpTy> static void addInt(Registry &registry, auto compute) {
  registry.add<OpTy>([compute](Operation *op, Frame &frame) -> LogicalResult {
    if (failed(checkOneShape(op, frame)))
      return failure();
    const Tensor &first = frame.tensor(op->getOperand(0));
    std::vector<int64_t> result(first.size());
    for (auto [i, y] : llvm::enumerate(result)) {
      int64_t x = first.getInt(i);
      if constexpr (std::is_invocable_v<decltype(compute), int64_t>)
        y = compute(x);
      else
        y = compute(x, frame.tensor(op->getOperand(1)).getInt(i));
    }
    frame.set(op->getResult(0), Tensor::ofInts(kindOf(op->getResult(0)),
                                               first.getShape(), result));
    return success();
  });
}

static LogicalResult evaluate(arith::ConstantOp op, Frame &frame) {
  auto kind = getElementKind(getElementTypeOrSelf(op.getType()));
  if (!kind)
    return op.emitOpError("has a type that the interpreter cannot hold");
  SmallVector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> ints;
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue())) {
    llvm::append_range(shape, elements.getShapedType().getShape());
    if (isFloat(*kind)) {
      auto values = elements.tryGetValues<APFloat>();
      if (values)
        for (APFloat value : *values) {
          bool lossy;
          value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                        &lossy);
          floats.push_back(value.convertToDouble());
        }
    } else if (auto values = elements.tryGetValues<APInt>(); values) {
      for (APInt value : *values)
        ints.push_back(value.getSExtValue());
    }
  } else if (auto number = dyn_cast<FloatAttr>(op.getValue())) {
    floats.push_back(number.getValueAsDouble());
  } else if (auto number = dyn_cast<IntegerAttr>(op.getValue())) {
    ints.push_back(number.getValue().getSExtValue());
  }
  if (int64_t(isFloat(*kind) ? floats.size() : ints.size()) !=
      countElements(shape))
    return op.emitOpError("has a value that the interpreter cannot read");
  frame.set(op, isFloat(*kind) ? Tensor::ofFloats(*kind, shape, floats)
                               : Tensor::ofInts(*kind, shape, ints));
  return success();
}

template <typename OpTy>
static LogicalResult intToFloat(OpTy op, Frame &frame) {
  const Tensor &in = frame.tensor(op.getIn());
  bool isUnsigned = std::is_same_v<OpTy, arith::UIToFPOp>;
  unsigned bits = getElementTypeOrSelf(op.getIn()).getIntOrFloatBitWidth();
  std::vector<double> result(in.size());
  for (auto [i, y] : llvm::enumerate(result)) {
    int64_t value = in.getInt(i);
    if (isUnsigned)
      y = double(uint64_t(value) & (~uint64_t(0) >> (64 - bits)));
    else
      y = bits == 1 ? -double(value) : double(value);
  }
  SmallVector<int64_t> shape(in.getShape());
  frame.setFloats(op, shape, result);
  return success();
}

static LogicalResult evaluate(arith::FPToSIOp op, Frame &frame) {
  const Tensor &in = frame.tensor(op.getIn());
  double limit = std::ldexp(1.0, int(8 * byteWidth(kindOf(op))) - 1);
  std::vector<int64_t> result(in.size());
  for (auto [i, y] : llvm::enumerate(result)) {
    double value = std::trunc(in.getFloat(i));
    if (!(value >= -limit && value < limit))
      return op.emitOpError("element ")
             << i << " has no integer value: " << std::to_string(value);
    y = int64_t(value);
  }
  frame.set(op, Tensor::ofInts(kindOf(op), in.getShape(), result));
  return success();
}

void interp::registerArith(Registry &registry) {
  registry.add<arith::ConstantOp>(evaluate);
  registry.add<arith::FPToSIOp>(evaluate);
  registry.add<arith::SIToFPOp>(intToFloat<arith::SIToFPOp>);
  registry.add<arith::UIToFPOp>(intToFloat<arith::UIToFPOp>);

  auto same = [](double x) { return x; };
  addFloat<arith::ExtFOp>(registry, same);
  addFloat<arith::TruncFOp>(registry, same);
  addFloat<arith::NegFOp>(registry, [](double x) { return -x; });
  addFloat<arith::AddFOp>(registry, [](double x, double y) { return x + y; });
  addFloat<arith::SubFOp>(registry, [](double x, double y) { return x - y; });
  addFloat<arith::MulFOp>(registry, [](double x, double y) { return x * y; });
  addFloat<arith::DivFOp>(registry, [](double x, double y) { return x / y; });
  addFloat<arith::MaximumFOp>(registry, [](double x, double y) {
    return std::isnan(x) || y < x ? x : y;
  });
  addFloat<arith::MinimumFOp>(registry, [](double x, double y) {
    return std::isnan(x) || y > x ? x : y;
  });

  addInt<arith::AddIOp>(registry, [](int64_t x, int64_t y) {
    return int64_t(uint64_t(x) + uint64_t(y));
  });
  addInt<arith::SubIOp>(registry, [](int64_t x, int64_t y) {
    return int64_t(uint64_t(x) - uint64_t(y));
  });
  addInt<arith::MulIOp>(registry, [](int64_t x, int64_t y) {
    return int64_t(uint64_t(x) * uint64_t(y));
  });
  auto keep = [](int64_t x) { return x; };
  addInt<arith::ExtSIOp>(registry, keep);
  addInt<arith::TruncIOp>(registry, keep);
  addInt<arith::IndexCastOp>(registry, keep);

  addFloat<math::AbsFOp>(registry, [](double x) { return std::fabs(x); });
  addFloat<math::ExpOp>(registry, [](double x) { return std::exp(x); });
  addFloat<math::LogOp>(registry, [](double x) { return std::log(x); });
  addFloat<math::SqrtOp>(registry, [](double x) { return std::sqrt(x); });
  addFloat<math::RsqrtOp>(registry, [](double x) { return 1 / std::sqrt(x); });
  addFloat<math::SinOp>(registry, [](double x) { return std::sin(x); });
  addFloat<math::CosOp>(registry, [](double x) { return std::cos(x); });
  addFloat<math::TanhOp>(registry, [](double x) { return std::tanh(x); });
  addFloat<math::ErfOp>(registry, [](double x) { return std::erf(x); });
  addFloat<math::FloorOp>(registry, [](double x) { return std::floor(x); });
  addFloat<math::CeilOp>(registry, [](double x) { return std::ceil(x); });
  addFloat<math::RoundOp>(registry, [](double x) { return std::round(x); });
  addFloat<math::RoundEvenOp>(registry,
                              [](double x) { return std::nearbyint(x); });
  addFloat<math::PowFOp>(registry,
                         [](double x, double y) { return std::pow(x, y); });
  addFloat<math::FmaOp>(
      registry, [](double x, double y, double z) { return std::fma(x, y, z); });
}
