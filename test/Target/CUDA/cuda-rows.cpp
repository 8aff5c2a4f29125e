//===- cuda-rows.cpp - quantised rows in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "mlir/AsmParser/AsmParser.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

/// What the kernel is to write.
struct Rows {
  std::vector<int8_t> codes;
  std::vector<float> scales, zeros;
  std::vector<int32_t> sums;
};

static Rows getReference(QTensorType type, ArrayRef<float> x, int64_t rows,
                         const BlockParams *given) {
  auto layout = cast<RowsAttr>(type.getLayout());
  int64_t features = type.getShape().back();
  int64_t rowBytes = llvm::alignTo(features, layout.getPad());
  int64_t perRow =
      layout.getSums() ? llvm::divideCeil(features, layout.getSums()) : 0;
  Rows result;
  result.codes.assign(size_t(rows * rowBytes), 0);
  result.sums.assign(size_t(rows * perRow), 0);
  BlockQuantizer quantizer(type.withLayout({}));
  for (int64_t row = 0; row < rows; ++row) {
    ArrayRef<float> numbers = x.slice(size_t(row * features), size_t(features));
    bool isZero = llvm::all_of(
        numbers, [](float number) { return !(std::abs(number) > 0); });
    BlockParams params =
        given ? *given : quantizer.chooseScale(ClipMethod::AbsMax, numbers);
    std::vector<uint32_t> codes{};
    codes.resize(numbers.size());
    quantizer.encode(params, numbers, codes);
    result.scales.push_back(isZero && !given ? 0 : params.scale);
    result.zeros.push_back(params.zero + float(layout.getExcess()));
    for (int64_t i = 0; i < features; ++i) {
      float number = type.getFormat().decode(codes[i]);
      // Of NaNs, the one that instructions give.
      int32_t stored = std::isnan(number) ? 0x7f
                       : type.isInteger()
                           ? int32_t(number) + int32_t(layout.getExcess())
                           : int32_t(codes[i]);
      result.codes[size_t(row * rowBytes + i)] = int8_t(stored);
      if (perRow)
        result.sums[size_t(row * perRow + i / layout.getSums())] += stored;
    }
  }
  return result;
}

/// The same of types with scales of 8 bits, which lie in the place of sums.
static Rows getGroupReference(QTensorType type, ArrayRef<float> x,
                              int64_t rows) {
  std::vector<uint32_t> codes(x.size());
  std::vector<float> scales(size_t(rows * type.getGroupsPerRow()));
  quantizeRows(type.withLayout({}), ClipMethod::AbsMax, x, rows, codes, scales,
               {});
  std::vector<float> factors;
  for (int64_t row = 0; row < rows; ++row) {
    float largest = 0;
    for (float number : x.slice(size_t(row) * x.size() / size_t(rows),
                                x.size() / size_t(rows)))
      if (!std::isnan(number))
        largest = std::max(largest, std::abs(number));
    bool isOne = largest == 0 || !type.hasRowScales();
    factors.push_back(isOne ? 1 : chooseRowScale(largest / 6));
  }
  GroupRows packed = packGroupRows(type, codes, scales, factors);
  return {packed.codes, packed.scales, std::vector<float>(size_t(rows), 0),
          packed.groups};
}

static std::string run(MLIRContext &context, QTensorType type, bool isStatic,
                       std::mt19937_64 &random) {
  std::string error = cuda::checkQuantizeRows(type);
  if (!error.empty())
    return error;
  int64_t features = type.getShape().back(), rows = 1 + int64_t(random() % 6);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  for (int64_t row = 0; row < rows; ++row) {
    float scale = std::exp(3 * normal(random)), shift = normal(random);
    for (int64_t i = 0; i < features; ++i)
      x.push_back(row == 3 ? 0 : scale * (normal(random) + shift));
  }
  x[random() % x.size()] = std::nanf("");
  x[random() % x.size()] *= 100;
  std::vector<float> scale{0.03f}, zero{type.hasZeros() ? 3.0f : 0.0f};
  BlockParams given{scale[0], zero[0]};
  Rows want = type.hasSmallScales()
                  ? getGroupReference(type, x, rows)
                  : getReference(type, x, rows, isStatic ? &given : nullptr);
  // Something else, of the same size.
  Rows got{std::vector<int8_t>(want.codes.size(), 77),
           std::vector<float>(size_t(rows), -1),
           std::vector<float>(size_t(rows), -1),
           std::vector<int32_t>(want.sums.size(), -1)};

  Launcher launcher(
      context,
      [&](cuda::KernelLibrary &library) {
        return cuda::getQuantizeRowsKernel(library, type, isStatic);
      },
      type.hasSmallScales() ? "sm_120a"
      : type.isInteger()    ? "sm_80"
                            : "sm_90a");
  launcher.set("x", x);
  launcher.set("scale", scale);
  launcher.set("zero", zero);
  launcher.set("codes", got.codes);
  launcher.set("scales", got.scales);
  launcher.set("zeros", got.zeros);
  launcher.set("sums", got.sums);
  launcher.set("rows", rows);
  error = launcher.run();
  if (!error.empty())
    return error;
  if (got.scales != want.scales)
    return "scales differ";
  if (got.zeros != want.zeros)
    return "zero points differ";
  if (got.codes != want.codes)
    return "codes differ";
  return got.sums == want.sums ? "" : "sums differ";
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (std::string format : {"int8", "uint8", "int4", "int6", "e4m3", "e5m2"})
    for (bool isStatic : {false, true})
      for (int64_t features :
           {int64_t(1 + random() % 40), int64_t(4 * (1 + random() % 700))}) {
        bool isUnsigned = format[0] == 'u';
        int64_t sums[] = {0, 32, 64, 128};
        std::string text =
            "!qnt.tensor<?x" + std::to_string(features) + ", " + format +
            (isStatic ? ", per_tensor" : ", per_row") + ", scale f32" +
            (isUnsigned ? ", zero" : "") +
            ", #qnt.rows<pad = " + (random() % 2 ? "16" : "128") + ", sums = " +
            std::to_string(format[0] == 'e' ? 0 : sums[random() % 4]) +
            (isUnsigned ? ", excess = -128" : "") + ">>";
        auto type = cast<QTensorType>(parseType(text, context.get()));
        report.add(text, [&] { return run(*context, type, isStatic, random); });
      }
  for (std::string format :
       {"e2m1, group<16>, scale f8E4M3FN", "e2m1, group<32>, scale f8E8M0FNU"})
    for (int64_t features :
         {int64_t(1 + random() % 70), int64_t(4 * (1 + random() % 700)),
          int64_t(64 * (1 + random() % 16))}) {
      std::string text =
          "!qnt.tensor<?x" + std::to_string(features) + ", " + format +
          ", #qnt.rows<pad = " + (random() % 2 ? "16" : "128") + ">>";
      auto type = cast<QTensorType>(parseType(text, context.get()));
      report.add(text, [&] { return run(*context, type, false, random); });
    }
  return report.getExitStatus();
}
