//===- Generate.cpp - continue prompts ------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "LanguageModel.h"
#include "Sampler.h"
#include "Text.h"

#include <algorithm>
#include <chrono>

using namespace qnt::run;
using Clock = std::chrono::steady_clock;

namespace {

/// One sequence of the batch.
struct Sequence {
  std::vector<int32_t> prompt, made;
  std::string text;
  Sampler sampler;
  qnt::tokenize::StreamDecoder decoder;
  bool done = false;
};

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<int32_t> encodePrompt(const Text &text, const Args &args,
                                  const std::string &prompt,
                                  const std::string &path) {
  std::vector<int32_t> ids = args.chat
                                 ? text.encode(text.chat(args.system, prompt))
                                 : text.encode(prompt, /*addSpecial=*/true);
  if (ids.empty() && !text.config.bos.empty())
    if (auto bos = text.tokenizer->tokenToId(text.config.bos))
      ids.push_back(*bos);
  if (ids.empty())
    throw RunError(path + ": the prompt is empty, and the model has no token "
                          "to begin a text with");
  return ids;
}

/// The prompts in a row, padded on the right to the longest.
std::vector<int32_t> padded(const std::vector<Sequence> &sequences,
                            size_t longest) {
  std::vector<int32_t> tokens;
  for (const Sequence &sequence : sequences) {
    tokens.insert(tokens.end(), sequence.prompt.begin(), sequence.prompt.end());
    tokens.resize(tokens.size() + longest - sequence.prompt.size(), 0);
  }
  return tokens;
}

} // namespace

void qnt::run::generate(Model &model, const Args &args, Output &output) {
  model.needKind("causal_lm", "--prompt");
  Text text(model);
  std::vector<Sequence> sequences;
  size_t longest = 0, promptTokens = 0;
  for (const std::string &prompt : args.prompts) {
    auto ids = encodePrompt(text, args, prompt, model.path);
    longest = std::max(longest, ids.size());
    promptTokens += ids.size();
    sequences.push_back({std::move(ids),
                         {},
                         "",
                         Sampler(args, sequences.size()),
                         qnt::tokenize::StreamDecoder(*text.tokenizer)});
  }
  int64_t capacity = contextLength(model, args, longest + args.count);
  if (int64_t(longest) > capacity)
    throw RunError(model.path + ": the prompt has " + std::to_string(longest) +
                   " tokens, but the context holds " +
                   std::to_string(capacity));

  const int64_t batch = sequences.size();
  LanguageModel language(model, batch, capacity);
  std::vector<int32_t> last, positions, next(batch);
  for (const Sequence &sequence : sequences) {
    last.push_back(sequence.prompt.size() - 1);
    positions.push_back(sequence.prompt.size());
  }
  auto start = Clock::now();
  auto logits = language.prefill(padded(sequences, longest), last);
  double prefillSeconds = secondsSince(start);

  start = Clock::now();
  int64_t steps = 0, made = 0;
  while (true) {
    bool any = false;
    for (int64_t b = 0; b < batch; ++b) {
      Sequence &sequence = sequences[b];
      if (sequence.done)
        continue;
      next[b] = sequence.sampler.choose(
          logits.subspan(b * language.vocab, language.vocab));
      if (!args.ignoreEos && text.stops.contains(next[b])) {
        sequence.done = true;
        continue;
      }
      sequence.made.push_back(next[b]);
      std::string piece = sequence.decoder.push(next[b]);
      sequence.text += piece;
      if (batch == 1)
        output.print(piece);
      // The token at the last position of the cache can be read, but no room
      // is left for one more.
      sequence.done = int64_t(sequence.made.size()) == args.count ||
                      positions[b] == capacity;
      any |= !sequence.done;
    }
    if (!any)
      break;
    // Sequences that are done go along, writing where nobody reads.
    for (int64_t b = 0; b < batch; ++b)
      positions[b] = std::min<int32_t>(positions[b], capacity - 1);
    logits = language.decode(next, positions);
    ++steps;
    for (int64_t b = 0; b < batch; ++b)
      if (!sequences[b].done) {
        ++positions[b];
        ++made;
      }
  }
  double decodeSeconds = secondsSince(start);

  Json texts = Json::array(), ids = Json::array();
  int64_t generated = 0;
  for (int64_t b = 0; b < batch; ++b) {
    // What the stream held back: the end may be half a character.
    std::string whole = text.tokenizer->decode(sequences[b].made);
    texts.push_back(whole);
    ids.push_back(sequences[b].made);
    generated += sequences[b].made.size();
    if (batch > 1)
      output.print("[" + std::to_string(b + 1) + "]" + whole);
    else if (whole.starts_with(sequences[b].text))
      output.print(whole.substr(sequences[b].text.size()));
    output.print("\n");
  }
  double prefillSpeed = promptTokens / prefillSeconds;
  double speed = steps ? made / decodeSeconds : 0;
  output.note(format("%zu prompt tokens at %.1f tokens/s, %lld new at %.1f "
                     "tokens/s",
                     promptTokens, prefillSpeed,
                     static_cast<long long>(generated), speed));
  output.values["texts"] = texts;
  output.values["token_ids"] = ids;
  output.values["prompt_tokens"] = promptTokens;
  output.values["new_tokens"] = generated;
  output.values["prefill_tokens_per_second"] = prefillSpeed;
  output.values["tokens_per_second"] = speed;
}
