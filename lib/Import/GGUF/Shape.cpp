//===- Shape.cpp - the architecture that a GGUF file describes --*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Shape.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::gguf;
using importer::LlamaShape;
using llvm::APFloat;

namespace {
/// What distinguishes the architectures.
struct Traits {
  StringLiteral name;
  /// Rows of queries and keys are interleaved.
  bool interleaves = false;
  /// q, k and v have biases whatever the file holds.
  bool biasedInputs = false;
  bool normsHeads = false;
};

constexpr Traits architectures[] = {
    {.name = "llama", .interleaves = true},
    {.name = "qwen2", .biasedInputs = true},
    {.name = "qwen3", .normsHeads = true},
};

/// Settings of an architecture, after "<architecture>.". Others change the
/// numbers in ways that this importer does not know.
constexpr StringLiteral knownSettings[] = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "expert_count",
    "expert_used_count",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "vocab_size",
};

class ShapeReader {
public:
  ShapeReader(const File &file, FileTensors &tensors, MLIRContext *context)
      : file(file), tensors(tensors), context(context) {}
  LlamaShape read();

private:
  std::string key(StringRef setting) const { return (prefix + setting).str(); }
  const Traits &findArchitecture();
  void checkSettings() const;
  nn::RopeScalingAttr readScaling(const LlamaShape &shape) const;
  nn::RopeScalingAttr readFrequencies(const LlamaShape &shape) const;
  nn::RopeScalingAttr makeScaling(nn::RopeScalingKind kind, double factor,
                                  double low, double high, int64_t original,
                                  double attention) const {
    return nn::RopeScalingAttr::get(context, kind, APFloat(factor),
                                    APFloat(low), APFloat(high), original,
                                    APFloat(attention));
  }

  const File &file;
  FileTensors &tensors;
  MLIRContext *context;
  std::string prefix;
};
} // namespace

const Traits &ShapeReader::findArchitecture() {
  std::string name(file.text("general.architecture"));
  const Traits *found = llvm::find_if(
      architectures, [&](const Traits &traits) { return traits.name == name; });
  if (found == std::end(architectures))
    file.fail("unknown architecture " + quote(name) +
              ", expected llama, qwen2 or qwen3");
  prefix = name + ".";
  return *found;
}

void ShapeReader::checkSettings() const {
  if (auto parts = file.findSize("split.count"); parts && *parts > 1)
    file.fail("'split.count' is " + std::to_string(*parts) +
              ": the model is cut into several files, expected one");
  for (const auto &[name, value] : file.metadata()) {
    StringRef setting(name.data(), name.size());
    if (setting.consume_front(prefix) &&
        !llvm::is_contained(knownSettings, setting))
      file.fail("the setting " + quote(name) + " is not supported");
  }
  const gguf::Value *experts = file.find(key("expert_count"));
  auto *count = experts ? std::get_if<uint64_t>(experts) : nullptr;
  if (experts && !(count && *count == 0))
    file.fail("'" + key("expert_count") +
              "' is not 0: mixtures of experts are not supported");
}

/// Llama 3.1 keeps its rule of stretched frequencies as a tensor of what each
/// one is divided by. The rule has three more numbers, which are the same in
/// all released models; a tensor that they do not explain is refused.
nn::RopeScalingAttr
ShapeReader::readFrequencies(const LlamaShape &shape) const {
  const Tensor *tensor = file.findTensor("rope_freqs.weight");
  if (!tensor)
    return {};
  constexpr double low = 1, high = 4, original = 8192;
  int64_t count = shape.rope.dim / 2;
  if (tensor->type->dtype != params::DType::F32 ||
      tensor->shape != std::vector<int64_t>{count})
    file.fail("tensor 'rope_freqs.weight' is " +
              std::string(tensor->type->name) + " " +
              importer::formatShape(tensor->shape) + ", expected F32 [" +
              std::to_string(count) + "]");
  std::vector<float> divisors(count);
  std::memcpy(divisors.data(), tensor->bytes.data(), 4 * count);
  double factor = divisors.back();
  if (llvm::all_of(divisors, [](float value) { return value == 1; }))
    return {};
  bool fits = factor > 1 && std::isfinite(factor);
  for (int64_t i = 0; i < count && fits; ++i) {
    double frequency =
        std::pow(shape.rope.theta, -2.0 * double(i) / double(shape.rope.dim));
    double turns = original * frequency / (2 * M_PI), divisor = 1;
    if (turns < low)
      divisor = factor;
    else if (turns <= high)
      divisor =
          1 / ((turns - low) / (high - low) * (1 - 1 / factor) + 1 / factor);
    fits = std::fabs(divisors[i] - divisor) <= 1e-5 * divisor;
  }
  if (!fits)
    file.fail("tensor 'rope_freqs.weight' is not what the rule of Llama 3.1 "
              "gives for low and high frequency factors 1 and 4 and 8192 "
              "original positions, expected that");
  return makeScaling(nn::RopeScalingKind::Llama3, factor, low, high,
                     int64_t(original), 1);
}

nn::RopeScalingAttr ShapeReader::readScaling(const LlamaShape &shape) const {
  std::string kind(file.findText(key("rope.scaling.type")).value_or("none"));
  nn::RopeScalingAttr frequencies = readFrequencies(shape);
  if (frequencies && kind != "none")
    file.fail("tensor 'rope_freqs.weight' beside '" + key("rope.scaling.type") +
              "' " + quote(kind) + " is not supported");
  if (kind == "none")
    return frequencies;
  auto positive = [&](StringRef setting, double missing) {
    double value = file.findNumber(key(setting)).value_or(missing);
    if (!(value > 0))
      file.fail("'" + key(setting) + "' must be above 0");
    return value;
  };
  double factor = positive("rope.scaling.factor", 1);
  if (kind == "linear")
    return makeScaling(nn::RopeScalingKind::Linear, factor, 1, 1,
                       shape.maxPositions, 1);
  if (kind != "yarn")
    file.fail("'" + key("rope.scaling.type") + "' is " + quote(kind) +
              ", expected none, linear or yarn");
  double low = positive("rope.scaling.yarn_beta_slow", 1);
  double high = positive("rope.scaling.yarn_beta_fast", 32);
  if (high <= low || shape.rope.theta <= 1)
    file.fail("expected '" + key("rope.scaling.yarn_beta_fast") +
              "' above the slow one and '" + key("rope.freq_base") +
              "' above 1");
  int64_t original = file.findSize(key("rope.scaling.original_context_length"))
                         .value_or(shape.maxPositions);
  // Section 3.4 of the YaRN paper (Peng et al. 2023).
  double attention = positive("rope.scaling.attn_factor", 1) *
                     (factor > 1 ? 0.1 * std::log(factor) + 1 : 1);
  return makeScaling(nn::RopeScalingKind::Yarn, factor, low, high, original,
                     attention);
}

LlamaShape ShapeReader::read() {
  const Traits &traits = findArchitecture();
  checkSettings();
  LlamaShape s;
  s.hidden = file.size(key("embedding_length"));
  s.intermediate = file.size(key("feed_forward_length"));
  s.layers = file.size(key("block_count"));
  s.heads = file.size(key("attention.head_count"));
  s.kvHeads = file.findSize(key("attention.head_count_kv")).value_or(s.heads);
  s.maxPositions = file.size(key("context_length"));
  if (s.heads % s.kvHeads != 0)
    file.fail("'" + key("attention.head_count_kv") + "' must divide '" +
              key("attention.head_count") + "', got " +
              std::to_string(s.kvHeads) + " and " + std::to_string(s.heads));
  s.headDim = file.findSize(key("attention.key_length")).value_or(0);
  if (s.headDim == 0) {
    if (s.hidden % s.heads != 0)
      file.fail("'" + key("attention.head_count") + "' must divide '" +
                key("embedding_length") + "', got " + std::to_string(s.heads) +
                " and " + std::to_string(s.hidden));
    s.headDim = s.hidden / s.heads;
  }
  if (s.heads * s.headDim > maxSize)
    file.fail("heads of " + std::to_string(s.heads * s.headDim) +
              " features, expected at most " + std::to_string(maxSize));
  int64_t valueDim =
      file.findSize(key("attention.value_length")).value_or(s.headDim);
  if (valueDim != s.headDim)
    file.fail("'" + key("attention.value_length") + "' is " +
              std::to_string(valueDim) + ", expected that of keys, " +
              std::to_string(s.headDim));
  if (auto window = file.findSize(key("attention.sliding_window"));
      window && *window < s.maxPositions)
    file.fail("'" + key("attention.sliding_window") + "' is " +
              std::to_string(*window) +
              ", expected none below the context length");
  s.eps = file.number(key("attention.layer_norm_rms_epsilon"));
  if (s.eps < 0)
    file.fail("'" + key("attention.layer_norm_rms_epsilon") +
              "' must be at least 0");

  s.rope.dim = file.findSize(key("rope.dimension_count")).value_or(s.headDim);
  if (s.rope.dim % 2 || s.rope.dim > s.headDim ||
      (traits.interleaves && s.rope.dim != s.headDim))
    file.fail("'" + key("rope.dimension_count") + "' is " +
              std::to_string(s.rope.dim) + ", expected " +
              (traits.interleaves ? "" : "an even number of at most ") +
              std::to_string(s.headDim));
  s.rope.theta = file.findNumber(key("rope.freq_base")).value_or(10000);
  if (!(s.rope.theta > 0))
    file.fail("'" + key("rope.freq_base") + "' must be above 0");
  s.rope.scaling = readScaling(s);

  const Tensor *table = file.findTensor("token_embd.weight");
  if (!table)
    file.fail("no tensor 'token_embd.weight'");
  s.vocab = table->shape.front();
  if (auto given = file.findSize(key("vocab_size")); given && *given != s.vocab)
    file.fail("'" + key("vocab_size") + "' is " + std::to_string(*given) +
              ", but tensor 'token_embd.weight' has " +
              std::to_string(s.vocab) + " rows");
  s.head =
      file.findTensor("output.weight") ? "output.weight" : "token_embd.weight";
  // Before anything is allocated for every layer.
  for (int64_t i = 0; i < s.layers; ++i) {
    std::string norm = "blk." + std::to_string(i) + ".attn_norm.weight";
    if (!file.findTensor(norm))
      file.fail("'" + key("block_count") + "' is " + std::to_string(s.layers) +
                ", but there is no tensor '" + norm + "'");
  }
  s.inputBias = traits.biasedInputs || file.findTensor("blk.0.attn_q.bias");
  s.outputBias = file.findTensor("blk.0.attn_output.bias");
  s.mlpBias = file.findTensor("blk.0.ffn_gate.bias");
  s.normsHeads = traits.normsHeads;
  s.windows.resize(s.layers);
  s.rotates.assign(s.layers, true);
  if (traits.interleaves)
    for (int64_t i = 0; i < s.layers; ++i)
      for (const char *name : {".attn_q", ".attn_k"})
        for (const char *leaf : {".weight", ".bias"})
          tensors.setInterleaved("blk." + std::to_string(i) + name + leaf,
                                 s.headDim);
  return s;
}

LlamaShape qnt::gguf::readShape(const File &file, FileTensors &tensors,
                                MLIRContext *context) {
  return ShapeReader(file, tensors, context).read();
}

std::string qnt::gguf::getTensorName(StringRef path, StringRef leaf) {
  std::string block;
  if (path.consume_front("layers.")) {
    auto [index, rest] = path.split('.');
    block = ("blk." + index + ".").str();
    path = rest;
  }
  StringRef name = llvm::StringSwitch<StringRef>(path)
                       .Case("embed_tokens", "token_embd")
                       .Case("norm", "output_norm")
                       .Case("input_layernorm", "attn_norm")
                       .Case("post_attention_layernorm", "ffn_norm")
                       .Case("self_attn.q_proj", "attn_q")
                       .Case("self_attn.k_proj", "attn_k")
                       .Case("self_attn.v_proj", "attn_v")
                       .Case("self_attn.o_proj", "attn_output")
                       .Case("self_attn.q_norm", "attn_q_norm")
                       .Case("self_attn.k_norm", "attn_k_norm")
                       .Case("mlp.gate_proj", "ffn_gate")
                       .Case("mlp.up_proj", "ffn_up")
                       .Case("mlp.down_proj", "ffn_down")
                       .Default(path);
  return block + name.str() + "." + leaf.str();
}
