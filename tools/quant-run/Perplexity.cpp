//===- Perplexity.cpp - perplexity of a text ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Windows.h"
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <cmath>

using namespace qnt::run;

/// Many tokens at once through `score`.
static double lossByScore(LanguageModel &language, const Windows &windows,
                          qnt::support::Progress &progress) {
  double loss = 0;
  for (int64_t w = 0; w < windows.count(); ++w) {
    auto window = windows[w];
    for (int64_t at = 0; at + 1 < windows.size; at += scoredAtOnce) {
      int64_t rows = std::min(scoredAtOnce, windows.size - 1 - at);
      auto logits = language.score(window.subspan(at, rows), at);
      loss += negativeLogLikelihood(logits, window.subspan(at + 1, rows));
    }
    progress.advance();
  }
  return loss;
}

/// Token by token through `decode`, so that every key and value comes from the
/// cache; several windows side by side.
static double lossByDecode(LanguageModel &language, const Windows &windows,
                           qnt::support::Progress &progress) {
  double loss = 0;
  int64_t batch = language.batch;
  std::vector<int32_t> tokens(batch), targets(batch), positions(batch);
  for (int64_t first = 0; first < windows.count(); first += batch) {
    // The last batch repeats its last window to be full.
    int64_t valid = std::min(batch, windows.count() - first);
    for (int64_t t = 0; t + 1 < windows.size; ++t) {
      for (int64_t b = 0; b < batch; ++b) {
        auto window = windows[first + std::min(b, valid - 1)];
        tokens[b] = window[t];
        targets[b] = window[t + 1];
        positions[b] = t;
      }
      auto logits = language.decode(tokens, positions);
      loss += negativeLogLikelihood(logits.first(valid * language.vocab),
                                    std::span(targets).first(valid));
    }
    progress.advance(valid);
  }
  return loss;
}

void qnt::run::evaluatePerplexity(Model &model, const Args &args,
                                  Output &output) {
  model.needKind("causal_lm", "--eval ppl=");
  Windows windows(model, args, args.evalFile);
  bool decode = args.via == "decode";
  int64_t batch =
      decode ? std::min<int64_t>(args.batch ? args.batch : 8, windows.count())
             : 1;
  LanguageModel language(model, batch, windows.size);
  qnt::support::Progress progress("perplexity", windows.count());
  double loss = decode ? lossByDecode(language, windows, progress)
                       : lossByScore(language, windows, progress);
  int64_t tokens = windows.count() * (windows.size - 1);
  double ppl = std::exp(loss / tokens);
  progress.clear();
  output.print(format("perplexity %.4f over %lld windows of %lld tokens\n", ppl,
                      static_cast<long long>(windows.count()),
                      static_cast<long long>(windows.size)));
  output.values["ppl"] = ppl;
  output.values["tokens"] = tokens;
  output.values["windows"] = windows.count();
  output.values["window_size"] = windows.size;
}
