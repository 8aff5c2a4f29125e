//===- Project.h - what is beside a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_PROJECT_H
#define QNT_TARGET_FPGA_PROJECT_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Estimate.h"
#include "qnt/Target/FPGA/Files.h"
#include "qnt/Target/FPGA/Part.h"

namespace qnt::fpga {

/// Of a design of processes with streams described by qflow.scales and
/// qflow.zero: README.md on its interface and its speed, and with weights in
/// memory weights.bin, what its ports read.
Files writeProject(qflow::DesignOp design, const Estimate &estimate,
                   const Part &part);

/// In verilog/ what is beside the Verilog of a design: a Makefile that runs it
/// in Verilator (bench.v, bench.cpp) on NAME.hex, beside NAME.expected.hex, and
/// through Yosys; with weights in memory a memory for the bench
/// (MemoryPorts.h).
Files writeVerilogProject(qflow::DesignOp design, const Part &part);

/// In cpp/ what is beside the C++ of a design: a test bench (csim.cpp) on words
/// in files, a Makefile that runs it without Vitis by the types of sim/, a
/// script for Vitis HLS, and one that reads its reports.
Files writeCppProject(qflow::DesignOp design, const Part &part);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_PROJECT_H
