//===- Arrays.h - tensors from and to numpy's files -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_ARRAYS_H
#define QNT_TOOLS_QUANTRUN_ARRAYS_H

#include "Model.h"
#include "qnt/Support/Npy.h"

#include <map>
#include <string>

namespace qnt::run {

using Arrays = std::map<std::string, support::NpyArray>;

/// The arrays of --input, by name of the input. A lone .npy without a name is
/// the entry's only input. Throws RunError or FileError.
Arrays readInputs(const Model &model, int64_t entry, const Args &args);

/// `array` as the input `info` of `entry` expects it. f32 arrays are rounded
/// where bf16 is expected, which .npy files cannot hold; any other difference
/// of dtype, and of shape, throws RunError that names the input.
Tensor toTensor(const Model &model, int64_t entry, const qnt_tensor_info &info,
                const support::NpyArray &array);

/// All inputs of `entry` in order. Throws RunError that names a missing one, or
/// one that the entry does not have.
std::vector<Tensor> toTensors(const Model &model, int64_t entry,
                              const Arrays &arrays);

/// An entry with its inputs, and memory for its outputs and its cache. The
/// cache's length is --context or the model's own.
class Call {
public:
  /// Throws RunError when no input tells a dimension of an output.
  Call(Model &model, int64_t entry, const Args &args,
       std::vector<Tensor> inputs);
  void run();

  std::vector<Tensor> inputs, outputs;
  /// The entry's symbolic dimensions by name.
  std::map<std::string, int64_t> dimensions;

private:
  Model &model;
  int64_t entry;
  ModelMemory cache;
  qnt_memory memory{};
  std::vector<qnt_tensor> in, out;
};

/// Where --output wants each output of `entry`: a file, or "". Throws RunError
/// that names an output which the entry does not have.
std::vector<std::string> outputFiles(const Model &model, int64_t entry,
                                     const Args &args);

/// Writes an .npy; bf16 becomes f32, which holds it exactly.
void writeTensor(const std::string &path, const Tensor &tensor);

/// The entry of --entry, else main, forward or score.
int64_t chosenEntry(const Model &model, const Args &args);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_ARRAYS_H
