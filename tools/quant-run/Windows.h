//===- Windows.h - likelihood of text, window by window ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_WINDOWS_H
#define QNT_TOOLS_QUANTRUN_WINDOWS_H

#include "LanguageModel.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace qnt::run {

/// Consecutive pieces of `size` tokens of a text file, encoded whole and
/// without special tokens; a last short one is dropped.
struct Windows {
  /// Size and number as the options and the model's context say. Throws
  /// RunError when the text does not fill one window.
  Windows(const Model &model, const Args &args, const std::string &file);

  int64_t count() const { return tokens.size() / size; }
  std::span<const int32_t> operator[](int64_t i) const {
    return std::span(tokens).subspan(i * size, size);
  }

  int64_t size;
  std::vector<int32_t> tokens;
};

/// Tokens scored in one call. More would need much memory for the logits of a
/// large vocabulary.
inline constexpr int64_t scoredAtOnce = 256;

/// log(sum(exp(row))), in double.
double logSumExp(std::span<const float> row);

/// Negative log likelihood of `targets` [rows] under `logits` [rows, vocab],
/// added up in the order of the rows, whatever the number of threads.
double negativeLogLikelihood(std::span<const float> logits,
                             std::span<const int32_t> targets);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_WINDOWS_H
