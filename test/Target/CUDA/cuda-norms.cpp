//===- cuda-norms.cpp - norms in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Norms and softmax against the interpreter; rows of f16, and rows normalised
// and quantised in one kernel, against the kernels that they are made of.
//===----------------------------------------------------------------------===//
#include "InterpreterTest.h"
#include "KernelTest.h"

#include "qnt/Support/Half.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

using Norm = cuda::NormSpec;
using Floats = std::vector<float>;

namespace {
struct Rows {
  int64_t rows, features;
  Norm norm;
  Floats x, scale, shift;

  void give(Launcher &launcher) {
    launcher.set("x", x);
    launcher.set("rows", rows);
    if (norm.kind == Norm::Kind::RMS || norm.kind == Norm::Kind::Layer)
      launcher.set("norm_scale", scale);
    if (norm.kind == Norm::Kind::Layer)
      launcher.set("norm_shift", shift);
  }
};
} // namespace

static Rows drawRows(Norm norm, int64_t features, std::mt19937_64 &random) {
  Rows rows{draw(random, 1, 5), features, norm, {}, {}, {}};
  for (int64_t row = 0; row < rows.rows; ++row) {
    float size = std::exp(2 * drawFloats(random, 1)[0]);
    float mean = drawFloats(random, 1)[0];
    // A row of zeros, but not of one that has no norm.
    bool isZero = row == 3;
    for (float number : drawFloats(random, features))
      rows.x.push_back(isZero ? 0 : size * (number + mean));
  }
  rows.scale = drawFloats(random, features);
  rows.shift = drawFloats(random, features);
  return rows;
}

static Floats normalize(MLIRContext &context, Rows rows, std::string &error) {
  Floats out(rows.x.size(), std::nanf(""));
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getRowsKernel(library, {rows.features, rows.norm});
  });
  rows.give(launcher);
  launcher.set("out", out);
  error = launcher.run();
  return out;
}

static std::string testNorm(MLIRContext &context, const Rows &rows) {
  const char *ops[] = {"", "nn.rms_norm %x, %g eps 1.0e-5 : {0}, {1}",
                       "nn.layer_norm %x, %g, %b eps 1.0e-5 : {0}, {1}",
                       "nn.l2_normalize %x : {0}"};
  std::string whole = getType({rows.rows, rows.features});
  std::string row = getType({rows.features});
  std::string text = llvm::formatv(
      "func.func @f(%x: {0}, %g: {1}, %b: {1}) -> {0} {{\n%y = {2}\n"
      "return %y : {0}\n}",
      whole, row, llvm::formatv(ops[int(rows.norm.kind)], whole, row).str());
  Floats want = interpretFloats(context, text,
                                {floats({rows.rows, rows.features}, rows.x),
                                 floats({rows.features}, rows.scale),
                                 floats({rows.features}, rows.shift)});
  std::string error;
  Floats got = normalize(context, rows, error);
  // Means and sums of up to 6000 numbers, in f32 by trees; a difference from
  // the mean errs by the mean, which is below ten deviations.
  return error.empty() ? compare(got, want, 1e-5, 3e-6) : error;
}

static std::string testHalves(MLIRContext &context, Rows rows) {
  std::string error;
  Floats numbers = normalize(context, rows, error);
  int64_t width = llvm::alignTo(rows.features, 8);
  std::vector<uint16_t> want(rows.rows * width), got(want.size(), 0x7777);
  for (int64_t row = 0; row < rows.rows; ++row)
    for (int64_t i = 0; i < rows.features; ++i)
      want[row * width + i] =
          support::floatToF16(numbers[row * rows.features + i]);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getRowsKernel(
        library, {rows.features, rows.norm, cuda::RowsSpec::Output::F16});
  });
  rows.give(launcher);
  launcher.set("out", got);
  if (error.empty())
    error = launcher.run();
  if (error.empty() && got != want)
    error = "numbers differ";
  return error;
}

namespace {
struct Codes {
  std::vector<int8_t> codes;
  Floats scales, zeros;
  std::vector<int32_t> sums;
};
} // namespace

static Codes quantize(MLIRContext &context, Rows rows, QTensorType type,
                      std::string &error) {
  auto layout = cast<RowsAttr>(type.getLayout());
  Codes codes;
  codes.codes.assign(rows.rows * llvm::alignTo(rows.features, layout.getPad()),
                     77);
  codes.scales.assign(rows.rows, -1);
  codes.zeros.assign(rows.rows, -1);
  codes.sums.assign(
      rows.rows * llvm::divideCeil(rows.features, layout.getSums()), -1);
  Floats scale{0.02f}, zero{0};
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getQuantizeRowsKernel(library, type, /*isStatic=*/false,
                                       rows.norm);
  });
  rows.give(launcher);
  launcher.set("scale", scale);
  launcher.set("zero", zero);
  launcher.set("codes", codes.codes);
  launcher.set("scales", codes.scales);
  launcher.set("zeros", codes.zeros);
  launcher.set("sums", codes.sums);
  std::string why = launcher.run();
  error = error.empty() ? why : error;
  return codes;
}

static std::string testFused(MLIRContext &context, const Rows &rows,
                             StringRef format) {
  std::string text = llvm::formatv(
      "!qnt.tensor<?x{0}, {1}, #qnt.rows<pad = 16, sums = 32{2}>>",
      rows.features, format,
      format.starts_with("uint8") ? ", excess = -128" : "");
  auto type = cast<QTensorType>(parseType(text, &context));
  std::string error;
  Codes got = quantize(context, rows, type, error);
  Rows plain = rows;
  plain.norm = {};
  plain.x = normalize(context, rows, error);
  Codes want = quantize(context, plain, type, error);
  if (!error.empty())
    return error;
  bool same = got.codes == want.codes && got.scales == want.scales &&
              got.zeros == want.zeros && got.sums == want.sums;
  return same ? "" : "codes differ";
}

static std::string testSoftmax(MLIRContext &context, int64_t features,
                               std::mt19937_64 &random) {
  int64_t rows = draw(random, 1, 4);
  Floats x = drawFloats(random, rows * features, 4);
  x[random() % x.size()] = -INFINITY;
  if (rows > 2)
    x[random() % x.size()] = std::nanf("");
  std::string type = getType({rows, features});
  std::string text = llvm::formatv("func.func @f(%x: {0}) -> {0} {{\n"
                                   "%y = nn.softmax %x : {0}\n"
                                   "return %y : {0}\n}",
                                   type);
  Floats want = interpretFloats(context, text, {floats({rows, features}, x)});
  Floats out(x.size(), 5);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getSoftmaxKernel(library);
  });
  launcher.set("x", x);
  launcher.set("out", out);
  launcher.set("rows", rows);
  launcher.set("features", features);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 1e-7, 5e-6) : error;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (auto kind : {Norm::Kind::RMS, Norm::Kind::Layer, Norm::Kind::L2})
    for (int64_t features : {draw(random, 1, 130), 4 * draw(random, 1, 40),
                             4 * draw(random, 40, 1500)}) {
      Rows rows = drawRows({kind, 1e-5}, features, random);
      std::string name = llvm::formatv("{0} rows of {1}{2}", rows.rows,
                                       features, rows.norm.getName());
      report.add(name, [&] { return testNorm(*context, rows); });
      report.add("f16: " + name, [&] { return testHalves(*context, rows); });
      for (const char *format :
           {"int8, per_row, scale f32", "uint8, per_row, scale f32, zero"})
        report.add(std::string(format) + ": " + name,
                   [&] { return testFused(*context, rows, format); });
    }
  for (int64_t features : {draw(random, 1, 40), draw(random, 200, 900)})
    report.add("softmax of " + std::to_string(features),
               [&] { return testSoftmax(*context, features, random); });
  return report.getExitStatus();
}
