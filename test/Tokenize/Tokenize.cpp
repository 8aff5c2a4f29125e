//===- Tokenize.cpp - drives the tokenisers from a script -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// test-tokenize json|sentencepiece MODEL < REQUESTS
//   Answers one JSON request a line with one JSON answer a line:
//   {"encode": TEXT, "special": BOOL} -> {"ids": [...]}
//   {"decode": [ID...], "skip": BOOL} -> {"text": TEXT}
//   {"stream": [ID...]}               -> {"text": TEXT, "parts": N}
// test-tokenize threads MODEL < TEXT
//   Encodes the lines in several threads at once; prints "equal" if each has
//   the ids that a single thread gets.
// test-tokenize template FILE < CONVERSATIONS
//   {"messages": [...], "generate": BOOL, "bos": .., "eos": ..} -> {"text": ..}
// test-tokenize config TOKENIZER CONFIG GENERATION
//   Prints what the two configuration files say.
// test-tokenize mutants < FILES
//   Each line is a tokenizer.json as a JSON string; prints "ok" or the error.
// An error is {"error": MESSAGE}.
#include "qnt/Tokenize/Tokenizer.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

using namespace qnt::tokenize;
using nlohmann::json;

static std::string readFile(const char *path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw TokenizerError(std::string(path) + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Answers each line of standard input.
template <typename Answer> static void serve(Answer answer) {
  for (std::string line; std::getline(std::cin, line);) {
    json reply;
    try {
      reply = answer(json::parse(line));
    } catch (const TokenizerError &error) {
      reply = {{"error", error.what()}};
    }
    std::cout << reply.dump() << '\n';
  }
}

static json answerTokens(const Tokenizer &tokenizer, const json &request) {
  if (request.contains("encode"))
    return {{"ids", tokenizer.encode(request["encode"].get<std::string>(),
                                     request["special"])}};
  if (request.contains("decode"))
    return {{"text", tokenizer.decode(request["decode"], request["skip"])}};
  StreamDecoder decoder(tokenizer);
  std::string text;
  int parts = 0;
  for (int32_t id : request["stream"]) {
    std::string part = decoder.push(id);
    parts += !part.empty();
    text += part;
  }
  text += decoder.finish();
  return {{"text", text}, {"parts", parts}};
}

static json answerTemplate(const ChatTemplate &chat, const json &request) {
  std::vector<Message> messages;
  for (const json &message : request["messages"])
    messages.push_back({message["role"], message["content"]});
  return {{"text", chat.render(messages, request["generate"], request["bos"],
                               request["eos"])}};
}

static json tryMutant(const json &text) {
  auto tokenizer = Tokenizer::fromJson(text.get<std::string>());
  auto ids = tokenizer->encode("A m\xC3\xBCtant's 3 t\xE2\x82\xACxts.", true);
  tokenizer->decode(ids);
  return "ok";
}

static bool encodeInThreads(const std::string &model) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);)
    lines.push_back(line);
  auto encodeAll = [&](const Tokenizer &tokenizer) {
    std::vector<std::vector<int32_t>> ids;
    for (const std::string &line : lines)
      ids.push_back(tokenizer.encode(line));
    return ids;
  };
  auto want = encodeAll(*Tokenizer::fromJson(model));
  // A fresh tokenizer, so that the threads fill its cache together.
  auto shared = Tokenizer::fromJson(model);
  std::vector<std::vector<std::vector<int32_t>>> ids(4);
  std::vector<std::thread> threads;
  for (auto &mine : ids)
    threads.emplace_back([&] { mine = encodeAll(*shared); });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &mine : ids)
    if (mine != want)
      return false;
  return true;
}

static int run(const std::string &mode, char **arguments) {
  if (mode == "json" || mode == "sentencepiece") {
    std::string model = readFile(arguments[0]);
    auto tokenizer = mode == "json" ? Tokenizer::fromJson(model)
                                    : Tokenizer::fromSentencePiece(model);
    serve(
        [&](const json &request) { return answerTokens(*tokenizer, request); });
  } else if (mode == "threads") {
    bool equal = encodeInThreads(readFile(arguments[0]));
    std::cout << (equal ? "equal" : "different") << '\n';
    return !equal;
  } else if (mode == "template") {
    ChatTemplate chat(readFile(arguments[0]));
    serve([&](const json &request) { return answerTemplate(chat, request); });
  } else if (mode == "config") {
    auto tokenizer = Tokenizer::fromJson(readFile(arguments[0]));
    auto config = TokenizerConfig::parse(readFile(arguments[1]),
                                         readFile(arguments[2]), *tokenizer);
    std::cout << json{{"bos", config.bos},
                      {"eos", config.eos},
                      {"template", config.chatTemplate.value_or("none")},
                      {"stop", config.stopIds}}
              << '\n';
  } else if (mode == "mutants") {
    serve(tryMutant);
  } else {
    std::cerr << "test-tokenize: unknown mode '" << mode << "'\n";
    return 2;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  try {
    return run(argv[1], argv + 2);
  } catch (const TokenizerError &error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
