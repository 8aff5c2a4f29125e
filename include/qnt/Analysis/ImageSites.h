//===- ImageSites.h - where codes flow through images -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_IMAGESITES_H
#define QNT_ANALYSIS_IMAGESITES_H

#include "qnt/Analysis/ActivationSites.h"

namespace qnt {

/// The sites of a function with convolutions: every value must have codes that
/// a layer or an average pooling takes, and the other operand of a sum with a
/// layer's result, where the sum has codes. A value that only moves others'
/// numbers (padding with zeros, slices, concatenation, transposition, change of
/// shape, maximum pooling) takes its codes from them; then they are the values
/// of the site, but for arguments of the function, which are quantised where
/// they are used.
llvm::SmallVector<ActivationSite>
collectImageSites(mlir::func::FuncOp function);

/// Whether `op` moves numbers of its tensors, as collectImageSites has it; but
/// for nn.pool, any format of numbers.
bool movesNumbers(mlir::Operation *op);

} // namespace qnt

#endif // QNT_ANALYSIS_IMAGESITES_H
