//===- Bert.cpp - the BERT family -------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Encoders of post-norm blocks with learned absolute positions (Devlin et al.
// 2019). The encoder alone is imported: heads for pretraining or classification
// that a checkpoint may hold are left out.
//
//===----------------------------------------------------------------------===//
#include "Activation.h"
#include "Architectures.h"
#include "Pooling.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;

namespace {
/// A checked configuration.
struct Shape {
  int64_t vocab, hidden, intermediate, layers, heads, positions, types;
  double eps;
  nn::ActivationKind activation;
};

class BertBuilder {
public:
  BertBuilder(GraphBuilder &graph, const Shape &shape)
      : graph(graph), shape(shape) {}
  void build(std::optional<Pooling> pooling);

private:
  func::FuncOp buildLayer(int64_t index);
  func::FuncOp buildBackbone(ArrayRef<func::FuncOp> layers);
  Value layerNorm(Value input, const std::string &path);

  GraphBuilder &graph;
  const Shape &shape;
};
} // namespace

static Shape readShape(const Config &config) {
  Shape s;
  s.vocab = config.size("vocab_size");
  s.hidden = config.size("hidden_size");
  s.intermediate = config.size("intermediate_size");
  s.layers = config.size("num_hidden_layers");
  s.heads = config.size("num_attention_heads");
  s.positions = config.size("max_position_embeddings");
  s.types = config.size("type_vocab_size", 2);
  if (s.hidden % s.heads != 0)
    config.fail("'num_attention_heads' must divide 'hidden_size', got " +
                std::to_string(s.heads) + " and " + std::to_string(s.hidden));
  std::string kind = config.text("position_embedding_type", "absolute");
  if (kind != "absolute")
    config.fail("'position_embedding_type' is '" + kind +
                "', expected absolute");
  for (const char *key : {"is_decoder", "add_cross_attention"})
    if (config.flag(key, false))
      config.fail("'" + std::string(key) + "' is true, expected an encoder");
  s.eps = config.number("layer_norm_eps", 1e-12);
  s.activation = readActivation(config, "hidden_act", "gelu");
  return s;
}

Value BertBuilder::layerNorm(Value input, const std::string &path) {
  // Checkpoints converted from the first release say gamma and beta.
  bool old = graph.hasTensor(path, "gamma");
  Value scale = graph.weight(path, old ? "gamma" : "weight", {shape.hidden});
  Value shift = graph.weight(path, old ? "beta" : "bias", {shape.hidden});
  return nn::LayerNormOp::create(graph.ops(), graph.location(path), input,
                                 scale, shift, APFloat(shape.eps));
}

func::FuncOp BertBuilder::buildLayer(int64_t index) {
  RankedTensorType rows = graph.rowsType(shape.hidden);
  func::FuncOp function = graph.beginPrivate("layers." + std::to_string(index),
                                             {rows, graph.idsType(1)}, rows);
  Value x = function.getArgument(0), lengths = function.getArgument(1);
  std::string path = "encoder.layer." + std::to_string(index);
  std::string self = path + ".attention.self";
  auto project = [&](const char *name) {
    return graph.linear(x, self + "." + name, shape.hidden, /*hasBias=*/true);
  };
  Value q = project("query"), k = project("key"), v = project("value");
  double scale = 1 / std::sqrt(double(shape.hidden / shape.heads));
  Value h = nn::AttentionOp::create(
      graph.ops(), graph.location(self), q, k, v, lengths, /*cache=*/Value(),
      /*start=*/Value(), /*layer=*/IntegerAttr(), shape.heads, shape.heads,
      APFloat(scale), /*causal=*/false, /*window=*/IntegerAttr());
  h = graph.linear(h, path + ".attention.output.dense", shape.hidden, true);
  x = layerNorm(graph.add(h, x, path + ".attention.output.add"),
                path + ".attention.output.LayerNorm");
  h = graph.linear(x, path + ".intermediate.dense", shape.intermediate, true);
  h = graph.activation(shape.activation, h,
                       path + ".intermediate.intermediate_act_fn");
  h = graph.linear(h, path + ".output.dense", shape.hidden, true);
  graph.finish(layerNorm(graph.add(h, x, path + ".output.add"),
                         path + ".output.LayerNorm"));
  return function;
}

func::FuncOp BertBuilder::buildBackbone(ArrayRef<func::FuncOp> layers) {
  RankedTensorType ids = graph.idsType(2);
  func::FuncOp function = graph.beginPrivate(
      "backbone", {ids, ids, graph.idsType(1)}, graph.rowsType(shape.hidden));
  Value tokens = function.getArgument(0), lengths = function.getArgument(2);
  Value positions = nn::PositionIdsOp::create(
      graph.ops(), graph.location("embeddings.position_ids"), tokens,
      /*start=*/Value());
  Value x = graph.embedding(tokens, "embeddings.word_embeddings", shape.vocab,
                            shape.hidden);
  Value types = graph.embedding(function.getArgument(1),
                                "embeddings.token_type_embeddings", shape.types,
                                shape.hidden);
  Value places = graph.embedding(positions, "embeddings.position_embeddings",
                                 shape.positions, shape.hidden);
  x = graph.add(x, types, "embeddings.add_types");
  x = graph.add(x, places, "embeddings.add_positions");
  x = layerNorm(x, "embeddings.LayerNorm");
  for (func::FuncOp layer : layers)
    x = graph.call(layer, {x, lengths});
  graph.finish(x);
  return function;
}

void BertBuilder::build(std::optional<Pooling> pooling) {
  SmallVector<func::FuncOp> layers;
  for (int64_t i = 0; i < shape.layers; ++i)
    layers.push_back(buildLayer(i));
  func::FuncOp backbone = buildBackbone(layers);

  OpBuilder &ops = graph.ops();
  EntryArgument tokens{"tokens", graph.idsType(2), {"batch", "tokens"}};
  EntryArgument types{"token_types", graph.idsType(2), {"batch", "tokens"}};
  EntryArgument lengths{"lengths", graph.idsType(1), {"batch"}};
  func::FuncOp forward =
      graph.beginEntry("forward", {tokens, types, lengths},
                       graph.rowsType(shape.hidden), "hidden");
  graph.finish(graph.call(backbone, forward.getArguments()));
  if (!pooling)
    return;
  auto row = RankedTensorType::get({ShapedType::kDynamic, shape.hidden},
                                   ops.getF32Type());
  func::FuncOp embed =
      graph.beginEntry("embed", {tokens, types, lengths}, row, "embedding");
  Value x = nn::MeanPoolOp::create(ops, graph.location("pooling"),
                                   graph.call(backbone, embed.getArguments()),
                                   embed.getArgument(2));
  if (pooling->normalize)
    x = nn::L2NormalizeOp::create(ops, graph.location("normalize"), x);
  graph.finish(x);
}

ModelInfo qnt::huggingface::importBert(StringRef architecture,
                                       const Checkpoint &checkpoint,
                                       GraphBuilder &graph,
                                       const ImportOptions &options) {
  Shape shape = readShape(checkpoint.config);
  std::optional<Pooling> pooling = readPooling(checkpoint, shape.hidden);
  // A model that was saved with a head has its encoder under "bert.".
  std::string prefix =
      checkpoint.params->find("bert.embeddings.word_embeddings.weight")
          ? "bert."
          : "";
  graph.setPrefix(prefix);
  BertBuilder(graph, shape).build(pooling);
  graph.warnOfUnused([&](StringRef name) {
    return !name.starts_with(prefix + "encoder.") &&
           (!name.starts_with(prefix + "embeddings.") ||
            name.ends_with("position_ids"));
  });
  return {"encoder",    shape.vocab,     shape.hidden,
          shape.layers, shape.positions, shape.types};
}
