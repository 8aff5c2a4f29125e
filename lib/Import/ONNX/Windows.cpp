//===- Windows.cpp - kernels that move over images -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Windows.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// Sizes, strides and pads above this are mistakes, and would overflow.
static constexpr int64_t limit = int64_t(1) << 31;

SmallVector<int64_t> qnt::onnx::readNumbers(Node &node, StringRef name,
                                            size_t count, int64_t least,
                                            int64_t missing) {
  SmallVector<int64_t> numbers(count, missing);
  auto given = node.findInts(name);
  if (!given)
    return numbers;
  if (given->size() != count)
    node.fail("attribute '" + name.str() + "' has " +
              std::to_string(given->size()) + " numbers, expected " +
              std::to_string(count));
  for (int64_t number : *given)
    if (number < least || number > limit)
      node.fail("attribute '" + name.str() + "' has the number " +
                std::to_string(number) + ", expected " + std::to_string(least) +
                " to " + std::to_string(limit));
  return SmallVector<int64_t>(given->begin(), given->end());
}

SmallVector<int64_t> qnt::onnx::readKernel(Node &node,
                                           ArrayRef<int64_t> expected) {
  SmallVector<int64_t> kernel =
      readNumbers(node, "kernel_shape", expected.size(), 1, 0);
  if (!node.findAttribute("kernel_shape"))
    kernel.assign(expected.begin(), expected.end());
  for (auto [given, size] : llvm::zip_equal(kernel, expected))
    if (given < 1 || given > limit || (size > 0 && given != size))
      node.fail("a kernel of size " + std::to_string(given) +
                (size > 0 ? ", expected " + std::to_string(size) +
                                " as the weight has"
                          : ", expected a positive one"));
  return kernel;
}

/// Pads that give ceil(size / stride) windows.
static void setSamePads(Node &node, Windows &windows, int64_t i,
                        const Dim &size, bool isUpper) {
  int64_t stride = windows.strides[i];
  windows.counts.push_back(node.dims().ceilDiv(size, stride));
  Dim total = (windows.counts.back() - Dim(1)) * Dim(stride) +
              Dim(windows.getExtent(i)) - size;
  if (!total.constant())
    node.fail("auto_pad " + std::string(isUpper ? "SAME_UPPER" : "SAME_LOWER") +
              " with stride " + std::to_string(stride) +
              " of a dimension known at run time ('" + node.dims().str(size) +
              "') is not supported");
  int64_t pads = std::max<int64_t>(0, *total.constant());
  windows.before[i] = isUpper ? pads / 2 : pads - pads / 2;
  windows.after[i] = pads - windows.before[i];
}

Windows qnt::onnx::readWindows(Node &node, ArrayRef<Dim> spatial,
                               ArrayRef<int64_t> kernel, bool ceilMode) {
  size_t rank = spatial.size();
  Windows windows;
  windows.kernel.assign(kernel.begin(), kernel.end());
  windows.strides = readNumbers(node, "strides", rank, 1, 1);
  windows.dilations = readNumbers(node, "dilations", rank, 1, 1);
  SmallVector<int64_t> pads = readNumbers(node, "pads", 2 * rank, 0, 0);
  windows.before.assign(pads.begin(), pads.begin() + rank);
  windows.after.assign(pads.begin() + rank, pads.end());
  windows.overhang.assign(rank, Dim(0));
  std::string automatic = node.getString("auto_pad", "NOTSET");
  bool isSame = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!isSame && automatic != "VALID" && automatic != "NOTSET")
    node.fail("auto_pad '" + automatic + "' is not supported");
  if (automatic == "VALID") {
    windows.before.assign(rank, 0);
    windows.after.assign(rank, 0);
  }
  for (size_t i = 0; i < rank; ++i) {
    if (isSame) {
      setSamePads(node, windows, i, spatial[i], automatic == "SAME_UPPER");
      continue;
    }
    Dim padded = spatial[i] + Dim(windows.before[i]) + Dim(windows.after[i]);
    Dim room = padded - Dim(windows.getExtent(i));
    int64_t stride = windows.strides[i];
    if (room.constant().value_or(0) < 0)
      node.fail("a window of " + std::to_string(windows.getExtent(i)) +
                " is larger than an image of " + node.dims().str(padded) +
                " with its pads");
    if (!ceilMode) {
      windows.counts.push_back(node.dims().floorDiv(room, stride) + Dim(1));
      continue;
    }
    // The last window begins inside the image or the pads before it.
    windows.counts.push_back(node.dims().min(
        node.dims().ceilDiv(room, stride) + Dim(1),
        node.dims().ceilDiv(spatial[i] + Dim(windows.before[i]), stride)));
    windows.overhang[i] = (windows.counts[i] - Dim(1)) * Dim(stride) - room;
    if (windows.overhang[i].constant().value_or(0) < 0)
      windows.overhang[i] = 0;
  }
  return windows;
}

std::optional<SmallVector<int64_t>> Windows::getPads() const {
  SmallVector<int64_t> pads(before);
  for (auto [pad, more] : llvm::zip_equal(after, overhang)) {
    if (!more.constant())
      return std::nullopt;
    pads.push_back(pad + *more.constant());
  }
  if (getRank() == 1)
    return SmallVector<int64_t>{0, pads[0], 0, pads[1]};
  if (getRank() == 2)
    return pads;
  return std::nullopt;
}

Value qnt::onnx::getPosition(const LoopBody &body, const Windows &windows,
                             int64_t i, Value window, Value position) {
  Value first = body.mul(window, windows.strides[i]);
  Value at = body.add(first, body.mul(position, windows.dilations[i]));
  return body.add(at, -windows.before[i]);
}

Tensor qnt::onnx::toChannelsLast(Node &node, const Tensor &images) {
  Tensor planar = images;
  if (images.getRank() == 3)
    planar = unsqueeze(node, images, 2);
  return transpose(node, planar, {0, 2, 3, 1});
}

Tensor qnt::onnx::fromChannelsLast(Node &node, const Tensor &images,
                                   int64_t spatial) {
  Tensor planar = transpose(node, images, {0, 3, 1, 2});
  if (spatial == 2)
    return planar;
  return reshape(node, planar,
                 {planar.dims[0], planar.dims[1], planar.dims[3]});
}
