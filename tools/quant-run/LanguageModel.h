//===- LanguageModel.h - a language model and its cache ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_LANGUAGEMODEL_H
#define QNT_TOOLS_QUANTRUN_LANGUAGEMODEL_H

#include "Model.h"

#include <optional>
#include <span>

namespace qnt::run {

/// Calls the entries of a causal_lm (docs/abi.md) on one KV cache. Logits stay
/// valid until the next call.
class LanguageModel {
public:
  /// A cache for `batch` sequences of up to `maxLength` tokens. Throws RunError
  /// when the model is of another kind.
  LanguageModel(Model &model, int64_t batch, int64_t maxLength);

  /// `tokens` [batch, count], of which row b is valid up to last[b]; the cache
  /// starts anew. Logits [batch, vocab] of the last tokens.
  std::span<const float> prefill(std::span<const int32_t> tokens,
                                 std::span<const int32_t> last);
  /// One token a sequence, at positions [batch]. Logits [batch, vocab].
  std::span<const float> decode(std::span<const int32_t> tokens,
                                std::span<const int32_t> positions);
  /// `tokens` [batch, count], each sequence from `position` on. Logits [batch,
  /// count, vocab].
  std::span<const float> score(std::span<const int32_t> tokens,
                               int64_t position);

  const int64_t batch, maxLength;
  int64_t vocab = 0;

private:
  std::span<const float> call(int64_t entry, std::span<const int32_t> tokens,
                              std::span<const int32_t> positions,
                              std::span<const int32_t> last, bool allRows);

  Model &model;
  int64_t prefillEntry, decodeEntry, scoreEntry;
  ModelMemory cache;
  std::vector<int32_t> starts;
  Buffer logits;
};

/// How many tokens the cache should hold: `wanted`, or what --context and the
/// model's own limit leave of it. Throws RunError when --context asks for more
/// than the model can do.
int64_t contextLength(const Model &model, const Args &args, int64_t wanted);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_LANGUAGEMODEL_H
