//===- QuantOpt.cpp - the command line of quant-opt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/InitAll.h"
#include "qnt/Pipelines/Compile.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace qnt;

namespace {

/// Options beside those of mlir-opt.
struct Flags {
  llvm::cl::OptionCategory category{
      "Quantisation and code generation",
      "Models in (HuggingFace folder, .mlir, .mlirbc), compiled models out "
      "(-o model.so), or code (.ll, .s, .o), or IR (.mlir, .mlirbc)"};
  std::string quantizeHelp = QuantizeRecipe::help();
  std::string targetHelp = TargetOptions::help();
  llvm::cl::opt<std::string> quantize{"quantize", llvm::cl::desc(quantizeHelp),
                                      llvm::cl::cat(category),
                                      llvm::cl::value_desc("recipe")};
  llvm::cl::opt<std::string> target{"target", llvm::cl::desc(targetHelp),
                                    llvm::cl::cat(category),
                                    llvm::cl::value_desc("target")};
  llvm::cl::opt<bool> embed{
      "embed",
      llvm::cl::desc("Put the parameters into the .so: one file to deploy"),
      llvm::cl::cat(category)};
};

bool isModule(StringRef path) {
  return path == "-" || path.ends_with(".mlir") || path.ends_with(".mlirbc");
}

bool isCode(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".so" || extension == ".ll" || extension == ".s" ||
         extension == ".o";
}

int fail(const Twine &message) {
  llvm::errs() << "quant-opt: " << message << "\n";
  return 1;
}

int run(const Flags &flags, MlirOptMainConfig &config,
        DialectRegistry &registry, StringRef input, StringRef output) {
  if (!isModule(output) && !isCode(output))
    return fail("cannot tell what '" + output +
                "' should be: expected a name ending in .so, .ll, .s, .o, "
                ".mlir or .mlirbc");
  QuantizeRecipe recipe;
  if (flags.quantize.getNumOccurrences()) {
    auto parsed = QuantizeRecipe::parse(flags.quantize);
    if (!parsed)
      return fail(llvm::toString(parsed.takeError()));
    recipe = *parsed;
  }
  bool isCompiling = flags.target.getNumOccurrences() || isCode(output);
  auto target = TargetOptions::parse(
      flags.target.getNumOccurrences() ? StringRef(flags.target) : "cpu");
  if (!target)
    return fail(llvm::toString(target.takeError()));
  if (isCompiling && !isCode(output))
    return fail("--target writes code: expected an output ending in .so, .ll, "
                ".s or .o, got '" +
                output + "'");
  if (flags.embed && !output.ends_with(".so"))
    return fail("--embed needs an output ending in .so, got '" + output + "'");

  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = loadModel(input, &context, recipe.kv);
  if (failed(module))
    return 1;
  PassManager pm(&context);
  if (failed(config.setupPassPipeline(pm)) || failed(pm.run(**module)))
    return 1;
  if (flags.quantize.getNumOccurrences() &&
      failed(quantizeModel(**module, recipe)))
    return 1;
  LogicalResult status =
      isCompiling ? compileForCPU(**module, *target, output, flags.embed)
                  : writeModule(**module, output);
  return succeeded(status) ? 0 : 1;
}

} // namespace

int qnt::quantOptMain(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  DialectRegistry registry;
  registerAllDialects(registry);
  mlir::registerAllPasses();
  qnt::registerAllPasses();
  Flags flags;
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "QNT, a quantization compiler", registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  // Plain passes on plain IR: exactly mlir-opt.
  if (isModule(input) && !isCode(output) && !flags.embed &&
      !flags.quantize.getNumOccurrences() && !flags.target.getNumOccurrences())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  return run(flags, config, registry, input, output);
}
