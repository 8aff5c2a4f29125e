//===- Args.h - the command line of quant-run -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_ARGS_H
#define QNT_TOOLS_QUANTRUN_ARGS_H

#include <cstdint>
#include <string>
#include <vector>

namespace qnt::run {

/// What the user asked for. Zero in a number means: the command's default.
struct Args {
  std::string model;
  bool help = false, version = false;

  // Generation.
  std::vector<std::string> prompts;
  int64_t count = 128;
  double temperature = 0, topP = 1;
  int64_t topK = 0;
  uint64_t seed = 0;
  bool chat = false, ignoreEos = false;
  std::string system;

  // Tensors.
  std::vector<std::string> inputs, outputs;
  std::string entry;

  // Evaluation and comparison.
  std::string evalKind, evalFile;
  std::string via = "score";
  std::string reference, text;
  int64_t limit = 0;
  bool perOp = false;

  // Speed.
  bool bench = false, profile = false;
  int64_t promptTokens = 0, genTokens = 0, tokens = 128, batch = 0, runs = 5;

  // Everywhere.
  int64_t threads = 0, context = 0;
  std::string isa;
  bool json = false, map = false, verify = false;
};

/// Throws RunError on what it does not understand.
Args parseArgs(int argc, char **argv);

/// The text of --help.
std::string helpText();

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_ARGS_H
