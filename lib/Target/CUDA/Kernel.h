//===- Kernel.h - what launching a kernel takes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNEL_H
#define QNT_LIB_TARGET_CUDA_KERNEL_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <array>
#include <string>

namespace qnt::cuda {

/// A tensor of two dimensions that boxes are copied of (TMA): rows of whole
/// bytes or halves. What is outside of it is zero.
struct TensorMap {
  int64_t elementBytes = 0, columns = 0, rowBytes = 0;
  /// The argument that says how many rows there are.
  unsigned rows = 0;
  /// A row of a box has 128 or 64 bytes, within which columns of 16 bytes are
  /// exchanged (its swizzle), or 16 bytes.
  int64_t boxColumns = 0, boxRows = 0;
  int64_t getSwizzle() const {
    int64_t bytes = boxColumns * elementBytes;
    return bytes > 16 ? bytes : 0;
  }
};

/// What a kernel is passed in one place.
struct Argument {
  enum class Kind {
    /// Pointers to global memory: read, written, or both.
    Input,
    Output,
    InOut,
    /// An i32.
    Size,
    /// Launched with a pointer to global memory, it is passed `map` of it.
    TensorMap,
  };
  std::string name;
  Kind kind = Kind::Input;
  TensorMap map = {};

  bool isPointer() const { return kind != Kind::Size; }
};

/// Blocks along one dimension of a grid: a product of quotients, rounded up, of
/// sizes that the kernel is passed.
struct GridExtent {
  /// ceil(argument * times / per).
  struct Factor {
    unsigned argument = 0;
    int64_t times = 1, per = 1;
  };
  int64_t blocks = 1;
  llvm::SmallVector<Factor, 2> factors;

  GridExtent &by(unsigned argument, int64_t times = 1, int64_t per = 1) {
    factors.push_back({argument, times, per});
    return *this;
  }
  /// Of the values of all arguments, of which only sizes are read.
  int64_t get(llvm::ArrayRef<int64_t> arguments) const;
};

/// A kernel and how it is launched.
struct Kernel {
  mlir::gpu::GPUFuncOp code;
  /// Lanes of a block, and its shared memory.
  int64_t threads = 0, sharedBytes = 0;
  /// Device memory for each tile of the result that blocks share, beside a
  /// counter (an i32 that is 0 before and after each launch); tiles are blocks
  /// of the grid's x and y.
  int64_t workspaceBytes = 0;
  /// In the order in which the kernel takes them.
  llvm::SmallVector<Argument> args;
  std::array<GridExtent, 3> grid;

  // Each gives the argument's index.
  unsigned addInput(llvm::StringRef name) {
    return addArgument(name, Argument::Kind::Input);
  }
  unsigned addOutput(llvm::StringRef name) {
    return addArgument(name, Argument::Kind::Output);
  }
  unsigned addInOut(llvm::StringRef name) {
    return addArgument(name, Argument::Kind::InOut);
  }
  unsigned addSize(llvm::StringRef name) {
    return addArgument(name, Argument::Kind::Size);
  }

private:
  unsigned addArgument(llvm::StringRef name, Argument::Kind kind) {
    args.push_back({name.str(), kind});
    return unsigned(args.size() - 1);
  }
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNEL_H
