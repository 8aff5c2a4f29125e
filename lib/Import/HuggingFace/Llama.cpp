//===- Llama.cpp - the Llama family -----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decoders of pre-norm blocks, rotary positions, grouped queries and a gated
// MLP (Touvron et al. 2023), and what Mistral, Qwen and SmolLM change in them.
//
//===----------------------------------------------------------------------===//
#include "Activation.h"
#include "Architectures.h"
#include "Rope.h"

#include "../Graph/Llama.h"

#include "qnt/Support/Json.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;
using importer::buildLlama;
using importer::LlamaShape;

namespace {
/// What an architecture fixes, and what it leaves to its configuration.
struct Traits {
  StringLiteral name;
  /// `attention_bias` decides on the biases of q, k, v and o.
  bool readsAttentionBias = false;
  /// q, k and v have biases, o has none.
  bool biasedInputs = false;
  bool readsMlpBias = false;
  /// Queries and keys are normalised head by head.
  bool normsHeads = false;
  /// `sliding_window` holds wherever nothing else is said.
  bool slides = false;
  /// Some layers are without positions.
  bool skipsRope = false;
  bool tied = false;
  double theta = 10000;
  /// Where `head_dim` is missing; 0 for hidden / heads.
  int64_t headDim = 0;
};

constexpr Traits families[] = {
    {.name = "LlamaForCausalLM",
     .readsAttentionBias = true,
     .readsMlpBias = true},
    {.name = "MistralForCausalLM", .slides = true},
    {.name = "Qwen2ForCausalLM", .biasedInputs = true},
    {.name = "Qwen3ForCausalLM",
     .readsAttentionBias = true,
     .normsHeads = true,
     .headDim = 128},
    {.name = "SmolLM3ForCausalLM",
     .readsAttentionBias = true,
     .readsMlpBias = true,
     .skipsRope = true,
     .tied = true,
     .theta = 2000000},
};
} // namespace

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

/// The windows of all layers.
static SmallVector<std::optional<int64_t>>
readWindows(const Config &config, const Traits &traits, int64_t layers) {
  SmallVector<std::optional<int64_t>> windows(layers);
  std::optional<int64_t> window = config.findSize("sliding_window");
  auto kinds = config.findTexts("layer_types");
  if (kinds && (int64_t)kinds->size() != layers)
    config.fail("'layer_types' has " + std::to_string(kinds->size()) +
                " entries, expected " + std::to_string(layers));
  bool uses = config.flag("use_sliding_window", traits.slides);
  int64_t full =
      uses && !traits.slides
          ? support::findIntField(config.value(), "max_window_layers", 0,
                                  maxSize, config.where())
                .value_or(layers)
          : 0;
  for (int64_t i = 0; i < layers; ++i) {
    bool slides = uses && window && i >= full;
    if (kinds) {
      const std::string &kind = (*kinds)[i];
      slides = kind == "sliding_attention";
      if (!slides && kind != "full_attention")
        config.fail("'layer_types' has '" + kind +
                    "', expected full_attention or sliding_attention");
      if (slides && !window)
        config.fail("'sliding_window' is missing, but layer " +
                    std::to_string(i) + " slides");
    }
    if (slides)
      windows[i] = window;
  }
  return windows;
}

/// Which layers rotate their queries and keys.
static SmallVector<bool> readRotates(const Config &config, const Traits &traits,
                                     int64_t layers) {
  SmallVector<bool> rotates(layers, true);
  if (!traits.skipsRope)
    return rotates;
  if (auto given = config.findIntegers("no_rope_layers")) {
    if ((int64_t)given->size() != layers)
      config.fail("'no_rope_layers' has " + std::to_string(given->size()) +
                  " entries, expected " + std::to_string(layers));
    // Despite its name, 1 stands for a layer with positions.
    llvm::transform(*given, rotates.begin(), [](int64_t v) { return v != 0; });
    return rotates;
  }
  int64_t interval = config.size("no_rope_layer_interval", 4);
  for (int64_t i = 0; i < layers; ++i)
    rotates[i] = (i + 1) % interval != 0;
  return rotates;
}

static LlamaShape readShape(const Config &config, const Traits &traits,
                            MLIRContext *context) {
  LlamaShape s;
  s.vocab = config.size("vocab_size");
  s.hidden = config.size("hidden_size");
  s.intermediate = config.size("intermediate_size");
  s.layers = config.size("num_hidden_layers");
  s.heads = config.size("num_attention_heads");
  s.kvHeads = config.size("num_key_value_heads", s.heads);
  s.maxPositions = config.size("max_position_embeddings");
  if (s.heads % s.kvHeads != 0)
    config.fail(
        "'num_key_value_heads' must divide 'num_attention_heads', got " +
        std::to_string(s.kvHeads) + " and " + std::to_string(s.heads));
  s.headDim = config.size("head_dim", traits.headDim);
  if (s.headDim == 0) {
    if (s.hidden % s.heads != 0)
      config.fail("'num_attention_heads' must divide 'hidden_size', got " +
                  std::to_string(s.heads) + " and " + std::to_string(s.hidden));
    s.headDim = s.hidden / s.heads;
  }
  if (s.heads * s.headDim > maxSize)
    config.fail("'num_attention_heads' times 'head_dim' is " +
                std::to_string(s.heads * s.headDim) + ", expected at most " +
                std::to_string(maxSize));
  s.eps = config.number("rms_norm_eps", 1e-6);
  s.activation = readActivation(config, "hidden_act", "silu");
  bool bias = traits.readsAttentionBias && config.flag("attention_bias", false);
  s.inputBias = bias || traits.biasedInputs;
  s.outputBias = bias;
  s.mlpBias = traits.readsMlpBias && config.flag("mlp_bias", false);
  s.head = config.flag("tie_word_embeddings", traits.tied)
               ? "model.embed_tokens.weight"
               : "lm_head.weight";
  s.normsHeads = traits.normsHeads;
  s.rope = readRope(config, s.headDim, s.maxPositions, traits.theta, context);
  return s;
}

ModelInfo qnt::huggingface::importLlama(StringRef architecture,
                                        const Checkpoint &checkpoint,
                                        GraphBuilder &graph,
                                        const ImportOptions &options) {
  const Traits *traits = llvm::find_if(
      families, [&](const Traits &t) { return t.name == architecture; });
  MLIRContext *context = graph.getContext();
  LlamaShape shape = readShape(checkpoint.config, *traits, context);
  // Before anything is allocated for every layer.
  graph.setPrefix("model.");
  std::string deepest = "layers." + std::to_string(shape.layers - 1);
  if (!graph.hasTensor(deepest, "input_layernorm.weight"))
    checkpoint.config.fail(
        "'num_hidden_layers' is " + std::to_string(shape.layers) + ", but " +
        checkpoint.params->path() + " has no tensor 'model." + deepest +
        ".input_layernorm.weight'");
  shape.windows = readWindows(checkpoint.config, *traits, shape.layers);
  shape.rotates = readRotates(checkpoint.config, *traits, shape.layers);

  ModelInfo info = buildLlama(graph, shape, options.kvType);
  graph.warnOfUnused([&](StringRef name) {
    // Frequencies are computed; a tied head may be stored all the same.
    return name.ends_with("rotary_emb.inv_freq") || name == "lm_head.weight";
  });
  return info;
}
