//===- Compare.cpp - how far a model is from a reference ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Commands.h"
#include "Encoder.h"
#include "OpErrors.h"
#include "Sampler.h"
#include "Windows.h"
#include "qnt/Support/Half.h"
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace qnt::run;

namespace {

/// What one row of logits says of two models.
struct Row {
  double kl, loss, referenceLoss;
  bool agree;
};

/// KL(reference || model) of the next token's distribution, in nats.
Row compareRow(std::span<const float> logits, std::span<const float> reference,
               int32_t target) {
  double norm = logSumExp(logits), referenceNorm = logSumExp(reference);
  Row row{0, norm - logits[target], referenceNorm - reference[target],
          argmax(logits) == argmax(reference)};
  for (size_t v = 0; v < logits.size(); ++v) {
    double logP = reference[v] - referenceNorm, logQ = logits[v] - norm;
    // Impossible tokens add nothing.
    if (double p = std::exp(logP); p != 0)
      row.kl += p * (logP - logQ);
  }
  return row;
}

void compareLanguage(Model &model, Model &reference, const Args &args,
                     Output &output) {
  Windows windows(reference, args, args.text);
  if (contextLength(model, args, windows.size) < windows.size)
    throw RunError(model.path +
                   ": its context is smaller than the windows of " +
                   std::to_string(windows.size) + "; see --context");
  LanguageModel language(model, 1, windows.size);
  LanguageModel truth(reference, 1, windows.size);
  if (language.vocab != truth.vocab)
    throw RunError(model.path + ": vocabulary of " +
                   std::to_string(language.vocab) + ", but " + reference.path +
                   " has " + std::to_string(truth.vocab));
  OpErrors ops(model, reference);
  Errors logitErrors;
  double kl = 0, loss = 0, referenceLoss = 0, largestKl = 0;
  int64_t agreed = 0, vocab = truth.vocab;
  std::vector<Row> results;
  qnt::support::Progress progress("compare", windows.count());
  for (int64_t w = 0; w < windows.count(); ++w) {
    auto window = windows[w];
    for (int64_t at = 0; at + 1 < windows.size; at += scoredAtOnce) {
      int64_t rows = std::min(scoredAtOnce, windows.size - 1 - at);
      ops.begin();
      auto b = truth.score(window.subspan(at, rows), at);
      auto a = language.score(window.subspan(at, rows), at);
      logitErrors.add(a, b);
      results.resize(rows);
#pragma omp parallel for
      for (int64_t i = 0; i < rows; ++i)
        results[i] =
            compareRow(a.subspan(i * vocab, vocab), b.subspan(i * vocab, vocab),
                       window[at + i + 1]);
      for (const Row &row : results) {
        kl += row.kl;
        largestKl = std::max(largestKl, row.kl);
        loss += row.loss;
        referenceLoss += row.referenceLoss;
        agreed += row.agree;
      }
    }
    progress.advance();
  }
  int64_t tokens = windows.count() * (windows.size - 1);
  double ppl = std::exp(loss / tokens);
  double referencePpl = std::exp(referenceLoss / tokens);
  double agreement = 100.0 * agreed / tokens;
  progress.clear();
  ops.report(logitErrors, args.perOp, output);
  output.print(format("KL(reference || model) %.6f nats a token (largest "
                      "%.4f)\ntop-1 agreement %.2f%%\nperplexity %.4f, "
                      "reference %.4f (%+.2f%%)\n",
                      kl / tokens, largestKl, agreement, ppl, referencePpl,
                      100 * (ppl / referencePpl - 1)));
  output.values["kl"] = kl / tokens;
  output.values["kl_max"] = largestKl;
  output.values["top1_agreement"] = agreement;
  output.values["ppl"] = ppl;
  output.values["reference_ppl"] = referencePpl;
  output.values["tokens"] = tokens;
  output.values["windows"] = windows.count();
}

void compareSentences(Model &model, Model &reference, const Args &args,
                      Output &output) {
  std::vector<std::string> sentences;
  std::istringstream lines(readFile(args.text));
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of(" \t\r") != line.npos)
      sentences.push_back(line);
  if (sentences.empty())
    throw RunError(args.text + ": there are no sentences");
  if (args.limit && int64_t(sentences.size()) > args.limit)
    sentences.resize(args.limit);

  Encoder encoder(model), truth(reference);
  OpErrors ops(model, reference);
  Errors errors;
  double sum = 0, smallest = 1;
  qnt::support::Progress progress("compare", sentences.size());
  for (const std::string &sentence : sentences) {
    ops.begin();
    auto b = truth.embed(sentence), a = encoder.embed(sentence);
    if (a.size() != b.size())
      throw RunError(model.path + ": embeddings of width " +
                     std::to_string(a.size()) + ", but " + reference.path +
                     " has " + std::to_string(b.size()));
    errors.add(a, b);
    double similarity = cosine(a, b);
    sum += similarity;
    smallest = std::min(smallest, similarity);
    progress.advance();
  }
  progress.clear();
  ops.report(errors, args.perOp, output);
  output.print(format("cosine of embeddings: mean %.6f, smallest %.6f over %zu "
                      "sentences\n",
                      sum / sentences.size(), smallest, sentences.size()));
  output.values["cosine"] = sum / sentences.size();
  output.values["cosine_min"] = smallest;
  output.values["sentences"] = sentences.size();
}

/// Any float tensor as f32. Integers are not compared.
std::vector<float> toFloats(const Model &model, const Tensor &tensor) {
  std::vector<float> floats(tensor.numElements());
  auto halves = tensor.as<uint16_t>();
  switch (tensor.dtype) {
  case QNT_F32:
    std::ranges::copy(tensor.as<float>(), floats.begin());
    break;
  case QNT_F64:
    std::ranges::copy(tensor.as<double>(), floats.begin());
    break;
  case QNT_F16:
    std::ranges::transform(halves, floats.begin(), qnt::support::f16ToFloat);
    break;
  case QNT_BF16:
    std::ranges::transform(halves, floats.begin(), qnt::support::bf16ToFloat);
    break;
  default:
    throw RunError(model.path + ": --compare needs outputs of floats, found " +
                   qnt_dtype_name(tensor.dtype));
  }
  return floats;
}

void compareTensors(Model &model, Model &reference, const Args &args,
                    Output &output) {
  int64_t entry = chosenEntry(model, args);
  int64_t referenceEntry = chosenEntry(reference, args);
  Arrays arrays = readInputs(reference, referenceEntry, args);
  Call call(model, entry, args, toTensors(model, entry, arrays));
  Call truth(reference, referenceEntry, args,
             toTensors(reference, referenceEntry, arrays));
  OpErrors ops(model, reference);
  ops.begin();
  truth.run();
  call.run();
  if (call.outputs.size() != truth.outputs.size())
    throw RunError(model.path + ": " + std::to_string(call.outputs.size()) +
                   " outputs, but " + reference.path + " has " +
                   std::to_string(truth.outputs.size()));
  Errors errors;
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    const Tensor &tensor = call.outputs[i];
    if (tensor.shape != truth.outputs[i].shape)
      throw RunError(model.path + ": output '" + model.outputs(entry)[i]->name +
                     "' has another shape than that of " + reference.path);
    auto a = toFloats(model, tensor);
    auto b = toFloats(reference, truth.outputs[i]);
    errors.add(a, b);
    if (i > 0 || tensor.shape.size() != 2 || tensor.numElements() == 0)
      continue;
    int64_t rows = tensor.shape[0], classes = tensor.shape[1], agreed = 0;
    for (int64_t r = 0; r < rows; ++r)
      agreed += argmax(std::span(a).subspan(r * classes, classes)) ==
                argmax(std::span(b).subspan(r * classes, classes));
    output.values["top1_agreement"] = 100.0 * agreed / rows;
  }
  ops.report(errors, args.perOp, output);
  if (output.values.contains("top1_agreement"))
    output.print(format("top-1 agreement %.2f%%\n",
                        output.values["top1_agreement"].get<double>()));
}

} // namespace

void qnt::run::compare(Model &model, Model &reference, const Args &args,
                       Output &output) {
  if (model.kind != reference.kind)
    throw RunError(model.path + ": this is a " + model.kind + ", but " +
                   reference.path + " is a " + reference.kind);
  if (!args.inputs.empty())
    return compareTensors(model, reference, args, output);
  if (args.text.empty() || model.kind == "graph")
    throw RunError(model.kind == "graph"
                       ? "--compare: expected --input with what to compare on"
                       : "--compare: expected --text with what to compare on");
  if (model.kind == "encoder")
    compareSentences(model, reference, args, output);
  else
    compareLanguage(model, reference, args, output);
}
