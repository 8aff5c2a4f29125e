//===- Emulator.h - GPU kernels on the CPU -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_EMULATOR_EMULATOR_H
#define QNT_EMULATOR_EMULATOR_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qnt::emu {

/// Device memory that a kernel may touch.
struct Buffer {
  void *data = nullptr;
  size_t bytes = 0;
  bool writable = true;
  /// For errors.
  std::string name;
};

/// What a CUtensorMap of two dimensions says, and what a kernel's argument that
/// is one points at: rows of numbers in global memory, copied box by box.
struct TensorMap {
  const void *data = nullptr;
  uint64_t columns = 0, rows = 0;
  /// Bytes from row to row.
  uint64_t rowBytes = 0;
  uint32_t boxColumns = 0, boxRows = 0;
  uint32_t elementBytes = 0;
  /// Bytes that 16-byte columns are exchanged within: 128, 64, or 0.
  uint32_t swizzle = 0;
};

struct Launch {
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {32, 1, 1};
  size_t sharedBytes = 0;
  std::vector<Buffer> buffers;
};

/// A kernel in machine code of this host.
class Kernel {
public:
  virtual ~Kernel() = default;
  /// Runs all blocks, one after the other. `args` are the kernel's arguments,
  /// each in the low bytes of a word, of those that are passed by value a
  /// pointer to them. False after an error (docs/emulator.md), which `error`
  /// then tells in one line; memory is as it was then.
  virtual bool run(const Launch &launch, llvm::ArrayRef<uint64_t> args,
                   std::string &error) = 0;
};

/// Lowers the kernel `name` of `module`, which stays as it is. Null after an
/// error, reported at the op that has no lowering.
std::unique_ptr<Kernel> load(mlir::gpu::GPUModuleOp module,
                             llvm::StringRef name);

/// A word of `args`.
inline uint64_t toArgument(const void *pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}
inline uint64_t toArgument(int64_t value) { return uint64_t(value); }

} // namespace qnt::emu

#endif // QNT_EMULATOR_EMULATOR_H
