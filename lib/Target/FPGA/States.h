//===- States.h - what a process does with its states -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_STATES_H
#define QNT_LIB_TARGET_FPGA_STATES_H

#include "qnt/Dialect/QFlow/QFlow.h"

namespace qnt::fpga {

/// Whether anything depends on what a state is in the first iteration of a
/// frame. A sum that begins with 0 where an index is 0, or a word that is read
/// then, needs no initial value.
bool isSeenFirst(qflow::ProcessOp process, mlir::Value state);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_STATES_H
