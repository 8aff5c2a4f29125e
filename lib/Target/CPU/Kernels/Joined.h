//===- Joined.h - kernels that share a parallel loop ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_JOINED_H
#define QNT_LIB_TARGET_CPU_KERNELS_JOINED_H

#include "../Kernels.h"

namespace qnt::cpu {

/// How many tasks the kernel of such a linear layer has, by output features
/// (Kernels/Linear.cpp).
int64_t getLinearUnits(QTensorType weight, PanelStrategyAttr strategy);

/// Tasks [first, first + count) of a joined kernel are those of `kernel`, which
/// must come from KernelLibrary::getParallel with `count` tasks.
struct JoinedPart {
  Kernel kernel;
  int64_t first, count;
};
/// (ctx, arguments of each part but its context...): all parts in one parallel
/// loop. A thread runs equal tasks in the order of the parts.
Kernel getJoinedKernel(KernelLibrary &lib, llvm::ArrayRef<JoinedPart> parts);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_JOINED_H
