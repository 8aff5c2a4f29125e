//===- Options.h - what the command line asks for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_PIPELINES_OPTIONS_H
#define QNT_PIPELINES_OPTIONS_H

#include "qnt/Target/CPU/ISA.h"
#include "qnt/Target/CUDA/Chip.h"
#include "qnt/Target/FPGA/Part.h"
#include "qnt/Transforms/Passes.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <string>

namespace qnt {

/// The recipe of `--quantize="weights=int4 group=32 activations=int8 ..."`: the
/// options of the passes that it runs, under one roof.
struct QuantizeRecipe {
  /// The text it was parsed from, recorded in what it makes.
  std::string text;
  QuantizeOptions quantize;
  /// Used for activations that share a scale per tensor.
  CalibrateOptions calibrate;
  /// Channels rescaled first; an empty method: none are.
  SmoothOptions smooth = noSmoothing();
  /// Changes of basis; `rotatesAll`: those that help what is quantised.
  RotateOptions rotate;
  bool rotatesAll = false;
  /// Features that stay in 16 bits, where `splitsOutliers`.
  SplitOutliersOptions split;
  bool splitsOutliers = false;
  /// Which format each weight gets; `allocates`: under budgets, measured.
  AllocateOptions allocate;
  bool allocates() const {
    return allocate.bits > 0 || allocate.bytes > 0 || allocate.latency > 0 ||
           allocate.bitOperations > 0;
  }
  /// A file of formats chosen before, "" for none.
  std::string allocationFile;
  /// Where the statistics of channels go that smoothing is based on, those that
  /// rotations are made from, and those that outliers are found by.
  std::string smoothingTensors, rotationTensors, splittingTensors;
  /// Whether whatever is between codes is computed in integers.
  bool integerArithmetic = false;
  /// Whether that is all the recipe asks for: nothing is to be quantised that
  /// is not quantised already.
  bool integerArithmeticAlone = false;

  /// Sets what a method of quantising weights stands for: rtn, mse, hqq, gptq
  /// or awq; false for other names.
  bool setMethod(llvm::StringRef method);
  /// Takes none, hadamard, duquant, duquant++, or places by commas; false for
  /// other words.
  bool setRotations(llvm::StringRef text);
  bool smooths() const { return !smooth.method.empty() || smooth.keys; }
  bool rotates() const;
  bool rotatesByStatistics() const { return rotate.kind != "hadamard"; }
  bool hasCodesInCache() const {
    return quantize.kv == "int8" || quantize.kv == "int4";
  }
  bool hasSamples() const;
  /// Whether some formats of weights leave columns in 16 bits, like int3+16.
  bool hasOutlierColumns() const;
  /// Whether second moments of inputs are used to quantise.
  bool needsMoments() const;
  /// Whether statistics of channels are.
  bool needsChannels() const;
  /// Whether it leaves statistics of channels beside what it makes.
  bool leavesStatistics() const {
    return needsChannels() || smooths() || rotatesByStatistics() ||
           splitsOutliers || allocates();
  }
  /// Names the files that calibration leaves: MODEL.statistics.json and, with
  /// statistics of channels, MODEL.statistics.safetensors beside `output`, or
  /// those of an earlier run.
  void keepStatisticsBeside(llvm::StringRef output);

  /// Fails with the key or value that it does not know and what it expected.
  static llvm::Expected<QuantizeRecipe> parse(llvm::StringRef text);
  /// The keys, one a line, with what they mean: for --help.
  static std::string help();

private:
  static SmoothOptions noSmoothing() {
    SmoothOptions options;
    options.method.clear();
    return options;
  }
  llvm::Error completeAllocation(const llvm::StringSet<> &given);
  void complete();
};

/// The target of `--target="cpu mcpu=native"`, or `--target="cuda chip=sm_80"`.
struct TargetOptions {
  std::string text;
  /// Instruction sets to generate, best first; of a GPU, none.
  llvm::SmallVector<const cpu::ISA *> isas;
  /// Tiles of linear layers (qnt-cpu-strategy), or "estimated"; "": those that
  /// were measured on this machine, estimated where there are none.
  std::string tiles;
  /// Null for CPUs.
  const cuda::Chip *chip = nullptr;
  /// In which form a model carries its kernels; MLIR is for the emulator.
  enum class Kernels { Cubin, PTX, MLIR };
  std::optional<Kernels> kernels;
  /// Bytes that the GPU has; 0: as many as the chip's largest.
  int64_t memory = 0;

  /// Null but for FPGAs, with MHz, the clock cycles that a frame may take (0:
  /// as few as fit), and the share of the part's LUTs that may be used.
  const fpga::Part *part = nullptr;
  double clock = 0;
  int64_t cycles = 0;
  double lutShare = 0.8;
  /// Where weights are (qnt-fpga-fold), the bits of a port to memory, and what
  /// the memory gives all of them, in bytes a second; 0: as much as they take.
  std::string weights = "chip";
  int64_t port = 64;
  double bandwidth = 0;
  /// A file of depths of FIFOs (qnt-fpga-set-fifos), or "".
  std::string fifos;
  /// The function that becomes a design and the tokens of its frames
  /// (qnt-fpga-extract-block); "": the model.
  std::string block;
  int64_t tokens = 0;
  /// Of the benches.
  int64_t frames = 2;

  /// Cubin, where there is an assembler, unless it is said otherwise.
  Kernels getKernels() const;
  /// Whether a file of this extension (".so") can be written.
  bool canWrite(llvm::StringRef extension) const;

  /// Fails with what it does not know and what it expected.
  static llvm::Expected<TargetOptions> parse(llvm::StringRef text);
  static std::string help();

private:
  llvm::Error setForCPU(llvm::StringRef key, llvm::StringRef value);
  llvm::Error setForCUDA(llvm::StringRef key, llvm::StringRef value);
  llvm::Error setForFPGA(llvm::StringRef key, llvm::StringRef value);
  /// That nothing misses.
  llvm::Error finish();
};

} // namespace qnt

#endif // QNT_PIPELINES_OPTIONS_H
