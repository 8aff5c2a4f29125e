//===- Conv.h - convolutions of any element type -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_CONV_H
#define QNT_IMPORT_ONNX_CONV_H

#include "Windows.h"

namespace qnt::onnx {

/// The attributes of Conv, ConvInteger and QLinearConv. Images are [N, C, ...],
/// weights [filters, C / groups, ...].
struct Convolution {
  Windows windows;
  int64_t groups = 1, filters = 0;
  Dim channels;
};

/// Reads and checks them.
Convolution readConvolution(Node &node, const Tensor &images,
                            const Tensor &weight);

/// Whether `convolveLayer` can be asked for.
bool isLayer(const Convolution &conv);

/// nn.conv on f32 `images`, a parameter's weights and a bias [filters], which
/// may be null.
Tensor convolveLayer(Node &node, const Convolution &conv, const Tensor &images,
                     const Tensor &weight, const Tensor *bias);

/// The sums as loops: [N, filters, ...]; outside the images is zero.
Tensor convolve(Node &node, const Convolution &conv, const Tensor &images,
                const Tensor &weight, DType accumulator);

/// With a number for each filter, [filters], added.
Tensor addBias(Node &node, const Tensor &images, const Tensor &bias,
               int64_t filters);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_CONV_H
