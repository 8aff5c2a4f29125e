//===- ImageNorm.cpp - norms of images by channel -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "Windows.h"

#include "qnt/Dialect/NN/NN.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// Input i, a number for each channel of `images`.
static const Tensor &getChannelInput(Node &node, size_t i,
                                     const Tensor &images) {
  const Tensor &tensor = node.input(i, floatTypes());
  if (tensor.getRank() != 1 ||
      (images.dims[1].constant() && tensor.dims[0] != images.dims[1]))
    node.fail(node.describe(i) + ": expected a number for each channel");
  return tensor;
}

/// [C] against images [N, C, ...].
static Tensor alongChannels(Node &node, const Tensor &numbers, int64_t rank) {
  SmallVector<Dim> shape(rank - 1, Dim(1));
  shape[0] = numbers.dims[0];
  return reshape(node, numbers, shape);
}

static void expectImages(Node &node, const Tensor &images, int64_t least) {
  if (images.getRank() < least)
    node.fail("expected an input of rank " + std::to_string(least) +
              " or more, got rank " + std::to_string(images.getRank()));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

namespace {
struct Statistics {
  Tensor mean, variance;
};
} // namespace

/// Mean and biased variance over `axes`, which remain as ones, in `x`'s type.
static Statistics measure(Node &node, const Tensor &x, ArrayRef<int64_t> axes) {
  Dim count = 1;
  for (int64_t axis : axes)
    count = count * x.dims[axis];
  LoopSize divisor(node, count);
  auto mean = [&](const Tensor &tensor) {
    Tensor sums = reduce(
        node, tensor, axes, x.dtype,
        scalarAttribute(onnx::getElementType(x.dtype, node.context()), 0),
        [&](OpBuilder &builder, Location loc, ValueRange args) {
          return Scalars(builder, loc, x.dtype).add(args[1], args[0]);
        });
    Tensor means = compute(node, sums, [&](Scalars &s, ValueRange y) {
      LoopBody body(s.builder, s.loc);
      return s.div(y[0], body.fromIndex(body.size(divisor), s.dtype));
    });
    return unsqueeze(node, means, axes);
  };
  Statistics result;
  result.mean = mean(x);
  result.variance =
      mean(compute(node, {x, result.mean}, [](Scalars &s, ValueRange y) {
        Value centred = s.sub(y[0], y[1]);
        return s.mul(centred, centred);
      }));
  return result;
}

/// (x - mean) / sqrt(variance + epsilon) * scale + shift; all but `x` are
/// converted to its type.
static Tensor normalize(Node &node, const Tensor &x,
                        const Statistics &statistics, double epsilon,
                        const Tensor &scale, const Tensor &shift) {
  SmallVector<Tensor> operands = {x};
  for (const Tensor *tensor :
       {&statistics.mean, &statistics.variance, &scale, &shift})
    operands.push_back(cast(node, *tensor, x.dtype));
  return compute(node, operands, [&](Scalars &s, ValueRange y) {
    Value deviation = s.sqrt(s.add(y[2], s.constant(epsilon)));
    Value standard = s.div(s.sub(y[0], y[1]), deviation);
    return s.add(s.mul(standard, y[3]), y[4]);
  });
}

//===----------------------------------------------------------------------===//
// BatchNormalization
//===----------------------------------------------------------------------===//

/// scale / sqrt(variance + epsilon), shift - mean * that, computed when
/// importing.
static std::pair<Tensor, Tensor> foldStatistics(Node &node, double epsilon) {
  SmallVector<std::vector<double>> in;
  for (size_t i = 1; i < 5; ++i)
    in.push_back(node.input(i).constant->toDoubles());
  std::vector<double> factors, shifts;
  for (size_t i = 0; i < in[0].size(); ++i) {
    double factor = in[0][i] / std::sqrt(in[3][i] + epsilon);
    factors.push_back(factor);
    shifts.push_back(in[1][i] - in[2][i] * factor);
  }
  int64_t size = factors.size();
  auto constant = [&](const char *suffix, std::vector<double> &values) {
    return Tensor::ofConstant(Constant::ofFloats(
        node.input(1).constant->getName() + suffix, DType::F32, size, values));
  };
  return {constant(".factor", factors), constant(".shift", shifts)};
}

static void importBatchNormalization(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  expectImages(node, images, 2);
  double epsilon = node.getFloat("epsilon", 1e-5);
  double momentum = node.getFloat("momentum", 0.9);
  bool isTraining = node.getInt("training_mode", 0);
  for (size_t i = 1; i < 5; ++i)
    (void)getChannelInput(node, i, images);
  int64_t rank = images.getRank();
  DType wide = getAccumulator(images.dtype);
  bool isKnown = true;
  for (size_t i = 1; i < 5; ++i)
    isKnown &= node.input(i).constant != nullptr;
  if (isKnown && !isTraining && images.dtype == DType::F32 && rank >= 2 &&
      rank <= 4 && images.dims[1].constant().value_or(0) > 0) {
    auto [factor, shift] = foldStatistics(node, epsilon);
    // Of vectors, channels are last.
    bool isVector = rank == 2;
    Tensor input = isVector ? images : toChannelsLast(node, images);
    Value scaled = nn::MulOp::create(node.builder(), node.loc(),
                                     node.value(input), node.parameter(factor));
    Value moved = nn::AddOp::create(node.builder(), node.loc(), scaled,
                                    node.parameter(shift));
    Tensor result = Tensor::ofValue(DType::F32, input.dims, moved);
    return node.setOutput(
        0, isVector ? result : fromChannelsLast(node, result, rank - 2));
  }
  Tensor x = cast(node, images, wide);
  auto input = [&](size_t i) {
    return alongChannels(node, cast(node, node.input(i), wide), rank);
  };
  Statistics running = {input(3), input(4)}, batch = running;
  if (isTraining) {
    SmallVector<int64_t> axes = {0};
    llvm::append_range(axes, llvm::seq<int64_t>(2, rank));
    batch = measure(node, x, axes);
  }
  Tensor result = normalize(node, x, batch, epsilon, input(1), input(2));
  node.setOutput(0, cast(node, result, images.dtype));
  if (!isTraining)
    return;
  auto blend = [&](size_t i, const Tensor &old, const Tensor &now) {
    Tensor mixed = compute(node, {old, now}, [&](Scalars &s, ValueRange y) {
      return s.add(s.mul(y[0], s.constant(momentum)),
                   s.mul(y[1], s.constant(1 - momentum)));
    });
    node.setOutput(i, cast(node, reshape(node, mixed, node.input(2 + i).dims),
                           node.input(2 + i).dtype));
  };
  blend(1, running.mean, batch.mean);
  blend(2, running.variance, batch.variance);
}

//===----------------------------------------------------------------------===//
// InstanceNormalization, GroupNormalization
//===----------------------------------------------------------------------===//

static void importInstanceNormalization(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  expectImages(node, images, 3);
  double epsilon = node.getFloat("epsilon", 1e-5);
  const Tensor &scale = getChannelInput(node, 1, images);
  const Tensor &shift = getChannelInput(node, 2, images);
  int64_t rank = images.getRank();
  Tensor x = cast(node, images, getAccumulator(images.dtype));
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  Tensor result = normalize(node, x, measure(node, x, axes), epsilon,
                            alongChannels(node, scale, rank),
                            alongChannels(node, shift, rank));
  node.setOutput(0, cast(node, result, images.dtype));
}

static void importGroupNormalization(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  expectImages(node, images, 3);
  double epsilon = node.getFloat("epsilon", 1e-5);
  int64_t groups = node.getInt("num_groups", 0);
  int64_t channels = images.dims[1].constant().value_or(0);
  if (groups < 1 || channels < 1 || channels % groups != 0)
    node.fail("expected num_groups to divide a known number of channels, got " +
              std::to_string(groups) + " groups of " +
              node.dims().str(images.dims[1]) + " channels");
  // Stash types below f32 would lose what they are there for.
  (void)node.getInt("stash_type", 1);
  // Up to opset 20 there is a number for each group.
  bool isByGroup = node.version() < 21;
  auto read = [&](size_t i) {
    const Tensor &numbers = node.input(i, images.dtype);
    Dim count(isByGroup ? groups : channels);
    if (numbers.getRank() != 1 || numbers.dims[0] != count)
      node.fail(node.describe(i) + ": expected " + node.dims().str(count) +
                " numbers");
    return numbers;
  };
  // [N, groups, C / groups, ...]
  SmallVector<Dim> grouped = {images.dims[0], Dim(groups),
                              Dim(channels / groups)};
  grouped.append(images.dims.begin() + 2, images.dims.end());
  int64_t rank = grouped.size();
  auto spread = [&](const Tensor &numbers) {
    SmallVector<Dim> shape(rank - 1, Dim(1));
    shape[0] = groups;
    if (!isByGroup)
      shape[1] = channels / groups;
    return reshape(node, numbers, shape);
  };
  Tensor x =
      reshape(node, cast(node, images, getAccumulator(images.dtype)), grouped);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  Tensor result = normalize(node, x, measure(node, x, axes), epsilon,
                            spread(read(1)), spread(read(2)));
  node.setOutput(0,
                 reshape(node, cast(node, result, images.dtype), images.dims));
}

//===----------------------------------------------------------------------===//
// LRN
//===----------------------------------------------------------------------===//

static void importLRN(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  expectImages(node, images, 2);
  int64_t size = node.getInt("size", 0);
  double alpha = node.getFloat("alpha", 1e-4),
         beta = node.getFloat("beta", 0.75);
  double bias = node.getFloat("bias", 1.0);
  if (size < 1 || size > (1 << 20))
    node.fail("attribute 'size' is " + std::to_string(size) +
              ", expected a positive number");
  DType wide = getAccumulator(images.dtype);
  Tensor x = cast(node, images, wide);
  Source source(node, x);
  int64_t rank = x.getRank();
  Tensor sums = accumulate(
      node, wide, x.dims, Dim(size),
      scalarAttribute(onnx::getElementType(wide, node.context()), 0),
      [&](const LoopBody &body, Value sum) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i)
          at.push_back(body.index(i));
        // floor((size - 1) / 2) channels before, the rest after.
        at[1] = body.add(body.add(at[1], body.index(rank)), -((size - 1) / 2));
        Scalars s = body.scalars(wide);
        Value isInside = body.isWithin(at[1], source.sizes[1]);
        at[1] = body.clamp(at[1], source.sizes[1]);
        Value y = body.read(source, at);
        return s.add(sum, s.select(isInside, s.mul(y, y), s.constant(0)));
      });
  Tensor result = compute(node, {x, sums}, [&](Scalars &s, ValueRange y) {
    Value base = s.add(s.constant(bias), s.mul(s.constant(alpha / size), y[1]));
    return s.div(y[0], s.op<math::PowFOp>(base, s.constant(beta)));
  });
  node.setOutput(0, cast(node, result, images.dtype));
}

ArrayRef<Operator> qnt::onnx::getImageNormOperators() {
  static const Operator operators[] = {
      {"BatchNormalization", 9, importBatchNormalization},
      {"GroupNormalization", 18, importGroupNormalization},
      {"InstanceNormalization", 6, importInstanceNormalization},
      {"LRN", 1, importLRN},
  };
  return operators;
}
