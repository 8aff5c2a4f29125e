//===- VerilogModules.h - modules that designs are made of ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_VERILOGMODULES_H
#define QNT_LIB_TARGET_FPGA_VERILOGMODULES_H

#include "Products.h"

#include <cstdint>
#include <string>

namespace qnt::fpga {

/// The module of a FIFO of so many words and its parameters, "qnt_fifo
/// #(.WIDTH(8), ...)": in LUTs, or in block RAM where it is deep
/// (chooseMemoryStyle). One in block RAM has a word more, in a register.
std::string nameFifo(int64_t depth, int64_t wordBits);

/// The module that multiplies in LUTs, and its parameters.
std::string nameProduct(const ProductShape &shape);

/// All of them that `design`, Verilog, has.
std::string writeModules(const std::string &design);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_VERILOGMODULES_H
