//===- Convolutions.h - how convolutions are lowered ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_CONVOLUTIONS_H
#define QNT_LIB_TARGET_CPU_LOWERING_CONVOLUTIONS_H

#include "../Kernels.h"

namespace qnt::cpu {

/// The layout of the weight of a convolution of images of codes or floats,
/// whose pixels have `pixel` channels as stored; null, with the reason in
/// `refused`, where there is no lowering.
FiltersAttr getFilters(QTensorType weight, bool ofCodes, int64_t pixel,
                       int64_t groups, bool isDilated, std::string &refused);
/// The layout of a convolution's weight; null after an error at the op, which
/// says what has no lowering.
FiltersAttr getFilters(qnt::ConvOp op);
/// The layout of a linear layer's weight where it takes #qnt.image.
FiltersAttr getImageFilters(QTensorType weight);

/// The shape of the padded copy that the kernel reads instead of an input of
/// floats; empty where it reads the input itself.
llvm::SmallVector<int64_t> getPaddedShape(qnt::ConvOp op);

/// What the code of a convolution depends on, with the op's strategy where it
/// has one. Layouts are chosen, height and width static.
ConvShape getConvShape(qnt::ConvOp op);
/// A linear layer on #qnt.image is a convolution of images of one pixel.
ConvShape getConvShape(qnt::LinearOp op);

/// The tiles that fill the registers of `isa` best for this shape.
ConvStrategyAttr chooseConvStrategy(const ConvShape &shape, const ISA &isa);
/// The same for rows, as linear layers hold it: every bucket has as many
/// panels.
PanelStrategyAttr chooseRowsStrategy(const ConvShape &shape, const ISA &isa);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_CONVOLUTIONS_H
