//===- Preprocess.cpp - models that eat images as they are stored --------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

namespace qnt {
#define GEN_PASS_DEF_NNPREPROCESS
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
/// "image: u8 nhwc scale=1/255 mean=.5,.5,.5 std=.2,.2,.2", understood.
struct Preprocessing {
  StringRef input, name;
  bool isBytes = false, isChannelsLast = false, modelIsChannelsLast = false;
  double scale = 1;
  SmallVector<double> mean, deviation;
};

class NNPreprocessPass : public qnt::impl::NNPreprocessBase<NNPreprocessPass> {
public:
  using NNPreprocessBase::NNPreprocessBase;

  void runOnOperation() override {
    auto parsed = parse(input);
    if (failed(parsed) || failed(apply(*parsed)))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("preprocess: ");
  }
  FailureOr<Preprocessing> parse(StringRef text);
  LogicalResult apply(const Preprocessing &how);
  LogicalResult apply(const Preprocessing &how, func::FuncOp function,
                      unsigned index);
};
} // namespace

/// A number, or a quotient of two.
static std::optional<double> parseNumber(StringRef text) {
  auto [above, below] = text.split('/');
  double numerator = 0, denominator = 1;
  if (above.getAsDouble(numerator) ||
      (text.contains('/') && below.getAsDouble(denominator)) ||
      !std::isfinite(numerator / denominator))
    return std::nullopt;
  return numerator / denominator;
}

static std::optional<SmallVector<double>> parseNumbers(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  SmallVector<double> result;
  for (StringRef part : parts) {
    std::optional<double> number = parseNumber(part);
    if (!number)
      return std::nullopt;
    result.push_back(*number);
  }
  return result;
}

FailureOr<Preprocessing> NNPreprocessPass::parse(StringRef text) {
  Preprocessing how;
  auto [name, words] = text.split(':');
  how.input = name.trim();
  if (how.input.empty() || !text.contains(':'))
    return error() << "'" << text << "': expected the name of an input and ':'";
  SmallVector<StringRef> parts;
  llvm::SplitString(words, parts);
  for (StringRef part : parts) {
    auto [key, value] = part.split('=');
    bool good = true;
    if (part == "u8" || part == "f32") {
      how.isBytes = part == "u8";
    } else if (part == "nhwc" || part == "nchw") {
      how.isChannelsLast = part == "nhwc";
    } else if (key == "model") {
      how.modelIsChannelsLast = value == "nhwc";
      good = value == "nhwc" || value == "nchw";
    } else if (key == "name") {
      how.name = value;
      good = !value.empty();
    } else if (key == "scale") {
      auto number = parseNumber(value);
      good = number.has_value();
      how.scale = number.value_or(1);
    } else if (key == "mean" || key == "std") {
      auto numbers = parseNumbers(value);
      good = numbers && (key == "mean" || !llvm::is_contained(*numbers, 0.0));
      if (good)
        (key == "mean" ? how.mean : how.deviation) = *numbers;
    } else {
      good = false;
    }
    if (!good)
      return error()
             << "'" << part << "': expected u8 or f32, nhwc or nchw, "
             << "model=nhwc|nchw, name=NAME, scale=NUMBER, mean=NUMBERS or "
                "std=NUMBERS (not 0), by commas";
  }
  return how;
}

/// One number for each of `channels`; one given number stands for all.
static FailureOr<SmallVector<double>> spread(ArrayRef<double> numbers,
                                             double none, int64_t channels) {
  if (numbers.empty())
    return SmallVector<double>(channels, none);
  if (numbers.size() == 1)
    return SmallVector<double>(channels, numbers.front());
  if (int64_t(numbers.size()) != channels)
    return failure();
  return SmallVector<double>(numbers);
}

static Value createVector(OpBuilder &builder, Location loc,
                          ArrayRef<double> numbers) {
  SmallVector<float> values(numbers.begin(), numbers.end());
  auto type =
      RankedTensorType::get({int64_t(values.size())}, builder.getF32Type());
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, ArrayRef<float>(values)));
}

static Value createTranspose(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  Value init = createEmpty(
      builder, loc, type.clone(applyPermutation(type.getShape(), perm)),
      applyPermutation(getDims(builder, loc, value), perm));
  return linalg::TransposeOp::create(builder, loc, value, init, perm)
      ->getResult(0);
}

/// Unsigned bytes as f32.
static Value createFloats(OpBuilder &builder, Location loc, Value bytes) {
  auto type =
      cast<RankedTensorType>(bytes.getType()).clone(builder.getF32Type());
  Value init = createEmpty(builder, loc, type, getDims(builder, loc, bytes));
  AffineMap map = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, type, bytes, init, ArrayRef<AffineMap>{map, map},
             loops,
             [&](OpBuilder &body, Location at, ValueRange args) {
               Value number = arith::UIToFPOp::create(
                   body, at, body.getF32Type(), args[0]);
               linalg::YieldOp::create(body, at, number);
             })
      ->getResult(0);
}

LogicalResult NNPreprocessPass::apply(const Preprocessing &how,
                                      func::FuncOp function, unsigned index) {
  BlockArgument argument = function.getArgument(index);
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type || type.getRank() != 4 || !type.getElementType().isF32())
    return error() << "input '" << how.input << "' of '" << function.getName()
                   << "' is " << argument.getType()
                   << ", expected images of f32";
  static constexpr int64_t toLast[4] = {0, 2, 3, 1}, toFirst[4] = {0, 3, 1, 2};
  int64_t channels = type.getDimSize(how.modelIsChannelsLast ? 3 : 1);
  auto mean = spread(how.mean, 0, channels);
  auto deviation = spread(how.deviation, 1, channels);
  if (ShapedType::isDynamic(channels) || failed(mean) || failed(deviation))
    return error() << "input '" << how.input << "' is " << type
                   << " with channels "
                   << (how.modelIsChannelsLast ? "last" : "second")
                   << ", expected as many as there are numbers in mean and std";
  // The argument as it is stored.
  SmallVector<int64_t> stored(type.getShape());
  std::optional<ArrayRef<int64_t>> order;
  if (how.isChannelsLast != how.modelIsChannelsLast)
    order = how.isChannelsLast ? ArrayRef<int64_t>(toLast)
                               : ArrayRef<int64_t>(toFirst);
  OpBuilder builder(&getContext());
  if (order)
    stored = applyPermutation(stored, *order);
  Type element =
      how.isBytes ? Type(builder.getI8Type()) : Type(builder.getF32Type());
  auto dims = function.getArgAttrOfType<ArrayAttr>(index, "qnt.dims");
  if (dims && order)
    function.setArgAttr(
        index, "qnt.dims",
        builder.getArrayAttr(applyPermutation(dims.getValue(), *order)));
  if (!how.name.empty())
    function.setArgAttr(index, "qnt.name", builder.getStringAttr(how.name));
  if (how.isBytes)
    function.setArgAttr(index, "qnt.dtype", builder.getStringAttr("u8"));
  argument.setType(RankedTensorType::get(stored, element));
  function.setType(
      builder.getFunctionType(function.getBody().front().getArgumentTypes(),
                              function.getResultTypes()));

  Location loc = NameLoc::get(builder.getStringAttr(how.input));
  builder.setInsertionPointToStart(&function.getBody().front());
  Value value = argument;
  if (how.isBytes)
    value = createFloats(builder, loc, value);
  if (!how.isChannelsLast)
    value = createTranspose(builder, loc, value, toLast);
  SmallVector<double> factor, offset;
  for (auto [m, d] : llvm::zip_equal(*mean, *deviation)) {
    factor.push_back(how.scale / d);
    offset.push_back(-m / d);
  }
  if (llvm::any_of(factor, [](double x) { return x != 1; }))
    value = nn::MulOp::create(builder, loc, value.getType(), value,
                              createVector(builder, loc, factor));
  if (llvm::any_of(offset, [](double x) { return x != 0; }))
    value = nn::AddOp::create(builder, loc, value.getType(), value,
                              createVector(builder, loc, offset));
  if (!how.modelIsChannelsLast)
    value = createTranspose(builder, loc, value, toFirst);
  if (value == argument)
    return success();
  // Whatever used the argument stands behind what was made of it.
  Operation *last = value.getDefiningOp();
  argument.replaceUsesWithIf(value, [&](OpOperand &use) {
    Operation *user = last->getBlock()->findAncestorOpInBlock(*use.getOwner());
    return last->isBeforeInBlock(user);
  });
  return success();
}

LogicalResult NNPreprocessPass::apply(const Preprocessing &how) {
  bool found = false;
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto name = function.getArgAttrOfType<StringAttr>(i, "qnt.name");
      if (!name || name.getValue() != how.input)
        continue;
      found = true;
      if (failed(apply(how, function, i)))
        return failure();
    }
  }
  if (!found)
    return error() << "no entry point has an input '" << how.input << "'";
  return success();
}
