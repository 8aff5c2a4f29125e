//===- TargetOptions.cpp - what the command line compiles for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ByteSize.h"

#include "qnt/Pipelines/Options.h"
#include "qnt/Target/CPU/Tiles.h"
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
                  "cascadelake"},
                 "avx512vnni")
          .Cases({"sapphirerapids", "emeraldrapids", "graniterapids"}, "amx")
          .Cases({"alderlake", "raptorlake", "meteorlake", "arrowlake",
                  "lunarlake", "gracemont", "sierraforest"},
                 "avxvnni")
          .Cases({"x86-64-v3", "haswell", "broadwell", "skylake", "znver1",
                  "znver2", "znver3"},
                 "avx2")
          .Cases({"x86-64", "x86-64-v2"}, "portable")
          .Cases({"neoverse-v1", "neoverse-n2", "neoverse-v2", "cortex-a710",
                  "cortex-x2"},
                 "i8mm")
          .Cases({"neoverse-n1", "cortex-a55", "cortex-a75", "cortex-a76",
                  "cortex-a78"},
                 "dotprod")
          .Cases({"cortex-a53", "cortex-a72"}, "neon")
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
  if (key == "tiles") {
    if (value != "estimated")
      if (auto found = cpu::findTiles(value, ""); !found)
        return llvm::createStringError(
            "--target: " + llvm::toString(found.takeError()) +
            ", or 'estimated'");
    tiles = value.str();
    return llvm::Error::success();
  }
  if (key != "isa")
    return llvm::createStringError("--target: unknown key '" + key +
                                   "', expected mcpu, isa or tiles");
  if (value == "all") {
    for (const cpu::ISA &isa : cpu::getISAs())
      if (isa.arch == cpu::getBaselineISA().arch)
        isas.push_back(&isa);
    return llvm::Error::success();
  }
  llvm::SmallVector<llvm::StringRef> parts;
  value.split(parts, ',');
  for (llvm::StringRef part : parts) {
    const cpu::ISA *isa = cpu::findISA(part);
    if (!isa)
      return llvm::createStringError("--target: unknown isa '" + part +
                                     "', expected " + cpu::listISAs() +
                                     " or all");
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
  if (key == "memory") {
    if (!parseSize(value, memory))
      return llvm::createStringError("--target: unknown memory '" + value +
                                     "', expected bytes, such as 24GB");
    return llvm::Error::success();
  }
  if (key != "code")
    return llvm::createStringError("--target: unknown key '" + key +
                                   "', expected chip, memory or code");
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

llvm::Error TargetOptions::setForFPGA(llvm::StringRef key,
                                      llvm::StringRef value) {
  if (key == "part") {
    part = fpga::findPart(value);
    if (!part)
      return llvm::createStringError("--target: " +
                                     fpga::describeUnknownPart(value));
    return llvm::Error::success();
  }
  if (key == "clock") {
    llvm::StringRef number = value;
    if (!number.consume_back("MHz") || number.getAsDouble(clock) ||
        !(clock >= 1 && clock <= 1000))
      return llvm::createStringError("--target: unknown clock '" + value +
                                     "', expected 1MHz to 1000MHz");
    return llvm::Error::success();
  }
  if (key == "luts") {
    llvm::StringRef number = value;
    double percent = 0;
    if (!number.consume_back("%") || number.getAsDouble(percent) ||
        !(percent > 0 && percent <= 100))
      return llvm::createStringError("--target: unknown luts '" + value +
                                     "', expected a share such as 80%");
    lutShare = percent / 100;
    return llvm::Error::success();
  }
  if (key == "fifos") {
    fifos = value.str();
    return llvm::Error::success();
  }
  if (key == "block") {
    block = value.str();
    return llvm::Error::success();
  }
  if (key == "tokens") {
    if (value.getAsInteger(10, tokens) || tokens < 1)
      return llvm::createStringError("--target: unknown tokens '" + value +
                                     "', expected how many a frame has");
    return llvm::Error::success();
  }
  if (key == "frames") {
    if (value.getAsInteger(10, frames) || frames < 0)
      return llvm::createStringError("--target: unknown frames '" + value +
                                     "', expected how many the benches run");
    return llvm::Error::success();
  }
  if (key == "weights") {
    if (value != "chip" && value != "dram" && value != "auto")
      return llvm::createStringError("--target: unknown weights '" + value +
                                     "', expected chip, dram or auto");
    weights = value.str();
    return llvm::Error::success();
  }
  if (key == "port") {
    if (value.getAsInteger(10, port) || port < 32 || port > 1024 ||
        !llvm::isPowerOf2_64(uint64_t(port)))
      return llvm::createStringError(
          "--target: unknown port '" + value +
          "', expected a power of two bits from 32 to 1024");
    return llvm::Error::success();
  }
  if (key == "bandwidth") {
    llvm::StringRef number = value;
    if (!number.consume_back("GB/s") || number.getAsDouble(bandwidth) ||
        !(bandwidth > 0))
      return llvm::createStringError("--target: unknown bandwidth '" + value +
                                     "', expected such as 4.2GB/s");
    bandwidth *= 1e9;
    return llvm::Error::success();
  }
  if (key != "cycles")
    return llvm::createStringError("--target: unknown key '" + key +
                                   "', expected part, clock, cycles, luts, "
                                   "weights, port, bandwidth, fifos, block, "
                                   "tokens or frames");
  if (value.getAsInteger(10, cycles) || cycles < 1)
    return llvm::createStringError("--target: unknown cycles '" + value +
                                   "', expected how many a frame may take");
  return llvm::Error::success();
}

llvm::Error TargetOptions::finish() {
  llvm::StringRef target = llvm::StringRef(text).ltrim().split(' ').first;
  if (target == "cuda" && !chip)
    return llvm::createStringError(
        "--target: cuda needs a chip, such as chip=sm_90a");
  if (target == "fpga" && (!part || clock == 0))
    return llvm::createStringError(
        llvm::Twine("--target: fpga needs a ") +
        (!part ? "part, such as part=xc7z020" : "clock, such as clock=100MHz"));
  if (block.empty() != (tokens == 0))
    return llvm::createStringError(
        "--target: fpga expects block and tokens together, such as "
        "block=layers.0 tokens=64");
  if (target == "cpu" && isas.empty())
    isas.push_back(&cpu::getNativeISA());
  for (const cpu::ISA *isa : isas)
    if (isa->arch != isas.front()->arch)
      return llvm::createStringError(
          "--target: '" + isas.front()->name + "' and '" + isa->name +
          "' are of two architectures, expected one");
  // Best first, each once: they are entries of one table.
  llvm::sort(isas);
  isas.erase(llvm::unique(isas), isas.end());
  return llvm::Error::success();
}

llvm::Expected<TargetOptions> TargetOptions::parse(llvm::StringRef text) {
  TargetOptions options;
  options.text = text.str();
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  llvm::StringRef target = words.empty() ? "" : words.front();
  auto set = llvm::StringSwitch<decltype(&TargetOptions::setForCPU)>(target)
                 .Case("cpu", &TargetOptions::setForCPU)
                 .Case("cuda", &TargetOptions::setForCUDA)
                 .Case("fpga", &TargetOptions::setForFPGA)
                 .Default(nullptr);
  if (!set)
    return llvm::createStringError(
        "--target: expected 'cpu', 'cuda' or 'fpga' first, got '" + text + "'");
  for (llvm::StringRef word : llvm::drop_begin(words)) {
    auto [key, value] = word.split('=');
    if (llvm::Error error = (options.*set)(key, value))
      return std::move(error);
  }
  if (llvm::Error error = options.finish())
    return std::move(error);
  return options;
}

TargetOptions::Kernels TargetOptions::getKernels() const {
  if (kernels)
    return *kernels;
  return cuda::findAssembler().empty() ? Kernels::PTX : Kernels::Cubin;
}

bool TargetOptions::canWrite(llvm::StringRef extension) const {
  if (part)
    return extension.empty();
  static constexpr llvm::StringRef forCPU[] = {".so", ".ll", ".s", ".o"};
  static constexpr llvm::StringRef forCUDA[] = {".so", ".ptx", ".cubin",
                                                ".mlir"};
  return chip ? llvm::is_contained(forCUDA, extension)
              : llvm::is_contained(forCPU, extension);
}

std::string TargetOptions::help() {
  return "Target: cpu [mcpu=native|znver4|x86-64-v3|...] "
         "[isa=amx,avx512vnni,avxvnni,avx2,portable|all, or "
         "i8mm,dotprod,neon of Arm (several versions in one artifact, chosen "
         "at "
         "load)] [tiles=estimated|1x4+4x4+6x4|int4:32=1x2+6x2,... (register "
         "tiles of rows by 16 features, where not those that --measure-tiles "
         "found)]; or cuda chip=sm_80|sm_90a|sm_100a|sm_120a "
         "[memory=24GB (what the GPU has, if less than the chip's largest)] "
         "[code=cubin|ptx|mlir (how the model carries its kernels: assembled "
         "by ptxas, for the driver to assemble, or for the emulator)]; or fpga "
         "part=xc7z020 clock=100MHz [cycles=N (clock cycles that a frame may "
         "take; as few as fit the part)] [luts=80% (of the part's, that may be "
         "used)] [weights=chip|dram|auto (in block RAM, in memory, or there "
         "what does not fit)] [port=64 (bits of a port to memory)] "
         "[bandwidth=4.2GB/s (of that memory)] "
         "[fifos=FILE (depths that make rtlsim measured)] "
         "[block=layers.0 tokens=64 (one block of a transformer, of frames of "
         "so many tokens)] [frames=2 (of the benches, which the interpreter "
         "computes)]: -o FOLDER";
}
