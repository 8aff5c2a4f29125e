//===- KernelTest.cpp - runs generated kernels ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Support/Npy.h"
#include "qnt/Target/CPU/Codegen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <dlfcn.h>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

const std::vector<int64_t> test::oddFeatures = {1,  7,  15, 16, 17,  31,
                                                48, 64, 77, 96, 130, 384};

[[noreturn]] static void fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  std::exit(1);
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

Kernels::Kernels(MLIRContext &context, const ISA &isa)
    : module(ModuleOp::create(UnknownLoc::get(&context))), isa(isa),
      lib(*module, isa) {}

Kernels::~Kernels() {
  if (library_)
    dlclose(library_);
}

void Kernels::build() {
  SmallVector<LLVM::LLVMFuncOp> functions(module->getOps<LLVM::LLVMFuncOp>());
  for (LLVM::LLVMFuncOp function : functions)
    if (!function.getName().contains(".task"))
      function.setLinkage(LLVM::Linkage::External);
  if (failed(verify(*module)) || failed(lowerToLLVM(*module)))
    fail("lowering failed");
  llvm::LLVMContext llvmContext;
  auto code = translateToLLVMIR(*module, isa, llvmContext);
  if (!code)
    fail("translation failed");
  std::string error;
  if (const char *path = std::getenv("KERNEL_TEST_ASM")) {
    std::error_code status;
    llvm::raw_fd_ostream(path, status)
        << emitMachineCode(*code, isa, FileKind::Assembly, error);
  }
  std::string bytes = emitMachineCode(*code, isa, FileKind::Object, error);
  llvm::SmallString<128> folder;
  if (bytes.empty() || llvm::sys::fs::createUniqueDirectory("kernels", folder))
    fail("no machine code: " + error);
  std::string object = (folder + "/kernels.o").str();
  std::string shared = (folder + "/kernels.so").str();
  std::error_code status;
  llvm::raw_fd_ostream(object, status) << bytes;
  if (failed(linkShared({object}, isa, shared, error)))
    fail(error);
  library_ = dlopen(shared.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_)
    fail(dlerror());
  llvm::sys::fs::remove_directories(folder);
}

void *Kernels::codeOf(Kernel kernel) {
  std::string name = kernel.getName().str();
  if (!library_)
    build();
  void *code = dlsym(library_, name.c_str());
  if (!code)
    fail("kernel '" + name + "' is not in the machine code");
  return code;
}

void Kernels::Context::runSlices(Context *host,
                                 void (*task)(void *, int64_t, int64_t),
                                 void *args, int64_t count) {
  for (int64_t slice = host->slices; slice-- > 0;) {
    int64_t begin = count * slice / host->slices;
    int64_t end = count * (slice + 1) / host->slices;
    if (begin < end)
      task(args, begin, end);
  }
}

//===----------------------------------------------------------------------===//
// Suite
//===----------------------------------------------------------------------===//

Floats Suite::normal(size_t count, double deviation) {
  std::normal_distribution<float> distribution(0, float(deviation));
  Floats values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

int64_t Suite::integer(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

void Suite::close(const std::string &what, ArrayRef<float> got,
                  ArrayRef<double> want, double absolute, double relative) {
  ++checks;
  if (got.size() != want.size())
    fail(what + ": sizes differ");
  for (auto [i, x, y] : llvm::enumerate(got, want))
    if (!(std::fabs(x - y) <= absolute + relative * std::fabs(y))) {
      ++failures;
      llvm::errs() << what << ": element " << i << " of " << want.size()
                   << " is " << x << ", expected " << y << "\n";
      return;
    }
}

void Suite::write(const std::string &name, ArrayRef<float> values,
                  std::vector<int64_t> shape) {
  if (dump.empty())
    return;
  auto bytes = std::as_bytes(std::span(values.data(), values.size()));
  support::writeNpy(dump + "/" + name + ".npy", support::NpyType::F32, shape,
                    bytes);
}

void Suite::time(const std::string &what, double operations,
                 llvm::function_ref<void()> call) {
  if (!bench)
    return;
  double best = INFINITY;
  for (int i = 0; i < 20; ++i) {
    auto start = std::chrono::steady_clock::now();
    call();
    std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  llvm::outs() << llvm::formatv("{0}: {1:F1} us, {2:F2} G/s\n", what,
                                best * 1e6, operations / best * 1e-9);
}

//===----------------------------------------------------------------------===//
// main
//===----------------------------------------------------------------------===//

int main(int argc, char **argv) {
  reportGuardedFaults();
  struct Group {
    StringRef name;
    void (*test)(Suite &);
  };
  const Group groups[] = {
      {"activations", testActivations},
      {"elementwise", testElementwise},
      {"norms", testNorms},
      {"quantize", testQuantizeRows},
      {"rope", testRope},
      {"rotate", testRotate},
      {"attention", testAttention},
  };
  llvm::cl::opt<std::string> isaName("isa", llvm::cl::Required,
                                     llvm::cl::desc("instruction set"));
  llvm::cl::opt<std::string> only("group",
                                  llvm::cl::desc("one group of tests"));
  llvm::cl::opt<std::string> dump("dump", llvm::cl::desc("folder for arrays"));
  llvm::cl::opt<bool> bench("bench", llvm::cl::desc("print times"));
  const char *given = std::getenv("QNT_SEED");
  const uint64_t drawn = given ? std::strtoull(given, nullptr, 10)
                               : uint64_t(std::random_device{}());
  llvm::cl::opt<uint64_t> seed("seed", llvm::cl::init(drawn));
  llvm::cl::ParseCommandLineOptions(argc, argv, "tests of CPU kernels\n");

  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<nn::NNDialect, QNTDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  const ISA *isa = findISA(isaName);
  if (!isa)
    fail("no instruction set '" + isaName + "'");
  llvm::outs() << "seed " << seed << "\n";
  llvm::outs().flush();
  int failures = 0, checks = 0;
  for (const Group &group : groups) {
    if (!only.empty() && only != group.name)
      continue;
    Suite suite{context, *isa, std::mt19937_64(seed), dump, bench};
    group.test(suite);
    failures += suite.failures;
    checks += suite.checks;
  }
  if (checks == 0)
    fail("no group '" + only + "'");
  llvm::outs() << checks - failures << " of " << checks << " checks passed on "
               << isa->name << "\n";
  return failures != 0;
}
