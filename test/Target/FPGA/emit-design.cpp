//===- emit-design.cpp - designs of a file as Verilog and C++ -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// emit-design FILE.mlir FOLDER
// Units become processes first. report.json has what they take.
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/FPGA/Cpp.h"
#include "qnt/Target/FPGA/Passes.h"
#include "qnt/Target/FPGA/Report.h"
#include "qnt/Target/FPGA/Verilog.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qnt;

int main(int argc, char **argv) {
  if (argc != 3) {
    llvm::errs() << "usage: emit-design FILE.mlir FOLDER\n";
    return 2;
  }
  MLIRContext context;
  context.loadDialect<qflow::QFlowDialect, arith::ArithDialect,
                      vector::VectorDialect>();
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  auto module = parseSourceFile<ModuleOp>(argv[1], sources, &context);
  PassManager pm(&context);
  pm.addNestedPass<qflow::DesignOp>(fpga::createLowerUnitsPass());
  if (!module || failed(pm.run(*module)))
    return 1;
  for (auto design : module->getOps<qflow::DesignOp>()) {
    auto estimate = fpga::estimate(design);
    if (failed(estimate))
      return 1;
    for (auto files : {fpga::emitVerilog(design), fpga::emitCpp(design),
                       FailureOr<fpga::Files>(
                           fpga::writeReport(design, *estimate, nullptr))}) {
      if (failed(files))
        return 1;
      for (const auto &[name, text] : *files)
        support::writeFileAtomically(std::string(argv[2]) + "/" + name, text);
    }
  }
}
