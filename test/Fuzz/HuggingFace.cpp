//===- HuggingFace.cpp - fuzzes checkpoint folders -----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The input is the folder's files, with NUL bytes between them: config.json,
// generation_config.json, tokenizer.json, tokenizer_config.json, modules.json,
// 1_Pooling/config.json. Empty ones are left out. The tensors are those of a
// tiny decoder and a tiny encoder.
//===----------------------------------------------------------------------===//
#include "Context.h"
#include "Fuzz.h"

#include "qnt/Import/HuggingFace.h"
#include "qnt/Params/SafeTensors.h"

#include <filesystem>

using namespace qnt;
using params::SafeTensorsWriter;

constexpr int64_t kVocab = 12, kHidden = 8, kInner = 12, kPositions = 16;

static std::vector<SafeTensorsWriter::Entry> tinyTensors() {
  std::vector<SafeTensorsWriter::Entry> tensors;
  auto add = [&](const std::string &name, std::vector<int64_t> shape) {
    tensors.push_back({name, params::DType::F16, std::move(shape)});
  };
  auto linear = [&](const std::string &name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  add("model.embed_tokens.weight", {kVocab, kHidden});
  add("model.norm.weight", {kHidden});
  add("lm_head.weight", {kVocab, kHidden});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    add(layer + "input_layernorm.weight", {kHidden});
    add(layer + "post_attention_layernorm.weight", {kHidden});
    // Two heads of four features, one of keys.
    linear(layer + "self_attn.q_proj", kHidden, kHidden);
    linear(layer + "self_attn.k_proj", 4, kHidden);
    linear(layer + "self_attn.v_proj", 4, kHidden);
    linear(layer + "self_attn.o_proj", kHidden, kHidden);
    add(layer + "self_attn.q_norm.weight", {4});
    add(layer + "self_attn.k_norm.weight", {4});
    linear(layer + "mlp.gate_proj", kInner, kHidden);
    linear(layer + "mlp.up_proj", kInner, kHidden);
    linear(layer + "mlp.down_proj", kHidden, kInner);
  }
  add("embeddings.word_embeddings.weight", {kVocab, kHidden});
  add("embeddings.token_type_embeddings.weight", {2, kHidden});
  add("embeddings.position_embeddings.weight", {kPositions, kHidden});
  auto norm = [&](const std::string &name) {
    add(name + ".LayerNorm.weight", {kHidden});
    add(name + ".LayerNorm.bias", {kHidden});
  };
  norm("embeddings");
  std::string layer = "encoder.layer.0.";
  for (const char *name : {"query", "key", "value"})
    linear(layer + "attention.self." + name, kHidden, kHidden);
  linear(layer + "attention.output.dense", kHidden, kHidden);
  linear(layer + "intermediate.dense", kInner, kHidden);
  linear(layer + "output.dense", kHidden, kInner);
  norm(layer + "attention.output");
  norm(layer + "output");
  return tensors;
}

static void writeTensors() {
  std::vector<SafeTensorsWriter::Entry> tensors = tinyTensors();
  SafeTensorsWriter writer(fuzz::scratchFolder() + "/model.safetensors",
                           tensors);
  for (const auto &tensor : tensors) {
    size_t bytes = 2;
    for (int64_t size : tensor.shape)
      bytes *= size_t(size);
    writer.write(std::vector<std::byte>(bytes));
  }
  writer.finish();
  std::filesystem::create_directory(fuzz::scratchFolder() + "/1_Pooling");
}

bool fuzz::readInput(std::string_view input) {
  static const bool written = (writeTensors(), true);
  (void)written;
  constexpr const char *names[] = {
      "config.json",    "generation_config.json",
      "tokenizer.json", "tokenizer_config.json",
      "modules.json",   "1_Pooling/config.json",
  };
  std::vector<std::string> files = splitTexts(input);
  files.resize(std::size(names));
  for (size_t i = 0; i < files.size(); ++i) {
    if (i == 0 || !files[i].empty()) {
      writeFile(names[i], files[i]);
    } else {
      std::error_code ignored;
      std::filesystem::remove(scratchFolder() + "/" + names[i], ignored);
    }
  }
  return importsCleanly([&](mlir::MLIRContext &context) {
    return importHuggingFace(scratchFolder(), &context);
  });
}
