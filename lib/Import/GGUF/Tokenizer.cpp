//===- Tokenizer.cpp - the tokenizer of a GGUF file as JSON -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Tokenizer.h"

#include "../Graph/TokenCount.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

using namespace qnt::gguf;
using nlohmann::json;

namespace {
/// tokenizer.ggml.token_type.
enum TokenType : int64_t {
  Normal = 1,
  Unknown,
  Control,
  UserDefined,
  Unused,
  Byte
};

/// How text is cut into words before byte pairs merge, by tokenizer.ggml.pre.
struct PreTokenizer {
  const char *name;
  const char *pattern;
  /// A word that is a token is one, whatever the merges say.
  bool ignoresMerges = false;
  /// A text begins with BOS unless the file says otherwise.
  bool addsBos = false;
  bool normalizes = false;
  /// Digits are words of their own before the pattern is applied.
  bool splitsDigits = false;
};

constexpr const char *gpt2Pattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
    "\\s+(?!\\S)|\\s+";
constexpr const char *llama3Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr const char *qwen2Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr const char *tekkenPattern =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*"
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?"
    "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"
    "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr PreTokenizer preTokenizers[] = {
    {.name = "gpt-2", .pattern = gpt2Pattern},
    {.name = "llama-bpe",
     .pattern = llama3Pattern,
     .ignoresMerges = true,
     .addsBos = true},
    {.name = "llama3",
     .pattern = llama3Pattern,
     .ignoresMerges = true,
     .addsBos = true},
    {.name = "llama-v3",
     .pattern = llama3Pattern,
     .ignoresMerges = true,
     .addsBos = true},
    {.name = "qwen2", .pattern = qwen2Pattern, .normalizes = true},
    {.name = "smollm", .pattern = gpt2Pattern, .splitsDigits = true},
    {.name = "tekken",
     .pattern = tekkenPattern,
     .ignoresMerges = true,
     .addsBos = true},
};

/// Builds tokenizer.json from tokenizer.ggml.*.
class Converter {
public:
  Converter(const File &file, int64_t vocab);
  std::string convert();
  const std::vector<std::string_view> &getTokens() const { return tokens; }

private:
  json convertByteLevel();
  json convertSentencePiece();
  json makeVocab() const;
  json makeAddedTokens() const;
  json makePostProcessor(bool addsBos) const;
  json makeScoredMerges() const;
  TokenType typeOf(size_t id) const {
    return types.empty() ? Normal : TokenType(types[id]);
  }
  json split(const char *pattern) const;

  const File &file;
  std::vector<std::string_view> tokens;
  std::vector<int64_t> types;
};
} // namespace

Converter::Converter(const File &file, int64_t vocab)
    : file(file), tokens(file.texts("tokenizer.ggml.tokens")) {
  if (int64_t(tokens.size()) > vocab)
    file.fail("'tokenizer.ggml.tokens' has " + std::to_string(tokens.size()) +
              " tokens, but the model embeds " + std::to_string(vocab));
  if (file.has("tokenizer.ggml.token_type")) {
    types = file.integers("tokenizer.ggml.token_type");
    if (types.size() != tokens.size())
      file.fail("'tokenizer.ggml.token_type' has " +
                std::to_string(types.size()) + " entries, expected " +
                std::to_string(tokens.size()));
  }
}

json Converter::makeVocab() const {
  json vocab = json::object();
  for (size_t id = 0; id < tokens.size(); ++id)
    if (!vocab.emplace(std::string(tokens[id]), id).second)
      file.fail("'tokenizer.ggml.tokens' has " + quote(tokens[id]) + " twice");
  return vocab;
}

json Converter::makeAddedTokens() const {
  json added = json::array();
  for (size_t id = 0; id < tokens.size(); ++id) {
    TokenType type = typeOf(id);
    if (type != Control && type != UserDefined && type != Unknown)
      continue;
    added.push_back({{"id", id},
                     {"content", std::string(tokens[id])},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type != UserDefined}});
  }
  return added;
}

json Converter::makePostProcessor(bool addsBos) const {
  bool begins = file.findFlag("tokenizer.ggml.add_bos_token").value_or(addsBos);
  bool ends = file.findFlag("tokenizer.ggml.add_eos_token").value_or(false);
  json single = json::array(), special = json::object();
  auto add = [&](const char *key) {
    const Value *value = file.find(key);
    auto *id = value ? std::get_if<uint64_t>(value) : nullptr;
    if (!id || *id >= tokens.size())
      file.fail("'" + std::string(key) + "' must be a token's id");
    std::string name(tokens[*id]);
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] = {{"id", name}, {"ids", {*id}}, {"tokens", {name}}};
  };
  if (begins)
    add("tokenizer.ggml.bos_token_id");
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (ends)
    add("tokenizer.ggml.eos_token_id");
  if (!begins && !ends)
    return nullptr;
  json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", special}};
}

json Converter::split(const char *pattern) const {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

json Converter::convertByteLevel() {
  std::string name(file.findText("tokenizer.ggml.pre").value_or("default"));
  const auto *pre = std::find_if(
      std::begin(preTokenizers), std::end(preTokenizers),
      [&](const PreTokenizer &known) { return known.name == name; });
  if (pre == std::end(preTokenizers)) {
    std::string known;
    for (const PreTokenizer &entry : preTokenizers)
      known += (known.empty() ? "" : ", ") + std::string(entry.name);
    file.fail("'tokenizer.ggml.pre' is " + quote(name) + ", expected one of " +
              known);
  }
  json byteLevel = {{"type", "ByteLevel"},
                    {"add_prefix_space", false},
                    {"trim_offsets", false},
                    {"use_regex", false}};
  json steps = json::array();
  if (pre->splitsDigits)
    steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  steps.push_back(split(pre->pattern));
  steps.push_back(byteLevel);
  json merges = json::array();
  for (std::string_view merge : file.texts("tokenizer.ggml.merges"))
    merges.push_back(std::string(merge));
  json normalizer;
  if (pre->normalizes)
    normalizer = {{"type", "NFC"}};
  return {{"normalizer", normalizer},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
          {"post_processor", makePostProcessor(pre->addsBos)},
          {"decoder", byteLevel},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", pre->ignoresMerges},
            {"vocab", makeVocab()},
            {"merges", merges}}}};
}

/// SentencePiece merges the neighbours that make the piece with the highest
/// score: the pairs of each piece, in order of its score, are the merges of
/// byte pair encoding.
json Converter::makeScoredMerges() const {
  std::vector<float> scores = file.floats("tokenizer.ggml.scores");
  if (scores.size() != tokens.size())
    file.fail("'tokenizer.ggml.scores' has " + std::to_string(scores.size()) +
              " entries, expected " + std::to_string(tokens.size()));
  constexpr size_t longest = 1024;
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < tokens.size(); ++id)
    ids.emplace(tokens[id], id);
  struct Merge {
    float score;
    size_t id, left, right;
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < tokens.size(); ++id) {
    std::string_view token = tokens[id];
    if (typeOf(id) != Normal)
      continue;
    if (token.size() > longest)
      file.fail("token " + std::to_string(id) + " has " +
                std::to_string(token.size()) + " bytes, expected at most " +
                std::to_string(longest));
    if (scores[id] != scores[id])
      file.fail("the score of token " + std::to_string(id) +
                " is not a number");
    for (size_t cut = 1; cut < token.size(); ++cut) {
      auto left = ids.find(token.substr(0, cut));
      auto right = ids.find(token.substr(cut));
      if (left != ids.end() && right != ids.end())
        merges.push_back({scores[id], id, left->second, right->second});
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge &a, const Merge &b) {
    return std::tuple(-a.score, a.id, a.left, a.right) <
           std::tuple(-b.score, b.id, b.left, b.right);
  });
  json result = json::array();
  for (const Merge &merge : merges)
    result.push_back(
        {std::string(tokens[merge.left]), std::string(tokens[merge.right])});
  return result;
}

json Converter::convertSentencePiece() {
  bool prefixes =
      file.findFlag("tokenizer.ggml.add_space_prefix").value_or(true);
  const char *space = "\xe2\x96\x81";
  json normalizers = json::array(), decoders = json::array();
  if (prefixes)
    normalizers.push_back({{"type", "Prepend"}, {"prepend", space}});
  normalizers.push_back({{"type", "Replace"},
                         {"pattern", {{"String", " "}}},
                         {"content", space}});
  decoders.push_back({{"type", "Replace"},
                      {"pattern", {{"String", space}}},
                      {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefixes)
    decoders.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  json unknown;
  for (size_t id = 0; id < tokens.size(); ++id)
    if (typeOf(id) == Unknown && unknown.is_null())
      unknown = std::string(tokens[id]);
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"pre_tokenizer", nullptr},
          {"post_processor", makePostProcessor(/*addsBos=*/true)},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", unknown},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"ignore_merges", false},
            {"vocab", makeVocab()},
            {"merges", makeScoredMerges()}}}};
}

std::string Converter::convert() {
  std::string model(file.text("tokenizer.ggml.model"));
  if (model != "gpt2" && model != "llama")
    file.fail("'tokenizer.ggml.model' is " + quote(model) +
              ", expected gpt2 or llama");
  json root = model == "gpt2" ? convertByteLevel() : convertSentencePiece();
  root["version"] = "1.0";
  root["truncation"] = nullptr;
  root["padding"] = nullptr;
  root["added_tokens"] = makeAddedTokens();
  return root.dump();
}

/// A token's id of the metadata.
static std::optional<int64_t> findId(const File &file, const std::string &key,
                                     int64_t vocab) {
  const Value *value = file.find(key);
  if (!value)
    return std::nullopt;
  auto *id = std::get_if<uint64_t>(value);
  if (!id || *id >= uint64_t(vocab))
    file.fail("'" + key + "' must be a token's id below " +
              std::to_string(vocab));
  return int64_t(*id);
}

TokenizerFiles qnt::gguf::readTokenizer(const File &file, int64_t vocab) {
  TokenizerFiles files;
  files.bos = findId(file, "tokenizer.ggml.bos_token_id", vocab);
  for (const char *key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.eom_token_id"})
    if (auto id = findId(file, key, vocab);
        id && !std::count(files.eos.begin(), files.eos.end(), *id))
      files.eos.push_back(*id);
  std::vector<std::string_view> tokens;
  try {
    if (auto given = file.findText("tokenizer.huggingface.json")) {
      files.tokenizer = *given;
      std::string where = file.path() + ": 'tokenizer.huggingface.json'";
      importer::checkTokenCount(importer::countTokens(*given, where), vocab,
                                where);
      if (file.has("tokenizer.ggml.tokens"))
        tokens = file.texts("tokenizer.ggml.tokens");
    } else if (file.has("tokenizer.ggml.model") &&
               file.text("tokenizer.ggml.model") != "none") {
      Converter converter(file, vocab);
      files.tokenizer = converter.convert();
      tokens = converter.getTokens();
    }
    if (files.tokenizer.empty())
      return files;
    json config = json::object();
    auto name = [&](const char *key, std::optional<int64_t> id) {
      if (id && size_t(*id) < tokens.size())
        config[key] = std::string(tokens[*id]);
    };
    name("bos_token", files.bos);
    if (!files.eos.empty())
      name("eos_token", files.eos.front());
    if (auto text = file.findText("tokenizer.chat_template"))
      config["chat_template"] = std::string(*text);
    files.config = config.dump();
    if (!files.eos.empty())
      files.generation = json{{"eos_token_id", files.eos}}.dump();
  } catch (const json::exception &) {
    file.fail("the tokenizer holds text that is not UTF-8");
  }
  return files;
}
