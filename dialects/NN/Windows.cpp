//===- Windows.cpp - windows of convolutions and pooling -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/Windows.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace qnt::nn;

int64_t Windows::getOutputSize(int64_t size, unsigned axis) const {
  if (ShapedType::isDynamic(size))
    return size;
  return (size + getPadBefore(axis) + getPadAfter(axis) - getExtent(axis)) /
             strides[axis] +
         1;
}

SmallVector<int64_t> Windows::getOutputShape(ArrayRef<int64_t> input,
                                             int64_t channels) const {
  return {input[0], getOutputSize(input[1], 0), getOutputSize(input[2], 1),
          channels};
}

LogicalResult Windows::verify(function_ref<InFlightDiagnostic()> emitError,
                              ArrayRef<int64_t> input) const {
  // Far beyond any image, and sums of products of them fit.
  constexpr int64_t limit = int64_t(1) << 24;
  auto isIn = [](ArrayRef<int64_t> values, size_t count, int64_t low) {
    return values.size() == count && llvm::all_of(values, [&](int64_t value) {
             return value >= low && value <= limit;
           });
  };
  if (!isIn(kernel, 2, 1) || !isIn(strides, 2, 1) || !isIn(dilations, 2, 1) ||
      !isIn(pads, 4, 0))
    return emitError() << "expected kernel, strides and dilations of two "
                          "positive numbers and pads of four that are not "
                          "negative, got kernel ["
                       << kernel << "], strides [" << strides
                       << "], dilations [" << dilations << "], pads [" << pads
                       << "]";
  for (unsigned axis : {0, 1})
    if (!ShapedType::isDynamic(input[axis + 1]) &&
        input[axis + 1] + getPadBefore(axis) + getPadAfter(axis) <
            getExtent(axis))
      return emitError() << "expected an image with pads of at least "
                         << getExtent(axis) << (axis ? " columns" : " rows")
                         << ", got " << input[axis + 1] << " with pads ["
                         << pads << "]";
  return success();
}
