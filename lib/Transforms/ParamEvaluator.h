//===- ParamEvaluator.h - parameter expressions, row by row -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_PARAMEVALUATOR_H
#define QNT_LIB_TRANSFORMS_PARAMEVALUATOR_H

#include "GPTQ.h"
#include "LowRank.h"
#include "ParamStorage.h"

#include <list>
#include <mutex>

namespace qnt {

/// Rows [first, first + count).
struct RowRange {
  int64_t first = 0, count = 0;
};

/// Rows that many others are computed from: those that were asked for last, as
/// far as memory allows. Thread-safe.
class RowCache {
public:
  using Rows = std::shared_ptr<const std::vector<float>>;
  /// Block `block` of the rows of an op's result, by `compute` where they are
  /// not held; others who ask for the same wait for it.
  Rows get(mlir::Operation *op, int64_t block,
           llvm::function_ref<std::vector<float>()> compute);

private:
  struct Entry {
    mlir::Operation *op;
    int64_t block;
    std::mutex mutex;
    Rows rows;
  };
  void evict();

  std::mutex mutex;
  /// The one asked for last first.
  std::list<std::shared_ptr<Entry>> entries;
};

/// Evaluates expressions that isParamExpression accepts, from the store, for
/// the rows asked for, and others only where they are mixed with these (a
/// rotation of outputs keeps what it computed). Thread-safe; errors are thrown
/// as params::ParamsError.
class ParamEvaluator {
public:
  /// `statistics` holds what "statistics/..." names (docs/ir.md), and may be
  /// null. Both outlive the evaluator.
  explicit ParamEvaluator(const params::ParamStore &store,
                          const params::ParamStore *statistics = nullptr)
      : store(store), statistics(statistics) {}

  /// Checks every load of an expression against the store: name, shape, dtype.
  void check(mlir::Value value) const;
  /// Elements of the largest row that evaluating one row of `value` needs, so
  /// that callers can size their blocks.
  int64_t getCostPerRow(mlir::Value value) const;
  /// Whether rows cannot be evaluated apart, because they share a scale.
  bool needsAllRows(mlir::Value value) const;

  /// Rows of a float tensor, in f32; of a scalar, its one. NaN and infinity in
  /// a parameter are errors.
  std::vector<float> evaluateFloat(mlir::Value value, RowRange rows) const;
  /// Rows of a computed integer tensor [N].
  std::vector<int32_t> evaluateIntegers(mlir::Value value, RowRange rows) const;
  /// Rows of a quantised tensor without layout.
  QuantizedRows evaluateQuantized(mlir::Value value, RowRange rows) const;

  /// Tells the store that what `rows` of `value` were made from is done with
  /// for now.
  void release(mlir::Value value, RowRange rows) const;

private:
  QuantizedRows loadQuantized(QTensorType type, const std::string &name,
                              RowRange rows) const;
  std::vector<float> evaluateBroadcast(mlir::Operation *op, bool multiply,
                                       RowRange rows) const;
  std::vector<float> evaluateScaleRows(nn::ScaleRowsOp op, RowRange rows) const;
  std::vector<float> evaluateLinear(nn::LinearOp op, RowRange rows) const;
  std::vector<float> evaluateBias(DequantizeBiasOp op, RowRange rows) const;
  std::vector<float> evaluateCorrection(CorrectBiasOp op, RowRange rows) const;
  /// The numbers that rows of `value`, a quantised tensor, stand for.
  std::vector<float> evaluateDecoded(mlir::Value value, RowRange rows) const;
  // Of changes of basis and choices of features (ParamRotations.cpp).
  std::vector<float> evaluateRotate(RotateOp op, RowRange rows) const;
  void rotateLines(RotateOp op, int64_t block,
                   llvm::MutableArrayRef<double> lines, int64_t width) const;
  std::vector<float> rotateBlock(RotateOp op, int64_t block) const;
  std::vector<float> evaluateSelect(nn::SelectFeaturesOp op,
                                    RowRange rows) const;

  QuantizedRows evaluateByMoment(QuantizeOp op, RowRange rows) const;
  /// Of the inputs of a group of rows, of which a moment [K, K] has one.
  std::shared_ptr<const MomentFactor> getMoment(QuantizeOp op,
                                                int64_t group) const;
  std::vector<float> evaluateLowRank(LowRankOp op, bool isLeft,
                                     RowRange rows) const;
  const params::ParamStore &getStore(llvm::StringRef name) const;

  const params::ParamStore &store;
  const params::ParamStore *statistics;
  /// What rows share. The last few are kept: jobs that share one follow each
  /// other.
  template <typename T> struct Recent {
    std::mutex mutex;
    std::list<std::pair<std::string, std::shared_ptr<const T>>> entries;
    std::shared_ptr<const T>
    get(const std::string &key,
        llvm::function_ref<std::shared_ptr<const T>()> make);
  };
  mutable Recent<MomentFactor> moments;
  mutable Recent<LowRankFactors> lowRanks;
  mutable RowCache cache;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_PARAMEVALUATOR_H
