//===- emit-design.cpp - designs of a file as Verilog and C++ -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// emit-design FILE.mlir FOLDER [iterations]
// Units become processes first. report.json has what they take; with
// `iterations` there is only what proofs are about.
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/FPGA/Cpp.h"
#include "qnt/Target/FPGA/MemoryPorts.h"
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

static FailureOr<fpga::Files> emitAll(qflow::DesignOp design) {
  auto estimate = fpga::estimate(design);
  auto verilog = fpga::emitVerilog(design), cpp = fpga::emitCpp(design);
  if (failed(estimate) || failed(verilog) || failed(cpp))
    return failure();
  fpga::Files files = fpga::writeReport(design, *estimate, nullptr);
  files.merge(*verilog);
  files.merge(*cpp);
  files.merge(fpga::writeMemoryWords(design));
  files["axi_memory.v"] = fpga::axiMemoryText;
  return files;
}

int main(int argc, char **argv) {
  bool isForProofs = argc == 4 && std::string(argv[3]) == "iterations";
  if (argc != 3 && !isForProofs) {
    llvm::errs() << "usage: emit-design FILE.mlir FOLDER [iterations]\n";
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
    auto files = isForProofs ? fpga::emitIterations(design) : emitAll(design);
    if (failed(files))
      return 1;
    for (const auto &[name, text] : *files)
      support::writeFileAtomically(std::string(argv[2]) + "/" + name, text);
  }
}
