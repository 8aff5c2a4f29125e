//===- Verilog.h - designs as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_VERILOG_H
#define QNT_TARGET_FPGA_VERILOG_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Files.h"

namespace qnt::fpga {

/// A design of processes and FIFOs as Verilog-2001: DESIGN.v with a module of
/// that name, and a .mem file for each memory with contents, which the module
/// loads from the folder that the simulator or synthesis runs in.
///
/// The module has `clk`, `rst` (synchronous, active high), and for each stream
/// NAME_data, NAME_valid and NAME_ready; streams are in0, in1, ... and out0,
/// out1, ..., or as their attribute qflow.name says. A word is taken in a cycle
/// where both valid and ready are set.
///
/// For each qflow.fetch it has an AXI4 read port: NAME_araddr, ... NAME_rready,
/// the address NAME_base of the first word, a multiple of 4096 (lower bits are
/// taken as zeros) that does not change while rst is not set, and NAME_error,
/// which is set once a response was an error.
///
/// Stages take at most a period of the design's clock (100 MHz where it has
/// none). Emits an error at the op that has no place in a pipeline, or is
/// neither process, FIFO nor fetch.
mlir::FailureOr<Files> emitVerilog(qflow::DesignOp design);

/// For proofs, what one iteration of each process computes: DESIGN_iterations.v
/// with combinational modules DESIGN_PROCESS_iteration, and a .mem file for
/// each memory with contents. They come from what the design's Verilog is
/// written from, by the same code, but have no registers: index0, ... and
/// state0, ... come in, next0, ... are what the states become; words that are
/// read are in0_data, ..., those of memories that other iterations write load0,
/// ... from load0_address, ... in the order of their loads; out0_data, ... are
/// written where out0_valid, ... is set, and store0_data, ... are stored at
/// store0_address, ... where store0_valid, ... is. Errors are emitVerilog's.
mlir::FailureOr<Files> emitIterations(qflow::DesignOp design);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_VERILOG_H
