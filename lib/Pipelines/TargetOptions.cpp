//===- TargetOptions.cpp - what the command line compiles for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Pipelines/Options.h"

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

llvm::Expected<TargetOptions> TargetOptions::parse(llvm::StringRef text) {
  TargetOptions options;
  options.text = text.str();
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  if (words.empty() || words.front() != "cpu")
    return llvm::createStringError("--target: expected 'cpu' first, got '" +
                                   text + "'");
  for (llvm::StringRef word : llvm::drop_begin(words)) {
    auto [name, value] = word.split('=');
    if (name == "mcpu") {
      const cpu::ISA *isa = getISAForCPU(value);
      if (!isa)
        return llvm::createStringError("--target: unknown mcpu '" + value +
                                       "'");
      options.isas.push_back(isa);
      continue;
    }
    if (name == "isa") {
      if (value == "all") {
        for (const cpu::ISA &isa : cpu::getISAs())
          options.isas.push_back(&isa);
        continue;
      }
      llvm::SmallVector<llvm::StringRef> parts;
      value.split(parts, ',');
      for (llvm::StringRef part : parts) {
        const cpu::ISA *isa = cpu::findISA(part);
        if (!isa)
          return llvm::createStringError(
              "--target: unknown isa '" + part +
              "', expected avx512vnni, avx2, portable or all");
        options.isas.push_back(isa);
      }
      continue;
    }
    return llvm::createStringError("--target: unknown key '" + name +
                                   "', expected mcpu or isa");
  }
  if (options.isas.empty())
    options.isas.push_back(&cpu::getNativeISA());
  // Best first, each once: they are entries of one table.
  llvm::sort(options.isas);
  options.isas.erase(llvm::unique(options.isas), options.isas.end());
  return options;
}

std::string TargetOptions::help() {
  return "Target: cpu [mcpu=native|znver4|x86-64-v3|...] "
         "[isa=avx512vnni,avx2,portable|all (several versions in one artifact, "
         "chosen at load)]";
}
