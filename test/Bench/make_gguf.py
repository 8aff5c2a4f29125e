#!/usr/bin/env python3
"""A checkpoint folder of the Qwen3 or Llama family (make_checkpoint.py) as a GGUF file of
f16 weights without a tokenizer, for programs that quantise such files themselves.

usage: make_gguf.py FOLDER FILE
"""
import json
import pathlib
import sys

import gguf
import ml_dtypes
import numpy as np
from safetensors import safe_open

LAYER = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def rename(name):
    stem, suffix = name.rsplit(".", 1)
    if stem in TOP:
        return f"{TOP[stem]}.{suffix}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{LAYER[part]}.{suffix}"


def unrotate(weight, heads):
    """Llama's GGUF files have neighbouring features as the pairs of rope, not halves."""
    rows = weight.reshape(heads, 2, -1, weight.shape[-1])
    return rows.swapaxes(1, 2).reshape(weight.shape)


def write(folder, path):
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    heads = config["num_attention_heads"]
    kv_heads = config["num_key_value_heads"]
    writer = gguf.GGUFWriter(path, kind)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    with safe_open(folder / "model.safetensors", "np") as file:
        for name in file.keys():
            tensor = file.get_tensor(name)
            if tensor.dtype == np.uint16:
                tensor = tensor.view(ml_dtypes.bfloat16)
            if kind == "llama" and ("q_proj" in name or "k_proj" in name):
                tensor = unrotate(tensor, heads if "q_proj" in name else kv_heads)
            writer.add_tensor(rename(name), tensor.astype(
                np.float16 if tensor.ndim > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(*map(pathlib.Path, sys.argv[1:]))
