//===- Llama.cpp - decoders of the Llama family -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Llama.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::importer;

namespace {
class LlamaBuilder {
public:
  LlamaBuilder(GraphBuilder &graph, const LlamaShape &shape, Type cache)
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
  const LlamaShape &shape;
  Type cache;
};
} // namespace

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
  return graph.linear(input, shape.head, shape.vocab, /*bias=*/Value(),
                      "lm_head");
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

void qnt::importer::checkKVType(StringRef kvType) {
  if (kvType != "f16" && kvType != "f32")
    throw ImportError("unknown type '" + kvType.str() +
                      "' of the KV cache, expected f16 or f32");
}

ModelInfo qnt::importer::buildLlama(GraphBuilder &graph,
                                    const LlamaShape &shape, StringRef kvType) {
  MLIRContext *context = graph.getContext();
  Type element = kvType == "f32" ? Type(Float32Type::get(context))
                                 : Type(Float16Type::get(context));
  auto cache = nn::KVCacheType::get(context, shape.layers, shape.kvHeads,
                                    shape.headDim, element);
  LlamaBuilder(graph, shape, cache).build();
  return {"causal_lm", shape.vocab, shape.hidden, shape.layers,
          shape.maxPositions};
}
