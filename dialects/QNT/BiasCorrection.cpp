//===- BiasCorrection.cpp - biases that keep means -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/BiasCorrection.h"

#include "qnt/Dialect/QNT/QNT.h"

using namespace mlir;
using namespace qnt;

float qnt::correctBias(float bias, ArrayRef<float> weight,
                       ArrayRef<float> decoded, ArrayRef<float> mean,
                       ArrayRef<int64_t> shape, int64_t row) {
  int64_t size = int64_t(weight.size()), channels = shape.back();
  int64_t groups = int64_t(mean.size()) / size;
  int64_t group = row / (shape.front() / groups);
  double sum = bias;
  for (int64_t k = 0; k < size; ++k) {
    int64_t position = k / channels, channel = k % channels;
    int64_t input = (position * groups + group) * channels + channel;
    sum += (double(weight[k]) - decoded[k]) * mean[input];
  }
  return float(sum);
}

LogicalResult CorrectBiasOp::verify() {
  RankedTensorType bias = getBias().getType();
  RankedTensorType weight = getWeight().getType();
  bool isConv = weight.getRank() == 4;
  if (!weight.hasStaticShape() || (weight.getRank() != 2 && !isConv) ||
      getCodes().getType().getShape() != weight.getShape()) // (C2)
    return emitOpError("expected a static weight of rank 2 or 4 and its codes, "
                       "got ")
           << weight << " and " << getCodes().getType();
  int64_t rows = weight.getDimSize(0);
  if (bias.getShape() != ArrayRef<int64_t>{rows}) // (C1)
    return emitOpError("expected a bias for each row of ")
           << weight << ", got " << bias;
  RankedTensorType mean = getMean().getType();
  int64_t size = rows ? weight.getNumElements() / rows : 0;
  int64_t groups = size && mean.getRank() == 1 ? mean.getDimSize(0) / size : 0;
  if (groups < 1 || groups * size != mean.getDimSize(0) || rows % groups ||
      (groups > 1 && !isConv)) // (C3)
    return emitOpError("expected a mean for each of ")
           << size << " inputs" << (isConv ? " of each group" : "") << ", got "
           << mean;
  return success();
}
