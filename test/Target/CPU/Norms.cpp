//===- Norms.cpp - normalisations and pooling -*- C++ -*-===//
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
  int64_t features;
  Kernel rms, grouped, layer, l2, pool;
};

/// Every output in double precision.
struct Reference {
  std::vector<double> rms, layer, l2;

  Reference(const Floats &x, const Floats &scale, const Floats &shift,
            int64_t features, double eps) {
    for (size_t row = 0; row < x.size(); row += features) {
      double sum = 0, squares = 0, centred = 0;
      for (int64_t i = 0; i < features; ++i) {
        sum += x[row + i];
        squares += double(x[row + i]) * x[row + i];
      }
      double mean = sum / features;
      for (int64_t i = 0; i < features; ++i)
        centred += (x[row + i] - mean) * (x[row + i] - mean);
      for (int64_t i = 0; i < features; ++i) {
        double value = x[row + i];
        rms.push_back(value / std::sqrt(squares / features + eps) * scale[i]);
        layer.push_back((value - mean) / std::sqrt(centred / features + eps) *
                            scale[i] +
                        shift[i]);
        l2.push_back(value / std::max(std::sqrt(squares), 1e-12));
      }
    }
  }
};
} // namespace

void test::testNorms(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  constexpr double eps = 1e-6;
  constexpr int64_t groups = 3;
  std::vector<Case> cases;
  auto &lib = kernels.library();
  for (int64_t n : oddFeatures)
    cases.push_back({n, getRMSNormKernel(lib, n, 1, eps),
                     getRMSNormKernel(lib, groups * n, groups, eps),
                     getLayerNormKernel(lib, n, eps),
                     getL2NormalizeKernel(lib, n), getMeanPoolKernel(lib, n)});
  for (Case &c : cases) {
    std::string name = " of " + std::to_string(c.features);
    int64_t rows = groups * suite.integer(0, 5);
    Floats x = suite.normal(rows * c.features, 3), out(x.size());
    // Far from zero, which one-pass variances do not survive.
    for (float &value : x)
      value += 30;
    Floats scale = suite.normal(c.features), shift = suite.normal(c.features);
    Reference want(x, scale, shift, c.features, eps);
    kernels.run(c.rms, 3, x.data(), scale.data(), out.data(), rows);
    suite.close("rms_norm" + name, out, want.rms, 1e-6, 2e-6);
    kernels.run(c.grouped, 2, x.data(), scale.data(), out.data(),
                rows / groups);
    suite.close("rms_norm of groups" + name, out, want.rms, 1e-6, 2e-6);
    kernels.run(c.layer, 2, x.data(), scale.data(), shift.data(), out.data(),
                rows);
    if (c.features > 1)
      suite.close("layer_norm" + name, out, want.layer, 2e-5, 2e-5);
    kernels.run(c.l2, 1, x.data(), out.data(), rows);
    suite.close("l2_normalize" + name, out, want.l2, 1e-6, 2e-6);
    if (c.features == 130) {
      suite.write("norm.x", x, {rows, c.features});
      suite.write("norm.l2", out, {rows, c.features});
    }

    int64_t batch = 3, tokens = 7;
    Floats y = suite.normal(batch * tokens * c.features);
    Floats pooled(batch * c.features);
    GuardedVector<int32_t> lengths = {7, 1, 4};
    std::vector<double> means(pooled.size());
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t t = 0; t < lengths[b]; ++t)
        for (int64_t i = 0; i < c.features; ++i)
          means[b * c.features + i] +=
              double(y[(b * tokens + t) * c.features + i]) / lengths[b];
    kernels.run(c.pool, 2, y.data(), lengths.data(), pooled.data(), batch,
                tokens);
    suite.close("mean_pool" + name, pooled, means, 1e-6, 2e-6);
  }

  // A row of zeros has no length.
  Floats zeros(2 * 96), out(zeros.size(), 1);
  Kernel l2 = cases[9].l2;
  kernels.run(l2, 1, zeros.data(), out.data(), int64_t(2));
  suite.equal<float>("l2_normalize of zeros", out, zeros);

  Floats x = suite.normal(128 * 384), scale(384, 1), y(x.size());
  suite.time("layer_norm 128x384", x.size(), [&] {
    kernels.run(cases.back().layer, 1, x.data(), scale.data(), scale.data(),
                y.data(), int64_t(128));
  });
}
