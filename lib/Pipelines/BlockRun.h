//===- BlockRun.h - one compiled block and its samples -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_BLOCKRUN_H
#define QNT_LIB_PIPELINES_BLOCKRUN_H

#include "ActivationStore.h"
#include "Samples.h"

#include "qnt/Runtime/qnt.h"
#include "qnt/Transforms/Blocks.h"

namespace qnt {

/// A compiled ModelBlock, loaded. Throws std::runtime_error.
class BlockRun {
public:
  /// Of code at `path`, which BlockCompiler compiled; reports what passes the
  /// block's sites to `observer`, which may be null.
  BlockRun(const std::string &path, const ModelBlock &block,
           RunObserver *observer);
  ~BlockRun();
  BlockRun(const BlockRun &) = delete;

  /// Runs one sample. `before` is the result of the block before where the
  /// block takes it. Answers the block's result, if it has one. Errors are
  /// about the samples' file, `where`.
  Activation call(const Sample &sample, const Activation &before,
                  const std::string &where);

private:
  void observe(int64_t op, const qnt_tensor *output);

  std::string path;
  const ModelBlock &block;
  RunObserver *observer;
  qnt_model *model = nullptr;
  int64_t entry = 0;
  bool hasCache = false;
  /// The site that each op of the manifest reports; -1: none.
  std::vector<int64_t> sites;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_BLOCKRUN_H
