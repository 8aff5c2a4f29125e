//===- LossMeter.cpp - what a change of a model costs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LossMeter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

LogicalResult LossMeter::run(ModuleOp changed, RunOptions::Variant variant,
                             function_ref<void(ArrayRef<float>)> visit) {
  if (kind == ResultKind::Logits)
    dropFinalSoftmax(changed);
  RunOptions options;
  options.variant = variant;
  return runForResults(runner, changed, samples, options, visit);
}

/// The model itself.
LogicalResult LossMeter::start() {
  kind = findResultKind(module);
  OwningOpRef<ModuleOp> copy(module.clone());
  isBaseRun = base.empty();
  return run(*copy, RunOptions::Variant::First,
             [&](ArrayRef<float> row) { llvm::append_range(own, row); });
}

/// The Kullback-Leibler divergence of softmax(b) from softmax(a), in nats.
static double getDivergence(ArrayRef<float> a, ArrayRef<float> b) {
  auto getNormalizer = [](ArrayRef<float> logits) {
    double largest = *llvm::max_element(logits), sum = 0;
    for (float logit : logits)
      sum += std::exp(logit - largest);
    return largest + std::log(sum);
  };
  double za = getNormalizer(a), zb = getNormalizer(b), divergence = 0;
  for (auto [x, y] : llvm::zip_equal(a, b))
    divergence += std::exp(x - za) * ((x - za) - (y - zb));
  return std::max(divergence, 0.0);
}

static double getSquaredError(ArrayRef<float> a, ArrayRef<float> b) {
  double error = 0, square = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    error += (double(x) - y) * (double(x) - y);
    square += double(x) * x;
  }
  return square > 0 ? error / square : error;
}

FailureOr<double> LossMeter::runWith(const Formats &formats,
                                     RunOptions::Variant variant) {
  auto changed = trials.simulate(formats);
  if (failed(changed))
    return failure();
  ArrayRef<float> rest = own;
  double sum = 0;
  int64_t rows = 0;
  auto compare = [&](ArrayRef<float> row) {
    ArrayRef<float> before = rest.take_front(row.size());
    rest = rest.drop_front(row.size());
    sum += kind == ResultKind::Logits ? getDivergence(before, row)
                                      : getSquaredError(before, row);
    ++rows;
  };
  if (failed(run(**changed, variant, compare)))
    return failure();
  double mean = rows ? sum / double(rows) : 0;
  if (!std::isfinite(mean))
    return module.emitError("results are not finite");
  return mean;
}

void LossMeter::expectNear(Formats formats) {
  if (std::exchange(base, formats) != formats)
    isBaseRun = false;
}

/// What the cache calls them: one by its name, several by a hash.
static std::pair<std::string, std::string>
getCacheEntry(const LossMeter::Formats &formats) {
  if (formats.size() == 1)
    return *formats.begin();
  llvm::SHA256 hash;
  for (const auto &[name, format] : formats)
    hash.update(name + "=" + format + "\n");
  return {"(together)", llvm::toHex(hash.final(), /*LowerCase=*/true)};
}

FailureOr<double> LossMeter::measure(const Formats &formats) {
  auto [name, format] = getCacheEntry(formats);
  if (auto known = cache.find(name, format))
    return *known;
  if (own.empty() && failed(start()))
    return failure();
  if (!isBaseRun && failed(runWith(base, RunOptions::Variant::First)))
    return failure();
  isBaseRun = true;
  auto loss = runWith(formats, RunOptions::Variant::Later);
  if (succeeded(loss))
    cache.add(name, format, *loss);
  return loss;
}
