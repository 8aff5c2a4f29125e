//===- Rope.cpp - rotary position embedding -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include <cmath>

using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

namespace {
struct Case {
  int64_t heads, headDim, rotary;
  bool interleaved;
  Kernel kernel = {};
};

void check(Suite &suite, Kernels &kernels, Case &c) {
  int64_t rows = suite.integer(0, 6), half = c.rotary / 2;
  Floats x = suite.normal(rows * c.heads * c.headDim), out(x.size());
  Floats table = suite.normal(rows * c.rotary);
  std::vector<double> want(x.begin(), x.end());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < c.heads; ++head)
      for (int64_t i = 0; i < half; ++i) {
        int64_t base = (row * c.heads + head) * c.headDim;
        int64_t first = base + (c.interleaved ? 2 * i : i);
        int64_t second = c.interleaved ? first + 1 : first + half;
        double cosine = table[row * c.rotary + i];
        double sine = table[row * c.rotary + half + i];
        want[first] = x[first] * cosine - x[second] * sine;
        want[second] = x[second] * cosine + x[first] * sine;
      }
  kernels.run(c.kernel, 2, x.data(), table.data(), out.data(), rows);
  suite.close("rope of " + std::to_string(c.rotary), out, want, 1e-6, 1e-6);
  // In place.
  kernels.run(c.kernel, 2, x.data(), table.data(), x.data(), rows);
  suite.close("rope in place", x, want, 1e-6, 1e-6);
}
} // namespace

void test::testRope(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  mlir::Builder b(&suite.context);
  std::vector<Case> cases;
  for (bool interleaved : {false, true})
    for (auto [heads, headDim, rotary] : {std::tuple{2, 64, 64},
                                          {3, 40, 20},
                                          {1, 80, 32},
                                          {4, 6, 6},
                                          {2, 128, 128},
                                          {1, 54, 54}})
      cases.push_back({heads, headDim, rotary, interleaved,
                       getRopeKernel(kernels.library(), heads, headDim, rotary,
                                     interleaved)});

  // Tables: the op gives the frequencies.
  auto yarn = nn::RopeScalingAttr::get(
      &suite.context, nn::RopeScalingKind::Yarn, llvm::APFloat(4.0),
      llvm::APFloat(1.0), llvm::APFloat(32.0), 4096, llvm::APFloat(1.25));
  mlir::OpBuilder builder(&suite.context);
  mlir::OwningOpRef<mlir::ModuleOp> holder =
      mlir::ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(holder->getBody());
  auto ids = mlir::RankedTensorType::get({1, 1}, b.getI32Type());
  mlir::Value positions =
      mlir::UnrealizedConversionCastOp::create(builder, builder.getUnknownLoc(),
                                               ids, mlir::ValueRange())
          .getResult(0);
  constexpr int64_t dim = 34;
  std::vector<Kernel> tables;
  for (nn::RopeScalingAttr scaling : {nn::RopeScalingAttr(), yarn})
    tables.push_back(getRopeTableKernel(
        kernels.library(),
        nn::RopeTableOp::create(builder, builder.getUnknownLoc(), positions,
                                dim, llvm::APFloat(1e6), scaling)));

  for (Case &c : cases)
    check(suite, kernels, c);
  for (size_t i = 0; i < tables.size(); ++i) {
    GuardedVector<int32_t> at = {0, 1, 77, 4095, 131071};
    Floats out(at.size() * dim);
    std::vector<double> want;
    auto frequencies = nn::getRopeFrequencies(dim, 1e6, i ? yarn : nullptr);
    for (int32_t position : at)
      for (bool sine : {false, true})
        for (double f : frequencies)
          want.push_back((i ? 1.25 : 1.0) * (sine ? std::sin(position * f)
                                                  : std::cos(position * f)));
    kernels.run(tables[i], 2, at.data(), out.data(), int64_t(at.size()));
    suite.close(i ? "rope table with yarn" : "rope table", out, want, 1e-7,
                1e-7);
  }
}
