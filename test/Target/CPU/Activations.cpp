//===- Activations.cpp - functions of each element -*- C++ -*-===//
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
double reference(nn::ActivationKind kind, double x) {
  switch (kind) {
  case nn::ActivationKind::Relu:
    return std::max(x, 0.0);
  case nn::ActivationKind::Gelu:
    return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
  case nn::ActivationKind::GeluTanh:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case nn::ActivationKind::Silu:
    return x / (1 + std::exp(-x));
  case nn::ActivationKind::Tanh:
    return std::tanh(x);
  case nn::ActivationKind::Sigmoid:
    return 1 / (1 + std::exp(-x));
  }
  llvm_unreachable("unknown activation");
}

/// (ctx, x, out, rows): exp, 16 numbers a row.
Kernel getExpKernel(KernelLibrary &lib) {
  mlir::OpBuilder b(lib.module.getContext());
  mlir::Type pointer = mlir::LLVM::LLVMPointerType::get(b.getContext());
  return lib.getParallel(
      "exp", {pointer, pointer, b.getI64Type()},
      [](KernelBuilder &, mlir::ValueRange args) { return args[2]; },
      [](KernelBuilder &k, mlir::ValueRange args, mlir::Value begin,
         mlir::Value end) {
        k.loop(begin, end, 1, [&](mlir::Value row) {
          mlir::Value offset = k.mul(row, k.c64(4 * kLanes));
          mlir::Value x = k.load(k.vec(k.f32()), k.at(args[0], offset), 4);
          k.store(k.exp(x), k.at(args[1], offset), 4);
        });
      });
}
} // namespace

void test::testActivations(Suite &suite) {
  const nn::ActivationKind kinds[] = {
      nn::ActivationKind::Relu,     nn::ActivationKind::Gelu,
      nn::ActivationKind::GeluTanh, nn::ActivationKind::Silu,
      nn::ActivationKind::Tanh,     nn::ActivationKind::Sigmoid};
  Kernels kernels(suite.context, suite.isa);
  Kernel exp = getExpKernel(kernels.library());
  std::vector<Kernel> functions;
  for (nn::ActivationKind kind : kinds) {
    functions.push_back(getActivationKernel(kernels.library(), kind));
  }

  // The whole range of exp, densely, and its ends.
  int64_t rows = 1 << 14;
  Floats x(rows * kLanes), y(x.size());
  for (float &value : x)
    value = std::uniform_real_distribution<float>(-87.3f, 88.7f)(suite.random);
  kernels.run(exp, 2, x.data(), y.data(), rows);
  std::vector<double> want;
  for (float value : x)
    want.push_back(std::exp(double(value)));
  suite.close("exp", y, want, 0, 2e-7);
  suite.write("exp.x", x, {int64_t(x.size())});
  suite.write("exp.y", y, {int64_t(y.size())});
  Floats ends = {0, -0.0f, -88, -1000, -INFINITY, NAN, -87.3f, 88.7f,
                 1, -1,    0,   0,     0,         0,   0,      0};
  Floats out(kLanes);
  kernels.run(exp, 1, ends.data(), out.data(), int64_t(1));
  suite.equal<float>("exp at its ends",
                     llvm::ArrayRef<float>(out).take_front(5), {1, 1, 0, 0, 0});
  suite.equal<int>("exp of NaN", {std::isnan(out[5])}, {1});

  for (auto [i, kind] : llvm::enumerate(kinds)) {
    std::string name = nn::stringifyActivationKind(kind).str();
    int64_t rows = 301, features = 77;
    Floats x = suite.normal(rows * features, 4), y(x.size());
    const float far[] = {0, 20, -20, 100, -100, 3e4f, -3e4f, 1e30f, -1e30f};
    std::copy(std::begin(far), std::end(far), x.begin());
    kernels.run(functions[i], 3, x.data(), y.data(), int64_t(x.size()));
    std::vector<double> want;
    for (float value : x)
      want.push_back(reference(kind, value));
    suite.close(name, y, want, 1e-6, 1e-6);
    suite.write(name + ".x", x, {rows, features});
    suite.write(name + ".y", y, {rows, features});

    Floats large = suite.normal(128 * 3072), result(large.size());
    suite.time(name + " 128x3072", large.size(), [&, kernel = functions[i]] {
      kernels.run(kernel, 1, large.data(), result.data(),
                  int64_t(large.size()));
    });
  }
}
