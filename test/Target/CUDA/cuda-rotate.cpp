//===- cuda-rotate.cpp - changes of basis in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Rotations against products with the whole matrix in double; those that are
// part of a kernel of rows against the kernels that it is made of.
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/Hadamard.h"
#include "qnt/Support/Half.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

using Floats = std::vector<float>;
using Norm = cuda::NormSpec;
using Rows = cuda::RowsSpec;

namespace {
struct Rotation {
  cuda::RotationSpec spec;
  int64_t rows = 1;
  Floats x, signs, entries, matrices, scale, shift;

  int64_t getDense() const {
    return spec.hasMatrices ? 1 : getHadamardOrder(spec.block)->dense;
  }
  void give(Launcher &launcher) {
    if (spec.hasSigns)
      launcher.set("signs", signs);
    if (spec.hasMatrices)
      launcher.set("matrices", matrices);
    if (getDense() > 1)
      launcher.set("entries", entries);
  }
};
} // namespace

static Rotation drawRotation(cuda::RotationSpec spec, std::mt19937_64 &random) {
  Rotation r{spec, draw(random, 1, 3), {}, {}, {}, {}, {}, {}};
  r.x = drawFloats(random, r.rows * spec.features);
  r.x[random() % r.x.size()] *= 100;
  r.scale = drawFloats(random, spec.features);
  r.shift = drawFloats(random, spec.features);
  for (int64_t i = 0; i < spec.features; ++i)
    r.signs.push_back(random() % 2 ? 1 : -1);
  if (spec.hasMatrices)
    r.matrices = drawFloats(random, spec.features * spec.block);
  int64_t dense = r.getDense();
  SmallVector<int8_t> h = getDenseHadamard(dense);
  for (int64_t i = 0; i < dense; ++i)
    for (int64_t j = 0; j < dense; ++j)
      r.entries.push_back(spec.transposed ? h[j * dense + i]
                                          : h[i * dense + j]);
  return r;
}

/// Entry (i, j) of the matrix of a block, without signs and factor.
static double getEntry(const Rotation &r, int64_t block, int64_t i, int64_t j) {
  if (r.spec.transposed)
    std::swap(i, j);
  int64_t n = r.spec.block;
  if (r.spec.hasMatrices)
    return r.matrices[(block * n + i) * n + j];
  int64_t dense = r.getDense(), run = n / dense;
  // The Kronecker product of both factors; Sylvester's by its definition.
  int sign = llvm::popcount(uint64_t(i % run) & uint64_t(j % run)) % 2 ? -1 : 1;
  return sign * getDenseHadamard(dense)[i / run * dense + j / run];
}

/// Where a row times the matrix, in double, is not what a kernel gives, within
/// what its f32 sums may be off.
static std::string compareRow(const Rotation &r, ArrayRef<float> x,
                              ArrayRef<float> got) {
  int64_t n = r.spec.block, dense = r.getDense();
  double factor = r.spec.hasMatrices ? 1 : 1 / std::sqrt(double(n));
  bool signsLast = r.spec.transposed;
  double depth = r.spec.hasMatrices ? n : std::log2(n / dense) + dense;
  SmallVector<double> entries;
  for (int64_t first = 0; first < r.spec.features; first += n) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t i = 0; i < n; ++i) {
        double term = getEntry(r, first / n, i, j) * x[first + i];
        if (r.spec.hasSigns && !signsLast)
          term *= r.signs[first + i];
        sum += term;
        magnitude += std::abs(term);
      }
      if (r.spec.hasSigns && signsLast)
        sum *= r.signs[first + j];
      double limit = std::ldexp(depth + 3, -24) * magnitude * factor + 1e-30;
      double want = sum * factor;
      if (!(std::abs(got[first + j] - want) <= limit))
        return llvm::formatv("feature {0}: got {1}, expected {2} +- {3:e}",
                             first + j, got[first + j], want, limit);
    }
  }
  return {};
}

static Floats rotate(MLIRContext &context, Rotation r, std::string &error) {
  Floats out(r.x.size(), std::nanf(""));
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getRotateKernel(library, r.spec);
  });
  launcher.set("x", r.x);
  launcher.set("out", out);
  launcher.set("rows", r.rows);
  r.give(launcher);
  std::string why = launcher.run();
  error = error.empty() ? why : error;
  return out;
}

static std::string testRotate(MLIRContext &context, const Rotation &r) {
  std::string error;
  Floats out = rotate(context, r, error);
  auto width = size_t(r.spec.features);
  for (int64_t row = 0; row < r.rows && error.empty(); ++row)
    error = compareRow(r, ArrayRef(r.x).slice(size_t(row) * width, width),
                       ArrayRef(out).slice(size_t(row) * width, width));
  if (!error.empty() || r.spec.hasMatrices || r.spec.hasSigns)
    return error;
  Floats exact = r.x;
  rotateHadamard(llvm::MutableArrayRef<float>(exact.data(), exact.size()),
                 r.spec.features, r.spec.block, /*seed=*/0, /*first=*/0,
                 r.spec.transposed);
  return exact == out ? "" : "differs from rotateHadamard in last bits";
}

/// With the rows, their norm and, where the kernel rotates, the rotation.
static void run(Launcher &launcher, Rotation &r, const Norm &norm, bool rotates,
                std::string &error) {
  launcher.set("rows", r.rows);
  if (norm.kind == Norm::Kind::RMS || norm.kind == Norm::Kind::Layer)
    launcher.set("norm_scale", r.scale);
  if (norm.kind == Norm::Kind::Layer)
    launcher.set("norm_shift", r.shift);
  if (rotates)
    r.give(launcher);
  std::string why = launcher.run();
  error = error.empty() ? why : error;
}

template <typename T>
static std::vector<T> makeRows(MLIRContext &context, Rotation r,
                               const Norm &norm, Rows::Output output,
                               bool rotates, std::string &error) {
  int64_t width = output == Rows::Output::F16
                      ? int64_t(llvm::alignTo(r.spec.features, 8))
                      : r.spec.features;
  std::vector<T> out(size_t(r.rows * width), T(77));
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    Rows spec{r.spec.features, norm, output};
    if (rotates)
      spec.rotation = r.spec;
    return cuda::getRowsKernel(library, spec);
  });
  launcher.set("x", r.x);
  launcher.set("out", out);
  run(launcher, r, norm, rotates, error);
  return out;
}

namespace {
struct Codes {
  std::vector<int8_t> codes;
  Floats scales, zeros;
};
} // namespace

static Codes quantize(MLIRContext &context, Rotation r, const Norm &norm,
                      bool rotates, std::string &error) {
  auto type = cast<QTensorType>(
      parseType(llvm::formatv("!qnt.tensor<?x{0}, int8, per_row, scale f32, "
                              "#qnt.rows<pad = 16>>",
                              r.spec.features)
                    .str(),
                &context));
  Codes codes;
  codes.codes.assign(size_t(r.rows) * llvm::alignTo(r.spec.features, 16), 77);
  codes.scales.assign(size_t(r.rows), -1);
  codes.zeros.assign(size_t(r.rows), -1);
  Floats none(1);
  std::vector<int32_t> sums(1);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getQuantizeRowsKernel(library, type, /*isStatic=*/false, norm,
                                       rotates ? std::optional(r.spec)
                                               : std::nullopt);
  });
  launcher.set("x", r.x);
  launcher.set("scale", none);
  launcher.set("zero", none);
  launcher.set("codes", codes.codes);
  launcher.set("scales", codes.scales);
  launcher.set("zeros", codes.zeros);
  launcher.set("sums", sums);
  run(launcher, r, norm, rotates, error);
  return codes;
}

static std::string testFused(MLIRContext &context, const Rotation &r,
                             const Norm &norm) {
  std::string error;
  Rotation plain = r;
  if (norm.kind != Norm::Kind::None)
    plain.x = makeRows<float>(context, r, norm, Rows::Output::F32,
                              /*rotates=*/false, error);
  plain.x = rotate(context, plain, error);
  Codes want = quantize(context, plain, {}, /*rotates=*/false, error);
  Codes got = quantize(context, r, norm, /*rotates=*/true, error);
  if (!error.empty())
    return error;
  if (got.codes != want.codes || got.scales != want.scales)
    return "codes differ";
  auto halves = makeRows<uint16_t>(context, r, norm, Rows::Output::F16,
                                   /*rotates=*/true, error);
  size_t width = halves.size() / size_t(r.rows);
  auto features = size_t(r.spec.features);
  for (size_t i = 0; i < halves.size() && error.empty(); ++i) {
    uint16_t expected = 0;
    if (i % width < features)
      expected = support::floatToF16(plain.x[i / width * features + i % width]);
    if (halves[i] != expected)
      return llvm::formatv("f16 number {0}: got {1}, expected {2}", i,
                           halves[i], expected);
  }
  return error;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  struct Shape {
    int64_t block, blocks;
    bool hasMatrices = false;
  };
  auto power = [&](int64_t low, int64_t high) {
    return int64_t(1) << draw(random, low, high);
  };
  // Powers of two in a lane, in a warp and beyond; with a dense factor;
  // matrices.
  SmallVector<Shape> shapes = {
      {power(0, 2), draw(random, 1, 40)},
      {power(3, 7), draw(random, 1, 9)},
      {power(8, 10), draw(random, 1, 5)},
      {power(11, 13), 1},
      {12 * power(0, 5), draw(random, 1, 3)},
      {20 * power(0, 3), draw(random, 1, 3)},
      {28 * power(1, 4), 1},
      {36 * power(3, 5), 1},
      {draw(random, 2, 40), draw(random, 1, 9), /*hasMatrices=*/true},
      {4 * draw(random, 1, 32), draw(random, 1, 4), /*hasMatrices=*/true}};
  for (const Shape &shape : shapes) {
    cuda::RotationSpec spec{shape.block * shape.blocks, shape.block,
                            !shape.hasMatrices && random() % 2 == 0,
                            random() % 2 == 0, shape.hasMatrices};
    Rotation r = drawRotation(spec, random);
    std::string name = llvm::formatv("{0} rows of {1}{2}", r.rows,
                                     spec.features, spec.getName());
    report.add(name, [&] { return testRotate(*context, r); });
    Norm norm{Norm::Kind(draw(random, 0, 3)), 1e-5};
    report.add("fused" + norm.getName() + ": " + name,
               [&] { return testFused(*context, r, norm); });
  }
  return report.getExitStatus();
}
