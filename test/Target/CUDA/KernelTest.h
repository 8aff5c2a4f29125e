//===- KernelTest.h - kernels in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CUDA_KERNELTEST_H
#define QNT_TEST_TARGET_CUDA_KERNELTEST_H

#include "lib/Target/CUDA/Kernels.h"

#include "qnt/Emulator/Emulator.h"

#include <deque>
#include <random>
#include <string>
#include <vector>

namespace qnt::test {

/// QNT_SEED where that is set, else one of its own; prints it.
std::mt19937_64 makeRandom();

/// A context that holds all that kernels and the functions they are tested
/// against are written in.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Counts cases that fail and says why.
class Report {
public:
  /// Runs `run`, which gives an error or nothing. With QNT_VERBOSE set, says
  /// how long that took.
  void add(llvm::StringRef name, llvm::function_ref<std::string()> run);
  int getExitStatus() const { return failures != 0; }

private:
  int failures = 0;
};

/// One launch of a kernel, its arguments by their names.
class Launcher {
public:
  using Get = llvm::function_ref<cuda::Kernel(cuda::KernelLibrary &)>;
  /// The kernel that `get` generates.
  Launcher(mlir::MLIRContext &context, Get get, llvm::StringRef chip = "sm_80");

  template <typename T> void set(llvm::StringRef name, std::vector<T> &values) {
    bind(name, values.data(), values.size() * sizeof(T));
  }
  void set(llvm::StringRef name, int64_t size);
  /// Runs it on the grid that it asks for, with the workspace and the counters
  /// that it wants where those are arguments. Empty, or what went wrong.
  std::string run();

  const cuda::Kernel &getKernel() const { return kernel; }

private:
  void bind(llvm::StringRef name, void *data, size_t bytes);
  unsigned find(llvm::StringRef name);

  std::string error;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  cuda::Kernel kernel;
  std::unique_ptr<emu::Kernel> code;
  std::vector<emu::Buffer> buffers;
  /// What arguments that are tensor maps point at.
  std::deque<emu::TensorMap> maps;
  std::vector<int64_t> values;
  std::vector<bool> isSet;
};

/// Normal numbers.
std::vector<float> drawFloats(std::mt19937_64 &random, int64_t count,
                              float deviation = 1);
/// A number from `low` to `high`.
int64_t draw(std::mt19937_64 &random, int64_t low, int64_t high);

/// Where `got` is further from `want` than `limit` + `relative` times its
/// magnitude; NaN is where NaN is, infinity where infinity. Empty where not.
std::string compare(llvm::ArrayRef<float> got, llvm::ArrayRef<float> want,
                    double limit, double relative = 0);

/// Rows of codes in groups with scales of 8 bits, as #qnt.rows lays them out:
/// bytes of codes, and of the scales of groups, four in a word; f32 factors.
struct GroupRows {
  std::vector<int8_t> codes;
  std::vector<int32_t> groups;
  std::vector<float> scales;
};
/// Of codes and scales as qnt.quantize gives them, and a factor for each row.
GroupRows packGroupRows(QTensorType type, llvm::ArrayRef<uint32_t> codes,
                        llvm::ArrayRef<float> scales,
                        llvm::ArrayRef<float> factors);

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CUDA_KERNELTEST_H
