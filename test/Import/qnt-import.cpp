//===- qnt-import.cpp - prints an imported checkpoint -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/HuggingFace.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

int main(int argc, char **argv) {
  llvm::cl::opt<std::string> folder(llvm::cl::Positional, llvm::cl::Required,
                                    llvm::cl::desc("<checkpoint folder>"));
  llvm::cl::opt<std::string> kvType("kv-type", llvm::cl::init("f16"));
  registerAsmPrinterCLOptions();
  llvm::cl::ParseCommandLineOptions(argc, argv);
  MLIRContext context;
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  qnt::ImportOptions options;
  options.kvType = kvType;
  auto module = qnt::importHuggingFace(folder, &context, options);
  if (failed(module))
    return 1;
  (*module)->print(llvm::outs());
  llvm::outs() << "\n";
  return 0;
}
