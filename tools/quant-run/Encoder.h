//===- Encoder.h - sentence embeddings --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_ENCODER_H
#define QNT_TOOLS_QUANTRUN_ENCODER_H

#include "Model.h"
#include "Text.h"

#include <string>
#include <vector>

namespace qnt::run {

/// Encodes sentences through the entry `embed` of an encoder.
class Encoder {
public:
  /// Throws RunError when the model is of another kind or has no `embed`.
  explicit Encoder(Model &model);

  /// The embedding of one sentence, of length one. Sentences longer than the
  /// model's context lose their end, but keep the closing special token.
  std::vector<float> embed(const std::string &sentence);

private:
  Model &model;
  Text text;
  int64_t entry, width = 0;
};

/// Cosine of two vectors, in double; 0 when one is zero.
double cosine(std::span<const float> a, std::span<const float> b);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_ENCODER_H
