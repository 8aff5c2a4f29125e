//===- LinearScaling.cpp - from sums of products to results -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearScaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

//===----------------------------------------------------------------------===//
// Arguments and names
//===----------------------------------------------------------------------===//

LinearArguments::LinearArguments(ValueRange args)
    : x(args[0]), scales(args[1]), zeros(args[2]), sums(args[3]),
      weight(args[4]), rows(args[5]), out(args[6]), workspace(args[7]),
      counters(args[8]), operands(args.drop_front(9)) {}

unsigned LinearArguments::declare(Kernel &kernel, const LinearShape &shape,
                                  const Argument &input, const Argument &sums) {
  kernel.args.push_back(input);
  kernel.addInput("scales");
  kernel.addInput("zeros");
  kernel.args.push_back(sums);
  kernel.addInput("weight");
  unsigned rows = kernel.addSize("rows");
  kernel.addOutput("out");
  kernel.addInOut("workspace");
  kernel.addInOut("counters");
  for (unsigned i = 0; i < Epilogue::getNumOperands(shape.epilogue); ++i)
    kernel.addInput("operand" + std::to_string(i));
  return rows;
}

LinearScaling::LinearScaling(const LinearShape &shape, bool isInteger)
    : shape(shape),
      g(FragmentGeometry::of(shape.weight,
                             cast<FragmentsAttr>(shape.weight.getLayout()))),
      decoder(shape.weight), features(shape.weight.getShape()[0]),
      inputs(shape.weight.getShape()[1]), isInteger(isInteger),
      epilogue(shape.epilogue, features) {}

int64_t LinearScaling::getRowBytes() const {
  int64_t bytes = llvm::divideCeil(inputs * shape.getInputBits(), 8);
  return llvm::alignTo(bytes, isFloat() ? 16 : getRows().getPad());
}

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string LinearScaling::getName() const {
  QTensorType weight = shape.weight;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "_" << weight.getFormat().getName() << "_"
     << (isGrouped() ? "g" + std::to_string(g.group) : std::string("channel"));
  if (weight.hasScale())
    os << "_" << typeName(weight.getScaleType());
  if (weight.hasZeros())
    os << (weight.hasOffsets() ? "_offset" : "_zero");
  if (!isFloat())
    os << "_pad" << getRows().getPad();
  if (hasInputZeros())
    os << "_xzero";
  os << "_k" << inputs << "_n" << features << Epilogue::getName(shape.epilogue);
  return text;
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// Two numbers of `element` that lie together.
static Epilogue::Pair loadPair(KernelBuilder &k, Type element, Value at) {
  Value both = k.load(k.vec(element, 2), at,
                      unsigned(element.getIntOrFloatBitWidth() / 4));
  return {vector::ExtractOp::create(k.b, k.loc, both, 0),
          vector::ExtractOp::create(k.b, k.loc, both, 1)};
}

Type LinearScaling::getFactorType() const {
  if (!shape.isBlockScaled())
    return shape.weight.getScaleType();
  return g.hasRowScales ? Float32Type::get(shape.weight.getContext()) : Type();
}

/// Of a scale and a zero point or offset as they are stored, or null.
LinearScaling::Factor LinearScaling::makeFactor(KernelBuilder &k, Value scale,
                                                Value zero) const {
  scale = scale ? k.extF(scale) : k.cf32(1);
  float counts = isInteger   ? 1.0f / float(decoder.getFactor())
                 : isFloat() ? decoder.getHalfFactor()
                             : 1.0f;
  Factor factor{counts == 1 ? scale : k.mul(scale, k.cf32(counts)), zero};
  if (zero && !shape.weight.hasOffsets()) {
    zero = decoder.isSigned() ? k.sext(zero, k.i32()) : k.zext(zero, k.i32());
    factor.less = k.mul(scale, k.sitofp(zero, k.f32()));
  }
  return factor;
}

LinearScaling::Values LinearScaling::promote(KernelBuilder &k,
                                             ValueRange numbers,
                                             ValueRange sums) const {
  Values result;
  for (auto [number, sum] : llvm::zip_equal(numbers, sums))
    result.push_back(k.add(number, sum));
  return result;
}

LinearScaling::Factor LinearScaling::loadFactor(KernelBuilder &k, Value scale,
                                                Value zero) const {
  Value stored, storedZero;
  if (Type type = getFactorType())
    stored = k.load(type, scale, type.getIntOrFloatBitWidth() / 8);
  if (usesRowSums())
    storedZero = shape.weight.hasOffsets() ? k.load(k.f32(), zero, 4)
                                           : k.load(k.i8(), zero, 1);
  return makeFactor(k, stored, storedZero);
}

std::array<LinearScaling::Factor, 2>
LinearScaling::loadFactors(KernelBuilder &k, Value scales, Value zeros) const {
  Pair stored, storedZeros;
  if (Type type = getFactorType())
    stored = loadPair(k, type, scales);
  if (usesRowSums())
    storedZeros =
        loadPair(k, shape.weight.hasOffsets() ? k.f32() : k.i8(), zeros);
  return {makeFactor(k, stored[0], storedZeros[0]),
          makeFactor(k, stored[1], storedZeros[1])};
}

Value LinearScaling::scale(KernelBuilder &k, const Factor &factor, Value sum,
                           Value rowSum, Value number) const {
  if (isInteger)
    sum = k.sitofp(sum, k.f32());
  number = k.fma(sum, factor.factor, number);
  return rowSum ? k.fma(k.negF(factor.less), rowSum, number) : number;
}

Value LinearScaling::loadRowSum(KernelBuilder &k, const LinearArguments &args,
                                Value row, Value group) const {
  if (!usesRowSums())
    return Value();
  // The last chunk may have groups that do not exist.
  Value there = k.mulC(k.minC(group, g.groups - 1), 4);
  Value at =
      k.atRow(args.sums, k.minS(row, k.addC(args.rows, -1)), 4 * g.groups);
  return k.sitofp(k.load(k.i32(), k.at(at, there), 4), k.f32());
}

LinearScaling::PanelPlace
LinearScaling::locateColumn(KernelBuilder &k, const LinearArguments &args,
                            Value column, int64_t last) const {
  Value there = k.minC(column, last);
  Value panel = k.atRow(args.weight, k.divC(there, g.columns), g.panelBytes);
  return {panel, k.remC(there, g.columns)};
}

//===----------------------------------------------------------------------===//
// The end
//===----------------------------------------------------------------------===//

namespace {
/// What results in one row take: of activations, scale, zero point and sum.
struct RowPart {
  Value row, scale, zero, sum;
};
/// What results in two columns take.
struct ColumnPart {
  Value column;
  std::array<LinearScaling::Factor, 2> factors;
  Epilogue::Pair sums;
  SmallVector<Epilogue::Pair> prepared;
};
} // namespace

void LinearScaling::finish(KernelBuilder &k, const LinearArguments &args,
                           ArrayRef<Value> rows, ArrayRef<Value> columns,
                           bool mayExceed, NumberAt numberAt) const {
  auto loadRow = [&](Value row) {
    RowPart part{row, {}, {}, {}};
    if (isFloat())
      return part;
    Value there = k.minS(row, k.addC(args.rows, -1));
    part.scale = k.load(k.f32(), k.atRow(args.scales, there, 4), 4);
    if (hasInputZeros())
      part.zero = k.load(k.f32(), k.atRow(args.zeros, there, 4), 4);
    if (!isGrouped())
      part.sum = loadRowSum(k, args, row, k.c32(0));
    return part;
  };
  auto loadColumn = [&](Value column) {
    ColumnPart part{column, {}, {}, {}};
    // Panels are padded, so that an even column and the next are there.
    PanelPlace place = locateColumn(k, args, column, (features - 1) / 2 * 2);
    Value scales = shape.isBlockScaled()
                       ? place.at(k, g.rowScalesAt, 4)
                       : place.at(k, g.scalesAt, g.scaleBytes / g.columns);
    if (!isGrouped())
      part.factors = loadFactors(
          k, scales, place.at(k, g.zerosAt, g.zeroBytes / g.columns));
    if (hasInputZeros())
      part.sums = loadPair(k, k.f32(), place.at(k, g.sumsAt, 4));
    part.prepared = epilogue.prepare(k, args.operands, column);
    return part;
  };
  auto emit = [&](const RowPart &row, const ColumnPart &column, Pair numbers) {
    Value exists = k.ltS(row.row, args.rows);
    if (mayExceed)
      exists = k.band(exists, k.ltS(column.column, k.c32(int32_t(features))));
    k.ifThen(exists, [&] {
      for (unsigned i = 0; i < 2; ++i) {
        Value &number = numbers[i];
        if (!isGrouped())
          number = scale(k, column.factors[i], number, row.sum, k.cf32(0));
        if (hasInputZeros())
          number = k.fma(k.negF(row.zero), column.sums[i], number);
        if (!isFloat())
          number = k.mul(number, row.scale);
      }
      epilogue.emit(k, args.operands, args.out, row.row, column.column, numbers,
                    column.prepared);
    });
  };
  // The parts of which there are fewer stay in registers.
  if (rows.size() > columns.size()) {
    SmallVector<ColumnPart> parts = llvm::map_to_vector(columns, loadColumn);
    for (auto [r, row] : llvm::enumerate(rows)) {
      RowPart part = loadRow(row);
      for (auto [j, column] : llvm::enumerate(parts))
        emit(part, column, numberAt(r, j));
    }
    return;
  }
  SmallVector<RowPart> parts = llvm::map_to_vector(rows, loadRow);
  for (auto [j, column] : llvm::enumerate(columns)) {
    ColumnPart part = loadColumn(column);
    for (auto [r, row] : llvm::enumerate(parts))
      emit(row, part, numberAt(r, j));
  }
}
