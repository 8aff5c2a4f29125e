//===- CppProcess.h - a process as a C++ function -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_CPPPROCESS_H
#define QNT_LIB_TARGET_FPGA_CPPPROCESS_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Files.h"

namespace qnt::fpga {

/// "hls::stream<ap_uint<8>> ", of words.
std::string writeCppStreamType(qflow::StreamType type);

/// The text of a function, static, of streams in0, ... and out0, ...; contents
/// of its larger memories go to `files`, by names that begin with `prefix`.
std::string writeCppProcess(qflow::ProcessOp process,
                            const std::string &function,
                            const std::string &prefix, Files &files);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_CPPPROCESS_H
