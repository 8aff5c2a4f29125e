//===- Conv.cpp - convolutions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Conv.h"
#include "Quantization.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

Convolution qnt::onnx::readConvolution(Node &node, const Tensor &images,
                                       const Tensor &weight) {
  int64_t rank = images.getRank();
  if (rank < 3 || weight.getRank() != rank)
    node.fail("expected images and a weight of one rank of at least 3, got " +
              std::to_string(rank) + " and " +
              std::to_string(weight.getRank()));
  if (!weight.isStatic())
    node.fail("a weight whose shape is not known when importing is not "
              "supported");
  Convolution result;
  result.groups = node.getInt("group", 1);
  SmallVector<int64_t> shape = weight.getShape();
  result.filters = shape[0];
  if (result.groups < 1 || shape[0] % result.groups != 0)
    node.fail(std::to_string(result.groups) + " groups of " +
              std::to_string(shape[0]) + " filters");
  result.channels = Dim(shape[1]) * Dim(result.groups);
  Dim channels = images.dims[1];
  if (channels.constant() && channels != result.channels)
    node.fail("images of " + node.dims().str(channels) +
              " channels, expected " + node.dims().str(result.channels) +
              " as the weight says");
  SmallVector<int64_t> kernel = readKernel(node, ArrayRef(shape).drop_front(2));
  result.windows = readWindows(node, ArrayRef(images.dims).drop_front(2),
                               kernel, /*ceilMode=*/false);
  return result;
}

Tensor qnt::onnx::convolve(Node &node, const Convolution &conv,
                           const Tensor &images, const Tensor &weight,
                           DType accumulator) {
  const Windows &windows = conv.windows;
  int64_t spatial = windows.getRank(), loops = 3 + 2 * spatial;
  MLIRContext *context = node.context();
  SmallVector<Dim> shape = {images.dims[0], Dim(conv.filters)};
  llvm::append_range(shape, windows.counts);
  Source source(node, images);
  Value init = filledTensor(
      node, shape,
      scalarAttribute(onnx::getElementType(accumulator, context), 0));
  // Loops: batch, filter, windows; channel of the group, kernel.
  SmallVector<AffineExpr> out, kernel = {getAffineDimExpr(1, context)};
  for (int64_t i = 0; i < loops; ++i)
    (i < 2 + spatial ? out : kernel).push_back(getAffineDimExpr(i, context));
  SmallVector<AffineMap> maps = {AffineMap::get(loops, 0, kernel, context),
                                 AffineMap::get(loops, 0, out, context)};
  SmallVector<utils::IteratorType> iterators(2 + spatial,
                                             utils::IteratorType::parallel);
  iterators.resize(loops, utils::IteratorType::reduction);
  int64_t filtersOfGroup = std::max<int64_t>(1, conv.filters / conv.groups);
  int64_t channelsOfGroup = weight.getShape()[1];
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), node.value(weight), init,
      maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        LoopBody body(nested, loc);
        Value channel = body.index(2 + spatial);
        if (conv.groups > 1)
          channel = body.add(body.mul(body.div(body.index(1), filtersOfGroup),
                                      channelsOfGroup),
                             channel);
        SmallVector<Value> at = {body.index(0), channel};
        for (int64_t i = 0; i < spatial; ++i)
          at.push_back(getPosition(body, windows, i, body.index(2 + i),
                                   body.index(3 + spatial + i)));
        Type type = onnx::getElementType(images.dtype, context);
        Value pixel =
            body.readOr(source, at, 2, scalarConstant(nested, loc, type, 0));
        Scalars s = body.scalars(accumulator);
        Value x = castScalar(nested, loc, pixel, images.dtype, accumulator);
        Value w = castScalar(nested, loc, args[0], weight.dtype, accumulator);
        linalg::YieldOp::create(nested, loc, s.add(args[1], s.mul(x, w)));
      });
  return Tensor::ofValue(accumulator, shape, generic.getResult(0));
}

Tensor qnt::onnx::addBias(Node &node, const Tensor &images, const Tensor &bias,
                          int64_t filters) {
  if (bias.getRank() != 1 || bias.dims[0] != Dim(filters))
    node.fail("expected a bias of one dimension of " + std::to_string(filters) +
              " numbers");
  SmallVector<Dim> shape(images.getRank() - 1, Dim(1));
  shape[0] = filters;
  return compute(node, {images, reshape(node, bias, shape)},
                 [](Scalars &s, ValueRange x) { return s.add(x[0], x[1]); });
}

Tensor qnt::onnx::convolveLayer(Node &node, const Convolution &conv,
                                const Tensor &images, const Tensor &weight,
                                const Tensor *bias) {
  const Windows &windows = conv.windows;
  int64_t spatial = windows.getRank();
  Tensor input = toChannelsLast(node, images);
  Tensor filters = toChannelsLast(node, weight);
  input.dims[3] = conv.channels;
  Value w = node.parameter(filters);
  Value offset = bias ? createBias(node, *bias, images, filters, w) : Value();
  auto pair = [&](ArrayRef<int64_t> numbers) {
    SmallVector<int64_t> result(numbers);
    if (spatial == 1)
      result.insert(result.begin(), 1);
    return result;
  };
  Value x = refine(node, node.value(input), input.dims);
  auto op = nn::ConvOp::create(node.builder(), node.loc(), x, w, offset,
                               pair(windows.strides), *windows.getPads(),
                               pair(windows.dilations), conv.groups);
  SmallVector<Dim> shape = {images.dims[0]};
  if (spatial == 1)
    shape.push_back(1);
  llvm::append_range(shape, windows.counts);
  shape.push_back(conv.filters);
  return fromChannelsLast(
      node, Tensor::ofValue(DType::F32, shape, op.getResult()), spatial);
}

bool qnt::onnx::isLayer(const Convolution &conv) {
  return conv.windows.getRank() <= 2 && conv.channels != Dim(0) &&
         conv.filters > 0;
}

static void importConv(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  const Tensor &weight = node.input(1, images.dtype);
  Convolution conv = readConvolution(node, images, weight);
  const Tensor *bias =
      node.hasInput(2) ? &node.input(2, images.dtype) : nullptr;
  if (bias && (bias->getRank() != 1 || bias->dims[0] != Dim(conv.filters)))
    node.fail("expected a bias of one dimension of " +
              std::to_string(conv.filters) + " numbers");
  if (images.dtype == DType::F32 && weight.isParameter() && isLayer(conv))
    return node.setOutput(0, convolveLayer(node, conv, images, weight, bias));
  DType accumulator = getAccumulator(images.dtype);
  Tensor result = convolve(node, conv, images, weight, accumulator);
  if (bias)
    result =
        addBias(node, result, cast(node, *bias, accumulator), conv.filters);
  node.setOutput(0, cast(node, result, images.dtype));
}

//===----------------------------------------------------------------------===//
// ConvTranspose
//===----------------------------------------------------------------------===//

/// Pads, and sizes of the result.
static Windows readTransposed(Node &node, ArrayRef<Dim> spatial,
                              ArrayRef<int64_t> kernel) {
  size_t rank = spatial.size();
  Windows windows;
  windows.kernel.assign(kernel.begin(), kernel.end());
  windows.strides = readNumbers(node, "strides", rank, 1, 1);
  windows.dilations = readNumbers(node, "dilations", rank, 1, 1);
  SmallVector<int64_t> pads = readNumbers(node, "pads", 2 * rank, 0, 0);
  SmallVector<int64_t> extra = readNumbers(node, "output_padding", rank, 0, 0);
  bool hasShape = node.findAttribute("output_shape");
  SmallVector<int64_t> given = readNumbers(node, "output_shape", rank, 1, 0);
  std::string automatic = node.getString("auto_pad", "NOTSET");
  bool isSame = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!isSame && automatic != "VALID" && automatic != "NOTSET")
    node.fail("auto_pad '" + automatic + "' is not supported");
  if (automatic == "VALID")
    pads.assign(2 * rank, 0);
  for (size_t i = 0; i < rank; ++i) {
    Dim whole = (spatial[i] - Dim(1)) * Dim(windows.strides[i]) +
                Dim(extra[i]) + Dim(windows.getExtent(i));
    if (!hasShape && !isSame) {
      windows.before.push_back(pads[i]);
      windows.after.push_back(pads[rank + i]);
      windows.counts.push_back(whole - Dim(pads[i]) - Dim(pads[rank + i]));
    } else {
      Dim size =
          hasShape ? Dim(given[i]) : spatial[i] * Dim(windows.strides[i]);
      auto total = (whole - size).constant();
      if (!total)
        node.fail("pads that depend on a dimension known at run time are not "
                  "supported");
      int64_t sum = std::max<int64_t>(0, *total);
      // What is uneven goes to the end, with SAME_LOWER to the beginning.
      int64_t half = sum / 2, rest = sum - half;
      bool isUpper = automatic == "SAME_UPPER";
      windows.before.push_back(isUpper ? half : rest);
      windows.after.push_back(isUpper ? rest : half);
      windows.counts.push_back(size);
    }
    if (windows.counts.back().constant().value_or(1) < 1)
      node.fail("pads that leave nothing of the result");
  }
  return windows;
}

static void importConvTranspose(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  const Tensor &weight = node.input(1, images.dtype);
  int64_t rank = images.getRank(), spatial = rank - 2;
  if (rank < 3 || weight.getRank() != rank || !weight.isStatic())
    node.fail("expected images and a weight of known shape, of one rank of at "
              "least 3");
  SmallVector<int64_t> weights = weight.getShape();
  int64_t groups = node.getInt("group", 1);
  if (groups < 1 || weights[0] % groups != 0 || weights[0] == 0)
    node.fail(std::to_string(groups) + " groups of " +
              std::to_string(weights[0]) + " channels");
  if (images.dims[1].constant().value_or(weights[0]) != weights[0])
    node.fail("images of " + node.dims().str(images.dims[1]) +
              " channels, expected " + std::to_string(weights[0]) +
              " as the weight says");
  Windows windows =
      readTransposed(node, ArrayRef(images.dims).drop_front(2),
                     readKernel(node, ArrayRef(weights).drop_front(2)));
  int64_t perGroup = weights[0] / groups, filters = weights[1];
  Dim outputs = Dim(filters) * Dim(groups);
  SmallVector<Dim> shape = {images.dims[0], outputs};
  llvm::append_range(shape, windows.counts);
  SmallVector<Dim> reductions = {Dim(perGroup)};
  reductions.append(windows.kernel.begin(), windows.kernel.end());
  Source x(node, images), w(node, weight);
  DType accumulator = getAccumulator(images.dtype);
  Type type = onnx::getElementType(accumulator, node.context());
  Tensor result = accumulate(
      node, accumulator, shape, reductions, scalarAttribute(type, 0),
      [&](const LoopBody &body, Value sum) {
        Value filter = body.index(1), channel = body.index(rank);
        SmallVector<Value> from = {body.index(0)}, at;
        Value group = body.div(filter, std::max<int64_t>(1, filters));
        Value input = body.add(body.mul(group, perGroup), channel);
        from.push_back(input);
        at = {input, body.rem(filter, std::max<int64_t>(1, filters))};
        Value isHit;
        for (int64_t i = 0; i < spatial; ++i) {
          // result position + pad = input position * stride + tap * dilation
          Value tap = body.index(rank + 1 + i);
          Value reach = body.sub(body.add(body.index(2 + i), windows.before[i]),
                                 body.mul(tap, windows.dilations[i]));
          if (windows.strides[i] != 1) {
            isHit =
                body.both(isHit, body.equal(body.rem(reach, windows.strides[i]),
                                            body.constant(0)));
            // Towards zero: what is negative must stay outside.
            Value below = body.less(reach, body.constant(0));
            reach = body.select(below, body.constant(-1),
                                body.div(reach, windows.strides[i]));
          }
          from.push_back(reach);
          at.push_back(tap);
        }
        Scalars s = body.scalars(accumulator);
        Value zero = scalarConstant(
            body.builder, body.loc,
            onnx::getElementType(images.dtype, node.context()), 0);
        Value pixel = body.readOr(x, from, 2, zero);
        if (isHit)
          pixel = body.select(isHit, pixel, zero);
        auto widen = [&](Value value) {
          return castScalar(body.builder, body.loc, value, images.dtype,
                            accumulator);
        };
        return s.add(sum, s.mul(widen(pixel), widen(body.read(w, at))));
      });
  if (node.hasInput(2))
    result = addBias(node, result,
                     cast(node, node.input(2, images.dtype), accumulator),
                     outputs.constant().value());
  node.setOutput(0, cast(node, result, images.dtype));
}

ArrayRef<Operator> qnt::onnx::getConvOperators() {
  static const Operator operators[] = {
      {"Conv", 1, importConv,
       "weights of a shape known at run time alone; auto_pad SAME with a "
       "stride on dimensions known at run time alone"},
      {"ConvTranspose", 1, importConvTranspose,
       "as Conv; output_shape and auto_pad on dimensions known at run time "
       "alone"},
  };
  return operators;
}
