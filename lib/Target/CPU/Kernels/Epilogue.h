//===- Epilogue.h - what follows a contraction, in registers ----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_EPILOGUE_H
#define QNT_LIB_TARGET_CPU_KERNELS_EPILOGUE_H

#include "../Kernels.h"

#include <vector>

namespace qnt::cpu {

/// Emits the steps of an EpilogueOp on a tile of results and stores them, for
/// every contraction.
class Epilogue {
public:
  using Value = mlir::Value;
  /// A tile is lines by pixels by panels of kLanes columns: value
  /// [(line * pixels + pixel) * panels + panel].
  struct Tile {
    int64_t lines = 1, pixels = 1, panels = 1;
    llvm::SmallVector<Value> values;
    Value &at(int64_t spot, int64_t panel) {
      return values[spot * panels + panel];
    }
  };

  /// `finite`: that the numbers of the tiles are. `apart`: that columns beyond
  /// the lanes of a panel belong to somebody else. `positions`: how many
  /// numbers a sum of integers is the mean of.
  Epilogue(const EpilogueSpec &spec, bool finite, bool apart,
           int64_t positions = 1);

  /// The pointers of result and operands, moved from their first element to
  /// that of a tile. `pixel`, `line` and `image` count as in Grid.
  llvm::SmallVector<Value> move(KernelBuilder &k, mlir::ValueRange pointers,
                                Value image, Value line, Value pixel,
                                Value column) const;
  /// Takes f32 numbers, or i32 sums where the steps are those of integers.
  /// `lanes(panel)` are the columns that a panel has, null for all. With
  /// `scale`, numbers are f32 or i32, and scale(panel) is what to multiply them
  /// by; the last step of integers does so itself.
  void emit(KernelBuilder &k, Tile &tile, mlir::ValueRange pointers,
            llvm::function_ref<Value(int64_t)> lanes,
            llvm::function_ref<Value(int64_t)> scale = {}) const;

private:
  /// An operand's place among the pointers, and how it follows the tile.
  struct Operand {
    enum Kind { Columns, Whole, Scalar } kind;
    Grid grid;
    unsigned pointer;
  };
  struct Step {
    EpilogueKind kind;
    llvm::SmallVector<Operand, 4> operands;
  };
  using Prepared = llvm::SmallVector<Value, 6>;

  Prepared prepare(KernelBuilder &k, const Step &step,
                   mlir::ValueRange pointers, int64_t panel, Value lanes,
                   Value scale) const;
  Prepared prepareEncoding(KernelBuilder &k, const Step &step,
                           mlir::ValueRange pointers, int64_t panel,
                           Value lanes, Value scale) const;
  Value apply(KernelBuilder &k, const Step &step, const Prepared &prepared,
              mlir::ValueRange pointers, int64_t line, int64_t pixel,
              int64_t panel, Value lanes, Value x, Value &addend) const;
  /// Where an operand of the result's shape has what meets a spot of a panel.
  Value findWhole(KernelBuilder &k, const Step &step, mlir::ValueRange pointers,
                  int64_t line, int64_t pixel, int64_t panel) const;
  void store(KernelBuilder &k, Value x, Value pointer, Value lanes) const;
  Value loadCodes(KernelBuilder &k, const Grid &grid, Value pointer,
                  Value lanes) const;
  /// What the steps of a panel need: each step's values, or those of all steps
  /// folded into one multiplication and addition, the bounds of the codes, and
  /// what is added to them.
  struct Panel {
    int64_t index;
    Value lanes, scale;
    llvm::SmallVector<Prepared> steps;
    Prepared folded;
  };
  Panel preparePanel(KernelBuilder &k, mlir::ValueRange pointers, int64_t index,
                     Value lanes, Value scale) const;
  /// Whether the steps are a bias, an addition of codes, relu and quantisation,
  /// or less.
  bool isFoldable() const;
  /// All steps of one panel at one spot.
  void finish(KernelBuilder &k, const Panel &panel, mlir::ValueRange pointers,
              int64_t line, int64_t pixel, Value x) const;

  Grid out;
  QTensorType result;
  std::vector<Step> steps;
  bool isInteger = false, hasFunction = false, hasRelu = false;
  bool finite, apart;
  int64_t positions;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_EPILOGUE_H
