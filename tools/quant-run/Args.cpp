//===- Args.cpp - the command line of quant-run ---------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Args.h"
#include "Output.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>

using namespace qnt::run;

namespace {

/// One option. Without a placeholder it takes no value.
struct Option {
  const char *name, *placeholder, *help;
  std::function<void(Args &, const std::string &)> set;
};

using Set = decltype(Option::set);

Set text(std::string Args::*member) {
  return [=](Args &args, const std::string &value) { args.*member = value; };
}

Set append(std::vector<std::string> Args::*member) {
  return [=](Args &args, const std::string &value) {
    (args.*member).push_back(value);
  };
}

Set flag(bool Args::*member) {
  return [=](Args &args, const std::string &) { args.*member = true; };
}

/// An integer of at least `low`.
Set integer(int64_t Args::*member, int64_t low) {
  return [=](Args &args, const std::string &value) {
    char *end;
    errno = 0;
    int64_t number = std::strtoll(value.c_str(), &end, 10);
    if (value.empty() || *end || errno || number < low)
      throw RunError("expected an integer of at least " + std::to_string(low) +
                     ", found '" + value + "'");
    args.*member = number;
  };
}

/// A number in [low, high].
Set number(double Args::*member, double low, double high) {
  return [=](Args &args, const std::string &value) {
    char *end;
    double number = std::strtod(value.c_str(), &end);
    if (value.empty() || *end || !(number >= low && number <= high))
      throw RunError(format("expected a number from %g to %g, found '%s'", low,
                            high, value.c_str()));
    args.*member = number;
  };
}

void setSeed(Args &args, const std::string &value) {
  char *end;
  errno = 0;
  args.seed = std::strtoull(value.c_str(), &end, 10);
  if (value.empty() || *end || errno || value[0] == '-')
    throw RunError("expected a number that is not negative, found '" + value +
                   "'");
}

void setEval(Args &args, const std::string &value) {
  size_t equals = value.find('=');
  args.evalKind = value.substr(0, equals);
  if (equals == value.npos || equals + 1 == value.size() ||
      (args.evalKind != "ppl" && args.evalKind != "top1" &&
       args.evalKind != "sts"))
    throw RunError("expected ppl=FILE.txt, top1=FILE.npz or sts=FILE.csv, "
                   "found '" +
                   value + "'");
  args.evalFile = value.substr(equals + 1);
}

void setVia(Args &args, const std::string &value) {
  if (value != "score" && value != "decode")
    throw RunError("expected score or decode, found '" + value + "'");
  args.via = value;
}

const std::vector<Option> &options() {
  static const std::vector<Option> list = {
      {nullptr, nullptr, "Generate text (causal_lm)", {}},
      {"--prompt", "TEXT", "continue TEXT; repeat it for a batch",
       append(&Args::prompts)},
      {"-n", "N", "new tokens at most (128)", integer(&Args::count, 1)},
      {"--temperature", "T", "0 (the default) takes the likeliest token",
       number(&Args::temperature, 0, 100)},
      {"--top-k", "K", "sample among the K likeliest; 0: all",
       integer(&Args::topK, 0)},
      {"--top-p", "P", "sample among the likeliest that make up P (1)",
       number(&Args::topP, 0, 1)},
      {"--seed", "S", "seed of sampling and of made-up inputs (0)", setSeed},
      {"--chat", nullptr, "wrap the prompt in the model's chat template",
       flag(&Args::chat)},
      {"--system", "TEXT", "system message of the chat", text(&Args::system)},
      {"--ignore-eos", nullptr, "do not stop at end-of-sequence tokens",
       flag(&Args::ignoreEos)},

      {nullptr, nullptr, "Run tensors", {}},
      {"--input", "[NAME=]FILE", "an input's .npy, or an .npz with several",
       append(&Args::inputs)},
      {"--output", "[NAME=]FILE", "where an output goes, as .npy",
       append(&Args::outputs)},
      {"--entry", "NAME", "entry point (main, forward or score)",
       text(&Args::entry)},

      {nullptr, nullptr, "Measure quality", {}},
      {"--eval", "KIND=FILE", "ppl=FILE.txt, top1=FILE.npz or sts=FILE.csv",
       setEval},
      {"--ppl-via", "ENTRY", "score (default), or decode: token by token",
       setVia},
      {"--compare", "REF.so", "compare with REF.so on --text or --input",
       text(&Args::reference)},
      {"--text", "FILE", "text to compare on; for encoders, one a line",
       text(&Args::text)},
      {"--limit", "N", "only the first N windows, samples, pairs or lines",
       integer(&Args::limit, 1)},
      {"--per-op", nullptr, "list every operation, not one a block",
       flag(&Args::perOp)},

      {nullptr, nullptr, "Measure speed", {}},
      {"--bench", nullptr, "time the model on made-up inputs",
       flag(&Args::bench)},
      {"--profile", nullptr, "time every operation", flag(&Args::profile)},
      {"--prompt-tokens", "P",
       "tokens of the prompt (512, or half the "
       "context)",
       integer(&Args::promptTokens, 1)},
      {"--gen-tokens", "G", "tokens to decode (64)",
       integer(&Args::genTokens, 1)},
      {"--tokens", "T", "tokens of a sentence (128)",
       integer(&Args::tokens, 1)},
      {"--batch", "B", "sequences at once", integer(&Args::batch, 1)},
      {"--runs", "R", "repetitions, of which the median counts (5)",
       integer(&Args::runs, 1)},

      {nullptr, nullptr, "Everywhere", {}},
      {"--threads", "N", "threads (OMP_NUM_THREADS, else all processors)",
       integer(&Args::threads, 1)},
      {"--isa", "NAME", "kernel variant (the best this CPU runs)",
       text(&Args::isa)},
      {"--context", "N", "tokens the cache holds, and window of ppl",
       integer(&Args::context, 2)},
      {"--mmap", nullptr,
       "map parameters instead of copying them into huge "
       "pages",
       flag(&Args::map)},
      {"--verify", nullptr, "check the parameters' SHA-256",
       flag(&Args::verify)},
      {"--json", nullptr, "print one JSON object (docs/quant-run.md)",
       flag(&Args::json)},
      {"--help", nullptr, "print this", flag(&Args::help)},
      {"--version", nullptr, "print the version", flag(&Args::version)},
  };
  return list;
}

const Option *findOption(const std::string &name) {
  for (const Option &option : options())
    if (option.name && name == option.name)
      return &option;
  return nullptr;
}

} // namespace

Args qnt::run::parseArgs(int argc, char **argv) {
  Args args;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') {
      if (!args.model.empty())
        throw RunError("expected one model, found '" + args.model + "' and '" +
                       word + "'");
      args.model = word;
      continue;
    }
    size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    const Option *option = findOption(name);
    if (!option)
      throw RunError("unknown option '" + name + "'; see --help");
    std::string value;
    if (option->placeholder && equals != word.npos)
      value = word.substr(equals + 1);
    else if (option->placeholder && ++i < argc)
      value = argv[i];
    else if (option->placeholder)
      throw RunError(name + ": expected " + option->placeholder);
    else if (equals != word.npos)
      throw RunError(name + ": takes no value");
    try {
      option->set(args, value);
    } catch (const RunError &error) {
      throw RunError(name + ": " + error.what());
    }
  }
  return args;
}

std::string qnt::run::helpText() {
  std::string help = "Runs, measures and compares compiled models.\n\n"
                     "usage: quant-run MODEL.so [options]\n";
  for (const Option &option : options()) {
    if (!option.name) {
      help += std::string("\n") + option.help + ":\n";
      continue;
    }
    std::string left = std::string("  ") + option.name;
    if (option.placeholder)
      left += std::string(" ") + option.placeholder;
    left.resize(std::max<size_t>(left.size() + 2, 24), ' ');
    help += left + option.help + "\n";
  }
  return help;
}
