//===- KernelTest.h - runs generated kernels --------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A test generates kernels for one instruction set, loads their machine code
// and compares what they compute with plain loops in double precision. Vectors
// that kernels work on lie between guard pages. With a
// dump folder, arrays are also written as .npy for references in Python.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CPU_KERNELTEST_H
#define QNT_TEST_TARGET_CPU_KERNELTEST_H

#include "Guarded.h"

#include "lib/Target/CPU/Kernels.h"

#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace qnt::test {

using Floats = GuardedVector<float>;

/// Kernels of one module, in machine code.
class Kernels {
public:
  Kernels(mlir::MLIRContext &context, const cpu::ISA &isa);
  ~Kernels();
  Kernels(const Kernels &) = delete;

  cpu::KernelLibrary &library() { return lib; }
  /// The code of `kernel`; the first call ends generation and builds the
  /// module.
  void *codeOf(cpu::Kernel kernel);
  /// Calls a kernel with `slices` slices of parallel work. Arguments are
  /// pointers and int64_t.
  template <typename... Args>
  void run(cpu::Kernel kernel, int slices, Args... args) {
    using Function = void (*)(void *, Args...);
    Context host(slices);
    reinterpret_cast<Function>(codeOf(kernel))(&host, args...);
  }

private:
  /// The start of qnt_context: all that kernels read.
  struct Context {
    explicit Context(int slices) : slices(slices) {}
    void (*parallelFor)(Context *, void (*task)(void *, int64_t, int64_t),
                        void *args, int64_t count) = runSlices;
    void *user = nullptr;
    int64_t slices;
    static void runSlices(Context *, void (*)(void *, int64_t, int64_t), void *,
                          int64_t);
  };
  void build();

  mlir::OwningOpRef<mlir::ModuleOp> module;
  const cpu::ISA &isa;
  cpu::KernelLibrary lib;
  void *library_ = nullptr;
};

/// What one run of the program tests with.
struct Suite {
  mlir::MLIRContext &context;
  const cpu::ISA &isa;
  std::mt19937_64 random;
  /// Empty: no arrays are written.
  std::string dump;
  bool bench = false;
  int failures = 0, checks = 0;

  Floats normal(size_t count, double deviation = 1);
  int64_t integer(int64_t low, int64_t high);
  /// |got - want| <= absolute + relative |want| for every element, NaN never.
  void close(const std::string &what, llvm::ArrayRef<float> got,
             llvm::ArrayRef<double> want, double absolute, double relative);
  /// Equal elements.
  template <typename T>
  void equal(const std::string &what, llvm::ArrayRef<T> got,
             llvm::ArrayRef<T> want);
  void write(const std::string &name, llvm::ArrayRef<float> values,
             std::vector<int64_t> shape);
  /// Microseconds of the fastest of some calls.
  void time(const std::string &what, double operations,
            llvm::function_ref<void()> call);
};

/// The features that tests of vector tails use.
extern const std::vector<int64_t> oddFeatures;

void testActivations(Suite &suite);
void testElementwise(Suite &suite);
void testNorms(Suite &suite);
void testQuantizeRows(Suite &suite);
void testRope(Suite &suite);
void testRotate(Suite &suite);
void testAttention(Suite &suite);

//===----------------------------------------------------------------------===//

template <typename T>
void Suite::equal(const std::string &what, llvm::ArrayRef<T> got,
                  llvm::ArrayRef<T> want) {
  ++checks;
  for (size_t i = 0; i < std::max(got.size(), want.size()); ++i)
    if (i >= got.size() || i >= want.size() || got[i] != want[i]) {
      ++failures;
      llvm::errs() << what << ": element " << i << " of " << want.size();
      if (i < got.size() && i < want.size())
        llvm::errs() << " is " << double(got[i]) << ", expected "
                     << double(want[i]);
      llvm::errs() << "\n";
      return;
    }
}

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CPU_KERNELTEST_H
