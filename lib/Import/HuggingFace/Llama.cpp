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
#include "Architectures.h"
#include "Rope.h"

#include "qnt/Support/Json.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;

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

/// A checked configuration.
struct Shape {
  int64_t vocab, hidden, intermediate, layers, heads, kvHeads, headDim;
  int64_t maxPositions;
  double eps;
  nn::ActivationKind activation;
  bool inputBias, outputBias, mlpBias, tied, normsHeads;
  RopeSettings rope;
  /// For every layer: the window, and whether positions are rotated.
  SmallVector<std::optional<int64_t>> windows;
  SmallVector<bool> rotates;
};

class LlamaBuilder {
public:
  LlamaBuilder(GraphBuilder &graph, const Shape &shape, Type cache)
      : graph(graph), shape(shape), cache(cache) {}
  void build();

private:
  func::FuncOp buildLayer(int64_t index);
  Value buildAttention(Value input, Value table, Value start, Value kv,
                       int64_t index, const std::string &path);
  Value buildMlp(Value input, const std::string &path);
  func::FuncOp buildBackbone(ArrayRef<func::FuncOp> layers);
  Value buildHead(Value input);

  GraphBuilder &graph;
  const Shape &shape;
  Type cache;
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

static Shape readShape(const Config &config, const Traits &traits,
                       MLIRContext *context) {
  Shape s;
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
  s.tied = config.flag("tie_word_embeddings", traits.tied);
  s.normsHeads = traits.normsHeads;
  s.rope = readRope(config, s.headDim, s.maxPositions, traits.theta, context);
  return s;
}

//===----------------------------------------------------------------------===//
// Graph
//===----------------------------------------------------------------------===//

Value LlamaBuilder::buildAttention(Value input, Value table, Value start,
                                   Value kv, int64_t index,
                                   const std::string &path) {
  OpBuilder &ops = graph.ops();
  int64_t keys = shape.kvHeads * shape.headDim;
  Value q = graph.linear(input, path + ".q_proj", shape.heads * shape.headDim,
                         shape.inputBias);
  Value k = graph.linear(input, path + ".k_proj", keys, shape.inputBias);
  Value v = graph.linear(input, path + ".v_proj", keys, shape.inputBias);
  if (shape.normsHeads) {
    q = graph.rmsNorm(q, path + ".q_norm", shape.eps, shape.heads);
    k = graph.rmsNorm(k, path + ".k_norm", shape.eps, shape.kvHeads);
  }
  if (shape.rotates[index]) {
    q = nn::RopeOp::create(ops, graph.location(path + ".q_rope"), q, table,
                           shape.heads);
    k = nn::RopeOp::create(ops, graph.location(path + ".k_rope"), k, table,
                           shape.kvHeads);
  }
  IntegerAttr window;
  if (shape.windows[index])
    window = ops.getI64IntegerAttr(*shape.windows[index]);
  Value y = nn::AttentionOp::create(
      ops, graph.location(path), q, k, v, /*lengths=*/Value(), kv, start,
      ops.getI64IntegerAttr(index), shape.heads, shape.kvHeads,
      APFloat(1 / std::sqrt(double(shape.headDim))), /*causal=*/false, window);
  return graph.linear(y, path + ".o_proj", shape.hidden, shape.outputBias);
}

Value LlamaBuilder::buildMlp(Value input, const std::string &path) {
  Value gate = graph.linear(input, path + ".gate_proj", shape.intermediate,
                            shape.mlpBias);
  Value up =
      graph.linear(input, path + ".up_proj", shape.intermediate, shape.mlpBias);
  gate = graph.activation(shape.activation, gate, path + ".act_fn");
  Value product = graph.mul(gate, up, path + ".mul");
  return graph.linear(product, path + ".down_proj", shape.hidden,
                      shape.mlpBias);
}

func::FuncOp LlamaBuilder::buildLayer(int64_t index) {
  std::string path = "layers." + std::to_string(index);
  RankedTensorType rows = graph.rowsType(shape.hidden);
  func::FuncOp function = graph.beginPrivate(
      path, {rows, graph.rowsType(shape.rope.dim), graph.idsType(1), cache},
      rows);
  Value x = function.getArgument(0), table = function.getArgument(1);
  Value start = function.getArgument(2), kv = function.getArgument(3);
  Value h = graph.rmsNorm(x, path + ".input_layernorm", shape.eps);
  h = buildAttention(h, table, start, kv, index, path + ".self_attn");
  x = graph.add(x, h, path + ".self_attn.add");
  h = graph.rmsNorm(x, path + ".post_attention_layernorm", shape.eps);
  h = buildMlp(h, path + ".mlp");
  graph.finish(graph.add(x, h, path + ".mlp.add"));
  return function;
}

func::FuncOp LlamaBuilder::buildBackbone(ArrayRef<func::FuncOp> layers) {
  OpBuilder &ops = graph.ops();
  func::FuncOp function = graph.beginPrivate(
      "backbone", {graph.idsType(2), graph.idsType(1), cache},
      graph.rowsType(shape.hidden));
  Value tokens = function.getArgument(0), start = function.getArgument(1);
  Value kv = function.getArgument(2);
  Value x = graph.embedding(tokens, "embed_tokens", shape.vocab, shape.hidden);
  Value positions = nn::PositionIdsOp::create(
      ops, graph.location("position_ids"), tokens, start);
  Value table = nn::RopeTableOp::create(
      ops, graph.location("rotary_emb"), positions, shape.rope.dim,
      APFloat(shape.rope.theta), shape.rope.scaling);
  for (func::FuncOp layer : layers)
    x = graph.call(layer, {x, table, start, kv});
  graph.finish(graph.rmsNorm(x, "norm", shape.eps));
  return function;
}

Value LlamaBuilder::buildHead(Value input) {
  Value matrix = graph.parameter(shape.tied ? "model.embed_tokens.weight"
                                            : "lm_head.weight",
                                 {shape.vocab, shape.hidden}, "lm_head");
  return nn::LinearOp::create(graph.ops(), graph.location("lm_head"), input,
                              matrix, /*bias=*/Value());
}

void LlamaBuilder::build() {
  SmallVector<func::FuncOp> layers;
  for (int64_t i = 0; i < shape.layers; ++i)
    layers.push_back(buildLayer(i));
  func::FuncOp backbone = buildBackbone(layers);

  OpBuilder &ops = graph.ops();
  EntryArgument tokens{"tokens", graph.idsType(2), {"batch", "tokens"}};
  EntryArgument position{"position", graph.idsType(1), {"batch"}};
  EntryArgument last{"last", graph.idsType(1), {"batch"}};
  EntryArgument kv{"kv", cache, {}};
  auto logits = RankedTensorType::get({ShapedType::kDynamic, shape.vocab},
                                      ops.getF32Type());
  auto call = [&](func::FuncOp entry) {
    unsigned count = entry.getNumArguments();
    return graph.call(backbone, {entry.getArgument(0), entry.getArgument(1),
                                 entry.getArgument(count - 1)});
  };

  func::FuncOp prefill = graph.beginEntry(
      "prefill", {tokens, position, last, kv}, logits, "logits");
  graph.finish(buildHead(nn::SelectRowsOp::create(
      ops, graph.location("last"), call(prefill), prefill.getArgument(2))));

  func::FuncOp decode =
      graph.beginEntry("decode", {tokens, position, kv}, logits, "logits");
  graph.finish(buildHead(nn::SelectRowsOp::create(
      ops, graph.location("last"), call(decode), /*rows=*/Value())));

  func::FuncOp score = graph.beginEntry("score", {tokens, position, kv},
                                        graph.rowsType(shape.vocab), "logits");
  graph.finish(buildHead(call(score)));
}

ModelInfo qnt::huggingface::importLlama(StringRef architecture,
                                        const Checkpoint &checkpoint,
                                        GraphBuilder &graph,
                                        const ImportOptions &options) {
  const Traits *traits = llvm::find_if(
      families, [&](const Traits &t) { return t.name == architecture; });
  MLIRContext *context = graph.getContext();
  Shape shape = readShape(checkpoint.config, *traits, context);
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

  Type element = options.kvType == "f32" ? Type(Float32Type::get(context))
                                         : Type(Float16Type::get(context));
  auto cache = nn::KVCacheType::get(context, shape.layers, shape.kvHeads,
                                    shape.headDim, element);
  LlamaBuilder(graph, shape, cache).build();
  graph.warnOfUnused([&](StringRef name) {
    // Frequencies are computed; a tied head may be stored all the same.
    return name.ends_with("rotary_emb.inv_freq") ||
           (shape.tied && name == "lm_head.weight");
  });
  return {"causal_lm", shape.vocab, shape.hidden, shape.layers,
          shape.maxPositions};
}
