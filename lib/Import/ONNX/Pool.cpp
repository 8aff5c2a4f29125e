//===- Pool.cpp - maxima, means and norms of windows -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerParts.h"
#include "Quantization.h"
#include "Registry.h"
#include "Windows.h"

#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static ArrayRef<Dim> getSpatial(Node &node, const Tensor &images) {
  if (images.getRank() < 3)
    node.fail("expected images of rank 3 or more, got rank " +
              std::to_string(images.getRank()));
  return ArrayRef(images.dims).drop_front(2);
}

static Windows readPool(Node &node, const Tensor &images) {
  ArrayRef<Dim> spatial = getSpatial(node, images);
  if (!node.findAttribute("kernel_shape"))
    node.fail("attribute 'kernel_shape' is missing");
  SmallVector<int64_t> kernel =
      readKernel(node, SmallVector<int64_t>(spatial.size(), 0));
  return readWindows(node, spatial, kernel, node.getInt("ceil_mode", 0));
}

static SmallVector<Dim> getPooledShape(const Tensor &images,
                                       const Windows &windows) {
  SmallVector<Dim> shape(images.dims.begin(), images.dims.begin() + 2);
  llvm::append_range(shape, windows.counts);
  return shape;
}

//===----------------------------------------------------------------------===//
// As layers
//===----------------------------------------------------------------------===//

/// As nn.pool; none where it has not the form.
static std::optional<Tensor> poolLayer(Node &node, nn::PoolKind kind,
                                       const Tensor &images,
                                       const Windows &windows, bool countPads) {
  std::optional<SmallVector<int64_t>> pads = windows.getPads();
  auto channels = images.dims[1].constant();
  if (images.dtype != DType::F32 || !pads || channels.value_or(0) == 0)
    return std::nullopt;
  int64_t spatial = windows.getRank();
  Tensor input = toChannelsLast(node, images);
  auto pair = [&](ArrayRef<int64_t> numbers) {
    SmallVector<int64_t> result(numbers);
    if (spatial == 1)
      result.insert(result.begin(), 1);
    return result;
  };
  auto op = nn::PoolOp::create(
      node.builder(), node.loc(), kind, node.value(input), pair(windows.kernel),
      pair(windows.strides), *pads, pair(windows.dilations), countPads);
  SmallVector<Dim> shape = {images.dims[0]};
  if (spatial == 1)
    shape.push_back(1);
  llvm::append_range(shape, windows.counts);
  shape.push_back(*channels);
  return fromChannelsLast(
      node, Tensor::ofValue(DType::F32, shape, op.getResult()), spatial);
}

//===----------------------------------------------------------------------===//
// As loops
//===----------------------------------------------------------------------===//

namespace {
/// A place of the kernel over the images.
struct Place {
  SmallVector<Value> indices;
  Value isInside;
};
} // namespace

static Place findPlace(const LoopBody &body, const Windows &windows,
                       const Source &images) {
  int64_t spatial = windows.getRank();
  Place place;
  place.indices = {body.index(0), body.index(1)};
  for (int64_t i = 0; i < spatial; ++i) {
    Value at = getPosition(body, windows, i, body.index(2 + i),
                           body.index(2 + spatial + i));
    const LoopSize &size = images.sizes[2 + i];
    place.isInside = body.both(place.isInside, body.isWithin(at, size));
    place.indices.push_back(body.clamp(at, size));
  }
  return place;
}

static SmallVector<Dim> getKernel(const Windows &windows) {
  return SmallVector<Dim>(windows.kernel.begin(), windows.kernel.end());
}

/// Folds `term` of the elements inside the images with `+`.
static Tensor sumWindows(Node &node, const Tensor &images,
                         const Windows &windows,
                         function_ref<Value(Scalars &, Value)> term) {
  DType wide = getAccumulator(images.dtype);
  Source source(node, images);
  Type type = onnx::getElementType(wide, node.context());
  return accumulate(
      node, wide, getPooledShape(images, windows), getKernel(windows),
      scalarAttribute(type, 0), [&](const LoopBody &body, Value sum) {
        Place place = findPlace(body, windows, source);
        Scalars s = body.scalars(wide);
        Value x =
            castScalar(body.builder, body.loc, body.read(source, place.indices),
                       images.dtype, wide);
        return s.add(sum, s.select(place.isInside, term(s, x), s.constant(0)));
      });
}

/// The positions of each window inside the images, the same for all images and
/// channels.
static Tensor countInside(Node &node, const Tensor &images,
                          const Windows &windows, DType dtype) {
  Source source(node, images);
  SmallVector<Dim> shape = getPooledShape(images, windows);
  shape[0] = shape[1] = 1;
  Type type = onnx::getElementType(dtype, node.context());
  return accumulate(
      node, dtype, shape, getKernel(windows), scalarAttribute(type, 0),
      [&](const LoopBody &body, Value count) {
        Place place = findPlace(body, windows, source);
        Scalars s = body.scalars(dtype);
        return s.add(count,
                     s.select(place.isInside, s.constant(1), s.constant(0)));
      });
}

Tensor qnt::onnx::averageWindows(Node &node, const Tensor &images) {
  Windows windows = readPool(node, images);
  bool countPads = node.getInt("count_include_pad", 0);
  if (auto layer =
          poolLayer(node, nn::PoolKind::Average, images, windows, countPads))
    return *layer;
  Tensor sums =
      sumWindows(node, images, windows, [](Scalars &, Value x) { return x; });
  Tensor counts = countPads
                      ? splat(sums.dtype, onnx::countElements(windows.kernel))
                      : countInside(node, images, windows, sums.dtype);
  Tensor means = compute(node, {sums, counts}, [](Scalars &s, ValueRange x) {
    return s.div(x[0], x[1]);
  });
  return cast(node, means, images.dtype);
}

static void importAveragePool(Node &node) {
  node.setOutput(0, averageWindows(node, node.input(0, floatTypes())));
}

/// The place of an element in its image, row by row or (`columnMajor`) column
/// by column, after all images before it.
static Value flatten(const LoopBody &body, const Source &images,
                     ArrayRef<Value> indices, bool columnMajor) {
  auto size = [&](size_t i) { return body.size(images.sizes[i]); };
  Value flat = body.add(body.mul(indices[0], size(1)), indices[1]);
  size_t rank = indices.size();
  for (size_t i = 2; i < rank; ++i)
    flat = body.mul(flat, size(i));
  Value inside;
  for (size_t i = 2; i < rank; ++i) {
    size_t dim = columnMajor ? rank + 1 - i : i;
    inside = inside ? body.add(body.mul(inside, size(dim)), indices[dim])
                    : indices[dim];
  }
  return body.add(flat, inside);
}

static void importMaxPool(Node &node) {
  const Tensor &images = node.input(0, numberTypes());
  Windows windows = readPool(node, images);
  bool columnMajor = node.getInt("storage_order", 0);
  bool wantsIndices = node.wantsOutput(1);
  bool isCode = images.dtype == DType::U8 || images.dtype == DType::I8;
  if (!wantsIndices && (!isCode || hasHeldShape(images))) {
    CodeMeaning meaning;
    if (isCode)
      meaning = findMeaning(images);
    Tensor numbers = isCode ? decode(node, images, meaning) : images;
    if (auto layer =
            poolLayer(node, nn::PoolKind::Max, numbers, windows, false))
      return node.setOutput(
          0, isCode ? encode(node, *layer, meaning, images.dtype) : *layer);
  }
  Source source(node, images);
  SmallVector<DType> dtypes = {images.dtype};
  SmallVector<TypedAttr> initial = {lowest(node.context(), images.dtype)};
  if (wantsIndices) {
    dtypes.push_back(DType::I64);
    initial.push_back(node.builder().getI64IntegerAttr(-1));
  }
  SmallVector<Tensor> results = accumulate(
      node, dtypes, getPooledShape(images, windows), getKernel(windows),
      initial, [&](const LoopBody &body, ValueRange sofar) {
        Place place = findPlace(body, windows, source);
        Value x = body.read(source, place.indices);
        Scalars s = body.scalars(images.dtype);
        if (!wantsIndices)
          return SmallVector<Value>{
              s.select(place.isInside, s.max(sofar[0], x), sofar[0])};
        // The first of equal ones; anything is more than nothing.
        Value isFirst =
            body.scalars(DType::I64)
                .less(sofar[1], scalarConstant(body.builder, body.loc,
                                               sofar[1].getType(), 0));
        Value isMore = s.op<arith::OrIOp>(isFirst, s.greater(x, sofar[0]));
        Value isTaken = body.both(place.isInside, isMore);
        Value at = body.fromIndex(
            flatten(body, source, place.indices, columnMajor), DType::I64);
        return SmallVector<Value>{s.select(isTaken, x, sofar[0]),
                                  s.select(isTaken, at, sofar[1])};
      });
  for (auto [i, result] : llvm::enumerate(results))
    node.setOutput(i, result);
}

/// |x|^p, and the p-th root.
static Value power(Scalars &s, Value x, double p) {
  return p == 1   ? x
         : p == 2 ? s.mul(x, x)
                  : s.op<math::PowFOp>(x, s.constant(p));
}

static Value root(Scalars &s, Value x, double p) {
  return p == 1   ? x
         : p == 2 ? s.sqrt(x)
                  : s.op<math::PowFOp>(x, s.constant(1 / p));
}

static double readNorm(Node &node) {
  int64_t p = node.getInt("p", 2);
  if (p < 1)
    node.fail("attribute 'p' is " + std::to_string(p) +
              ", expected a positive number");
  return p;
}

static Tensor takeRoots(Node &node, const Tensor &sums, double p, DType dtype) {
  Tensor roots = compute(
      node, sums, [&](Scalars &s, ValueRange x) { return root(s, x[0], p); });
  return cast(node, roots, dtype);
}

static void importLpPool(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  Windows windows = readPool(node, images);
  double p = readNorm(node);
  Tensor sums = sumWindows(node, images, windows, [&](Scalars &s, Value x) {
    return power(s, s.abs(x), p);
  });
  node.setOutput(0, takeRoots(node, sums, p, images.dtype));
}

//===----------------------------------------------------------------------===//
// Of whole images
//===----------------------------------------------------------------------===//

/// Folds all spatial dimensions, which remain as ones.
static Tensor reduceImages(Node &node, const Tensor &images, DType wide,
                           TypedAttr initial,
                           function_ref<Value(Scalars &, Value, Value)> fold) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, images.getRank()));
  Tensor folded =
      reduce(node, images, axes, wide, initial,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               Scalars s(builder, loc, wide);
               Value x = castScalar(builder, loc, args[0], images.dtype, wide);
               return fold(s, args[1], x);
             });
  return unsqueeze(node, folded, axes);
}

/// One window over the whole image, where that is known.
static std::optional<Windows> getWhole(ArrayRef<Dim> spatial) {
  Windows windows;
  for (const Dim &size : spatial) {
    if (size.constant().value_or(0) < 1)
      return std::nullopt;
    windows.kernel.push_back(*size.constant());
  }
  size_t rank = spatial.size();
  windows.strides.assign(rank, 1);
  windows.dilations.assign(rank, 1);
  windows.before.assign(rank, 0);
  windows.after.assign(rank, 0);
  windows.counts.assign(rank, Dim(1));
  windows.overhang.assign(rank, Dim(0));
  return windows;
}

static std::optional<Tensor> wholeLayer(Node &node, nn::PoolKind kind,
                                        const Tensor &images) {
  auto windows = getWhole(getSpatial(node, images));
  if (!windows || windows->getRank() > 2)
    return std::nullopt;
  return poolLayer(node, kind, images, *windows, false);
}

Tensor qnt::onnx::averageImages(Node &node, const Tensor &images) {
  if (auto layer = wholeLayer(node, nn::PoolKind::Average, images))
    return *layer;
  DType wide = getAccumulator(images.dtype);
  Tensor sums = reduceImages(
      node, images, wide,
      scalarAttribute(onnx::getElementType(wide, node.context()), 0),
      [](Scalars &s, Value sum, Value x) { return s.add(sum, x); });
  Dim count = 1;
  for (const Dim &size : getSpatial(node, images))
    count = count * size;
  LoopSize divisor(node, count);
  Tensor means = compute(node, sums, [&](Scalars &s, ValueRange x) {
    LoopBody body(s.builder, s.loc);
    return s.div(x[0], body.fromIndex(body.size(divisor), s.dtype));
  });
  return cast(node, means, images.dtype);
}

static void importGlobalAveragePool(Node &node) {
  node.setOutput(0, averageImages(node, node.input(0, floatTypes())));
}

static void importGlobalMaxPool(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  if (auto layer = wholeLayer(node, nn::PoolKind::Max, images))
    return node.setOutput(0, *layer);
  (void)getSpatial(node, images);
  node.setOutput(0, reduceImages(node, images, images.dtype,
                                 lowest(node.context(), images.dtype),
                                 [](Scalars &s, Value most, Value x) {
                                   return s.max(most, x);
                                 }));
}

static void importGlobalLpPool(Node &node) {
  const Tensor &images = node.input(0, floatTypes());
  (void)getSpatial(node, images);
  double p = readNorm(node);
  DType wide = getAccumulator(images.dtype);
  Tensor sums = reduceImages(
      node, images, wide,
      scalarAttribute(onnx::getElementType(wide, node.context()), 0),
      [&](Scalars &s, Value sum, Value x) {
        return s.add(sum, power(s, s.abs(x), p));
      });
  node.setOutput(0, takeRoots(node, sums, p, images.dtype));
}

ArrayRef<Operator> qnt::onnx::getPoolOperators() {
  static constexpr llvm::StringLiteral same =
      "auto_pad SAME with a stride on dimensions known at run time alone";
  static const Operator operators[] = {
      {"AveragePool", 7, importAveragePool, same},
      {"GlobalAveragePool", 1, importGlobalAveragePool},
      {"GlobalLpPool", 2, importGlobalLpPool},
      {"GlobalMaxPool", 1, importGlobalMaxPool},
      {"LpPool", 2, importLpPool, same},
      {"MaxPool", 8, importMaxPool, same},
  };
  return operators;
}
