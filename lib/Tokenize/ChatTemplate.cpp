//===- ChatTemplate.cpp - conversations to prompts ------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Tokenize/Tokenizer.h"

#include "Jinja/Builtins.h"
#include "Jinja/Interpreter.h"
#include "Jinja/Work.h"
#include "Unicode.h"

namespace qnt::tokenize {

struct ChatTemplate::Impl {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::string_view source) {
  // Literals are values too.
  jinja::Work::begin();
  impl = std::make_unique<Impl>(Impl{jinja::parse(source)});
}
ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(const std::vector<Message> &messages,
                                 bool addGenerationPrompt,
                                 const std::string &bos,
                                 const std::string &eos) const {
  jinja::Work::begin();
  std::map<std::string, jinja::Value> globals;
  for (auto &[name, function] : jinja::globalFunctions())
    globals[name] = std::move(function);
  jinja::List turns;
  for (const Message &message : messages) {
    jinja::Dict turn;
    turn.set("role", replaceInvalid(message.role));
    turn.set("content", replaceInvalid(message.content));
    turns.emplace_back(std::move(turn));
  }
  globals["messages"] = std::move(turns);
  globals["add_generation_prompt"] = addGenerationPrompt;
  globals["bos_token"] = replaceInvalid(bos);
  globals["eos_token"] = replaceInvalid(eos);
  // What HuggingFace binds when there are none.
  globals["tools"] = nullptr;
  globals["documents"] = nullptr;
  return jinja::Interpreter(std::move(globals)).run(impl->body);
}

} // namespace qnt::tokenize
