//===- QuantRun.cpp - choose the job and report failures ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Args.h"
#include "Commands.h"
#include "qnt/Runtime/qnt.h"

#include <cstdio>
#include <exception>
#include <memory>

using namespace qnt::run;

#ifndef QNT_VERSION
#error "the build defines QNT_VERSION"
#endif

/// Throws RunError unless exactly one job is asked for.
static void checkJobs(const Args &args) {
  if (args.model.empty())
    throw RunError("expected a model; see --help");
  // --compare and the speed of a graph take their data from --input.
  bool tensors = !args.inputs.empty() && args.reference.empty() &&
                 !args.bench && !args.profile;
  int jobs = !args.prompts.empty() + tensors + !args.evalKind.empty() +
             !args.reference.empty() + args.bench + args.profile;
  if (jobs != 1)
    throw RunError(
        "expected one of --prompt, --input, --eval, --compare, --bench and "
        "--profile, found " +
        std::to_string(jobs) + "; see --help");
  if (!args.outputs.empty() && !tensors && args.evalKind != "top1")
    throw RunError("--output goes with --input and --eval top1=");
}

static void runJob(Model &model, const Args &args, Output &output) {
  if (!args.prompts.empty())
    return generate(model, args, output);
  if (args.evalKind == "ppl")
    return evaluatePerplexity(model, args, output);
  if (args.evalKind == "top1")
    return evaluateTop1(model, args, output);
  if (args.evalKind == "sts")
    return evaluateSts(model, args, output);
  if (args.bench)
    return bench(model, args, output);
  if (args.profile)
    return profile(model, args, output);
  if (args.reference.empty())
    return runTensors(model, args, output);
  Model reference(args.reference, args);
  compare(model, reference, args, output);
}

static void runAll(int argc, char **argv) {
  Args args = parseArgs(argc, argv);
  if (args.help || args.version) {
    std::fputs(args.help ? helpText().c_str() : "quant-run " QNT_VERSION "\n",
               stdout);
    return;
  }
  checkJobs(args);
  Output output(args.json);
  Model model(args.model, args);
  output.note(args.model + ": " + qnt_isa(model.handle) + " kernels, " +
              std::to_string(qnt_threads(model.handle)) + " thread(s)");
  output.values["model"] = args.model;
  output.values["isa"] = qnt_isa(model.handle);
  output.values["threads"] = qnt_threads(model.handle);
  runJob(model, args, output);
  output.finish();
}

int qnt::run::quantRun(int argc, char **argv) noexcept {
  std::string message;
  try {
    runAll(argc, argv);
    if (std::fflush(stdout) == 0 && !std::ferror(stdout))
      return 0;
    message = "standard output cannot be written";
  } catch (const std::bad_alloc &) {
    message = "out of memory";
  } catch (const std::exception &error) {
    message = error.what();
  }
  std::fflush(stdout);
  std::fprintf(stderr, "quant-run: error: %s\n", message.c_str());
  return 1;
}
