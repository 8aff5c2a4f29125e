//===- Resize.cpp - images of another size -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Interpolation is one dimension at a time, with tables of elements and weights
// computed when importing.
//
//===----------------------------------------------------------------------===//
#include "Loops.h"
#include "Registry.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

namespace {
enum class Method { Nearest, Linear, Cubic };

struct Settings {
  Method method = Method::Nearest;
  std::string transform, rounding;
  bool antialias = false, excludeOutside = false;
  double cubic = -0.75, outside = 0;
};

/// What becomes of one dimension.
struct Resizing {
  int64_t axis;
  double scale;
  /// Of tf_crop_and_resize, as fractions of the dimension.
  double first = 0, last = 1;
};

/// For each element of the result: `taps` elements of the input and their
/// weights, and whether it is inside the region.
struct Table {
  int64_t taps = 1;
  std::vector<int64_t> places;
  std::vector<double> weights;
  std::vector<int64_t> inside;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Where element `i` of `count` lies in a dimension of `size`.
static double findOrigin(const Settings &settings, const Resizing &resizing,
                         int64_t i, int64_t size, int64_t count) {
  double scale = resizing.scale, length = scale * double(size);
  StringRef transform = settings.transform;
  if (transform == "asymmetric")
    return i / scale;
  if (transform == "align_corners")
    return length == 1 ? 0 : i * double(size - 1) / (length - 1);
  if (transform == "tf_crop_and_resize") {
    double span = (resizing.last - resizing.first) * double(size - 1);
    return resizing.first * double(size - 1) +
           (length == 1 ? span / 2 : i * span / (length - 1));
  }
  if (transform == "pytorch_half_pixel" && length == 1)
    return -0.5;
  double centre = (i + 0.5) / scale - 0.5;
  if (transform == "half_pixel_symmetric")
    centre += size / 2.0 * (1 - double(count) / length);
  return centre;
}

static double getCubicWeight(double distance, double a) {
  double x = std::abs(distance);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static int64_t roundOrigin(StringRef rounding, double x) {
  if (rounding == "floor")
    return std::floor(x);
  if (rounding == "ceil")
    return std::ceil(x);
  return rounding == "round_prefer_ceil" ? std::floor(x + 0.5)
                                         : std::ceil(x - 0.5);
}

/// The weights of the taps around `x`, of which the first is element `start`.
static std::vector<double> findWeights(const Settings &settings, double x,
                                       int64_t start, int64_t taps,
                                       double stretch, int64_t size) {
  std::vector<double> weights;
  for (int64_t i = 0; i < taps; ++i) {
    double distance = (double(start + i) - x) * stretch;
    weights.push_back(settings.method == Method::Linear
                          ? std::max(0.0, 1 - std::abs(distance))
                          : getCubicWeight(distance, settings.cubic));
  }
  auto normalize = [&] {
    double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double &weight : weights)
      weight /= sum;
  };
  if (settings.antialias)
    normalize();
  if (settings.excludeOutside) {
    for (int64_t i = 0; i < taps; ++i)
      if (start + i < 0 || start + i >= size)
        weights[i] = 0;
    normalize();
  }
  return weights;
}

static Table makeTable(const Settings &settings, const Resizing &resizing,
                       int64_t size, int64_t count) {
  Table table;
  // Below 1 where antialiasing widens the filter.
  double stretch = settings.antialias ? std::min(resizing.scale, 1.0) : 1;
  int64_t reach =
      std::ceil((settings.method == Method::Cubic ? 2 : 1) / stretch);
  if (settings.method != Method::Nearest)
    table.taps = 2 * reach;
  for (int64_t i = 0; i < count; ++i) {
    double x = findOrigin(settings, resizing, i, size, count);
    table.inside.push_back(x >= 0 && x <= double(size - 1));
    int64_t start = roundOrigin(settings.rounding, x);
    if (settings.method != Method::Nearest) {
      start = int64_t(std::floor(x)) + 1 - reach;
      llvm::append_range(table.weights, findWeights(settings, x, start,
                                                    table.taps, stretch, size));
    }
    for (int64_t tap = 0; tap < table.taps; ++tap)
      table.places.push_back(std::clamp<int64_t>(start + tap, 0, size - 1));
  }
  return table;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Resizes one dimension of `x` by the table.
static Tensor apply(Node &node, const Tensor &x, int64_t axis,
                    const Table &table) {
  int64_t rank = x.getRank(), count = table.inside.size();
  auto places = Tensor::ofConstant(Constant::ofInts(
      "resize.places", DType::I64, {count, table.taps}, table.places));
  Source source(node, x), at(node, places);
  SmallVector<Dim> shape(x.dims);
  shape[axis] = count;
  auto read = [&](const LoopBody &body, Value tap) {
    SmallVector<Value> indices;
    for (int64_t i = 0; i < rank; ++i)
      indices.push_back(body.index(i));
    indices[axis] =
        body.toIndex(body.read(at, {body.index(axis), tap}), DType::I64);
    return body.read(source, indices);
  };
  if (table.weights.empty())
    return generate(node, x.dtype, shape, [&](const LoopBody &body) {
      return read(body, body.constant(0));
    });
  auto factors = Tensor::ofConstant(Constant::ofFloats(
      "resize.weights", x.dtype, {count, table.taps}, table.weights));
  Source weights(node, factors);
  return accumulate(
      node, x.dtype, shape, Dim(table.taps),
      scalarAttribute(onnx::getElementType(x.dtype, node.context()), 0),
      [&](const LoopBody &body, Value sum) {
        Scalars s = body.scalars(x.dtype);
        Value tap = body.index(rank);
        Value weight = body.read(weights, {body.index(axis), tap});
        return s.add(sum, s.mul(weight, read(body, tap)));
      });
}

/// `outside` wherever an origin is outside its dimension.
static Tensor mask(Node &node, const Tensor &x, int64_t axis,
                   const Table &table, double outside) {
  if (!llvm::is_contained(table.inside, 0))
    return x;
  SmallVector<int64_t> shape(x.getRank() - axis, 1);
  shape[0] = table.inside.size();
  auto inside = Tensor::ofConstant(
      Constant::ofInts("resize.inside", DType::Bool, shape, table.inside));
  return elementwise(node, {inside, x}, x.dtype,
                     [&](OpBuilder &builder, Location loc, ValueRange args) {
                       Scalars s(builder, loc, x.dtype);
                       return s.select(args[0], args[1], s.constant(outside));
                     });
}

/// Each element several times, in a dimension known at run time.
static std::optional<Tensor> repeat(Node &node, const Tensor &x,
                                    const Settings &settings,
                                    const Resizing &resizing) {
  double scale = resizing.scale;
  StringRef transform = settings.transform, rounding = settings.rounding;
  bool isPlain = (transform == "asymmetric" && rounding == "floor") ||
                 (transform == "half_pixel" && rounding.starts_with("round"));
  if (settings.method != Method::Nearest || !isPlain || scale < 1 ||
      scale > 65536 || scale != std::floor(scale))
    return std::nullopt;
  int64_t axis = resizing.axis, factor = scale;
  SmallVector<Dim> shape(x.dims);
  shape[axis] = shape[axis] * Dim(factor);
  Source source(node, x);
  return generate(node, x.dtype, shape, [&](const LoopBody &body) {
    SmallVector<Value> at;
    for (int64_t i = 0; i < x.getRank(); ++i)
      at.push_back(i == axis ? body.div(body.index(i), factor) : body.index(i));
    return body.read(source, at);
  });
}

static Tensor resize(Node &node, Tensor x, const Settings &settings,
                     ArrayRef<std::pair<Resizing, int64_t>> resizings) {
  SmallVector<std::pair<int64_t, Table>> masks;
  for (auto [resizing, count] : resizings) {
    bool isSame = resizing.scale == 1 && resizing.first == 0 &&
                  resizing.last == 1 &&
                  x.dims[resizing.axis].constant().value_or(count) == count;
    if (isSame)
      continue;
    auto size = x.dims[resizing.axis].constant();
    if (!size) {
      auto repeated = repeat(node, x, settings, resizing);
      if (!repeated)
        node.fail("resizing the dimension '" +
                  node.dims().str(x.dims[resizing.axis]) +
                  "' that is known at run time alone is not supported but for "
                  "nearest neighbours by whole numbers");
      x = *repeated;
      continue;
    }
    // Antialiasing looks at as many more elements as there are fewer.
    constexpr int64_t limit = 1 << 24;
    if (*size < 1 || count < 1 || count > limit || *size > limit)
      node.fail("from size " + std::to_string(*size) + " to size " +
                std::to_string(count));
    Table table = makeTable(settings, resizing, *size, count);
    x = apply(node, x, resizing.axis, table);
    if (settings.transform == "tf_crop_and_resize")
      masks.push_back({resizing.axis, std::move(table)});
  }
  for (auto &[axis, table] : masks)
    x = mask(node, x, axis, table, settings.outside);
  return x;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static Settings readSettings(Node &node) {
  Settings settings;
  std::string mode = node.getString("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    node.fail("attribute 'mode' is '" + mode +
              "', expected nearest, linear or cubic");
  settings.method = mode == "nearest"  ? Method::Nearest
                    : mode == "linear" ? Method::Linear
                                       : Method::Cubic;
  settings.transform =
      node.getString("coordinate_transformation_mode", "half_pixel");
  if (!llvm::is_contained({"half_pixel", "half_pixel_symmetric",
                           "pytorch_half_pixel", "align_corners", "asymmetric",
                           "tf_crop_and_resize"},
                          settings.transform))
    node.fail("coordinate_transformation_mode '" + settings.transform +
              "' is not supported");
  settings.rounding = node.getString("nearest_mode", "round_prefer_floor");
  if (!llvm::is_contained(
          {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"},
          settings.rounding))
    node.fail("nearest_mode '" + settings.rounding + "' is not supported");
  settings.antialias =
      node.getInt("antialias", 0) && settings.method != Method::Nearest;
  settings.excludeOutside = node.getInt("exclude_outside", 0);
  settings.cubic = node.getFloat("cubic_coeff_a", -0.75);
  settings.outside = node.getFloat("extrapolation_value", 0);
  return settings;
}

static bool isGiven(Node &node, size_t i) {
  return node.hasInput(i) && node.input(i).countElements() != Dim(0);
}

static void checkScale(Node &node, double scale) {
  if (!(scale > 1e-6) || scale > 1e6)
    node.fail("a scale of " + std::to_string(scale) +
              ", expected a positive number");
}

/// Resizings to given sizes.
static void readSizes(Node &node, const Tensor &x, ArrayRef<int64_t> axes,
                      MutableArrayRef<std::pair<Resizing, int64_t>> result) {
  std::vector<Dim> sizes = node.dimensions(3, "the sizes");
  std::string policy = node.getString("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    node.fail("keep_aspect_ratio_policy '" + policy + "' is not supported");
  if (sizes.size() != axes.size())
    node.fail(std::to_string(sizes.size()) + " sizes, expected " +
              std::to_string(axes.size()));
  double common = 0;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    auto ratio = sizes[i] == x.dims[axis] ? Dim(1)
                 : x.dims[axis].constant() == 0
                     ? std::nullopt
                     : sizes[i].divideExactly(x.dims[axis]);
    auto from = x.dims[axis].constant(), to = sizes[i].constant();
    double scale = 0;
    if (from && to && *from > 0 && *to > 0)
      scale = double(*to) / double(*from);
    else if (ratio && ratio->constant())
      scale = *ratio->constant();
    else
      node.fail("cannot tell by how much to resize '" +
                node.dims().str(x.dims[axis]) + "' to '" +
                node.dims().str(sizes[i]) + "'");
    checkScale(node, scale);
    result[i].first.scale = scale;
    result[i].second = to.value_or(0);
    bool isFirst = i == 0;
    common = isFirst                  ? scale
             : policy == "not_larger" ? std::min(common, scale)
                                      : std::max(common, scale);
  }
  if (policy == "stretch")
    return;
  for (auto &[resizing, count] : result) {
    auto size = x.dims[resizing.axis].constant();
    if (!size)
      node.fail("keep_aspect_ratio_policy '" + policy +
                "' of dimensions known at run time is not supported");
    resizing.scale = common;
    count = std::floor(common * double(*size) + 0.5);
  }
}

static void importResize(Node &node) {
  Settings settings = readSettings(node);
  bool isNearest = settings.method == Method::Nearest;
  const Tensor &input = isNearest ? node.input(0) : node.input(0, floatTypes());
  int64_t rank = input.getRank();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (auto given = node.findInts("axes")) {
    (void)node.normalizeAxes(*given, rank);
    axes.clear();
    for (int64_t axis : *given)
      axes.push_back(node.normalizeAxis(axis, rank));
  }
  SmallVector<std::pair<Resizing, int64_t>> resizings;
  for (int64_t axis : axes)
    resizings.push_back({{axis, 1}, 0});
  if (isGiven(node, 3)) {
    readSizes(node, input, axes, resizings);
  } else {
    ConstantRef scales = node.constant(2, "the scales");
    std::vector<double> numbers = scales->toDoubles();
    if (numbers.size() != axes.size())
      node.fail(std::to_string(numbers.size()) + " scales, expected " +
                std::to_string(axes.size()));
    for (auto [i, scale] : llvm::enumerate(numbers)) {
      checkScale(node, scale);
      resizings[i].first.scale = scale;
      if (auto size = input.dims[axes[i]].constant())
        resizings[i].second = std::floor(double(*size) * scale);
    }
  }
  if (settings.transform == "tf_crop_and_resize") {
    std::vector<double> roi = node.constant(1, "the region")->toDoubles();
    if (roi.size() != 2 * axes.size())
      node.fail("a region of " + std::to_string(roi.size()) +
                " numbers, expected " + std::to_string(2 * axes.size()));
    for (size_t i = 0; i < axes.size(); ++i) {
      resizings[i].first.first = roi[i];
      resizings[i].first.last = roi[axes.size() + i];
    }
  }
  DType wide = isNearest ? input.dtype : getAccumulator(input.dtype);
  Tensor result = resize(node, cast(node, input, wide), settings, resizings);
  node.setOutput(0, cast(node, result, input.dtype));
}

static void importUpsample(Node &node) {
  std::string mode = node.getString("mode", "nearest");
  if (mode != "nearest" && mode != "linear")
    node.fail("attribute 'mode' is '" + mode + "', expected nearest or linear");
  Settings settings;
  settings.method = mode == "nearest" ? Method::Nearest : Method::Linear;
  settings.transform = "asymmetric";
  settings.rounding = "floor";
  const Tensor &input = node.input(0, floatTypes());
  std::vector<double> scales = node.constant(1, "the scales")->toDoubles();
  if (int64_t(scales.size()) != input.getRank())
    node.fail(std::to_string(scales.size()) + " scales, expected " +
              std::to_string(input.getRank()));
  SmallVector<std::pair<Resizing, int64_t>> resizings;
  for (auto [i, scale] : llvm::enumerate(scales)) {
    checkScale(node, scale);
    int64_t size = input.dims[i].constant().value_or(0);
    resizings.push_back(
        {{int64_t(i), scale}, int64_t(std::floor(double(size) * scale))});
  }
  Tensor x = cast(node, input, getAccumulator(input.dtype));
  node.setOutput(0,
                 cast(node, resize(node, x, settings, resizings), input.dtype));
}

ArrayRef<Operator> qnt::onnx::getResizeOperators() {
  static constexpr llvm::StringLiteral dynamic =
      "dimensions known at run time alone, but for nearest neighbours by whole "
      "numbers";
  static const Operator operators[] = {
      {"Resize", 11, importResize, dynamic},
      {"Upsample", 9, importUpsample, dynamic},
  };
  return operators;
}
