//===- Cpp.h - designs as C++ for Vitis HLS -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_CPP_H
#define QNT_TARGET_FPGA_CPP_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Files.h"

namespace qnt::fpga {

/// A design of processes and FIFOs as C++ for Vitis HLS (UG1399): DESIGN.cpp
/// and DESIGN.h with a function of that name, and a .inc file for each larger
/// memory with contents. A call takes a frame from each stream that comes in
/// and gives one to each that goes out; a word is an ap_uint, lane 0 lowest.
///
/// The function has a stream for each of the design's, in their order, called
/// NAME_stream, and a pointer NAME for each qflow.fetch (m_axi). Emits an error
/// at an op that is neither process, FIFO nor fetch.
mlir::FailureOr<Files> emitCpp(qflow::DesignOp design);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_CPP_H
