//===- Embedding.cpp - rows of tables -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Points.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

Kernel qnt::cuda::getEmbeddingKernel(KernelLibrary &lib, Type element,
                                     int64_t features) {
  Points points(features);
  Kernel kernel;
  kernel.addInput("ids");
  kernel.addInput("table");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("rows"));
  std::string name = llvm::formatv("embedding_{0}_{1}", element, features);
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    int64_t rowBytes = element.getIntOrFloatBitWidth() / 8 * features;
    points.emit(k, args[3], [&](Value row, Value first) {
      Value id = k.load(k.i32(), k.atRow(args[0], row, 4), 4);
      Value numbers = loadNumbers(k, element, k.atRow(args[1], id, rowBytes),
                                  first, points.width);
      storeNumbers(k, numbers, k.f32(), k.atRow(args[2], row, 4 * features),
                   first);
    });
  });
}

namespace {
/// Generates lookups in a table of codes.
class CodesEmitter {
public:
  explicit CodesEmitter(QTensorType table)
      : table(table), format(table.getFormat()), spec(format.getDecodeSpec()),
        features(table.getShape().back()),
        group(table.getBlock().getKind() == BlockKind::Group
                  ? table.getGroupSize()
                  : features),
        points(features, features % 4 == 0 && group % 4 == 0 ? 4 : 1) {}

  Kernel describe() const;
  std::string getName() const;
  void emit(KernelBuilder &k, ValueRange args) const;
  bool isAffine() const { return spec.map == DecodeSpec::Map::Affine; }

private:
  Value decode(KernelBuilder &k, Value codes, Value numbers) const;
  /// One scale for the whole table: every row reads the first.
  bool isWhole() const {
    return table.getBlock().getKind() == BlockKind::PerTensor;
  }

  QTensorType table;
  NumberFormat format;
  DecodeSpec spec;
  int64_t features, group;
  Points points;
};
} // namespace

Kernel CodesEmitter::describe() const {
  Kernel kernel;
  kernel.addInput("ids");
  kernel.addInput("codes");
  kernel.addInput("scales");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("rows"));
  if (table.hasZeros())
    kernel.addInput("zeros");
  if (!isAffine())
    kernel.addInput("numbers");
  return kernel;
}

std::string CodesEmitter::getName() const {
  const char *zero = table.hasOffsets() ? "_offset"
                     : table.hasZeros() ? "_zero"
                                        : "";
  return llvm::formatv("embedding_{0}_{1}x{2}_{3}{4}{5}", format.getName(),
                       features, group, table.getScaleType(), zero,
                       isWhole() ? "_tensor" : "");
}

/// Bytes as the numbers that they are codes of.
Value CodesEmitter::decode(KernelBuilder &k, Value codes, Value numbers) const {
  codes = k.zext(codes, k.i32());
  if (isAffine()) {
    if (spec.isSigned)
      codes = k.shrS(k.shl(codes, 32 - spec.bits), 32 - spec.bits);
    Value number = k.sitofp(codes, k.f32());
    Type type = number.getType();
    number = k.mul(number, k.constant(type, spec.multiplier));
    return k.add(number, k.constant(type, spec.offset));
  }
  auto look = [&](Value code) {
    return k.load(k.f32(), k.atRow(numbers, code, 4), 4);
  };
  if (points.width == 1)
    return look(codes);
  SmallVector<Value> found;
  for (int64_t i = 0; i < points.width; ++i)
    found.push_back(look(vector::ExtractOp::create(k.b, k.loc, codes, i)));
  return vector::FromElementsOp::create(k.b, k.loc,
                                        k.vec(k.f32(), points.width), found);
}

void CodesEmitter::emit(KernelBuilder &k, ValueRange args) const {
  Value zeros = table.hasZeros() ? args[5] : Value();
  Value numbers = isAffine() ? Value() : args.back();
  int64_t groups = llvm::divideCeil(features, group);
  points.emit(k, args[4], [&](Value row, Value first) {
    Value id = k.load(k.i32(), k.atRow(args[0], row, 4), 4);
    Type type = points.width == 1 ? k.i8() : k.vec(k.i8(), points.width);
    Value codes = k.load(type, k.at(k.atRow(args[1], id, features), first),
                         unsigned(points.width));
    Value block =
        isWhole() ? k.c32(0) : k.add(k.mulC(id, groups), k.divC(first, group));
    auto loadOne = [&](Type element, Value from) {
      return spread(k, loadNumbers(k, element, from, block, 1), points.width);
    };
    Value number = decode(k, codes, numbers);
    Value scale = loadOne(table.getScaleType(), args[2]);
    if (table.hasZeros() && !table.hasOffsets()) {
      Value zero = k.load(k.i8(), k.atRow(zeros, block, 1), 1);
      zero =
          format.getMin() < 0 ? k.sext(zero, k.i32()) : k.zext(zero, k.i32());
      number = k.sub(number, spread(k, k.sitofp(zero, k.f32()), points.width));
    }
    number = k.mul(number, scale);
    if (table.hasOffsets())
      number = k.sub(number, loadOne(k.f32(), zeros));
    storeNumbers(k, number, k.f32(), k.atRow(args[3], row, 4 * features),
                 first);
  });
}

Kernel qnt::cuda::getQuantizedEmbeddingKernel(KernelLibrary &lib,
                                              QTensorType table) {
  CodesEmitter emitter(table);
  return lib.get(
      emitter.getName(), emitter.describe(),
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
