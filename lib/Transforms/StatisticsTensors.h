//===- StatisticsTensors.h - statistics as parameters -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The safetensors file that qnt.statistics names (docs/calibration.md). A site
// has the tensors "statistics/SITE/KIND".
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_STATISTICSTENSORS_H
#define QNT_LIB_TRANSFORMS_STATISTICSTENSORS_H

#include "qnt/Analysis/ChannelStatistics.h"
#include "qnt/Params/SafeTensors.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// Declares the tensors of a site, and writes them in the same order.
void addStatisticsEntries(
    std::vector<params::SafeTensorsWriter::Entry> &entries,
    llvm::StringRef site, int64_t features, const MomentLayout &moments);
void writeStatisticsTensors(params::SafeTensorsWriter &writer,
                            const ChannelStatistics &channels);
/// Of the file.
std::map<std::string, std::string> getStatisticsMetadata();

/// Opens such a file. Throws params::ParamsError where it is something else, or
/// of another version.
std::shared_ptr<params::ParamStore>
openStatisticsTensors(const std::string &path);

/// "statistics/SITE/second_moment", [K, K] f32.
std::string getSecondMomentName(llvm::StringRef site);
/// "statistics/SITE/KIND", [K] f32; KIND is absmax, absmean, mean, min, max or
/// kurtosis.
std::string getChannelStatisticName(llvm::StringRef site, llvm::StringRef kind);

/// A load of a statistic of this type at the builder's place; declares its
/// global where the module has none.
mlir::Value loadStatistic(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::ModuleOp module, llvm::StringRef name,
                          mlir::RankedTensorType type);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_STATISTICSTENSORS_H
