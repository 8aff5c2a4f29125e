# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %S/Inputs %t
"""The graph of a GGUF file is, line for line, the graph of the HuggingFace folder
with the same tensors: architectures, biases, rotary scaling, tied embeddings."""
import math
import os
import re
import subprocess
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
folder = sys.argv[2]
import files  # noqa: E402
import gguf  # noqa: E402

SCALING = gguf.RopeScalingType
BASE = {"max_position_embeddings": 128, "hidden_size": 32,
        "num_hidden_layers": 2, "intermediate_size": 48,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "rms_norm_eps": 1e-6, "vocab_size": 10, "hidden_act": "silu",
        "rope_theta": 500000.0, "eos_token_id": 2, "bos_token_id": 1}


def shapes(config, kind, biases, tied):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    found = {"model.embed_tokens.weight": (config["vocab_size"], hidden),
             "model.norm.weight": (hidden,)}
    if not tied:
        found["lm_head.weight"] = found["model.embed_tokens.weight"]
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[layer + name + ".weight"] = (hidden,)
        for name, rows in [("q", queries), ("k", keys), ("v", keys)]:
            found[layer + f"self_attn.{name}_proj.weight"] = (rows, hidden)
            if biases:
                found[layer + f"self_attn.{name}_proj.bias"] = (rows,)
        found[layer + "self_attn.o_proj.weight"] = (hidden, queries)
        if kind == "qwen3":
            for name in ("q_norm", "k_norm"):
                found[layer + f"self_attn.{name}.weight"] = (config["head_dim"],)
        for name in ("gate_proj", "up_proj"):
            found[layer + f"mlp.{name}.weight"] = (inner, hidden)
        found[layer + "mlp.down_proj.weight"] = (hidden, inner)
    return found


def graph(source, names):
    """The module's lines, parameters under the names of a GGUF file."""
    out = os.path.join(folder, "out.mlir")
    subprocess.run(["quant-opt", source, "-o", out], check=True)
    with open(out) as file:
        text = file.read()
    lines = [line for line in text.splitlines()
             if not line.startswith(("module", "#loc"))]
    text = re.sub(r" loc\(.*?\)", "", "\n".join(lines))
    for name, other in names.items():
        # As a symbol, and as a value called after it.
        text = re.sub(rf"(?<=[@%]){re.escape(name)}(?=_\d|[^\w.]|$)", other,
                      text)
    return text


def stretched(size, factor, low, high, original, theta):
    """What each frequency is divided by: the rule of Llama 3.1."""
    divisors = []
    for i in range(size // 2):
        length = 2 * math.pi * theta ** (2 * i / size)
        smooth = (original / length - low) / (high - low)
        smooth = min(max(smooth, 0.0), 1.0)
        divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, np.float32)


def check(what, kind, architecture, changes=None, settings=None, biases=False,
          tied=False):
    config = BASE | {"architectures": [architecture],
                     "tie_word_embeddings": tied} | (changes or {})
    tensors = {name: np.ones(shape, np.float32) for name, shape in
               shapes(config, kind, biases, tied).items()}
    path = os.path.join(folder, "model.gguf")
    files.write_model(path, config, tensors, kind, files.matrices("F32"),
                      settings=settings)
    checkpoint = os.path.join(folder, "checkpoint")
    files.write_huggingface(checkpoint, config, tensors)
    got = graph(path, {})
    want = graph(checkpoint, {n: files.tensor_name(n) for n in tensors})
    if got != want:
        pairs = zip(got.splitlines(), want.splitlines())
        first = next((p for p in pairs if p[0] != p[1]), (got, want))
        sys.exit(f"{what}: '{first[0]}', expected '{first[1]}'")


def scaling(kind, **more):
    def add(writer):
        writer.add_rope_scaling_type(kind)
        writer.add_rope_scaling_factor(4.0)
        for key, value in more.items():
            getattr(writer, "add_" + key)(value)
    return add


check("llama", "llama", "LlamaForCausalLM")
check("tied", "llama", "LlamaForCausalLM", tied=True)
check("mistral", "llama", "MistralForCausalLM", {"sliding_window": None})
check("qwen2", "qwen2", "Qwen2ForCausalLM", biases=True)
check("qwen3", "qwen3", "Qwen3ForCausalLM", {"head_dim": 16})
check("linear", "llama", "LlamaForCausalLM",
      {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},
      scaling(SCALING.LINEAR))
check("yarn", "qwen2", "Qwen2ForCausalLM",
      {"rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                        "original_max_position_embeddings": 32}},
      scaling(SCALING.YARN, rope_scaling_orig_ctx_len=32), biases=True)
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}
check("llama 3.1", "llama", "LlamaForCausalLM",
      {"head_dim": 32, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
      lambda w: w.add_tensor("rope_freqs.weight", stretched(
          32, *LLAMA3.values(), BASE["rope_theta"])))
