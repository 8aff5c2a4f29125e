//===- LinearScaling.h - from sums of products to results -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_LINEARSCALING_H
#define QNT_LIB_TARGET_CUDA_KERNELS_LINEARSCALING_H

#include "../Decode.h"
#include "Epilogue.h"

namespace qnt::cuda {

/// What every kernel of a linear layer takes, in this order.
struct LinearArguments {
  using Value = mlir::Value;
  Value x, scales, zeros, sums, weight, rows, out, workspace, counters;
  mlir::ValueRange operands;

  explicit LinearArguments(mlir::ValueRange args);
  /// Declares them; `x` as `input` says, and `sums`. The index of `rows`.
  static unsigned declare(Kernel &kernel, const LinearShape &shape,
                          const Argument &input,
                          const Argument &sums = {"sums"});
};

/// The rescale and the end of a linear layer, whatever instruction its products
/// are by: sums of one scale become f32 numbers, and these results.
class LinearScaling {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;
  using Pair = Epilogue::Pair;

  /// `isInteger`: whether sums are i32, else f32.
  LinearScaling(const LinearShape &shape, bool isInteger);

  /// Whether activations are f16.
  bool isFloat() const { return !shape.input; }
  /// Whether sums of groups are scaled here, rather than by the instruction.
  bool isGrouped() const { return g.groups > 1 && !shape.isBlockScaled(); }
  /// Whether sums of products of a chunk are added to f32 numbers by additions:
  /// tensor cores before tcgen05 add up floats of 8 bits with fewer bits than
  /// f32 has.
  bool promotes() const {
    return shape.isOfFloats() && !shape.isBlockScaled() && !isGrouped();
  }
  Values promote(KernelBuilder &k, mlir::ValueRange numbers,
                 mlir::ValueRange sums) const;
  RowsAttr getRows() const {
    return mlir::cast<RowsAttr>(shape.input.getLayout());
  }
  bool hasInputZeros() const {
    return !isFloat() && (shape.input.hasZeros() || getRows().getExcess());
  }
  /// Whether zero points or offsets come off sums, by the sums of activations.
  bool usesRowSums() const { return !isFloat() && g.zeroBytes; }
  /// Bytes from row to row of activations.
  int64_t getRowBytes() const;
  /// Of a kernel's name: all that the code depends on beside tile and
  /// instruction.
  std::string getName() const;

  /// What sums of a group count, and what the sum of a row's activations counts
  /// less, where there are zero points or offsets.
  struct Factor {
    Value factor, less;
  };
  /// Of one column, or of two neighbours, whose scales and zero points or
  /// offsets the pointers point at.
  Factor loadFactor(KernelBuilder &k, Value scale, Value zero) const;
  std::array<Factor, 2> loadFactors(KernelBuilder &k, Value scales,
                                    Value zeros) const;
  /// `number` and what the sum of products of a group counts.
  Value scale(KernelBuilder &k, const Factor &factor, Value sum, Value rowSum,
              Value number) const;
  /// The sum of the stored codes of a row over a group, as f32, where zero
  /// points or offsets need it; of rows that do not exist, anything.
  Value loadRowSum(KernelBuilder &k, const LinearArguments &args, Value row,
                   Value group) const;

  /// Where things lie that the weight has once for each of its rows.
  struct PanelPlace {
    Value panel, column;
    Value at(KernelBuilder &k, int64_t first, int64_t bytes) const {
      return k.at(panel, k.addC(k.mulC(column, bytes), first));
    }
  };
  /// Of columns beyond `last`, that one.
  PanelPlace locateColumn(KernelBuilder &k, const LinearArguments &args,
                          Value column, int64_t last) const;

  /// Of a block that shares a tile with `splits` - 1 others: its first `lanes`
  /// lanes have states. A word of shared memory at `shared` is free.
  struct Sharer {
    Value thread, shared;
    int64_t lanes;
  };
  /// Adds up the states of the blocks that share a tile, in their order, and
  /// runs `rest` on the sum in those lanes of the last one that comes. States
  /// are f32 numbers, or where there are no groups sums.
  void reduceSplits(KernelBuilder &k, const LinearArguments &args,
                    const LinearTile &tile, const Sharer &sharer,
                    mlir::ValueRange state,
                    llvm::function_ref<void(mlir::ValueRange)> rest) const;

  /// Numbers of columns[j] and the next one in rows[r], sums where there are no
  /// groups.
  using NumberAt = llvm::function_ref<Pair(size_t r, size_t j)>;
  /// Scales what is not scaled yet, runs the epilogue and stores, at pairs of
  /// columns that begin at the even `columns`, in `rows`. Where `mayExceed`,
  /// columns may not exist.
  void finish(KernelBuilder &k, const LinearArguments &args,
              llvm::ArrayRef<Value> rows, llvm::ArrayRef<Value> columns,
              bool mayExceed, NumberAt numberAt) const;

  const LinearShape &shape;
  FragmentGeometry g;
  Decoder decoder;
  int64_t features, inputs;

private:
  /// The type of what is stored of a factor, or null for none.
  mlir::Type getFactorType() const;
  Factor makeFactor(KernelBuilder &k, Value scale, Value zero) const;

  bool isInteger;
  Epilogue epilogue;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_LINEARSCALING_H
