//===- PostProcessors.cpp - special tokens around a text ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"

namespace qnt::tokenize {

namespace {
using Ids = std::vector<int32_t>;

/// Puts fixed ids before and behind the text's.
class Surround final : public PostProcessor {
public:
  /// A part of the template: fixed ids, or (empty) the text's.
  explicit Surround(std::vector<Ids> parts) : parts(std::move(parts)) {}
  Ids apply(Ids ids) const override {
    Ids out;
    for (const Ids &part : parts) {
      const Ids &source = part.empty() ? ids : part;
      out.insert(out.end(), source.begin(), source.end());
    }
    return out;
  }

private:
  std::vector<Ids> parts;
};

class Sequence final : public PostProcessor {
public:
  Sequence(const JsonNode &node, int depth) {
    checkDepth(node, depth);
    for (const JsonNode &step : node.at("processors").elements())
      steps.push_back(makePostProcessor(step, depth + 1));
  }
  Ids apply(Ids ids) const override {
    size_t before = ids.size();
    for (const auto &step : steps) {
      ids = step->apply(std::move(ids));
      checkGrowth(before, ids.size());
    }
    return ids;
  }

private:
  std::vector<std::unique_ptr<PostProcessor>> steps;
};

/// The id of a ["[SEP]", 102] pair.
Ids readPair(const JsonNode &node) {
  auto elements = node.elements();
  if (elements.size() != 2)
    node.fail("expected a token and its id");
  elements[0].string();
  return {elements[1].id()};
}

std::unique_ptr<PostProcessor> makeTemplate(const JsonNode &node) {
  std::vector<Ids> parts;
  for (const JsonNode &part : node.at("single").elements()) {
    if (auto sequence = part.find("Sequence")) {
      if (sequence->at("id").string() != "A")
        sequence->fail("a single text's template can only hold sequence A");
      parts.emplace_back();
      continue;
    }
    JsonNode special = part.at("SpecialToken");
    const std::string &name = special.at("id").string();
    Ids ids;
    JsonNode tokens = node.at("special_tokens");
    for (const JsonNode &id : tokens.at(name.c_str()).at("ids").elements())
      ids.push_back(id.id());
    if (!ids.empty())
      parts.push_back(std::move(ids));
  }
  return std::make_unique<Surround>(std::move(parts));
}
} // namespace

std::unique_ptr<PostProcessor> makePostProcessor(const JsonNode &node,
                                                 int depth) {
  const std::string &type = node.at("type").string();
  if (type == "TemplateProcessing")
    return makeTemplate(node);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return std::make_unique<Surround>(std::vector<Ids>{
        readPair(node.at("cls")), {}, readPair(node.at("sep"))});
  // It adjusts the offsets of tokens only, which we do not report.
  if (type == "ByteLevel")
    return std::make_unique<Surround>(std::vector<Ids>{{}});
  if (type == "Sequence")
    return std::make_unique<Sequence>(node, depth);
  node.fail("unknown post-processor type '" + type + "'");
}

} // namespace qnt::tokenize
