//===- QuantizeRows.cpp - quantising activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "mlir/AsmParser/AsmParser.h"

#include <cmath>

using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

namespace {
struct Case {
  const char *format;
  int64_t features, pad, sums, excess;
  bool zero, isStatic;
  const char *scale = "f32";
  Kernel kernel = {};
  QTensorType type = {};

  std::string name() const {
    return std::string("quantize to ") + format + " " +
           std::to_string(features) + (isStatic ? " static" : "");
  }
};

QTensorType typeOf(Case &c, mlir::MLIRContext *context) {
  auto layout = RowsAttr::get(context, c.pad, c.sums, c.excess);
  auto kind = c.isStatic ? BlockKind::PerTensor : BlockKind::PerRow;
  return QTensorType::get(context, {mlir::ShapedType::kDynamic, c.features},
                          parseFormat(c.format, context),
                          BlockAttr::get(context, kind, 0),
                          mlir::parseType(c.scale, context),
                          c.zero ? ZeroKind::Point : ZeroKind::None, layout);
}

/// What a kernel writes.
struct Quantized {
  GuardedVector<uint8_t> codes;
  Floats scales, zeros;
  GuardedVector<int32_t> sums;

  Quantized(int64_t rows, const RowsGeometry &g)
      : codes(rows * g.rowBytes, 0xee), scales(rows), zeros(rows),
        sums(rows * g.sumsPerRow) {}
};

/// Rows with the extremes that quantisers stumble over.
Floats awkwardRows(Suite &suite, int64_t rows, int64_t features) {
  Floats x = suite.normal(rows * features);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < features; ++i) {
      float &value = x[row * features + i];
      switch (row) {
      case 0:
        value = 0;
        break;
      case 1:
        value = std::fabs(value);
        break;
      case 2:
        value = -std::fabs(value);
        break;
      case 3:
        // Multiples of a half, with ties.
        value = std::nearbyint(value * 8) / 2;
        break;
      case 4:
        value *= 1e-42f;
        break;
      case 5:
        value *= 1e37f;
        break;
      case 6:
        if (i % 5 == 0)
          value = NAN;
        break;
      }
    }
  return x;
}

void check(Suite &suite, Kernels &kernels, Case &c, int64_t rows) {
  RowsGeometry g = RowsGeometry::of(c.type);
  Floats x = awkwardRows(suite, rows, c.features);
  Floats scale = {0.017f}, zero = {c.zero ? 3.0f : 0.0f};
  Quantized got(rows, g), want(rows, g);
  kernels.run(c.kernel, 3, x.data(), c.isStatic ? scale.data() : nullptr,
              c.isStatic && c.zero ? zero.data() : nullptr, got.codes.data(),
              got.scales.data(), got.zeros.data(), got.sums.data(), rows);

  BlockQuantizer quantizer(c.type);
  std::vector<uint32_t> codes(c.features);
  for (int64_t row = 0; row < rows; ++row) {
    llvm::ArrayRef<float> values(x.data() + row * c.features, c.features);
    BlockParams params = {scale[0], zero[0]};
    if (!c.isStatic)
      params = quantizer.chooseScale(ClipMethod::AbsMax, values);
    quantizer.encode(params, values, codes);
    bool isZero =
        llvm::all_of(values, [](float x) { return x == 0 || std::isnan(x); });
    want.scales[row] = isZero && !c.isStatic ? 0 : params.scale;
    want.zeros[row] = params.zero + float(c.excess);
    for (int64_t i = 0; i < g.rowBytes; ++i) {
      uint8_t &stored = want.codes[row * g.rowBytes + i];
      stored = 0;
      if (i >= c.features)
        continue;
      int32_t code = int32_t(c.type.getFormat().decode(codes[i])) + c.excess;
      stored = uint8_t(code);
      if (g.sumGroup)
        want.sums[row * g.sumsPerRow + i / g.sumGroup] += code;
    }
  }
  suite.equal<float>(c.name() + ": scales", got.scales, want.scales);
  suite.equal<float>(c.name() + ": zeros", got.zeros, want.zeros);
  suite.equal<uint8_t>(c.name() + ": codes", got.codes, want.codes);
  suite.equal<int32_t>(c.name() + ": sums", got.sums, want.sums);

  // The same, for the definition written in numpy.
  if (c.features != 200 || c.isStatic)
    return;
  auto floats = [](auto &from) { return Floats(from.begin(), from.end()); };
  std::string name = std::string("quantize.") + c.format;
  suite.write(name + ".x", x, {rows, c.features});
  suite.write(name + ".codes", floats(got.codes), {rows, g.rowBytes});
  suite.write(name + ".scales", got.scales, {rows});
  suite.write(name + ".zeros", got.zeros, {rows});
}
} // namespace

void test::testQuantizeRows(Suite &suite) {
  std::vector<Case> cases = {
      {"int8", 200, 64, 0, 0, false, false},
      {"int8", 384, 4, 32, 128, false, false},
      {"uint8", 200, 64, 64, 0, true, false},
      {"uint8", 65, 32, 128, -128, true, false},
      {"int8", 7, 4, 16, 128, true, false},
      {"int4", 200, 32, 48, 8, false, false},
      {"uint4", 96, 1, 32, 0, true, false},
      {"int2", 33, 1, 0, 0, false, false},
      {"uint5", 130, 16, 16, 0, false, false},
      {"int8", 200, 64, 64, 128, false, true},
      {"uint8", 90, 4, 0, 0, true, true},
      {"int6", 70, 4, 32, 32, false, true},
      {"uint7", 200, 64, 0, -64, true, true},
      {"uint8", 70, 4, 0, -128, true, false, "f16"},
      {"int4", 47, 4, 16, 0, false, false, "bf16"},
      {"uint8", 1024, 64, 1024, 0, true, false},
  };
  Kernels kernels(suite.context, suite.isa);
  for (Case &c : cases) {
    c.type = typeOf(c, &suite.context);
    c.kernel = getQuantizeRowsKernel(kernels.library(), c.type, c.isStatic);
  }
  for (Case &c : cases)
    for (int64_t rows : {0, 1, 29})
      check(suite, kernels, c, rows);

  Case &c = cases.back();
  Floats x = suite.normal(128 * c.features);
  Quantized out(128, RowsGeometry::of(c.type));
  suite.time(c.name() + " x 128 rows", x.size(), [&] {
    kernels.run(c.kernel, 1, x.data(), nullptr, nullptr, out.codes.data(),
                out.scales.data(), out.zeros.data(), out.sums.data(),
                int64_t(128));
  });
}
