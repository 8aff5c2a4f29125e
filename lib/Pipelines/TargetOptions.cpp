//===- TargetOptions.cpp - what the command line compiles for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Pipelines/Options.h"
#include "qnt/Target/CUDA/Codegen.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace qnt;

/// The instruction set that code for a CPU of this name uses.
static const cpu::ISA *getISAForCPU(llvm::StringRef name) {
  if (name == "native")
    return &cpu::getNativeISA();
  return cpu::findISA(
      llvm::StringSwitch<llvm::StringRef>(name)
          .Cases({"znver4", "znver5", "icelake-server", "icelake-client",
                  "cascadelake", "sapphirerapids", "emeraldrapids",
                  "graniterapids"},
                 "avx512vnni")
          .Cases({"x86-64-v3", "haswell", "broadwell", "skylake", "alderlake",
                  "znver1", "znver2", "znver3"},
                 "avx2")
          .Cases({"x86-64", "x86-64-v2"}, "portable")
          .Default(name));
}

llvm::Error TargetOptions::setForCPU(llvm::StringRef key,
                                     llvm::StringRef value) {
  if (key == "mcpu") {
    const cpu::ISA *isa = getISAForCPU(value);
    if (!isa)
      return llvm::createStringError("--target: unknown mcpu '" + value + "'");
    isas.push_back(isa);
    return llvm::Error::success();
  }
  if (key != "isa")
    return llvm::createStringError("--target: unknown key '" + key +
                                   "', expected mcpu or isa");
  if (value == "all") {
    for (const cpu::ISA &isa : cpu::getISAs())
      isas.push_back(&isa);
    return llvm::Error::success();
  }
  llvm::SmallVector<llvm::StringRef> parts;
  value.split(parts, ',');
  for (llvm::StringRef part : parts) {
    const cpu::ISA *isa = cpu::findISA(part);
    if (!isa)
      return llvm::createStringError(
          "--target: unknown isa '" + part +
          "', expected avx512vnni, avx2, portable or all");
    isas.push_back(isa);
  }
  return llvm::Error::success();
}

llvm::Error TargetOptions::setForCUDA(llvm::StringRef key,
                                      llvm::StringRef value) {
  if (key == "chip") {
    chip = cuda::findChip(value);
    if (!chip)
      return llvm::createStringError("--target: " +
                                     cuda::describeUnknownChip(value));
    return llvm::Error::success();
  }
  if (key != "code")
    return llvm::createStringError("--target: unknown key '" + key +
                                   "', expected chip or code");
  kernels = llvm::StringSwitch<std::optional<Kernels>>(value)
                .Case("cubin", Kernels::Cubin)
                .Case("ptx", Kernels::PTX)
                .Case("mlir", Kernels::MLIR)
                .Default(std::nullopt);
  if (!kernels)
    return llvm::createStringError("--target: unknown code '" + value +
                                   "', expected cubin, ptx or mlir");
  return llvm::Error::success();
}

llvm::Expected<TargetOptions> TargetOptions::parse(llvm::StringRef text) {
  TargetOptions options;
  options.text = text.str();
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  if (words.empty() || (words.front() != "cpu" && words.front() != "cuda"))
    return llvm::createStringError(
        "--target: expected 'cpu' or 'cuda' first, got '" + text + "'");
  bool isCUDA = words.front() == "cuda";
  for (llvm::StringRef word : llvm::drop_begin(words)) {
    auto [key, value] = word.split('=');
    if (llvm::Error error = isCUDA ? options.setForCUDA(key, value)
                                   : options.setForCPU(key, value))
      return std::move(error);
  }
  if (isCUDA) {
    if (!options.chip)
      return llvm::createStringError(
          "--target: cuda needs a chip, such as chip=sm_90a");
    return options;
  }
  if (options.isas.empty())
    options.isas.push_back(&cpu::getNativeISA());
  // Best first, each once: they are entries of one table.
  llvm::sort(options.isas);
  options.isas.erase(llvm::unique(options.isas), options.isas.end());
  return options;
}

TargetOptions::Kernels TargetOptions::getKernels() const {
  if (kernels)
    return *kernels;
  return cuda::findAssembler().empty() ? Kernels::PTX : Kernels::Cubin;
}

bool TargetOptions::canWrite(llvm::StringRef extension) const {
  static constexpr llvm::StringRef forCPU[] = {".so", ".ll", ".s", ".o"};
  static constexpr llvm::StringRef forCUDA[] = {".so", ".ptx", ".cubin",
                                                ".mlir"};
  return chip ? llvm::is_contained(forCUDA, extension)
              : llvm::is_contained(forCPU, extension);
}

std::string TargetOptions::help() {
  return "Target: cpu [mcpu=native|znver4|x86-64-v3|...] "
         "[isa=avx512vnni,avx2,portable|all (several versions in one artifact, "
         "chosen at load)]; or cuda chip=sm_80|sm_90a|sm_100a|sm_120a "
         "[code=cubin|ptx|mlir (how the model carries its kernels: assembled "
         "by ptxas, for the driver to assemble, or for the emulator)]";
}
