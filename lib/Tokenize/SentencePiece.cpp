//===- SentencePiece.cpp - SentencePiece models ---------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Tokenize/Tokenizer.h"

#include "Unicode.h"

#include <sentencepiece_processor.h>

namespace qnt::tokenize {

namespace {
void check(const sentencepiece::util::Status &status) {
  if (!status.ok())
    throw TokenizerError("SentencePiece model: " + status.ToString());
}

class SentencePieceTokenizer final : public Tokenizer {
public:
  explicit SentencePieceTokenizer(std::string_view model) {
    // Pieces that its trie does not take are reported by exceptions.
    try {
      check(processor.LoadFromSerializedProto(
          absl::string_view(model.data(), model.size())));
    } catch (const TokenizerError &) {
      throw;
    } catch (const std::exception &error) {
      // What it says begins with a place in the library's sources.
      std::string_view text = error.what();
      text.remove_prefix(text.rfind(": ") == text.npos ? 0
                                                       : text.rfind(": ") + 2);
      throw TokenizerError("SentencePiece model: bad piece: " +
                           std::string(text));
    }
  }

  std::vector<int32_t> encode(std::string_view text,
                              bool addSpecial) const override {
    std::string valid = replaceInvalid(text);
    std::vector<int> ids;
    check(processor.Encode(valid, &ids));
    // The model does not say whether it wants more than a beginning.
    if (addSpecial && processor.bos_id() >= 0)
      ids.insert(ids.begin(), processor.bos_id());
    return {ids.begin(), ids.end()};
  }

  std::string decode(const std::vector<int32_t> &ids,
                     bool skipSpecial) const override {
    std::string out;
    std::vector<int> run;
    auto flush = [&] {
      std::string text;
      check(processor.Decode(run, &text));
      out += text;
      run.clear();
    };
    for (int32_t id : ids) {
      if (id < 0 || id >= processor.GetPieceSize())
        throw TokenizerError("SentencePiece model: id " + std::to_string(id) +
                             " is not of the " +
                             std::to_string(processor.GetPieceSize()) +
                             " pieces");
      // Control pieces have no text of their own; here they are spelled.
      if (!skipSpecial && processor.IsControl(id)) {
        flush();
        out += processor.IdToPiece(id);
        continue;
      }
      run.push_back(id);
    }
    flush();
    return out;
  }

  int64_t size() const override { return processor.GetPieceSize(); }

  std::optional<int32_t> tokenToId(std::string_view token) const override {
    int id = processor.PieceToId(absl::string_view(token.data(), token.size()));
    // An unknown piece has the unknown token's id.
    if (id < 0 || processor.IdToPiece(id) != token)
      return std::nullopt;
    return id;
  }

  std::optional<std::string> idToToken(int32_t id) const override {
    if (id < 0 || id >= processor.GetPieceSize())
      return std::nullopt;
    return processor.IdToPiece(id);
  }

private:
  sentencepiece::SentencePieceProcessor processor;
};
} // namespace

std::unique_ptr<Tokenizer>
Tokenizer::fromSentencePiece(std::string_view model) {
  return std::make_unique<SentencePieceTokenizer>(model);
}

} // namespace qnt::tokenize
