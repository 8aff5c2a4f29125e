//===- QuantOpt.cpp - the command line of quant-opt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationPage.h"
#include "LatencyReport.h"
#include "MeasureTiles.h"
#include "OutlierReport.h"

#include "qnt/Import/ONNX.h"
#include "qnt/InitAll.h"
#include "qnt/Pipelines/Compile.h"
#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/AtomicFile.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

#include <csignal>

using namespace mlir;
using namespace qnt;

namespace {

/// Options beside those of mlir-opt.
struct Flags {
  llvm::cl::OptionCategory category{
      "Quantisation and code generation",
      "Models in (HuggingFace folder, .onnx, .gguf, .mlir, .mlirbc), compiled "
      "models out (-o model.so), or one instruction set's code to read (.ll, "
      ".s, .o), a GPU's kernels (.ptx, .cubin, .mlir), or "
      "IR (.mlir, .mlirbc)"};
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
  llvm::cl::list<std::string> preprocess{
      "preprocess",
      llvm::cl::desc("Take images as they are stored: what the model does to "
                     "an input, such as \"image: u8 nhwc scale=1/255 "
                     "mean=.485,.456,.406 std=.229,.224,.225\""),
      llvm::cl::cat(category), llvm::cl::value_desc("input: ...")};
  llvm::cl::list<std::string> bind{
      "bind",
      llvm::cl::desc("Make an input of the graph a constant, such as one that "
                     "decides shapes, or fix a dimension of inputs"),
      llvm::cl::cat(category),
      llvm::cl::value_desc("input=file.npy|dimension=size")};
  llvm::cl::opt<std::string> outliers{
      "outliers",
      llvm::cl::desc(
          "Print where large activations are, on samples \"calib=FILE "
          "samples=N seed=N\"; -o PAGE.html plots them"),
      llvm::cl::cat(category), llvm::cl::value_desc("samples")};
  llvm::cl::opt<std::string> report{
      "report",
      llvm::cl::desc("Where formats are chosen (bits=, size=), what the choice "
                     "was made from: a .html page and the .json it is made of, "
                     "or that alone"),
      llvm::cl::cat(category), llvm::cl::value_desc("file")};
  llvm::cl::opt<std::string> measureLatency{
      "measure-latency",
      llvm::cl::desc("Measure, once a machine, and print how long layers take "
                     "with weights of these formats, such as "
                     "int4:64,int8,int8/none (groups of 64 inputs; activations "
                     "in floats); of a MODEL, what its layers cost; -o "
                     "FILE.json for programs"),
      llvm::cl::cat(category), llvm::cl::value_desc("formats")};
  llvm::cl::opt<std::string> measureTiles{
      "measure-tiles",
      llvm::cl::desc("Measure, once a machine, which register tiles layers of "
                     "these formats are fastest with, such as int8,int4:32; "
                     "models are compiled with them from then on"),
      llvm::cl::cat(category), llvm::cl::value_desc("formats")};
  llvm::cl::opt<bool> printONNXOperators{
      "print-onnx-operators",
      llvm::cl::desc("Print the table of ONNX operators that are imported"),
      llvm::cl::cat(category)};
};

/// Whether `path` exists and is neither file nor folder, such as /dev/null.
bool isSpecial(StringRef path) {
  llvm::sys::fs::file_status status;
  return !llvm::sys::fs::status(path, status) &&
         llvm::sys::fs::is_other(status);
}

bool isModule(StringRef path) {
  return path == "-" || path.ends_with(".mlir") || path.ends_with(".mlirbc") ||
         isSpecial(path);
}

bool isCode(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".so" || extension == ".ll" || extension == ".s" ||
         extension == ".o" || extension == ".ptx" || extension == ".cubin";
}

int fail(const Twine &message) {
  llvm::errs() << "quant-opt: " << message << "\n";
  return 1;
}

/// Prints the first error as one line that names a file: where the diagnostic's
/// location is in one, that; else the input, unless the message names a file in
/// it. Later errors follow from the first. Warnings and remarks are printed
/// likewise, all of them.
class Diagnostics {
public:
  Diagnostics(MLIRContext &context, StringRef input)
      : input(input.rtrim('/')),
        handler(&context, [this](Diagnostic &d) { print(d); }) {
    context.printOpOnDiagnostic(false);
  }

private:
  void print(Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    if (isError && std::exchange(failed, true))
      return;
    std::string message = diagnostic.str(), where;
    llvm::raw_string_ostream os(where);
    diagnostic.getLocation()->walk([&](Location loc) {
      if (auto file = dyn_cast<FileLineColLoc>(loc)) {
        where.clear();
        os << file.getFilename().getValue() << ":" << file.getLine() << ":"
           << file.getColumn() << ": ";
        return WalkResult::interrupt();
      }
      if (auto name = dyn_cast<NameLoc>(loc); name && where.empty())
        os << input << ": " << name.getName().getValue() << ": ";
      return WalkResult::advance();
    });
    if (where.empty() && !StringRef(message).contains(input))
      os << input << ": ";
    StringRef kind = isError ? ""
                     : diagnostic.getSeverity() == DiagnosticSeverity::Warning
                         ? "warning: "
                         : "remark: ";
    llvm::errs() << "quant-opt: " << where << kind
                 << StringRef(message).split('\n').first << "\n";
  }

  std::string input;
  bool failed = false;
  ScopedDiagnosticHandler handler;
};

/// The safetensors file that an import writes where the model's format keeps
/// parameters otherwise: beside a module, for good; else a temporary file.
class ImportedParams {
public:
  explicit ImportedParams(StringRef output) {
    if (isModule(output) && output != "-" && !isSpecial(output)) {
      path = getParamsPath(output);
      return;
    }
    // Code is written where there is room for parameters.
    llvm::SmallString<128> model;
    if (isCode(output)) {
      model = output;
      llvm::sys::path::replace_extension(model, "import-%%%%%%.safetensors");
    } else {
      llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, model);
      llvm::sys::path::append(model, "qnt-import-%%%%%%.safetensors");
    }
    llvm::SmallString<128> unique;
    llvm::sys::fs::createUniquePath(model, unique, /*MakeAbsolute=*/false);
    path = unique.str().str();
    isTemporary = true;
  }
  ImportedParams(const ImportedParams &) = delete;
  ~ImportedParams() {
    if (!isTemporary)
      return;
    // With the assets beside it.
    StringRef folder = llvm::sys::path::parent_path(path);
    std::string stem = (llvm::sys::path::stem(path) + ".").str();
    std::error_code code;
    llvm::SmallVector<std::string> files;
    for (llvm::sys::fs::directory_iterator
             it(folder.empty() ? "." : folder, code),
         end;
         it != end && !code; it.increment(code))
      if (llvm::sys::path::filename(it->path()).starts_with(stem))
        files.push_back(it->path());
    for (const std::string &file : files)
      llvm::sys::fs::remove(file);
  }
  std::string path;

private:
  bool isTemporary = false;
};

/// Whether a file can be created or replaced under `path`: known before the
/// work, not after it.
llvm::Error checkWritable(StringRef path) {
  namespace fs = llvm::sys::fs;
  auto failure = [&](const Twine &why) {
    return llvm::createStringError("cannot write '" + path + "': " + why);
  };
  if (fs::is_directory(path))
    return failure("it is a folder");
  StringRef parent = llvm::sys::path::parent_path(path);
  if (parent.empty())
    parent = ".";
  if (!fs::is_directory(parent))
    return failure("there is no folder '" + parent + "'");
  if (std::error_code code = fs::access(parent, fs::AccessMode::Write))
    return failure(code.message());
  return llvm::Error::success();
}

/// The report of --outliers, to standard output and into a page.
int reportOutliers(const Flags &flags, ModuleOp module, StringRef input,
                   StringRef output) {
  auto recipe = QuantizeRecipe::parse(flags.outliers);
  if (!recipe)
    return fail(llvm::toString(recipe.takeError()));
  if (recipe->calibrate.samples.empty())
    return fail("--outliers: expected samples: calib=FILE");
  auto sites = findOutliers(module, recipe->calibrate);
  if (failed(sites))
    return 1;
  printOutliers(*sites, llvm::outs());
  if (output == "-")
    return 0;
  std::string page;
  llvm::raw_string_ostream os(page);
  writeOutlierPage(input.rtrim('/'), *sites, os);
  support::writeFileAtomically(output.str(), std::string_view(page));
  return 0;
}

/// What is measured on this machine: the best that runs here, as when a model
/// is loaded. Fails where the target is not the CPU.
llvm::Expected<const cpu::ISA *> findMeasuredISA(const Flags &flags) {
  auto target = TargetOptions::parse(
      flags.target.getNumOccurrences() ? StringRef(flags.target) : "cpu");
  if (!target)
    return target.takeError();
  if (target->isas.empty())
    return llvm::createStringError("expected a target cpu, got '" +
                                   target->text + "'");
  for (const cpu::ISA *isa : target->isas)
    if (cpu::isRunnable(*isa))
      return isa;
  return target->isas.front();
}

/// --measure-tiles: a report to standard output, and a file of this machine.
int runTiles(const Flags &flags, DialectRegistry &registry) {
  auto failed = [](llvm::Error error) {
    return fail("--measure-tiles: " + llvm::toString(std::move(error)));
  };
  auto isa = findMeasuredISA(flags);
  if (!isa)
    return failed(isa.takeError());
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto formats =
      parseReportedFormats(flags.measureTiles, CPUCostModel(**isa), &context);
  if (!formats)
    return failed(formats.takeError());
  if (llvm::Error error = measureTiles(*formats, **isa, llvm::outs()))
    return failed(std::move(error));
  return 0;
}

/// --measure-latency: a report to standard output, and into a file.
int runLatency(const Flags &flags, DialectRegistry &registry, StringRef input,
               StringRef output) {
  if (output != "-" && !output.ends_with(".json"))
    return fail("--measure-latency: expected an output ending in .json, got '" +
                output + "'");
  auto isa = findMeasuredISA(flags);
  if (!isa)
    return fail("--measure-latency: " + llvm::toString(isa.takeError()));
  if (output != "-")
    if (llvm::Error error = checkWritable(output))
      return fail(llvm::toString(std::move(error)));
  CPUCostModel costs(**isa);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto formats = parseReportedFormats(flags.measureLatency, costs, &context);
  if (!formats)
    return fail("--measure-latency: " + llvm::toString(formats.takeError()));
  std::string json;
  llvm::Error error = llvm::Error::success();
  if (input == "-") {
    error = reportLatencies(*formats, costs, llvm::outs());
    json = costs.getTable().toJson();
  } else {
    Diagnostics diagnostics(context, input);
    ImportedParams params("-");
    ImportOptions options;
    options.paramsPath = params.path;
    auto module = loadModel(input, &context, options);
    PassManager pm(&context);
    buildCanonicalPipeline(pm);
    if (failed(module) || failed(pm.run(**module))) {
      llvm::consumeError(std::move(error));
      return 1;
    }
    error = reportCosts(collectReportedLayers(**module, /*rows=*/1), *formats,
                        costs, llvm::outs(), json);
  }
  if (error)
    return fail("--measure-latency: " + llvm::toString(std::move(error)));
  if (output != "-")
    support::writeFileAtomically(output.str(), std::string_view(json));
  return 0;
}

int run(const Flags &flags, MlirOptMainConfig &config,
        DialectRegistry &registry, StringRef input, StringRef output) {
  bool wantsOutliers = flags.outliers.getNumOccurrences();
  if (wantsOutliers && output != "-" && !output.ends_with(".html"))
    return fail("--outliers: expected an output ending in .html, got '" +
                output + "'");
  auto target = TargetOptions::parse(
      flags.target.getNumOccurrences() ? StringRef(flags.target) : "cpu");
  if (!target)
    return fail(llvm::toString(target.takeError()));
  bool writesFolder = target->part;
  if (!wantsOutliers && !writesFolder && !isModule(output) && !isCode(output))
    return fail("cannot tell what '" + output +
                "' should be: expected a name ending in .so, .ll, .s, .o, "
                ".ptx, .cubin, .mlir or .mlirbc");
  QuantizeRecipe recipe;
  if (flags.quantize.getNumOccurrences()) {
    auto parsed = QuantizeRecipe::parse(flags.quantize);
    if (!parsed)
      return fail(llvm::toString(parsed.takeError()));
    recipe = *parsed;
    if (recipe.leavesStatistics() && output == "-")
      return fail("--quantize: statistics are kept beside the output: expected "
                  "-o FILE");
    if (output != "-" && !isSpecial(output))
      recipe.keepStatisticsBeside(output);
  }
  if (!flags.report.empty()) {
    if (!recipe.allocates())
      return fail("--report is of formats that are chosen: expected "
                  "--quantize with bits=N, size=N or latency=N");
    llvm::SmallString<128> json(flags.report.getValue());
    StringRef extension = llvm::sys::path::extension(json);
    if (extension != ".json" && extension != ".html")
      return fail("--report: expected a name ending in .html or .json, got '" +
                  flags.report + "'");
    if (llvm::Error error = checkWritable(flags.report))
      return fail(llvm::toString(std::move(error)));
    llvm::sys::path::replace_extension(json, "json");
    recipe.allocate.report = json.str();
  }
  bool isCompiling = flags.target.getNumOccurrences() || isCode(output);
  if (writesFolder &&
      (output == "-" || !target->canWrite(llvm::sys::path::extension(output))))
    return fail("--target=fpga writes a folder: expected -o FOLDER, without an "
                "extension, got '" +
                output + "'");
  if (isCompiling && !target->canWrite(llvm::sys::path::extension(output)))
    return fail(
        "--target writes code: expected an output ending in .so, " +
        Twine(target->chip ? ".ptx, .cubin or .mlir" : ".ll, .s or .o") +
        ", got '" + output + "'");
  if (flags.embed && !output.ends_with(".so"))
    return fail("--embed needs an output ending in .so, got '" + output + "'");
  if (output != "-" && !isSpecial(output) &&
      !(writesFolder && llvm::sys::fs::is_directory(output)))
    if (llvm::Error error = checkWritable(output))
      return fail(llvm::toString(std::move(error)));

  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  Diagnostics diagnostics(context, input);
  ImportedParams params(output);
  ImportOptions options;
  // Codes come with qnt-quantize, after calibration.
  if (recipe.quantize.kv == "f32")
    options.kvType = "f32";
  options.paramsPath = params.path;
  for (StringRef binding : flags.bind) {
    auto [name, value] = binding.split('=');
    if (name.empty() || value.empty())
      return fail("--bind: expected INPUT=FILE.npy or DIMENSION=SIZE, got '" +
                  binding + "'");
    options.bindings.emplace_back(name, value);
  }
  auto module = loadModel(input, &context, options);
  if (failed(module))
    return 1;
  PassManager pm(&context);
  for (const std::string &input : flags.preprocess)
    pm.addPass(createNNPreprocess({input}));
  if (failed(config.setupPassPipeline(pm)) || failed(pm.run(**module)))
    return 1;
  if (wantsOutliers)
    return reportOutliers(flags, **module, input, output);
  if (flags.quantize.getNumOccurrences() &&
      failed(quantizeModel(**module, recipe)))
    return 1;
  if (StringRef(flags.report).ends_with(".html"))
    writeAllocationPage(recipe.allocate.report,
                        llvm::sys::path::filename(input.rtrim('/')).str(),
                        flags.report);
  LogicalResult status =
      isCompiling ? compileModel(**module, *target, output, flags.embed)
                  : writeModule(**module, output);
  return succeeded(status) ? 0 : 1;
}

/// Exceptions of the libraries without MLIR end here at the latest.
int guarded(llvm::function_ref<int()> body) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return fail("out of memory");
  } catch (const std::exception &error) {
    return fail(error.what());
  }
}

/// What mlir-opt does, into a file that appears only when it is whole.
int runPlain(MlirOptMainConfig &config, DialectRegistry &registry,
             StringRef input, StringRef output) {
  if (llvm::Error error = checkWritable(output))
    return fail(llvm::toString(std::move(error)));
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &error);
  if (!file)
    return fail(error);
  if (output.ends_with(".mlirbc"))
    config.emitBytecode(true);
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (failed(MlirOptMain(stream, std::move(file), registry, config)))
    return 1;
  support::writeFileAtomically(output.str(), std::string_view(text));
  return 0;
}

} // namespace

int qnt::quantOptMain(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A file beyond the user's limit is an error of the write, not a crash.
  std::signal(SIGXFSZ, SIG_IGN);
  DialectRegistry registry;
  registerAllDialects(registry);
  mlir::registerAllPasses();
  qnt::registerAllPasses();
  Flags flags;
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "QNT, a quantization compiler", registry);
  if (flags.printONNXOperators) {
    printONNXOperators(llvm::outs());
    return 0;
  }
  if (flags.measureLatency.getNumOccurrences())
    return guarded([&] { return runLatency(flags, registry, input, output); });
  if (flags.measureTiles.getNumOccurrences())
    return guarded([&] { return runTiles(flags, registry); });
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  // Plain passes on plain IR: exactly mlir-opt.
  if (isModule(input) && !isCode(output) && !flags.embed &&
      flags.bind.empty() && flags.preprocess.empty() &&
      !flags.quantize.getNumOccurrences() &&
      !flags.outliers.getNumOccurrences() &&
      !flags.target.getNumOccurrences()) {
    if (output == "-" || isSpecial(output))
      return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
    return guarded([&] { return runPlain(config, registry, input, output); });
  }
  return guarded([&] { return run(flags, config, registry, input, output); });
}
