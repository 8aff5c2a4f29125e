//===- Tokenizer.h - text to token ids and back -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOKENIZE_TOKENIZER_H
#define QNT_TOKENIZE_TOKENIZER_H

#include "qnt/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::tokenize {

/// Why a tokenizer could not be built or used. The message is one line that
/// names the file's field or the piece at fault.
struct TokenizerError : std::runtime_error {
  explicit TokenizerError(std::string_view message)
      : std::runtime_error(support::oneLine(message)) {}
};

/// A tokenizer read from a HuggingFace `tokenizer.json` (byte-level BPE,
/// WordPiece, Unigram) or from a SentencePiece `.model`. Immutable after
/// construction and safe to share among threads.
class Tokenizer {
public:
  virtual ~Tokenizer();

  /// `json` is the text of tokenizer.json. Throws TokenizerError.
  static std::unique_ptr<Tokenizer> fromJson(std::string_view json);
  /// `model` is the bytes of a SentencePiece model. Throws TokenizerError.
  static std::unique_ptr<Tokenizer> fromSentencePiece(std::string_view model);

  /// Ids of `text` (UTF-8). With `addSpecial`, the post-processor's template
  /// ([CLS] .. [SEP], BOS) is applied. Special tokens written in the text are
  /// recognised either way, as HuggingFace's tokenizers do; a SentencePiece
  /// model does not, and its template is BOS, if it has one. Bytes that are not
  /// UTF-8 count as U+FFFD. The file's truncation and padding are not applied.
  /// Throws TokenizerError for a text that the model has no tokens for.
  virtual std::vector<int32_t> encode(std::string_view text,
                                      bool addSpecial = false) const = 0;
  /// The text of `ids`; bytes that do not form UTF-8 become U+FFFD.
  virtual std::string decode(const std::vector<int32_t> &ids,
                             bool skipSpecial = true) const = 0;
  /// One more than the largest id.
  virtual int64_t size() const = 0;
  virtual std::optional<int32_t> tokenToId(std::string_view token) const = 0;
  virtual std::optional<std::string> idToToken(int32_t id) const = 0;
};

/// Yields text as tokens arrive, holding back incomplete UTF-8 sequences.
class StreamDecoder {
public:
  explicit StreamDecoder(const Tokenizer &tokenizer) : tokenizer(tokenizer) {}
  /// The text that `id` completes; may be empty.
  std::string push(int32_t id);
  /// What was held back when no more tokens come; afterwards the decoder is as
  /// new.
  std::string finish();

private:
  const Tokenizer &tokenizer;
  /// The tokens that the next one's text may depend on. The first `read` of
  /// them make up the text's first `seen` bytes, which have been yielded.
  std::vector<int32_t> ids;
  size_t read = 0, seen = 0;
};

/// One turn of a conversation.
struct Message {
  std::string role, content;
};

/// A chat template: the Jinja subset that HuggingFace tokenizer_config.json
/// files use. Throws TokenizerError with line and column on what it cannot
/// parse.
class ChatTemplate {
public:
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  /// `bos`/`eos` are bound to bos_token and eos_token. Bytes that are not UTF-8
  /// count as U+FFFD. Throws TokenizerError where the template fails or refuses
  /// the conversation.
  std::string render(const std::vector<Message> &messages,
                     bool addGenerationPrompt, const std::string &bos,
                     const std::string &eos) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// What tokenizer_config.json and generation_config.json say of a model's
/// special tokens and chat template.
struct TokenizerConfig {
  std::string bos, eos;
  std::optional<std::string> chatTemplate;
  std::vector<int32_t> stopIds;
  /// Either text may be empty. Throws TokenizerError.
  static TokenizerConfig parse(std::string_view tokenizerConfigJson,
                               std::string_view generationConfigJson,
                               const Tokenizer &tokenizer);
};

} // namespace qnt::tokenize

#endif // QNT_TOKENIZE_TOKENIZER_H
