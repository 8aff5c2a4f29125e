//===- Reduce.cpp - sums, maxima and products along axes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Reductions.h"
#include "Registry.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Along axes
//===----------------------------------------------------------------------===//

SmallVector<int64_t> qnt::onnx::allAxes(const Tensor &input) {
  return llvm::to_vector(llvm::seq<int64_t>(0, input.getRank()));
}

/// Combines `term` of each element, in the accumulator's type.
static Tensor
combineAlong(Node &node, const Tensor &input, ArrayRef<int64_t> axes,
             TypedAttr initial, Formula term,
             function_ref<Value(Scalars &, Value, Value)> combine) {
  DType wide = getAccumulator(input.dtype);
  return reduce(node, input, axes, wide, initial,
                [&](OpBuilder &builder, Location loc, ValueRange args) {
                  Scalars s(builder, loc, wide);
                  Value element =
                      castScalar(builder, loc, args[0], input.dtype, wide);
                  return combine(s, args[1], term(s, element));
                });
}

static Value itself(Scalars &, ValueRange x) { return x[0]; }

Tensor qnt::onnx::sumAlong(Node &node, const Tensor &input,
                           ArrayRef<int64_t> axes, Formula term) {
  Type wide = onnx::getElementType(getAccumulator(input.dtype), node.context());
  return combineAlong(
      node, input, axes, scalarAttribute(wide, 0), term,
      [](Scalars &s, Value sum, Value x) { return s.add(sum, x); });
}

Tensor qnt::onnx::sumAlong(Node &node, const Tensor &input,
                           ArrayRef<int64_t> axes) {
  return sumAlong(node, input, axes, itself);
}

Tensor qnt::onnx::maxAlong(Node &node, const Tensor &input,
                           ArrayRef<int64_t> axes) {
  return combineAlong(
      node, input, axes, lowest(node.context(), getAccumulator(input.dtype)),
      itself, [](Scalars &s, Value most, Value x) { return s.max(most, x); });
}

Tensor qnt::onnx::minAlong(Node &node, const Tensor &input,
                           ArrayRef<int64_t> axes) {
  return combineAlong(
      node, input, axes, highest(node.context(), getAccumulator(input.dtype)),
      itself, [](Scalars &s, Value least, Value x) { return s.min(least, x); });
}

/// A scalar of `dtype` with a dimension's value.
static Tensor toScalar(Node &node, const Dim &dim, DType dtype) {
  if (auto number = dim.constant())
    return isFloat(dtype)
               ? splat(dtype, double(*number))
               : Tensor::ofConstant(Constant::ofInts("", dtype, {}, *number));
  return cast(node, Tensor::ofElements(DType::I64, {}, {dim}), dtype);
}

Tensor qnt::onnx::meanAlong(Node &node, const Tensor &input,
                            ArrayRef<int64_t> axes) {
  Tensor sum = sumAlong(node, input, axes);
  Dim count = 1;
  for (int64_t axis : axes)
    count = count * input.dims[axis];
  return compute(node, {sum, toScalar(node, count, sum.dtype)},
                 [](Scalars &s, ValueRange x) { return s.div(x[0], x[1]); });
}

Tensor qnt::onnx::findExtreme(Node &node, const Tensor &input, int64_t axis,
                              bool isMax, bool isLast) {
  Tensor extreme =
      isMax ? maxAlong(node, input, axis) : minAlong(node, input, axis);
  // A second pass over the elements, which meets those equal to the extreme.
  extreme = cast(node, extreme, input.dtype);
  MLIRContext *context = node.context();
  int64_t rank = input.getRank();
  SmallVector<AffineExpr> exprs;
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators[axis] = utils::IteratorType::reduction;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      exprs.push_back(getAffineDimExpr(i, context));
  AffineMap outer = AffineMap::get(rank, 0, exprs, context);
  SmallVector<AffineMap> maps = {
      AffineMap::getMultiDimIdentityMap(rank, context), outer, outer};
  auto initial = isLast ? scalarAttribute(node.builder().getI64Type(), -1)
                        : highest(context, DType::I64);
  Value init = filledTensor(node, extreme.dims, initial);
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(),
      ValueRange{node.value(input), node.value(extreme)}, init, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        Scalars s(builder, loc, input.dtype);
        Value isFound = s.equal(args[0], args[1]);
        if (isFloat(input.dtype))
          isFound = s.op<arith::OrIOp>(
              isFound,
              s.op<arith::CmpFOp>(arith::CmpFPredicate::UNO, args[0], args[0]));
        Value index = s.op<arith::IndexCastOp>(builder.getI64Type(),
                                               s.op<linalg::IndexOp>(axis));
        Value best = isLast ? s.op<arith::MaxSIOp>(args[2], index)
                            : s.op<arith::MinSIOp>(args[2], index);
        linalg::YieldOp::create(builder, loc, s.select(isFound, best, args[2]));
      });
  return Tensor::ofValue(DType::I64, extreme.dims, generic.getResult(0));
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// `reduced` with unit dimensions at `axes`, if the node keeps them.
static Tensor keepDims(Node &node, const Tensor &reduced,
                       ArrayRef<int64_t> axes) {
  if (!node.getInt("keepdims", 1))
    return reduced;
  return unsqueeze(node, reduced, axes);
}

/// The axes that the node reduces; none when it is to reduce nothing.
static std::optional<SmallVector<int64_t>> readAxes(Node &node) {
  const Tensor &input = node.input(0);
  bool isInput = node.version() >= (node.opType() == "ReduceSum" ? 13 : 18);
  std::vector<int64_t> axes;
  if (!isInput)
    axes = node.findInts("axes").value_or(axes);
  else if (node.hasInput(1))
    axes = node.ints(1, "the axes");
  if (!axes.empty())
    return node.normalizeAxes(axes, input.getRank());
  if (isInput && node.getInt("noop_with_empty_axes", 0))
    return std::nullopt;
  return allAxes(input);
}

using Reduction = Tensor (*)(Node &, const Tensor &, ArrayRef<int64_t>);

template <Reduction reduction> static void importReduction(Node &node) {
  Tensor input = node.input(0, numberTypes());
  DType dtype = input.dtype;
  auto axes = readAxes(node);
  if (!axes) {
    (void)node.getInt("keepdims", 1);
    return node.setOutput(0, input);
  }
  // Roots and logarithms of integers are found in f64.
  bool isReal =
      node.opType() == "ReduceL2" || node.opType().starts_with("ReduceLog");
  if (isReal && isInteger(dtype))
    input = cast(node, input, DType::F64);
  Tensor result = reduction(node, input, *axes);
  node.setOutput(0, keepDims(node, cast(node, result, dtype), *axes));
}

static Tensor sumOfAbs(Node &node, const Tensor &input,
                       ArrayRef<int64_t> axes) {
  return sumAlong(node, input, axes,
                  [](Scalars &s, ValueRange x) { return s.abs(x[0]); });
}

static Tensor sumOfSquares(Node &node, const Tensor &input,
                           ArrayRef<int64_t> axes) {
  return sumAlong(node, input, axes,
                  [](Scalars &s, ValueRange x) { return s.mul(x[0], x[0]); });
}

static Tensor l2Norm(Node &node, const Tensor &input, ArrayRef<int64_t> axes) {
  return compute(node, sumOfSquares(node, input, axes),
                 [](Scalars &s, ValueRange x) { return s.sqrt(x[0]); });
}

static Tensor logOfSum(Node &node, const Tensor &input,
                       ArrayRef<int64_t> axes) {
  return compute(node, sumAlong(node, input, axes),
                 [](Scalars &s, ValueRange x) { return s.log(x[0]); });
}

static Tensor product(Node &node, const Tensor &input, ArrayRef<int64_t> axes) {
  Type wide = onnx::getElementType(getAccumulator(input.dtype), node.context());
  return combineAlong(
      node, input, axes, scalarAttribute(wide, 1), itself,
      [](Scalars &s, Value so, Value x) { return s.mul(so, x); });
}

static Tensor logOfSumOfExp(Node &node, const Tensor &input,
                            ArrayRef<int64_t> axes) {
  // Relative to the largest, or to zero where that is infinite.
  Tensor most =
      compute(node, maxAlong(node, input, axes), [](Scalars &s, ValueRange x) {
        Value isFinite = s.op<math::IsFiniteOp>(x[0]);
        return s.select(isFinite, x[0], s.constant(0));
      });
  Tensor wide = cast(node, input, most.dtype);
  Tensor rest = compute(
      node, {wide, unsqueeze(node, most, axes)},
      [](Scalars &s, ValueRange x) { return s.exp(s.sub(x[0], x[1])); });
  return compute(
      node, {sumAlong(node, rest, axes), most},
      [](Scalars &s, ValueRange x) { return s.add(s.log(x[0]), x[1]); });
}

static void importExtremeValue(Node &node) {
  const Tensor &input = node.input(0, allTypes());
  auto axes = readAxes(node);
  if (!axes) {
    (void)node.getInt("keepdims", 1);
    return node.setOutput(0, input);
  }
  Tensor result = node.opType() == "ReduceMax" ? maxAlong(node, input, *axes)
                                               : minAlong(node, input, *axes);
  node.setOutput(0, keepDims(node, cast(node, result, input.dtype), *axes));
}

static void importArg(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", 0), input.getRank());
  Tensor found = findExtreme(node, input, axis, node.opType() == "ArgMax",
                             node.getInt("select_last_index", 0));
  node.setOutput(0, keepDims(node, found, axis));
}

static void importHardmax(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  Tensor found = unsqueeze(
      node, findExtreme(node, input, axis, /*isMax=*/true, /*isLast=*/false),
      axis);
  auto body = [&](OpBuilder &builder, Location loc, ValueRange args) {
    Scalars s(builder, loc, input.dtype);
    Value index = s.op<arith::IndexCastOp>(builder.getI64Type(),
                                           s.op<linalg::IndexOp>(axis));
    Value isFound =
        s.op<arith::CmpIOp>(arith::CmpIPredicate::eq, index, args[1]);
    return s.select(isFound, s.constant(1), s.constant(0));
  };
  node.setOutput(0, elementwise(node, {input, found}, input.dtype, body));
}

ArrayRef<Operator> qnt::onnx::getReduceOperators() {
  static const Operator operators[] = {
      {"ArgMax", 11, importArg},
      {"ArgMin", 11, importArg},
      {"Hardmax", 13, importHardmax},
      {"ReduceL1", 11, importReduction<sumOfAbs>},
      {"ReduceL2", 11, importReduction<l2Norm>},
      {"ReduceLogSum", 11, importReduction<logOfSum>},
      {"ReduceLogSumExp", 11, importReduction<logOfSumOfExp>},
      {"ReduceMax", 11, importExtremeValue},
      {"ReduceMean", 11, importReduction<meanAlong>},
      {"ReduceMin", 11, importExtremeValue},
      {"ReduceProd", 11, importReduction<product>},
      {"ReduceSum", 11, importReduction<sumAlong>},
      {"ReduceSumSquare", 11, importReduction<sumOfSquares>},
  };
  return operators;
}
