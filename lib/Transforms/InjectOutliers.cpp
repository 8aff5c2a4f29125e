//===- InjectOutliers.cpp - harder activations, same model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SmoothSites.h"

#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <random>

namespace qnt {
#define GEN_PASS_DEF_INJECTOUTLIERS
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

static StringRef getPlace(const SmoothSite &site) {
  if (site.attention)
    return "values";
  return isa<nn::LinearOp>(site.producer) ? "products" : "norms";
}

namespace {
class InjectOutliersPass
    : public qnt::impl::InjectOutliersBase<InjectOutliersPass> {
public:
  using InjectOutliersBase::InjectOutliersBase;

  void runOnOperation() override {
    int exponent = 0;
    if (!(factor > 0) || std::frexp(double(factor), &exponent) != 0.5) {
      getOperation().emitError("qnt-inject-outliers: factor=")
          << factor << ": expected a power of two, which is exact in float";
      return signalPassFailure();
    }
    if (at != "all" && at != "norms" && at != "values" && at != "products") {
      getOperation().emitError("qnt-inject-outliers: at=")
          << at << ": expected all, norms, values or products";
      return signalPassFailure();
    }
    std::mt19937_64 random(seed);
    for (const SmoothSite &site : collectSmoothSites(getOperation())) {
      if (!site.producer || (at != "all" && at != getPlace(site)))
        continue;
      int64_t features = site.getProducerFeatures();
      std::vector<float> scale(features, 1.0f);
      for (int64_t i = 0; i < std::min<int64_t>(channels, features);) {
        float &chosen = scale[random() % uint64_t(features)];
        i += chosen == 1.0f;
        chosen = float(1 / factor);
      }
      applySmoothing(site, scale, {});
    }
  }
};
} // namespace
