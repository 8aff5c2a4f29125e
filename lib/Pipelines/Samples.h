//===- Samples.h - what a model is run on -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_SAMPLES_H
#define QNT_LIB_PIPELINES_SAMPLES_H

#include "qnt/Analysis/ModelParts.h"
#include "qnt/Analysis/ModelRunner.h"
#include "qnt/Support/Npy.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qnt {

/// The tensors of one call, by argument of the entry point; those of caches are
/// empty. What else was asked for follows, empty where the file lacks it.
using Sample = std::vector<support::NpyArray>;

/// The samples that `set` chooses from its file, for an entry point of
/// `module`. Text (.txt) is cut into windows for language models and into lines
/// for encoders; .npz arrays are named after the inputs, one sample an index of
/// their first dimension; they may hold those of `others`, too. Throws
/// std::runtime_error, whose message names the file and what it lacks.
std::vector<Sample> readSamples(mlir::ModuleOp module, mlir::func::FuncOp entry,
                                const SampleSet &set,
                                llvm::ArrayRef<std::string> others = {});

/// What an argument of an entry point is called.
std::string getInputName(mlir::func::FuncOp entry, unsigned argument);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_SAMPLES_H
