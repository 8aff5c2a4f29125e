//===- LatencyReport.h - quant-opt --measure-latency ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_LATENCYREPORT_H
#define QNT_LIB_PIPELINES_LATENCYREPORT_H

#include "CPUCostModel.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// One format of --measure-latency=int4:64,int8/none,...: weights, inputs that
/// share a scale, activations.
struct ReportedFormat {
  /// As it was written.
  std::string name;
  NumberFormat weight;
  int64_t group = 0;
  ActivationFormat activation;

  /// A layer of these formats. `rows` are those of the input, or positions of
  /// a convolution's result. Without a type where convolutions cannot have the
  /// format.
  QuantizedContraction of(const ContractionShape &shape) const;
};

/// Fails with what it does not know and what it expected.
llvm::Expected<std::vector<ReportedFormat>>
parseReportedFormats(llvm::StringRef text, const CostModel &costs,
                     mlir::MLIRContext *context);

/// Layers of a model that cost the same.
struct ReportedLayers {
  ContractionShape shape;
  /// Convolutions have no latencies.
  bool isLinear = true;
  int64_t count = 0;
  /// The first of them.
  std::string name;
};

/// The linear layers and convolutions of a model, each parameter's once, with
/// so many rows at a time.
std::vector<ReportedLayers> collectReportedLayers(mlir::ModuleOp module,
                                                  int64_t rows);

/// Measures what the table lacks, and prints what it has of these formats, for
/// one row and many.
llvm::Error reportLatencies(llvm::ArrayRef<ReportedFormat> formats,
                            const CPUCostModel &costs, llvm::raw_ostream &os);

/// Prints what the layers cost in each of the formats, and the same as JSON
/// into `json`.
llvm::Error reportCosts(llvm::ArrayRef<ReportedLayers> layers,
                        llvm::ArrayRef<ReportedFormat> formats,
                        const CPUCostModel &costs, llvm::raw_ostream &os,
                        std::string &json);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_LATENCYREPORT_H
