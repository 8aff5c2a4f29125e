//===- CPUCostModel.h - costs on the CPU target -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_CPUCOSTMODEL_H
#define QNT_LIB_PIPELINES_CPUCOSTMODEL_H

#include "LatencyTable.h"

#include "qnt/Analysis/CostModel.h"
#include "qnt/Target/CPU/ISA.h"

namespace qnt {

/// The costs of code for the CPU. Latencies are those of code for `isa` on this
/// machine with so many threads (0: as many as models run with by default);
/// what the table of the machine lacks is measured.
class CPUCostModel : public CostModel {
public:
  explicit CPUCostModel(const cpu::ISA &isa, int64_t threads = 0);

  bool isSupported(const QuantizedContraction &layer) const override;
  int64_t getCacheBytes(nn::KVCacheType cache,
                        int64_t positions) const override;
  int64_t getBytes(const QuantizedContraction &layer) const override;
  llvm::Expected<double>
  getLatency(const QuantizedContraction &layer) const override;
  llvm::Error
  prepareLatencies(llvm::ArrayRef<QuantizedContraction> layers) const override;

  const LatencyTable::Machine &getMachine() const { return table.machine; }
  /// What was read and measured so far.
  const LatencyTable &getTable() const { return table; }
  /// The file that keeps it.
  llvm::Expected<std::string> getTablePath() const;

private:
  std::string getTableName() const;
  llvm::Error readTable() const;
  /// Measures, and adds to the file.
  llvm::Error
  measure(llvm::ArrayRef<std::pair<LatencyKind, int64_t>> wanted) const;

  const cpu::ISA &isa;
  /// What it knows does not depend on what was asked before.
  mutable LatencyTable table;
  mutable bool wasRead = false;
};

/// What the latency of a linear layer depends on beside its size. Fails with
/// the reason where there is no table of such layers.
llvm::Expected<LatencyKind> makeKind(const QuantizedContraction &layer);
/// The weight [features, inputs] of a layer of this kind, and its input
/// [?, inputs], null for floats.
QTensorType makeWeightType(const LatencyKind &kind, int64_t features,
                           int64_t inputs, mlir::MLIRContext *context);
QTensorType makeInputType(const LatencyKind &kind, int64_t inputs,
                          mlir::MLIRContext *context);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_CPUCOSTMODEL_H
