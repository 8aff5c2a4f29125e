//===- MeasureLatency.h - times kernels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_MEASURELATENCY_H
#define QNT_LIB_PIPELINES_MEASURELATENCY_H

#include "LatencyTable.h"

#include "qnt/Target/CPU/ISA.h"

#include "llvm/Support/Error.h"

namespace qnt {

/// Where latencies are measured: this machine, with code for `isa`, which it
/// runs. `threads` is 0 for as many as models run with by default.
LatencyTable::Machine getMachine(const cpu::ISA &isa, int64_t threads);

/// How much is measured.
struct LatencyPlan {
  /// The grid. A unit of parallel work is 64 features.
  std::vector<int64_t> features = {64, 256, 1024, 4096};
  std::vector<int64_t> inputs = {256, 1024, 4096};
  /// Bytes of all weights together; 0: more than the caches of this machine
  /// hold.
  int64_t bytes = 0;
  /// Times that all sizes are run, with one row and with many, after once for
  /// nothing.
  int64_t roundsOfRow = 40, roundsOfRows = 8;
  /// Of all layers, as TargetOptions has them.
  std::string tiles;
  bool showsProgress = true;
};

/// Grids for the kinds, each by how many rows come at once, with the machine's
/// instruction set and threads: compiles linear layers of many sizes and runs
/// them in turn, all with weights of their own, so that these come from memory
/// (docs/costs.md). Fails with what the target has no lowering for.
llvm::Expected<LatencyTable>
measureLatencies(const LatencyTable::Machine &machine,
                 llvm::ArrayRef<std::pair<LatencyKind, int64_t>> wanted,
                 const LatencyPlan &plan = {});

} // namespace qnt

#endif // QNT_LIB_PIPELINES_MEASURELATENCY_H
