//===- CostModel.cpp - what a target is fast at -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/CostModel.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace qnt;

int64_t ContractionShape::getProducts() const {
  return std::accumulate(weight.begin(), weight.end(), rows,
                         std::multiplies<>());
}

double QuantizedContraction::getWeightBits() const {
  const auto &sizes = shape.weight;
  return std::accumulate(sizes.begin(), sizes.end(), weight.getBitsPerElement(),
                         std::multiplies<>());
}

CostModel::~CostModel() = default;

ActivationFormat CostModel::preferredImage(mlir::MLIRContext *context) const {
  return {IntFormatAttr::get(context, 8, /*isSigned=*/false),
          /*zeroPoint=*/true};
}

ActivationFormat CostModel::preferredActivation(NumberFormat weight) const {
  if (!mlir::isa<IntFormatAttr>(weight))
    return {};
  bool wide = weight.getBits() == 8;
  return {IntFormatAttr::get(weight.getContext(), 8, /*isSigned=*/!wide), wide};
}

int64_t CostModel::getBytes(const QuantizedContraction &layer) const {
  QTensorType weight = layer.weight;
  auto count = [](llvm::ArrayRef<int64_t> shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                           std::multiplies<>());
  };
  int64_t bytes = llvm::divideCeil(
      count(weight.getShape()) * weight.getFormat().getBits(), 8);
  if (!weight.hasScale())
    return bytes;
  int64_t perScale = weight.getScaleType().getIntOrFloatBitWidth() / 8;
  if (weight.hasZeros())
    perScale += weight.hasOffsets() ? 4 : 1;
  return bytes + count(weight.getScaleShape()) * perScale;
}

bool CostModel::isSupported(const QuantizedContraction &layer) const {
  return true;
}

int64_t CostModel::getCacheBytes(nn::KVCacheType cache,
                                 int64_t positions) const {
  mlir::Type element = cache.getElementType();
  int64_t bits = cache.getHeadDim() * element.getIntOrFloatBitWidth();
  int64_t bytes = llvm::divideCeil(bits, 8) + (element.isInteger() ? 8 : 0);
  return 2 * cache.getLayers() * cache.getHeads() * bytes * positions;
}

double CostModel::getBitOperations(const ContractionShape &shape,
                                   int64_t weightBits, int64_t activationBits) {
  return double(shape.getProducts()) * double(weightBits) *
         double(activationBits);
}

double CostModel::getBitOperations(const QuantizedContraction &layer) {
  // A float on either side makes both floats.
  NumberFormat activation = layer.activation.format;
  if (!activation)
    return getBitOperations(layer.shape, 32, 32);
  return getBitOperations(layer.shape, layer.weight.getFormat().getBits(),
                          activation.getBits());
}

llvm::Expected<double>
CostModel::getLatency(const QuantizedContraction &) const {
  return llvm::createStringError("this target has no table of latencies");
}

llvm::Error
CostModel::prepareLatencies(llvm::ArrayRef<QuantizedContraction> layers) const {
  for (const QuantizedContraction &layer : layers)
    if (auto latency = getLatency(layer); !latency)
      return latency.takeError();
  return llvm::Error::success();
}
