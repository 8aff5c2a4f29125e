//===- Epilogue.cpp - what follows a contraction, in registers --*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"
#include "Common.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

//===----------------------------------------------------------------------===//
// Grid and EpilogueSpec
//===----------------------------------------------------------------------===//

Grid Grid::of(Type type) {
  Grid g;
  ArrayRef<int64_t> shape;
  SmallVector<int64_t> halo(4, 0);
  if (auto quantized = dyn_cast<QTensorType>(type)) {
    auto image = cast<ImageAttr>(quantized.getLayout());
    shape = quantized.getShape();
    halo.assign(image.getHalo().begin(), image.getHalo().end());
    g.columnBytes = 1;
    g.pixelBytes = image.getChannels();
    g.excess = quantized.getFormat().getMin() < 0 ? 128 : 0;
    g.hasZero = quantized.hasZeros();
  } else {
    shape = cast<RankedTensorType>(type).getShape();
    g.columnBytes = cast<RankedTensorType>(type).getElementTypeBitWidth() / 8;
    g.pixelBytes = g.columnBytes * shape.back();
  }
  if (shape.size() != 4 || ShapedType::isDynamic(shape[1]) ||
      ShapedType::isDynamic(shape[2])) {
    g.lineBytes = g.imageBytes = g.pixelBytes;
    return g;
  }
  g.height = shape[1];
  g.width = shape[2];
  g.lineBytes = (g.width + halo[1] + halo[3]) * g.pixelBytes;
  g.imageBytes = (g.height + halo[0] + halo[2]) * g.lineBytes;
  g.origin = halo[0] * g.lineBytes + halo[1] * g.pixelBytes;
  return g;
}

std::string Grid::getName() const {
  return llvm::formatv("{0}p{1}l{2}i{3}o{4}{5}", columnBytes == 1 ? "q" : "f",
                       pixelBytes, lineBytes, imageBytes, origin,
                       (excess ? "s" : "") + std::string(hasZero ? "z" : ""));
}

EpilogueSpec EpilogueSpec::of(EpilogueOp op) {
  EpilogueSpec spec;
  for (Attribute step : op.getEpilogue())
    spec.steps.push_back(cast<EpilogueKindAttr>(step).getValue());
  spec.result = op->getResult(0).getType();
  llvm::append_range(spec.operands, op.getExtra().getTypes());
  return spec;
}

bool EpilogueSpec::isInteger() const {
  return llvm::any_of(steps, [](EpilogueKind kind) {
    return kind == EpilogueKind::Requantize || kind == EpilogueKind::Rescale ||
           kind == EpilogueKind::RequantizeF32;
  });
}

bool EpilogueSpec::takesScales() const {
  return !isInteger() || steps.back() == EpilogueKind::RequantizeF32;
}

unsigned EpilogueSpec::getNumPointers() const {
  unsigned count = 1;
  for (Type type : operands)
    count += isa<QTensorType>(type) ? 3 : 1;
  return count;
}

std::string EpilogueSpec::getName() const {
  std::string name;
  auto operand = operands.begin();
  for (EpilogueKind kind : steps) {
    name += "." + stringifyEpilogueKind(kind).str();
    for (unsigned i = 0; i < getNumOperands(kind, result); ++i, ++operand)
      if (isa<QTensorType>(*operand))
        name += "_" + Grid::of(*operand).getName();
  }
  // What is not quantised is dense.
  if (isa<QTensorType>(result))
    name += ".to_" + cast<QTensorType>(result).getFormat().getName() + "_" +
            Grid::of(result).getName();
  return name;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

static std::optional<nn::ActivationKind> toActivation(EpilogueKind kind) {
  return nn::symbolizeActivationKind(stringifyEpilogueKind(kind));
}

Epilogue::Epilogue(const EpilogueSpec &spec, bool finite, bool apart,
                   int64_t positions)
    : out(Grid::of(spec.result)), result(dyn_cast<QTensorType>(spec.result)),
      isInteger(spec.isInteger()), finite(finite), apart(apart),
      positions(positions) {
  unsigned pointer = 1;
  auto next = spec.operands.begin();
  for (EpilogueKind kind : spec.steps) {
    Step step{kind, {}};
    for (unsigned i = 0; i < getNumOperands(kind, spec.result); ++i) {
      Type type = *next++;
      Operand operand{Operand::Columns, {}, pointer};
      bool isAddend = kind == EpilogueKind::Add || kind == EpilogueKind::Mul ||
                      (kind == EpilogueKind::IntAdd && i == 0);
      if (isAddend) {
        operand.kind = Operand::Whole;
        operand.grid = Grid::of(type);
      } else if (cast<RankedTensorType>(type).getRank() == 0) {
        operand.kind = Operand::Scalar;
      }
      step.operands.push_back(operand);
      pointer += isa<QTensorType>(type) ? 3 : 1;
    }
    auto activation = toActivation(kind);
    hasFunction |= activation && *activation != nn::ActivationKind::Relu;
    hasRelu |= kind == EpilogueKind::Relu;
    // Numbers of an f32 operand may be anything.
    if (kind == EpilogueKind::Mul ||
        (kind == EpilogueKind::Add &&
         step.operands.front().grid.columnBytes != 1))
      this->finite = false;
    steps.push_back(std::move(step));
  }
}

SmallVector<Value> Epilogue::move(KernelBuilder &k, ValueRange pointers,
                                  Value image, Value line, Value pixel,
                                  Value column) const {
  SmallVector<Value> moved(pointers);
  auto offsetIn = [&](const Grid &grid) {
    Value offset = k.add(k.mul(image, k.c64(grid.imageBytes)),
                         k.mul(line, k.c64(grid.lineBytes)));
    offset = k.add(offset, k.mul(pixel, k.c64(grid.pixelBytes)));
    offset = k.add(offset, k.mul(column, k.c64(grid.columnBytes)));
    return k.add(offset, k.c64(grid.origin));
  };
  moved[0] = k.at(pointers[0], offsetIn(out));
  for (const Step &step : steps)
    for (const Operand &operand : step.operands) {
      Value &at = moved[operand.pointer];
      if (operand.kind == Operand::Columns)
        at = k.at(at, k.mul(column, k.c64(4)));
      else if (operand.kind == Operand::Whole)
        at = k.at(at, offsetIn(operand.grid));
    }
  return moved;
}

static Value loadColumns(KernelBuilder &k, Type element, Value pointer,
                         int64_t panel, Value lanes) {
  Value at = k.at(pointer, panel * kLanes * 4);
  return lanes ? k.loadPartial(element, at, lanes) : k.load(k.vec(element), at);
}

/// The stored zero point of codes, i32.
static Value loadStoredZero(KernelBuilder &k, const Grid &grid, Value zero) {
  Value excess = k.c32(int32_t(grid.excess));
  if (!grid.hasZero)
    return excess;
  return k.add(k.roundToInt(k.load(k.f32(), zero, 4)), excess);
}

Epilogue::Prepared Epilogue::prepare(KernelBuilder &k, const Step &step,
                                     ValueRange pointers, int64_t panel,
                                     Value lanes, Value scale) const {
  auto pointer = [&](unsigned i) { return pointers[step.operands[i].pointer]; };
  auto columns = [&](unsigned i, Type element) {
    return loadColumns(k, element, pointer(i), panel, lanes);
  };
  auto scalar = [&](Value at) { return k.splat(k.load(k.f32(), at, 4)); };
  switch (step.kind) {
  case EpilogueKind::Bias:
  case EpilogueKind::Rescale:
    return {columns(0, k.f32())};
  case EpilogueKind::IntBias:
    return {columns(0, k.i32())};
  case EpilogueKind::Clamp:
    return {scalar(pointer(0)), scalar(pointer(1))};
  case EpilogueKind::Add: {
    const Operand &operand = step.operands[0];
    if (operand.grid.columnBytes != 1)
      return {};
    Value zero = loadStoredZero(k, operand.grid, pointers[operand.pointer + 2]);
    return {scalar(pointers[operand.pointer + 1]), k.splat(zero)};
  }
  case EpilogueKind::IntAdd: {
    const Operand &operand = step.operands[0];
    Value zero = loadStoredZero(k, operand.grid, pointers[operand.pointer + 2]);
    return {k.sext(columns(1, k.i32()), k.i64()), k.splat(zero)};
  }
  case EpilogueKind::Quantize:
  case EpilogueKind::Requantize:
  case EpilogueKind::RequantizeF32:
    return prepareEncoding(k, step, pointers, panel, lanes, scale);
  default:
    return {};
  }
}

Epilogue::Prepared Epilogue::prepareEncoding(KernelBuilder &k, const Step &step,
                                             ValueRange pointers, int64_t panel,
                                             Value lanes, Value scale) const {
  auto pointer = [&](unsigned i) { return pointers[step.operands[i].pointer]; };
  double low = result.getFormat().getMin(), high = result.getFormat().getMax();
  if (step.kind == EpilogueKind::Quantize) {
    Value zero = out.hasZero ? k.load(k.f32(), pointer(1), 4) : k.cf32(0);
    Value inverse = k.fdiv(k.cf32(1), k.load(k.f32(), pointer(0), 4));
    Value offset = loadStoredZero(k, out, out.hasZero ? pointer(1) : Value());
    return {k.splat(inverse), k.splat(k.sub(k.cf32(float(low)), zero)),
            k.splat(k.sub(k.cf32(float(high)), zero)), k.splat(offset)};
  }
  if (step.kind == EpilogueKind::RequantizeF32) {
    Value unit = k.load(k.f32(), pointer(0), 4);
    if (positions != 1)
      unit = k.mul(unit, k.cf32(float(positions)));
    Value zero = out.hasZero ? k.load(k.f32(), pointer(1), 4) : k.cf32(0);
    Value lowest = k.sub(k.cf32(float(low)), zero);
    if (hasRelu)
      lowest = k.maxF(lowest, k.cf32(0));
    Value offset = loadStoredZero(k, out, out.hasZero ? pointer(1) : Value());
    return {k.fdiv(scale, k.splat(unit)), k.splat(lowest),
            k.splat(k.sub(k.cf32(float(high)), zero)), k.splat(offset)};
  }
  auto wide = [&](unsigned i) {
    return k.sext(loadColumns(k, k.i32(), pointer(i), panel, lanes), k.i64());
  };
  Value multiplier = wide(0), shift = wide(1);
  VectorType words = k.vec(k.i64());
  // Lanes beyond the columns hold no shift: any valid one will do.
  shift = k.maxS(shift, k.constant(words, 1));
  Value half = arith::ShLIOp::create(k.b, k.loc, k.constant(words, 1),
                                     k.sub(shift, k.constant(words, 1)));
  Value zero = k.sext(
      loadStoredZero(k, out, out.hasZero ? pointer(3) : Value()), k.i64());
  auto excess = double(out.excess);
  Value lowest = k.c64(int64_t(low + excess));
  if (hasRelu)
    lowest = k.maxS(lowest, zero);
  return {multiplier,    shift,           half,
          k.splat(zero), k.splat(lowest), k.constant(words, high + excess)};
}

Value Epilogue::loadCodes(KernelBuilder &k, const Grid &grid, Value pointer,
                          Value lanes) const {
  bool whole = !lanes || (!apart && grid.pixelBytes % kLanes == 0);
  Value codes = whole ? k.load(k.vec(k.i8()), pointer)
                      : k.loadPartial(k.i8(), pointer, lanes);
  return k.zext(codes, k.i32());
}

Value Epilogue::findWhole(KernelBuilder &k, const Step &step,
                          ValueRange pointers, int64_t line, int64_t pixel,
                          int64_t panel) const {
  const Grid &grid = step.operands[0].grid;
  return k.at(pointers[step.operands[0].pointer],
              line * grid.lineBytes + pixel * grid.pixelBytes +
                  panel * kLanes * grid.columnBytes);
}

Value Epilogue::apply(KernelBuilder &k, const Step &step,
                      const Prepared &prepared, ValueRange pointers,
                      int64_t line, int64_t pixel, int64_t panel, Value lanes,
                      Value x, Value &addend) const {
  auto wholeAt = [&] {
    return findWhole(k, step, pointers, line, pixel, panel);
  };
  auto loadFloats = [&] {
    return lanes ? k.loadPartial(k.f32(), wholeAt(), lanes)
                 : k.load(k.vec(k.f32()), wholeAt());
  };
  switch (step.kind) {
  case EpilogueKind::Bias:
  case EpilogueKind::IntBias:
    return k.add(x, prepared[0]);
  case EpilogueKind::Mul:
    return k.mul(x, loadFloats());
  case EpilogueKind::Add: {
    const Grid &grid = step.operands[0].grid;
    if (grid.columnBytes != 1)
      return k.add(x, loadFloats());
    Value codes = k.sub(loadCodes(k, grid, wholeAt(), lanes), prepared[1]);
    return k.add(x, k.mul(k.sitofp(codes, k.f32()), prepared[0]));
  }
  case EpilogueKind::Clamp:
    return k.minF(prepared[1], k.maxF(prepared[0], x));
  case EpilogueKind::Quantize: {
    if (!finite)
      x = zeroIfNaN(k, x);
    Value code = k.mul(x, prepared[0]);
    code = k.minF(k.maxF(code, prepared[1]), prepared[2]);
    return k.add(k.roundToInt(code), prepared[3]);
  }
  case EpilogueKind::IntAdd: {
    const Grid &grid = step.operands[0].grid;
    Value codes = k.sub(loadCodes(k, grid, wholeAt(), lanes), prepared[1]);
    addend = k.mul(k.sext(codes, k.i64()), prepared[0]);
    return x;
  }
  case EpilogueKind::Requantize: {
    Value sum = k.mul(k.sext(x, k.i64()), prepared[0]);
    if (addend)
      sum = k.add(sum, addend);
    sum = k.add(sum, prepared[2]);
    sum = arith::ShRSIOp::create(k.b, k.loc, sum, prepared[1]);
    sum = k.maxS(k.add(sum, prepared[3]), prepared[4]);
    return k.trunc(k.minS(sum, prepared[5]), k.i32());
  }
  case EpilogueKind::RequantizeF32: {
    Value code = k.mul(k.sitofp(x, k.f32()), prepared[0]);
    code = k.minF(k.maxF(code, prepared[1]), prepared[2]);
    return k.add(k.roundToInt(code), prepared[3]);
  }
  case EpilogueKind::Rescale: {
    Value number = k.mul(k.sitofp(x, k.f32()), prepared[0]);
    return hasRelu ? k.maxF(number, k.constant(number.getType(), 0)) : number;
  }
  default:
    // In integer arithmetic the last step applies it.
    return isInteger ? x : emitActivation(k, *toActivation(step.kind), x);
  }
}

void Epilogue::store(KernelBuilder &k, Value x, Value pointer,
                     Value lanes) const {
  bool padded = result && !apart && out.pixelBytes % kLanes == 0;
  Value value = result ? k.trunc(x, k.i8()) : x;
  if (lanes && !padded)
    k.storePartial(value, pointer, lanes);
  else
    k.store(value, pointer);
}

bool Epilogue::isFoldable() const {
  constexpr EpilogueKind order[] = {EpilogueKind::Bias, EpilogueKind::Add,
                                    EpilogueKind::Relu, EpilogueKind::Quantize};
  const auto *next = std::begin(order);
  for (const Step &step : steps) {
    next = std::find(next, std::end(order), step.kind);
    if (next++ == std::end(order))
      return false;
  }
  return finite && !steps.empty() &&
         steps.back().kind == EpilogueKind::Quantize;
}

Epilogue::Panel Epilogue::preparePanel(KernelBuilder &k, ValueRange pointers,
                                       int64_t index, Value lanes,
                                       Value scale) const {
  Panel panel{index, lanes, scale, {}, {}};
  for (const Step &step : steps)
    panel.steps.push_back(prepare(k, step, pointers, index, lanes, scale));
  if (isInteger)
    panel.scale = Value();
  if (!scale || !isFoldable())
    return panel;
  // The inverse of the result's scale goes into the input's, the bias, and the
  // scale of codes that are added, whose zero point goes into the bias.
  const Prepared &encoding = panel.steps.back();
  Value inverse = encoding[0];
  Value none = k.constant(inverse.getType(), 0), offset = none, addend;
  for (auto [step, values] : llvm::zip_equal(steps, panel.steps)) {
    if (step.kind == EpilogueKind::Bias)
      offset = k.mul(values[0], inverse);
    if (step.kind == EpilogueKind::Add) {
      addend = k.mul(values[0], inverse);
      offset = k.sub(offset, k.mul(k.sitofp(values[1], k.f32()), addend));
    }
  }
  panel.folded = {k.mul(scale, inverse), offset, hasRelu ? none : encoding[1],
                  encoding[2], encoding[3]};
  if (addend)
    panel.folded.push_back(addend);
  return panel;
}

void Epilogue::finish(KernelBuilder &k, const Panel &panel, ValueRange pointers,
                      int64_t line, int64_t pixel, Value x) const {
  bool isSum = isa<IntegerType>(getElementTypeOrSelf(x.getType()));
  if (panel.scale && isSum)
    x = k.sitofp(x, k.f32());
  if (!panel.folded.empty()) {
    ArrayRef<Value> f = panel.folded;
    x = k.fma(x, f[0], f[1]);
    if (f.size() > 5) {
      const Step *add = &*llvm::find_if(steps, [](const Step &step) {
        return step.kind == EpilogueKind::Add;
      });
      Value codes = loadCodes(
          k, add->operands[0].grid,
          findWhole(k, *add, pointers, line, pixel, panel.index), panel.lanes);
      x = k.fma(k.sitofp(codes, k.f32()), f[5], x);
    }
    x = k.minF(k.maxF(x, f[2]), f[3]);
    x = k.add(k.roundToInt(x), f[4]);
  } else {
    if (panel.scale)
      x = k.mul(x, panel.scale);
    Value addend;
    for (auto [step, values] : llvm::zip_equal(steps, panel.steps))
      x = apply(k, step, values, pointers, line, pixel, panel.index,
                panel.lanes, x, addend);
  }
  store(k, x,
        k.at(pointers[0], line * out.lineBytes + pixel * out.pixelBytes +
                              panel.index * kLanes * out.columnBytes),
        panel.lanes);
}

void Epilogue::emit(KernelBuilder &k, Tile &tile, ValueRange pointers,
                    llvm::function_ref<Value(int64_t)> lanes,
                    llvm::function_ref<Value(int64_t)> scale) const {
  auto prepareAt = [&](int64_t panel) {
    return preparePanel(k, pointers, panel, lanes(panel),
                        scale ? scale(panel) : Value());
  };
  if (!hasFunction || tile.lines * tile.pixels == 1) {
    for (int64_t index = 0; index < tile.panels; ++index) {
      Panel panel = prepareAt(index);
      for (int64_t spot = 0; spot < tile.lines * tile.pixels; ++spot)
        finish(k, panel, pointers, spot / tile.pixels, spot % tile.pixels,
               tile.at(spot, index));
    }
    return;
  }
  // The code of an elementary function would stand here for each register of
  // the tile: pixels are visited in a loop instead.
  Value spilled = k.stack(tile.values.size() * kLanes * 4);
  for (auto [i, value] : llvm::enumerate(tile.values))
    k.store(value, k.at(spilled, int64_t(i) * kLanes * 4));
  Type type = tile.values.front().getType();
  for (int64_t index = 0; index < tile.panels; ++index) {
    Panel panel = prepareAt(index);
    for (int64_t line = 0; line < tile.lines; ++line)
      k.loop(k.c64(0), k.c64(tile.pixels), 1, [&](Value pixel) {
        Value spot = k.add(pixel, k.c64(line * tile.pixels));
        Value at = k.at(spilled, k.mul(spot, k.c64(tile.panels * kLanes * 4)));
        Value x = k.load(type, k.at(at, index * kLanes * 4));
        SmallVector<Value> moved(pointers);
        auto advance = [&](unsigned pointer, const Grid &grid) {
          moved[pointer] =
              k.at(pointers[pointer], k.mul(pixel, k.c64(grid.pixelBytes)));
        };
        advance(0, out);
        for (const Step &step : steps)
          for (const Operand &operand : step.operands)
            if (operand.kind == Operand::Whole)
              advance(operand.pointer, operand.grid);
        finish(k, panel, moved, line, 0, x);
      });
  }
}
