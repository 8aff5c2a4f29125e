//===- OutlierReport.h - where large activations are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_OUTLIERREPORT_H
#define QNT_LIB_PIPELINES_OUTLIERREPORT_H

#include "qnt/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace qnt {

/// The channels of one site of linear layers or convolutions.
struct SiteOutliers {
  std::string site;
  /// [channels]: the largest |x|.
  std::vector<float> absMax;
  /// [channels]: 3 for normal distributions.
  std::vector<float> kurtosis;
  /// Indices of the three largest channels.
  std::vector<int64_t> largest;
  float max = 0, median = 0;
  /// The largest channel over the median one; 0 where the median is 0.
  double getRatio() const { return median > 0 ? max / median : 0; }
};

/// Runs the float model over samples; sites in the order of the model. Fails
/// where calibration does.
mlir::FailureOr<std::vector<SiteOutliers>>
findOutliers(mlir::ModuleOp module, const CalibrateOptions &options);

/// A line for each site.
void printOutliers(llvm::ArrayRef<SiteOutliers> sites, llvm::raw_ostream &os);

/// One HTML page without anything outside itself: the table, and a plot of the
/// channels of every site.
void writeOutlierPage(llvm::StringRef model, llvm::ArrayRef<SiteOutliers> sites,
                      llvm::raw_ostream &os);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_OUTLIERREPORT_H
