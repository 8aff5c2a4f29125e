//===- VerilogProcess.h - a process as a Verilog module -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_VERILOGPROCESS_H
#define QNT_LIB_TARGET_FPGA_VERILOGPROCESS_H

#include "Pipeline.h"

#include "qnt/Target/FPGA/Verilog.h"

namespace qnt::fpga {

/// The ports of a stream: "NAME_data" and so on, of so many bits.
std::string declarePorts(const std::string &name, int64_t bits, bool isInput);

/// The text of a module called `module`, with streams in0, ... and out0, ...;
/// its memories' contents go to `files`.
std::string writeProcess(qflow::ProcessOp process, const Pipeline &pipeline,
                         const std::string &module, Files &files);

/// Of one iteration of a process what it computes, without clock and registers,
/// by the same text of its ops (emitIterations).
std::string writeIteration(qflow::ProcessOp process, const std::string &module,
                           Files &files);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_VERILOGPROCESS_H
