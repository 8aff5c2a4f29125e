//===- Report.h - pages on what a design takes ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_REPORT_H
#define QNT_TARGET_FPGA_REPORT_H

#include "qnt/Target/FPGA/Estimate.h"
#include "qnt/Target/FPGA/Files.h"
#include "qnt/Target/FPGA/Part.h"

namespace qnt::fpga {

/// report.json, of which docs/fpga-target.md says what it has, and report.html,
/// a page complete in itself. Without a part there is nothing to compare with.
Files writeReport(qflow::DesignOp design, const Estimate &estimate,
                  const Part *part);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_REPORT_H
