//===- LayerLowering.cpp - layers of integers as units -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerLowering.h"

#include "ProcessBuilder.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

FailureOr<StreamType> fpga::getStreamType(Operation *op, QTensorType type) {
  DecodeSpec spec = type.getFormat().getDecodeSpec();
  if (type.getBlock().getKind() != BlockKind::PerTensor || !type.isInteger() ||
      spec.multiplier != 1 || spec.offset != 0 || type.hasOffsets())
    return op->emitOpError("expected integers with one scale, got ") << type;
  ArrayRef<int64_t> shape = type.getShape();
  if (shape.size() > 1 &&
      (shape.front() == 1 || ShapedType::isDynamic(shape.front())))
    shape = shape.drop_front();
  if (llvm::any_of(shape, ShapedType::isDynamic))
    return op->emitOpError("expected frames of a known shape, got ") << type;
  auto element = IntegerType::get(op->getContext(), type.getFormat().getBits(),
                                  spec.isSigned ? IntegerType::Signed
                                                : IntegerType::Unsigned);
  return StreamType::get(op->getContext(), shape, element, /*lanes=*/1);
}

/// The same frames of other elements, with `channels` as their last dimension.
static StreamType getFrames(StreamType type, IntegerType element,
                            int64_t channels) {
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = channels;
  return StreamType::get(type.getContext(), shape, element, /*lanes=*/1);
}

static IntegerType getSigned(MLIRContext *context, unsigned bits) {
  return IntegerType::get(context, bits, IntegerType::Signed);
}

namespace {
/// The steps of an epilogue in integers.
struct Steps {
  SmallVector<int64_t> bias, factors, multipliers, shifts;
  /// Of the floats, or of the codes.
  SmallVector<float> scales;
  bool givesFloats = false;
  Value addend;
  int64_t zero = 0;
  bool relu = false;
};

/// Weights [rows, inputs] in `bits` bits, and what holds their sums.
struct Products {
  SmallVector<int64_t> weights;
  int64_t inputs;
  unsigned bits;
  IntegerType sum;
  /// How weights are stored, null as integers.
  DenseI64ArrayAttr minifloat;
};

class LayerLowering {
public:
  LayerLowering(EpilogueOp op, const Parameters &params, OpBuilder &builder,
                function_ref<Numbers(Value)> find)
      : op(op), params(params), builder(builder), find(find),
        input(find(op->getOperand(0))) {}

  FailureOr<Numbers> run();

private:
  LogicalResult readSteps();
  LogicalResult makeSums();
  FailureOr<Products> readProducts(Value weight, int64_t inputs);
  DenseIntElementsAttr makeWeights(const Products &products, int64_t first,
                                   int64_t rows);
  DenseIntElementsAttr makeBias(const Products &products, int64_t first,
                                int64_t rows);
  void makeDots(const Products &products, ArrayRef<Value> vectors);
  LogicalResult makeDepthwise(ConvOp conv);
  LogicalResult makeConv(ConvOp conv);
  LogicalResult makeMeans(AveragePoolOp pool);
  LogicalResult makeFunction();
  FailureOr<Numbers> requantize();
  StreamType getType(Value stream) {
    return cast<StreamType>(stream.getType());
  }

  EpilogueOp op;
  const Parameters &params;
  OpBuilder &builder;
  function_ref<Numbers(Value)> find;
  const Numbers input;
  Steps steps;
  /// The sums of products of codes, and what their zero points add to each
  /// channel's.
  Value sums;
  SmallVector<int64_t> constants;
};
} // namespace

LogicalResult LayerLowering::readSteps() {
  auto operand = op.getExtra().begin();
  LogicalResult status = success();
  auto take = [&](auto read, auto &into) {
    auto numbers = (params.*read)(op, *operand++);
    if (succeeded(numbers))
      into = *numbers;
    else
      status = failure();
  };
  for (Attribute step : op.getEpilogue()) {
    EpilogueKind kind = cast<EpilogueKindAttr>(step).getValue();
    switch (kind) {
    case EpilogueKind::IntBias:
      take(&Parameters::getIntegers, steps.bias);
      break;
    case EpilogueKind::IntAdd:
      steps.addend = *operand++;
      take(&Parameters::getIntegers, steps.factors);
      break;
    case EpilogueKind::Relu:
      steps.relu = true;
      break;
    case EpilogueKind::Requantize: {
      take(&Parameters::getIntegers, steps.multipliers);
      take(&Parameters::getIntegers, steps.shifts);
      take(&Parameters::getFloats, steps.scales);
      if (cast<QTensorType>(op->getResult(0).getType()).hasZeros())
        take(&Parameters::getZero, steps.zero);
      break;
    }
    case EpilogueKind::Rescale:
      if (steps.relu || steps.addend)
        return op->emitOpError("rescales to floats behind relu or a sum, "
                               "which the FPGA target has no unit for");
      take(&Parameters::getFloats, steps.scales);
      steps.givesFloats = true;
      break;
    default:
      return op->emitOpError("has the step ")
             << stringifyEpilogueKind(kind)
             << ", expected arithmetic in integers (arithmetic=integer)";
    }
    if (failed(status))
      return failure();
  }
  if (steps.scales.empty())
    return op->emitOpError("gives floats, expected arithmetic in integers "
                           "(arithmetic=integer)");
  return success();
}

/// Of windows that are more than their pixels.
template <typename Op>
static Value makeWindow(OpBuilder &builder, Op op, Value image,
                        nn::Windows windows, bool byChannel, int64_t outside) {
  auto type = cast<StreamType>(image.getType());
  auto shape = type.getShape();
  int64_t taps = windows.kernel[0] * windows.kernel[1];
  SmallVector<int64_t> result = {windows.getOutputSize(shape[0], 0),
                                 windows.getOutputSize(shape[1], 1)};
  if (byChannel)
    result.append({shape[2], taps});
  else
    result.push_back(taps * shape[2]);
  return WindowOp::create(
      builder, op.getLoc(),
      StreamType::get(op.getContext(), result, type.getElement(), 1), image,
      byChannel, windows.kernel, windows.strides, windows.pads,
      windows.dilations, outside);
}

/// Whether a window is a pixel, one after the other.
static bool areWindowsPixels(nn::Windows windows) {
  auto areAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [&](int64_t v) { return v == value; });
  };
  return areAll(windows.kernel, 1) && areAll(windows.strides, 1) &&
         areAll(windows.pads, 0);
}

/// How weights of such a type are stored, null as integers.
static DenseI64ArrayAttr getMinifloat(QTensorType type) {
  auto floats = dyn_cast<FloatFormatAttr>(type.getFormat());
  if (!floats)
    return {};
  return DenseI64ArrayAttr::get(type.getContext(),
                                {floats.getExponent(), floats.getMantissa()});
}

/// Reads what sums of `inputs` products in each of the rows need.
FailureOr<Products> LayerLowering::readProducts(Value weight, int64_t inputs) {
  auto weights = params.getWeights(op, weight);
  if (failed(weights))
    return failure();
  int64_t rows = int64_t(weights->size()) / inputs;
  // The codes' zero point times the sum of a row is missing in its sums.
  constants.assign(rows, 0);
  for (auto [at, number] : llvm::enumerate(*weights))
    constants[at / size_t(inputs)] -= number * input.zero;
  DenseIntElementsAttr bias;
  if (steps.givesFloats) {
    // No requantiser comes to add them.
    for (auto [constant, number] : llvm::zip(constants, steps.bias))
      constant += number;
    bias = makeTensor(op.getContext(), rows, 64, constants);
  }
  auto [low, high] = std::minmax_element(weights->begin(), weights->end());
  unsigned bits = Interval{*low, *high}.getSignedBits();
  auto matrix = makeTensor(op.getContext(), {rows, inputs}, bits, *weights);
  auto range = DotOp::getSums(matrix, bias,
                              Interval::of(getType(input.stream).getElement()));
  if (!range || range->getSignedBits() > Interval::maxBits)
    return op->emitOpError("has sums beyond ") << Interval::maxBits << " bits";
  return Products{std::move(*weights), inputs, bits,
                  getSigned(op.getContext(), range->getSignedBits()),
                  getMinifloat(cast<QTensorType>(weight.getType()))};
}

DenseIntElementsAttr LayerLowering::makeWeights(const Products &products,
                                                int64_t first, int64_t rows) {
  return makeTensor(op.getContext(), {rows, products.inputs}, products.bits,
                    ArrayRef(products.weights)
                        .slice(size_t(first * products.inputs),
                               size_t(rows * products.inputs)));
}

DenseIntElementsAttr LayerLowering::makeBias(const Products &products,
                                             int64_t first, int64_t rows) {
  if (!steps.givesFloats)
    return {};
  return makeTensor(op.getContext(), rows, products.sum.getWidth(),
                    ArrayRef(constants).slice(size_t(first), size_t(rows)));
}

/// Of each of the streams of vectors its share of the rows.
void LayerLowering::makeDots(const Products &products,
                             ArrayRef<Value> vectors) {
  auto rows = int64_t(constants.size() / vectors.size());
  SmallVector<Value> parts;
  for (auto [number, stream] : llvm::enumerate(vectors)) {
    int64_t first = int64_t(number) * rows;
    parts.push_back(DotOp::create(
        builder, op.getLoc(), getFrames(getType(stream), products.sum, rows),
        stream, makeWeights(products, first, rows), products.minifloat,
        makeBias(products, first, rows), /*in_luts=*/false,
        /*shared=*/IntegerAttr(), /*vectors=*/IntegerAttr(),
        /*port=*/IntegerAttr(), /*in_tables=*/false));
  }
  sums = parts.front();
  if (parts.size() > 1)
    sums = ConcatOp::create(
        builder, op.getLoc(),
        getFrames(getType(sums), products.sum, int64_t(constants.size())),
        parts);
}

/// Channels by themselves.
LogicalResult LayerLowering::makeDepthwise(ConvOp conv) {
  ArrayRef<int64_t> kernel = conv.getWindows().kernel;
  auto products = readProducts(conv.getWeight(), kernel[0] * kernel[1]);
  if (failed(products))
    return failure();
  Value windows = makeWindow(builder, conv, input.stream, conv.getWindows(),
                             /*byChannel=*/true, input.zero);
  auto rows = int64_t(constants.size());
  StreamType from = getType(windows);
  auto getSums = [&](int64_t lanes) {
    return StreamType::get(op.getContext(),
                           {from.getShape()[0], from.getShape()[1], rows},
                           products->sum, lanes);
  };
  int64_t multiplier = rows / from.getShape()[2];
  sums = DepthwiseOp::create(builder, op.getLoc(), getSums(multiplier), windows,
                             makeWeights(*products, 0, rows),
                             makeBias(*products, 0, rows));
  if (multiplier > 1)
    sums = WidthOp::create(builder, op.getLoc(), getSums(1), sums);
  return success();
}

LogicalResult LayerLowering::makeConv(ConvOp conv) {
  StreamType image = getType(input.stream);
  if (image.getShape().size() != 3)
    return conv.emitOpError("expected one image a frame");
  int64_t groups = conv.getGroups(), channels = image.getShape().back();
  if (groups > 1 && groups == channels)
    return makeDepthwise(conv);
  ArrayRef<int64_t> weight = conv.getWeight().getType().getShape();
  auto products =
      readProducts(conv.getWeight(), weight[1] * weight[2] * weight[3]);
  if (failed(products))
    return failure();
  SmallVector<Value> vectors;
  for (int64_t group = 0; group < groups; ++group) {
    Value part = input.stream;
    if (groups > 1)
      part = SliceOp::create(
          builder, op.getLoc(),
          getFrames(image, image.getElement(), channels / groups), part,
          ArrayRef<int64_t>{0, 0, group * (channels / groups)},
          ArrayRef<int64_t>{1, 1, 1});
    if (!areWindowsPixels(conv.getWindows()))
      part = makeWindow(builder, conv, part, conv.getWindows(),
                        /*byChannel=*/false, input.zero);
    vectors.push_back(part);
  }
  makeDots(*products, vectors);
  return success();
}

/// Sums of windows; the multipliers have the division.
LogicalResult LayerLowering::makeMeans(AveragePoolOp pool) {
  int64_t taps = pool.getKernel()[0] * pool.getKernel()[1];
  if (steps.givesFloats)
    return pool.emitOpError("rescales to floats, which the FPGA target has no "
                            "unit for");
  sums = input.stream;
  constants.assign(getType(sums).getShape().back(), -taps * input.zero);
  if (areWindowsPixels(pool.getWindows()))
    return success();
  Value windows = makeWindow(builder, pool, input.stream, pool.getWindows(),
                             /*byChannel=*/true, /*outside=*/0);
  IntegerType element = getType(sums).getElement();
  auto range = Interval::of(element).times(taps);
  unsigned bits = range ? range->getSignedBits() - element.isUnsigned() : 64;
  if (bits > Interval::maxBits)
    return pool.emitOpError("has sums beyond ") << Interval::maxBits << " bits";
  ArrayRef<int64_t> shape = getType(windows).getShape();
  sums =
      PoolOp::create(builder, pool.getLoc(),
                     StreamType::get(pool.getContext(), shape.take_front(3),
                                     IntegerType::get(pool.getContext(), bits,
                                                      element.getSignedness()),
                                     1),
                     PoolKind::Sum, windows);
  return success();
}

LogicalResult LayerLowering::makeFunction() {
  if (steps.givesFloats && !steps.bias.empty())
    return op->emitOpError("rescales to floats behind a bias, which the FPGA "
                           "target has no unit for");
  auto made = lowerFunction(op, params, builder, find);
  if (failed(made))
    return failure();
  sums = *made;
  constants.assign(getType(sums).getShape().back(), 0);
  return success();
}

LogicalResult LayerLowering::makeSums() {
  if (auto pool = dyn_cast<AveragePoolOp>(*op))
    return makeMeans(pool);
  if (auto conv = dyn_cast<ConvOp>(*op))
    return makeConv(conv);
  auto linear = dyn_cast<LinearOp>(*op);
  if (!linear)
    return makeFunction();
  auto products =
      readProducts(linear.getWeight(), getType(input.stream).getShape().back());
  if (failed(products))
    return failure();
  makeDots(*products, input.stream);
  return success();
}

FailureOr<Numbers> LayerLowering::requantize() {
  auto type = cast<QTensorType>(op->getResult(0).getType());
  auto frames = getStreamType(op, type);
  if (failed(frames))
    return failure();
  MLIRContext *context = op.getContext();
  Numbers addend;
  if (steps.addend)
    addend = find(steps.addend);
  // (sum + constant + bias) * multiplier + (code - zero) * factor + half, and
  // the zero point before the shift instead of behind it.
  int64_t channels = frames->getShape().back();
  SmallVector<int64_t> offsets;
  for (int64_t n = 0; n < channels; ++n) {
    int64_t shift = steps.shifts[n], multiplier = steps.multipliers[n];
    int64_t constant = constants[n] + (steps.bias.empty() ? 0 : steps.bias[n]);
    if (shift < 1 || shift > 62)
      return op->emitOpError("expected shifts of 1 to 62, got ") << shift;
    std::optional<int64_t> offset = llvm::checkedMul(constant, multiplier);
    auto add = [&](int64_t a, int64_t b) {
      offset = offset ? llvm::checkedMulAdd(a, b, *offset) : std::nullopt;
    };
    add(int64_t(1) << (shift - 1), 1);
    add(steps.zero, int64_t(1) << shift);
    if (steps.addend)
      add(-addend.zero, steps.factors[n]);
    if (!offset)
      return op->emitOpError("has numbers beyond 64 bits before a shift by ")
             << shift;
    offsets.push_back(*offset);
  }
  auto makeVector = [&](ArrayRef<int64_t> numbers) {
    return makeTensor(context, channels, 64, numbers);
  };
  Interval codes = Interval::of(frames->getElement());
  codes.low = std::max(codes.low, int64_t(type.getFormat().getMin()));
  if (steps.relu)
    codes.low = std::max(codes.low, steps.zero);
  auto made = RequantizeOp::create(
      builder, op.getLoc(), *frames, sums, addend.stream,
      makeVector(steps.multipliers), makeVector(offsets),
      makeVector(steps.shifts),
      steps.addend ? makeVector(steps.factors) : DenseIntElementsAttr(),
      ArrayRef<int64_t>{codes.low, codes.high});
  if (!made.getSums())
    return op->emitOpError("has numbers beyond 64 bits before a shift");
  return Numbers{made, steps.zero, steps.scales};
}

FailureOr<Numbers> LayerLowering::run() {
  if (!input.stream)
    return op->emitOpError("expected codes as input, got ")
           << op->getOperand(0).getType();
  if (failed(readSteps()) || failed(makeSums()))
    return failure();
  if (steps.givesFloats)
    return Numbers{sums, 0, steps.scales};
  return requantize();
}

FailureOr<Numbers> fpga::lowerLayer(EpilogueOp op, const Parameters &params,
                                    OpBuilder &builder,
                                    function_ref<Numbers(Value)> find) {
  return LayerLowering(op, params, builder, find).run();
}

FailureOr<Numbers> fpga::lowerMaxPool(MaxPoolOp op, Numbers input,
                                      OpBuilder &builder) {
  auto type = getStreamType(op, op.getResult().getType());
  if (failed(type))
    return failure();
  if (type->getShape().size() != 3)
    return op.emitOpError("expected one image a frame");
  // Nothing is less than what is outside.
  Value windows =
      makeWindow(builder, op, input.stream, op.getWindows(),
                 /*byChannel=*/true, Interval::of(type->getElement()).low);
  return Numbers{
      PoolOp::create(builder, op.getLoc(), *type, PoolKind::Max, windows),
      input.zero, input.scales};
}
