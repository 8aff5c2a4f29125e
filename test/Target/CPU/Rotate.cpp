//===- Rotate.cpp - rows in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/Hadamard.h"

using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

namespace {
struct Case {
  RotationShape shape;
  Kernel kernel = {};
  /// Quantised rows, from rotated ones and rotating them.
  QTensorType type = {};
  Kernel plain = {}, fused = {};
};

/// What qnt.rotate gives, by the definition.
std::vector<double> multiply(const Floats &x, const Floats &matrices,
                             const RotationShape &shape) {
  int64_t n = shape.block;
  std::vector<double> result(x.size());
  for (size_t at = 0; at < x.size(); at += n) {
    const float *m = matrices.data() + at % shape.features * n;
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < n; ++i)
        result[at + j] += double(x[at + i]) *
                          (shape.transposed ? m[j * n + i] : m[i * n + j]);
  }
  return result;
}

/// Codes, scales, zero points and sums of rows.
struct Codes {
  GuardedVector<uint8_t> codes;
  Floats scales, zeros;
  GuardedVector<int32_t> sums;

  Codes(QTensorType type, int64_t rows)
      : codes(rows * RowsGeometry::of(type).rowBytes), scales(rows),
        zeros(rows), sums(rows * RowsGeometry::of(type).sumsPerRow) {}
};

void check(Suite &suite, Kernels &kernels, Case &c) {
  const RotationShape &shape = c.shape;
  int64_t rows = suite.integer(0, 5);
  Floats x = suite.normal(rows * shape.features, 3), out(x.size());
  Floats matrices(shape.hasMatrices ? shape.features * shape.block : 0);
  for (float &entry : matrices)
    entry = float(suite.integer(-99, 99)) / 64;
  const float *given = shape.hasMatrices ? matrices.data() : nullptr;
  kernels.run(c.kernel, 2, x.data(), given, out.data(), rows);
  std::string name = shape.getName();
  if (shape.hasMatrices) {
    suite.close(name, out, multiply(x, matrices, shape), 2e-4, 1e-6);
  } else {
    Floats want = x;
    rotateHadamard(llvm::MutableArrayRef<float>(want.data(), want.size()),
                   shape.features, shape.block, shape.seed, 0,
                   shape.transposed);
    suite.equal<float>(name, out, want);
  }
  if (!c.fused)
    return;
  const float *none = nullptr;
  Codes plain(c.type, rows), fused(c.type, rows);
  auto quantize = [&](Kernel kernel, const Floats &from, Codes &to,
                      auto... more) {
    kernels.run(kernel, 3, from.data(), none, none, to.codes.data(),
                to.scales.data(), to.zeros.data(), to.sums.data(), more...,
                rows);
  };
  quantize(c.plain, out, plain);
  if (shape.hasMatrices)
    quantize(c.fused, x, fused, given);
  else
    quantize(c.fused, x, fused);
  suite.equal<uint8_t>(name + " codes", fused.codes, plain.codes);
  suite.equal<float>(name + " scales", fused.scales, plain.scales);
  suite.equal<float>(name + " zeros", fused.zeros, plain.zeros);
  suite.equal<int32_t>(name + " sums", fused.sums, plain.sums);
}
} // namespace

void test::testRotate(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  KernelLibrary &lib = kernels.library();
  std::vector<Case> cases;
  // Whole powers of two, runs in and beyond registers, dense factors with long
  // and short runs, blocks, ends within vectors.
  for (auto [features, block] :
       {std::pair(1, 1), {7, 1},       {2, 2},       {6, 2},       {20, 4},
        {40, 8},         {16, 16},     {96, 32},     {64, 64},     {384, 128},
        {256, 256},      {1024, 1024}, {4096, 4096}, {8192, 8192}, {12, 12},
        {36, 12},        {20, 20},     {56, 28},     {56, 56},     {48, 24},
        {112, 112},      {352, 176},   {36, 36},     {84, 84},     {252, 252},
        {192, 192},      {384, 384},   {768, 768},   {1152, 1152}, {3072, 3072},
        {320, 320},      {4864, 1216}, {11008, 256}})
    for (bool transposed : {false, true}) {
      uint64_t seed = suite.integer(0, 2) ? suite.random() >> 1 : 0;
      cases.push_back({{features, block, seed, transposed, false}});
    }
  for (auto [features, block] :
       {std::pair(6, 3), {64, 16}, {96, 32}, {100, 25}, {384, 128}, {7, 1}})
    for (bool transposed : {false, true})
      cases.push_back({{features, block, 0, transposed, true}});
  mlir::MLIRContext *context = &suite.context;
  for (auto [i, c] : llvm::enumerate(cases)) {
    c.kernel = getRotateKernel(lib, c.shape);
    if (i % 3)
      continue;
    auto layout = RowsAttr::get(context, 64, 32, 0);
    c.type = QTensorType::get(
        context, {4, c.shape.features}, parseFormat("int8", context),
        BlockAttr::get(context, BlockKind::PerRow, 0),
        mlir::Float32Type::get(context), ZeroKind::None, layout);
    c.plain = getQuantizeRowsKernel(lib, c.type, false);
    c.fused = getQuantizeRowsKernel(lib, c.type, false, {{}, c.shape});
  }
  Kernel select = getSelectFeaturesKernel(lib, 50, 37);
  for (Case &c : cases)
    check(suite, kernels, c);

  int64_t rows = suite.integer(0, 9);
  Floats x = suite.normal(rows * 50), out(rows * 37), want(out.size());
  GuardedVector<int32_t> indices(37);
  for (int32_t &index : indices)
    index = int32_t(suite.integer(0, 49));
  for (size_t i = 0; i < want.size(); ++i)
    want[i] = x[i / 37 * 50 + indices[i % 37]];
  kernels.run(select, 2, x.data(), indices.data(), out.data(), rows);
  suite.equal<float>("select_features", out, want);

  for (Case &c : cases) {
    if (c.shape.features < 384 || c.shape.hasMatrices || c.shape.transposed)
      continue;
    Floats row = suite.normal(c.shape.features), y(row.size());
    const float *none = nullptr;
    suite.time(c.shape.getName(), double(row.size()), [&] {
      kernels.run(c.kernel, 1, row.data(), none, y.data(), int64_t(1));
    });
  }
}
