//===- LogicCounter.h - what a process is made of ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_LOGICCOUNTER_H
#define QNT_LIB_TARGET_FPGA_LOGICCOUNTER_H

#include "Pipeline.h"

#include "qnt/Target/FPGA/Estimate.h"

namespace qnt::fpga {

/// DSPs, block RAM, and the logic of a process in its pipeline; LUTs are left.
void countLogic(qflow::ProcessOp process, const Pipeline &pipeline,
                Stage &stage);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_LOGICCOUNTER_H
