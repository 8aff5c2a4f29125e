# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %S/Inputs %t
"""Broken and unsupported GGUF files: one line that names the file and what was
expected, and no file left behind."""
import os
import re
import struct
import subprocess
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
folder = sys.argv[2]
import files  # noqa: E402
import gguf  # noqa: E402

PATH = os.path.join(folder, "model.gguf")
CONFIG = {"max_position_embeddings": 64, "hidden_size": 32,
          "num_hidden_layers": 1, "intermediate_size": 64,
          "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
          "rms_norm_eps": 1e-5, "vocab_size": 8}
SHAPES = {"model.embed_tokens.weight": (8, 32), "model.norm.weight": (32,),
          "model.layers.0.input_layernorm.weight": (32,),
          "model.layers.0.post_attention_layernorm.weight": (32,),
          "model.layers.0.self_attn.q_proj.weight": (32, 32),
          "model.layers.0.self_attn.k_proj.weight": (16, 32),
          "model.layers.0.self_attn.v_proj.weight": (16, 32),
          "model.layers.0.self_attn.o_proj.weight": (32, 32),
          "model.layers.0.mlp.gate_proj.weight": (64, 32),
          "model.layers.0.mlp.up_proj.weight": (64, 32),
          "model.layers.0.mlp.down_proj.weight": (32, 64)}
TENSORS = {name: np.ones(shape, np.float32) for name, shape in SHAPES.items()}
TOKENS = ["<unk>", "<s>", "</s>", "a", "b", "ab", "<0x0A>", "\u2581"]


def tokenizer(model="llama", pre=None, tokens=TOKENS, types=None, scores=None,
              merges=None):
    def add(writer):
        writer.add_tokenizer_model(model)
        if pre:
            writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types(types or [2, 3, 3, 1, 1, 1, 6, 1])
        if scores is not None or model == "llama":
            writer.add_token_scores(scores or [0.0] * len(tokens))
        if merges is not None:
            writer.add_token_merges(merges)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
    return add


failures = 0


def refused(what, pattern):
    """quant-opt says `pattern` of the file at PATH, and leaves nothing."""
    global failures
    before = set(os.listdir(folder))
    got = subprocess.run(["quant-opt", PATH, "-o",
                          os.path.join(folder, "out.mlir")],
                         capture_output=True, text=True, timeout=120)
    lines = got.stderr.splitlines()
    left = set(os.listdir(folder)) - before
    if got.returncode != 1 or len(lines) != 1 or left or \
            not re.search(pattern, lines[0]) or PATH not in lines[0]:
        failures += 1
        print(f"{what}: expected {pattern!r}, status {got.returncode}, left "
              f"{left}: {got.stderr[:500]}")


def write(kind="llama", tensors=TENSORS, types=None, **parts):
    files.write_model(PATH, CONFIG, tensors, kind,
                      types or files.matrices("F32"), **parts)


def data():
    with open(PATH, "rb") as file:
        return bytearray(file.read())


def save(content):
    with open(PATH, "wb") as file:
        file.write(content)


# The file itself.
write()
good = data()
GOOD = os.path.join(folder, "good.mlir")
subprocess.run(["quant-opt", PATH, "-o", GOOD], check=True)
with open(GOOD) as file:
    module = file.read()
name_at = good.index(b"token_embd.weight")
dims_at = name_at + len("token_embd.weight")
type_at = dims_at + 4 + 16
key_at = good.index(b"general.architecture")


def patched(at, layout, *values):
    content = bytearray(good)
    struct.pack_into("<" + layout, content, at, *values)
    return content


# Version 2 differs in nothing that is read.
save(patched(4, "I", 2))
subprocess.run(["quant-opt", PATH, "-o", GOOD], check=True)
with open(GOOD) as file:
    assert file.read() == module

BYTES = [
    ("empty", b"", "not a GGUF file"),
    ("text", b"GGML" + good[4:], "not a GGUF file"),
    ("header only", good[:20], "not a GGUF file"),
    ("version 1", patched(4, "I", 1), "GGUF version 1, expected 2 or 3"),
    ("version 4", patched(4, "I", 4), "GGUF version 4, expected 2 or 3"),
    ("big-endian", patched(4, ">I"[1:], 0x03000000), "big-endian"),
    ("tensors", patched(8, "Q", 1 << 62), "4611686018427387904 tensors"),
    ("keys", patched(16, "Q", 1 << 60), "1152921504606846976 keys"),
    ("key's length", patched(24, "Q", 1 << 63), "key 0: the file ends within"),
    ("key's type", patched(key_at + 20, "I", 77),
     "key 'general.architecture': unknown type of value 77"),
    ("string's length", patched(key_at + 24, "Q", (1 << 64) - 8),
     "key 'general.architecture': the file ends within it"),
    ("array of arrays", patched(key_at + 20, "IIQ", 9, 9, 1),
     "arrays of arrays"),
    ("array's length", patched(key_at + 20, "IIQ", 9, 0, 1 << 50),
     "1125899906842624 elements"),
    ("rank", patched(dims_at, "I", 5), "'token_embd.weight': has 5 dimensions"),
    ("rank 0", patched(dims_at, "I", 0), "has 0 dimensions"),
    ("no rows", patched(dims_at + 4, "Q", 0), "dimension 0 is 0, expected 1"),
    ("too many rows", patched(dims_at + 12, "Q", 1 << 40), "dimension 1 is"),
    ("overflow", patched(dims_at + 4, "QQ", 1 << 31, 1 << 33), "dimension 0"),
    ("type", patched(type_at, "I", 13),
     r"'token_embd.weight': has the type Q5_K \(13\), expected F32, F16"),
    ("unknown type", patched(type_at, "I", 1000), "the type 1000, expected"),
    ("blocks", patched(type_at, "I", 12),
     "has rows of 32 elements, expected a multiple of 256 for Q4_K"),
    ("unaligned", patched(type_at + 4, "Q", 8),
     "lies at offset 8, expected a multiple of 32"),
    ("offset", patched(type_at + 4, "Q", 1 << 40),
     "takes 1024 bytes from offset 1099511627776"),
    ("huge offset", patched(type_at + 4, "Q", (1 << 64) - 32), "takes 1024"),
    ("name", patched(name_at, "B", 0x80), "printable ASCII"),
    ("same name", good.replace(b"blk.0.attn_k.w", b"blk.0.attn_q.w"),
     "tensor 'blk.0.attn_q.weight' is there twice"),
    ("same key", good.replace(b"llama.context_length", b"general.architecture"),
     "key 'general.architecture': is there twice"),
    ("truncated", good[:-32], "has [0-9]+ bytes of data"),
]
for what, content, pattern in BYTES:
    save(content)
    refused(what, pattern)
rng = np.random.default_rng(3)
for size in [*range(24, 200, 7), *rng.integers(200, len(good) - 1, 20)]:
    save(good[:size])
    refused(f"{size} bytes", ": ")

# What it says.


def without(name):
    return {n: x for n, x in TENSORS.items() if n != name}


def setting(function):
    return lambda: write(settings=function)


MODELS = [
    (lambda: write("falcon"), "unknown architecture 'falcon', expected llama"),
    (lambda: write(tensors=without("model.embed_tokens.weight")),
     "no tensor 'token_embd.weight'"),
    (lambda: write(tensors=without("model.norm.weight")),
     "no tensor 'output_norm.weight'"),
    (lambda: write(tensors=TENSORS | {
        "model.layers.0.mlp.up_proj.weight": np.ones((32, 32), np.float32)}),
     r"'blk.0.ffn_up.weight' has the shape \[32, 32\], expected \[64, 32\]"),
    (lambda: write("qwen2"), "no tensor 'blk.0.attn_q.bias'"),
    (lambda: write("qwen3"), "no tensor 'blk.0.attn_q_norm.weight'"),
    (setting(lambda w: w.add_block_count(3)), "no tensor 'blk.1.attn_norm"),
    (setting(lambda w: w.add_expert_count(8)), "'llama.expert_count' is not 0"),
    (setting(lambda w: w.add_logit_scale(2.0)),
     "the setting 'llama.logit_scale' is not supported"),
    (setting(lambda w: w.add_sliding_window(16)),
     "'llama.attention.sliding_window' is 16"),
    (setting(lambda w: w.add_head_count(3)), "head_count_kv|shape"),
    (setting(lambda w: w.add_head_count(0)), "'llama.attention.head_count'"),
    (setting(lambda w: w.add_embedding_length(1 << 31)),
     "'llama.embedding_length' must be an integer of 1 to"),
    (setting(lambda w: w.add_value_length(8)), "value_length' is 8"),
    (setting(lambda w: w.add_rope_dimension_count(8)),
     "dimension_count' is 8, expected 16"),
    (setting(lambda w: w.add_rope_freq_base(-1.0)), "'llama.rope.freq_base'"),
    (setting(lambda w: w.add_layer_norm_rms_eps(float("nan"))),
     "rms_epsilon' must be a finite number"),
    (setting(lambda w: w.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)),
     "rope.scaling.type' is 'longrope', expected none, linear or yarn"),
    (setting(lambda w: w.add_tensor("rope_freqs.weight",
                                    np.arange(1, 9, dtype=np.float32))),
     "'rope_freqs.weight' is not what the rule of Llama 3.1 gives"),
    (setting(lambda w: w.add_uint16("split.count", 3)), "cut into several"),
    (setting(lambda w: w.add_vocab_size(9)), "'llama.vocab_size' is 9"),
    (setting(lambda w: w.add_string("tokenizer.huggingface.json", "{")),
     "'tokenizer.huggingface.json': line 1, column 1"),
    (setting(lambda w: w.add_string(
        "tokenizer.huggingface.json",
        '{"model": {"vocab": {"a": 7}}, "added_tokens": [{"id": 8}]}')),
     "has ids up to 8, but the model embeds 8 tokens"),
    (lambda: write(tokenizer=tokenizer("rwkv")), "expected gpt2 or llama"),
    (lambda: write(tokenizer=tokenizer("gpt2", "jais-7")),
     "'tokenizer.ggml.pre' is 'jais-7', expected one of gpt-2, llama-bpe"),
    (lambda: write(tokenizer=tokenizer("gpt2", "gpt-2")),
     "'tokenizer.ggml.merges' is missing"),
    (lambda: write(tokenizer=tokenizer(tokens=TOKENS + ["x"],
                                       types=[1] * 9)),
     "has 9 tokens, but the model embeds 8"),
    (lambda: write(tokenizer=tokenizer(types=[1])), "1 entries, expected 8"),
    (lambda: write(tokenizer=tokenizer(scores=[1.0])), "scores' has 1 entries"),
    (lambda: write(tokenizer=tokenizer(scores=[float("nan")] * 8)),
     "is not a number"),
    (lambda: write(tokenizer=tokenizer(tokens=["a"] * 8)), "'a' twice"),
    (lambda: write(tokenizer=tokenizer(), settings=lambda w:
                   w.add_uint32("tokenizer.ggml.eot_token_id", 8)),
     "eot_token_id' must be a token's id below 8"),
]
for make, pattern in MODELS:
    make()
    refused(pattern, pattern)

# A scale that is no number.
blocks = files.encode(np.ones((16, 32), np.float32), "Q8_0")
blocks[0, :2] = np.array([np.nan], np.float16).view(np.uint8)
original = files.encode
files.encode = lambda x, name: blocks if name == "Q8_0" else original(x, name)
write(types=lambda name, x: "Q8_0" if "v_proj" in name else "F32")
refused("nan", "'blk.0.attn_v.weight' has a scale that is not finite")
sys.exit(failures > 0)
