//===- VerilogOps.h - ops as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_VERILOGOPS_H
#define QNT_LIB_TARGET_FPGA_VERILOGOPS_H

#include "Products.h"

#include "qnt/Dialect/QFlow/QFlow.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace qnt::fpga {

/// "[7:0] ", or nothing for one bit. Lane l of a vector of elements of b bits
/// has the bits from l * b on; lanes are counted row-major.
std::string declareRange(int64_t bits);

/// An integer, or a vector of them, as one number.
std::string writeLiteral(mlir::TypedAttr constant);

/// Bits [low, low + bits) of words for $readmemh, one a line.
std::string writeContents(mlir::ElementsAttr contents, qflow::MemoryType type,
                          int64_t low, int64_t bits);

/// Names the operand of an op where it is needed.
using Refer = llvm::function_ref<std::string(mlir::Value)>;

/// Assigns to `name` what an op that is wiring alone gives (isWiring).
void writeWiring(llvm::raw_ostream &os, mlir::Operation *op,
                 const std::string &name, Refer refer);

/// Assigns to `name` what any other op of arith gives, lane by lane.
void writeArithmetic(llvm::raw_ostream &os, mlir::Operation *op,
                     const std::string &name, Refer refer);

/// "v3_l5_s2": of lane 5 alone, of v3_s2.
std::string nameLane(const std::string &name, size_t lane);

/// Assigns to "NAME_lN_next" the product of each lane with a constant other
/// than 0.
void writeConstantProducts(llvm::raw_ostream &os, mlir::arith::MulIOp op,
                           const ConstantProducts &products,
                           const std::string &name, Refer refer);

/// Assigns to `name` its lanes, of `bits` each, which are extended.
void writeLanes(llvm::raw_ostream &os, const std::string &name, int64_t bits,
                const ConstantProducts &products);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_VERILOGOPS_H
