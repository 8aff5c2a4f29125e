//===- Commands.h - what quant-run can do, one job each ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_COMMANDS_H
#define QNT_TOOLS_QUANTRUN_COMMANDS_H

#include "Model.h"
#include "Output.h"

namespace qnt::run {

// All throw RunError, or the errors of lib/Support and lib/Tokenize.

/// --prompt: text, streamed to stdout as it comes.
void generate(Model &model, const Args &args, Output &output);
/// --input: entry points on arrays in files.
void runTensors(Model &model, const Args &args, Output &output);
/// --eval ppl=: perplexity of a text.
void evaluatePerplexity(Model &model, const Args &args, Output &output);
/// --eval top1=: accuracy of a classifier.
void evaluateTop1(Model &model, const Args &args, Output &output);
/// --eval sts=: rank correlation of sentence similarities.
void evaluateSts(Model &model, const Args &args, Output &output);
/// --compare: how far the model is from a reference model.
void compare(Model &model, Model &reference, const Args &args, Output &output);
/// --bench: speed.
void bench(Model &model, const Args &args, Output &output);
/// --profile: speed of each operation.
void profile(Model &model, const Args &args, Output &output);

/// The whole program: answers the exit status.
int quantRun(int argc, char **argv) noexcept;

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_COMMANDS_H
