//===- NNDialect.cpp - types and attributes of nn -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/NN.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace qnt::nn;

#include "qnt/Dialect/NN/NNDialect.cpp.inc"
#include "qnt/Dialect/NN/NNEnums.cpp.inc"

namespace qnt::nn::detail {
static FailureOr<APFloat> parseDouble(AsmParser &parser) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  return APFloat(value);
}
} // namespace qnt::nn::detail

#define GET_ATTRDEF_CLASSES
#include "qnt/Dialect/NN/NNAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/NN/NNTypes.cpp.inc"

void NNDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qnt/Dialect/NN/NNAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "qnt/Dialect/NN/NNTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qnt/Dialect/NN/NNOps.cpp.inc"
      >();
}

LogicalResult KVCacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t layers, int64_t heads,
                                  int64_t headDim, Type elementType) {
  if (layers <= 0 || heads <= 0 || headDim <= 0) // (C1)
    return emitError() << "expected positive layers, heads and head size, got "
                       << layers << ", " << heads << ", " << headDim;
  bool isFour = elementType.isSignlessInteger(4);
  if (!elementType.isF32() && !elementType.isF16() &&
      !elementType.isSignlessInteger(8) && !isFour) // (C2)
    return emitError() << "expected a cache of f16, f32, i8 or i4, got "
                       << elementType;
  if (isFour && headDim % 2) // (C2)
    return emitError() << "expected an even head size for i4, got " << headDim;
  return success();
}

LogicalResult
RopeScalingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        RopeScalingKind kind, APFloat factor,
                        APFloat lowFrequency, APFloat highFrequency,
                        int64_t original, APFloat attention) {
  if (kind == RopeScalingKind::None)
    return success();
  if (!(factor.convertToDouble() > 0)) // (C1)
    return emitError() << "expected a positive factor";
  if (kind == RopeScalingKind::Linear)
    return success();
  double low = lowFrequency.convertToDouble();
  if (original <= 0 || !(low > 0) ||
      !(low < highFrequency.convertToDouble())) // (C2)
    return emitError() << "expected positive original positions and positive "
                          "frequencies, low below high";
  if (kind == RopeScalingKind::Yarn &&
      !(attention.convertToDouble() > 0)) // (C3)
    return emitError() << "expected a positive attention factor";
  return success();
}

llvm::SmallVector<double> qnt::nn::getRopeFrequencies(int64_t dim, double theta,
                                                      RopeScalingAttr scaling) {
  constexpr double twoPi = 2 * std::numbers::pi;
  llvm::SmallVector<double> result;
  for (int64_t i = 0; i < dim / 2; ++i)
    result.push_back(std::pow(theta, -2.0 * i / dim));
  if (!scaling || scaling.getKind() == RopeScalingKind::None)
    return result;
  double factor = scaling.getFactor().convertToDouble();
  double original = scaling.getOriginal();
  double low = scaling.getLowFrequency().convertToDouble();
  double high = scaling.getHighFrequency().convertToDouble();
  switch (scaling.getKind()) {
  case RopeScalingKind::None:
    break;
  case RopeScalingKind::Linear:
    for (double &f : result)
      f /= factor;
    break;
  case RopeScalingKind::Llama3:
    for (double &f : result) {
      double wavelength = twoPi / f;
      if (wavelength > original / low) {
        f /= factor;
      } else if (wavelength >= original / high) {
        double smooth = (original / wavelength - low) / (high - low);
        f = (1 - smooth) * f / factor + smooth * f;
      }
    }
    break;
  case RopeScalingKind::Yarn: {
    // The index at which a frequency makes `rotations` turns in `original`.
    auto index = [&](double rotations) {
      return dim * std::log(original / (rotations * twoPi)) /
             (2 * std::log(theta));
    };
    double first = std::max(std::floor(index(high)), 0.0);
    double last = std::min(std::ceil(index(low)), double(dim - 1));
    if (first == last)
      last += 0.001;
    for (auto [i, f] : llvm::enumerate(result)) {
      double ramp = std::clamp((double(i) - first) / (last - first), 0.0, 1.0);
      f = f / factor * ramp + f * (1 - ramp);
    }
    break;
  }
  }
  return result;
}
