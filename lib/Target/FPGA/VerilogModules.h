//===- VerilogModules.h - modules that designs are made of ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_VERILOGMODULES_H
#define QNT_LIB_TARGET_FPGA_VERILOGMODULES_H

#include "Products.h"

#include "qnt/Dialect/QFlow/QFlow.h"

#include <cstdint>
#include <string>

namespace qnt::fpga {

/// The module of a FIFO of so many words and its parameters, "qnt_fifo
/// #(.WIDTH(8), ...)": in LUTs, or in block RAM where it is deep
/// (chooseMemoryStyle). One in block RAM has a word more, in a register.
std::string nameFifo(int64_t depth, int64_t wordBits);

/// "qnt_fetch #(.PORT(64), ...)"; its words go into a FIFO of `ahead`.
std::string nameFetch(qflow::FetchOp fetch);
/// Ports of a module, and what binds those of an instance to them: an AXI4 read
/// port.
std::string declareMemoryPort(const std::string &name, int64_t bits);
std::string bindMemoryPort(const std::string &name);

/// The module that multiplies in LUTs, and its parameters.
std::string nameProduct(const ProductShape &shape);

/// All of them that `design`, Verilog, has.
std::string writeModules(const std::string &design);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_VERILOGMODULES_H
