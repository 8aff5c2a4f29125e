//===- pack-panels.cpp - the fast packing against the plain one -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// RUN in pack-panels.test: random weights of every kind of code; prints the
// seed and the first type whose bytes differ.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Dialect/QNT/PanelGeometry.h"

#include "mlir/IR/Builders.h"

#include <cmath>
#include <cstdlib>
#include <random>

using namespace mlir;
using namespace qnt;

int main() {
  MLIRContext context;
  context.loadDialect<QNTDialect>();
  const char *given = std::getenv("QNT_SEED");
  const auto seed = given ? unsigned(std::strtoul(given, nullptr, 10))
                          : std::random_device()();
  llvm::outs() << "seed " << seed << "\n";
  std::mt19937 random(seed);
  auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  const char *names[] = {"int1",  "int2", "int3", "int4",  "int5",
                         "int6",  "int7", "int8", "uint4", "uint8",
                         "uint3", "e4m3", "e5m2", "e2m1",  "e2m3"};
  Builder builder(&context);
  int checked = 0;
  for (int round = 0; round < 12; ++round)
    for (const char *name : names) {
      NumberFormat format = parseFormat(name, &context);
      bool isInteger = isa<IntFormatAttr>(format);
      auto zero = ZeroKind::None;
      if (isInteger && format.getBits() > 1)
        zero = ZeroKind(pick(0, 2));
      bool grouped = pick(0, 2);
      auto block = BlockAttr::get(
          &context, grouped ? BlockKind::Group : BlockKind::PerChannel,
          grouped ? 16 * pick(1, 5) : 0);
      int64_t rows = pick(1, 40), inputs = pick(1, 200);
      Type scaleTypes[] = {builder.getF32Type(), builder.getF16Type(),
                           builder.getBF16Type()};
      auto layout = PanelsAttr::get(&context, pick(0, 1) ? 16 : 8, pick(0, 1));
      auto type = QTensorType::get(&context, {rows, inputs}, format, block,
                                   scaleTypes[pick(0, 2)], zero, layout);
      auto g = PanelGeometry::of(type, layout);
      int64_t count = rows * type.getGroupsPerRow();
      std::vector<uint32_t> codes(rows * inputs);
      std::vector<float> scales(count), zeros(type.hasZeros() ? count : 0);
      // The sums of infinities have no defined bits.
      for (uint32_t &code : codes)
        do
          code = uint32_t(pick(0, (1 << format.getBits()) - 1));
        while (!std::isfinite(format.decode(code)));
      for (float &scale : scales)
        scale = roundScale(float(pick(1, 100000)) * 1e-6f, type.getScaleType());
      for (float &point : zeros)
        point =
            float(pick(int64_t(format.getMin()), int64_t(format.getMax()))) *
            (type.hasOffsets() ? 0.37f : 1.0f);
      RowBlock whole{0, rows, codes, scales, zeros};
      std::vector<char> expected(layout.getByteSize(type), 1);
      std::vector<char> actual(expected.size(), 2);
      packPanelsReference(type, g, whole, expected);
      packPanels(type, g, whole, actual);
      if (expected != actual) {
        llvm::errs() << "differs: " << type << "\n";
        return 1;
      }
      ++checked;
    }
  llvm::outs() << checked << " types agree\n";
  return 0;
}
