//===- Convolutions.cpp - how convolutions are lowered ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"
#include "qnt/Target/CPU/Tiles.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

static ArrayRef<int64_t> getShape(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return cast<RankedTensorType>(type).getShape();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

FiltersAttr qnt::cpu::getFilters(QTensorType weight, bool ofCodes,
                                 int64_t pixel, int64_t groups, bool isDilated,
                                 std::string &refused) {
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  auto refuse = [&](const char *what) {
    llvm::raw_string_ostream(refused) << what << weight;
    return FiltersAttr();
  };
  if (spec.bits > 8 && spec.bits != 16 && spec.bits != 32)
    return refuse("");
  if (spec.map == DecodeSpec::Map::Table && spec.table.size() > 16)
    return refuse("tables of more than 16 numbers, got ");
  if (weight.hasOffsets())
    return refuse("convolutions by a weight with offsets, got ");
  bool isAffine = spec.map == DecodeSpec::Map::Affine;
  if (ofCodes && (!isAffine || spec.bits == 1))
    return refuse(
        "quantised images by a weight that is not of integers of 2 bits "
        "or more, got ");
  int64_t columns = kLanes;
  int64_t features = weight.getShape()[0] / groups;
  int64_t depth = weight.getShape()[3], taps = weight.getShape()[2];
  bool isNumber = spec.bits > 8 || (isAffine && spec.multiplier == 1);
  if (groups > 1 && depth == 1 && features == 1 && isNumber)
    return FiltersAttr::get(weight.getContext(), columns, 1,
                            taps * weight.getShape()[1], 0);
  int64_t channels = depth;
  if (ofCodes)
    channels = llvm::alignTo(depth, 4);
  else if (depth == 1 && spec.bits <= 8)
    // One channel would mean words of one input.
    channels = 2;
  bool unrolled = groups == 1 && channels == pixel && !isDilated;
  return FiltersAttr::get(weight.getContext(), columns, channels,
                          unrolled ? taps : 1, groups > 1 ? features : 0);
}

FiltersAttr qnt::cpu::getFilters(qnt::ConvOp op) {
  ArrayRef<int64_t> images = getShape(op.getInput().getType());
  auto refuse = [&](const Twine &what) {
    op.emitOpError("the CPU target has no lowering for ") << what;
    return FiltersAttr();
  };
  if (ShapedType::isDynamic(images[1]) || ShapedType::isDynamic(images[2]))
    return refuse("images of dynamic height or width");
  auto input = dyn_cast<QTensorType>(op.getInput().getType());
  int64_t pixel =
      input ? cast<ImageAttr>(input.getLayout()).getChannels() : images[3];
  std::string refused;
  FiltersAttr filters =
      getFilters(op.getWeight().getType(), bool(input), pixel, op.getGroups(),
                 op.getDilations()[1] != 1, refused);
  return filters ? filters : refuse(refused);
}

FiltersAttr qnt::cpu::getImageFilters(QTensorType weight) {
  return FiltersAttr::get(weight.getContext(), kLanes,
                          llvm::alignTo(weight.getShape()[1], 4), 1, 0);
}

//===----------------------------------------------------------------------===//
// Geometry
//===----------------------------------------------------------------------===//

SmallVector<int64_t> qnt::cpu::getPaddedShape(qnt::ConvOp op) {
  ArrayRef<int64_t> pads = op.getPads();
  if (isa<QTensorType>(op.getInput().getType()) ||
      llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return {};
  SmallVector<int64_t> shape(getShape(op.getInput().getType()));
  shape[1] += pads[0] + pads[2];
  shape[2] += pads[1] + pads[3];
  return shape;
}

/// Whether the lines of images follow each other like their pixels.
static bool isOneLine(const Grid &grid) {
  return grid.lineBytes == grid.width * grid.pixelBytes;
}

ConvShape qnt::cpu::getConvShape(qnt::ConvOp op) {
  ConvShape shape;
  shape.weight = op.getWeight().getType();
  Type input = op.getInput().getType();
  if (auto padded = getPaddedShape(op); !padded.empty())
    input = RankedTensorType::get(padded, Float32Type::get(op.getContext()));
  shape.input = Grid::of(input);
  shape.start = shape.input.origin;
  if (isa<QTensorType>(input))
    shape.start -= op.getPads()[0] * shape.input.lineBytes +
                   op.getPads()[1] * shape.input.pixelBytes;
  ArrayRef<int64_t> result = getShape(op.getResult().getType());
  shape.height = result[1];
  shape.width = result[2];
  llvm::copy(op.getStrides(), shape.strides.begin());
  llvm::copy(op.getDilations(), shape.dilations.begin());
  shape.groups = op.getGroups();
  shape.epilogue = EpilogueSpec::of(op);
  shape.strategy = op.getStrategyAttr();
  // Windows of one pixel, and images without borders: one long line.
  ArrayRef<int64_t> filter = shape.weight.getShape();
  bool isPlain = filter[1] == 1 && filter[2] == 1 && shape.strides[0] == 1 &&
                 shape.strides[1] == 1 && isOneLine(shape.input) &&
                 isOneLine(Grid::of(shape.epilogue.result));
  for (auto [operand, type] : llvm::zip(op.getExtra(), shape.epilogue.operands))
    if (getShape(type).size() == 4)
      isPlain &= isOneLine(Grid::of(type));
  if (isPlain) {
    shape.width *= shape.height;
    shape.height = 1;
  }
  return shape;
}

/// Lines of a unit of work, or pixels where there is one line: as many as are
/// worth waking a thread.
static int64_t getBlock(const ConvShape &shape, int64_t lines, int64_t pixels,
                        int64_t panels) {
  constexpr int64_t unitProducts = int64_t(1) << 20;
  auto filters = FilterGeometry::of(
      shape.weight, cast<FiltersAttr>(shape.weight.getLayout()));
  int64_t pixel = panels * kLanes * filters.runs * filters.runInputs;
  bool isLine = shape.rows || shape.height == 1;
  int64_t tile = isLine ? pixels : lines;
  int64_t products = isLine ? pixel : pixel * shape.width;
  int64_t block = llvm::alignTo(llvm::divideCeil(unitProducts, products), tile);
  if (shape.rows)
    return block;
  return std::min(block, isLine ? shape.width : shape.height);
}

ConvShape qnt::cpu::getConvShape(qnt::LinearOp op) {
  ConvShape shape;
  shape.weight = op.getWeight().getType();
  shape.input = Grid::of(op.getInput().getType());
  shape.rows = true;
  shape.epilogue = EpilogueSpec::of(op);
  if (auto strategy =
          dyn_cast_if_present<PanelStrategyAttr>(op.getStrategyAttr())) {
    int64_t pixels = strategy.getRows().back();
    int64_t panels = strategy.getPanels().back();
    shape.strategy =
        ConvStrategyAttr::get(op.getContext(), strategy.getKernel(), 1, pixels,
                              panels, getBlock(shape, 1, pixels, panels), true);
  }
  return shape;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

namespace {
/// The registers of an instruction set, and what it computes in a cycle.
struct Machine {
  /// Accumulators that fit its registers beside weights and a broadcast input.
  int64_t accumulators;
  bool countWeights;
  Throughput throughput;
  bool sumsInputs;

  Machine(const ISA &isa, const ConvShape &shape)
      : throughput(Throughput::of(isa, shape.isInteger())),
        sumsInputs(shape.sumsInputs()) {
    countWeights = isa.vectorRegisters >= 32;
    if (countWeights)
      accumulators = 30;
    else if (isa.vectorRegisters >= 8)
      accumulators = shape.isInteger() ? 4 : 6;
    else
      accumulators = 2;
  }

  bool fits(int64_t spots, int64_t panels) const {
    int64_t inputs = sumsInputs ? spots + 1 : 0;
    return spots * panels + inputs + (countWeights ? panels : 0) <=
           accumulators;
  }
  /// Cycles of a tile with `steps` products an accumulator.
  double cost(int64_t spots, int64_t panels, int64_t steps) const {
    double products =
        double(spots * (panels + sumsInputs)) / throughput.productsPerCycle;
    double loads = double(spots + panels) / throughput.loadsPerCycle;
    double perStep = std::max({products, loads, throughput.latency});
    // Calls, epilogues.
    return perStep * double(steps) + 40 + 6.0 * double(spots * panels);
  }
};

struct Choice {
  int64_t lines = 1, pixels = 1, panels = 1;
};
} // namespace

/// Whole pieces of `size` in `total`, and what is left.
static std::pair<int64_t, int64_t> cut(int64_t total, int64_t size) {
  return {total / size, total % size};
}

static double costOf(const Machine &machine, const ConvShape &shape,
                     const Choice &choice, int64_t panelsPerGroup,
                     int64_t steps) {
  auto [lines, restLines] = cut(shape.height, choice.lines);
  auto [pixels, restPixels] = cut(shape.width, choice.pixels);
  auto [panels, restPanels] = cut(panelsPerGroup, choice.panels);
  double total = 0;
  auto add = [&](int64_t countL, int64_t l, int64_t countX, int64_t x,
                 int64_t countP, int64_t p) {
    if (l && x && p)
      total += double(countL * countX * countP) * machine.cost(l * x, p, steps);
  };
  for (auto [countL, l] : {std::pair(lines, choice.lines), {1, restLines}})
    for (auto [countX, x] : {std::pair(pixels, choice.pixels), {1, restPixels}})
      for (auto [countP, p] :
           {std::pair(panels, choice.panels), {1, restPanels}})
        add(countL, l, countX, x, countP, p);
  return total;
}

ConvStrategyAttr qnt::cpu::chooseConvStrategy(const ConvShape &shape,
                                              const ISA &isa) {
  auto filters = FilterGeometry::of(
      shape.weight, cast<FiltersAttr>(shape.weight.getLayout()));
  Machine machine(isa, shape);
  int64_t inputs = filters.runs * filters.runInputs;
  int64_t steps = shape.isInteger() ? llvm::divideCeil(inputs, 4) : inputs;
  Choice best;
  double bestCost = std::numeric_limits<double>::infinity();
  int64_t mostPanels =
      shape.isDepthwise() ? 1 : std::min<int64_t>(4, filters.panelsPerGroup);
  int64_t mostSpots = shape.isDepthwise() ? 8 : machine.accumulators;
  for (int64_t panels = 1; panels <= mostPanels; ++panels)
    for (int64_t pixels = 1; pixels <= std::min(shape.width, mostSpots);
         ++pixels)
      for (int64_t lines = 1; lines <= std::min<int64_t>(shape.height, 4);
           ++lines) {
        if (!machine.fits(lines * pixels, panels) ||
            lines * pixels > mostSpots || (lines > 1 && pixels != shape.width))
          continue;
        Choice choice{lines, pixels, panels};
        double cost = costOf(machine, shape, choice, filters.panelsPerGroup,
                             shape.isDepthwise() ? 1 : steps);
        if (cost < bestCost) {
          bestCost = cost;
          best = choice;
        }
      }
  return ConvStrategyAttr::get(
      shape.weight.getContext(),
      ((shape.isInteger() ? "dot4-" : "fma-") + isa.name).str(), best.lines,
      best.pixels, best.panels,
      getBlock(shape, best.lines, best.pixels, best.panels),
      filters.getByteSize() > shape.input.imageBytes);
}

PanelStrategyAttr qnt::cpu::chooseRowsStrategy(const ConvShape &shape,
                                               const ISA &isa) {
  Machine machine(isa, shape);
  int64_t most = llvm::divideCeil(shape.weight.getShape()[0], kLanes);
  // A lone row needs several sums in flight.
  int64_t panels = std::min<int64_t>(most, machine.accumulators >= 8 ? 4 : 2);
  int64_t pixels = 1;
  while (machine.fits(pixels + 1, panels))
    ++pixels;
  SmallVector<int64_t> rows{1};
  if (pixels > 4)
    rows.push_back(4);
  if (pixels > 1)
    rows.push_back(pixels);
  return PanelStrategyAttr::get(shape.weight.getContext(),
                                ("dot4-" + isa.name).str(), rows,
                                SmallVector<int64_t>(rows.size(), panels));
}
