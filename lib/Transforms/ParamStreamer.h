//===- ParamStreamer.h - evaluated parameters into a file -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_PARAMSTREAMER_H
#define QNT_LIB_TRANSFORMS_PARAMSTREAMER_H

#include "ParamEvaluator.h"

#include "qnt/Support/Progress.h"

#include <condition_variable>
#include <mutex>

namespace qnt {

/// A parameter expression and what it becomes in the new store.
struct ParamJob {
  mlir::Value value;
  std::string name;
  std::vector<params::SafeTensorsWriter::Entry> entries;
};

/// Evaluates jobs in blocks of rows on all threads of the context and writes
/// them in order, so that the file does not depend on the threads. A block
/// waits for the ones before it to be written; at most one a thread waits.
class ParamStreamer {
public:
  ParamStreamer(const ParamEvaluator &evaluator,
                const params::ParamStore &store, std::vector<ParamJob> jobs,
                params::SafeTensorsWriter &writer);

  /// Throws what the first block (in order of the file) that failed threw.
  void run(mlir::MLIRContext *context);

private:
  struct Block {
    size_t job;
    RowRange rows;
    bool last;
  };
  /// What a block adds to the tensors of its job.
  struct Bytes {
    std::vector<std::byte> main, scales, zeros;
  };

  void work();
  Bytes evaluate(const ParamJob &job, RowRange rows) const;
  Bytes evaluateQuantized(const ParamJob &job, RowRange rows) const;
  /// Packs rows into a layout.
  std::vector<std::byte> pack(QTensorType type, QuantizedRows rows,
                              RowRange range) const;
  bool write(size_t index, Bytes bytes);

  const ParamEvaluator &evaluator;
  const params::ParamStore &store;
  std::vector<ParamJob> jobs;
  params::SafeTensorsWriter &writer;

  std::vector<Block> blocks;
  support::Progress progress;
  std::atomic<size_t> nextBlock{0};
  std::mutex mutex;
  std::condition_variable turn;
  size_t written = 0;
  /// Scales and zero points (or offsets) of the job being written, which follow
  /// its codes.
  std::vector<std::byte> scales, zeros;
  size_t failedBlock = SIZE_MAX;
  std::exception_ptr failure;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_PARAMSTREAMER_H
