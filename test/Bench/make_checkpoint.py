"""Writes a checkpoint folder of random weights: config.json and
model.safetensors, no tokenizer. The same seed gives the same bytes.

  make_checkpoint.py FOLDER --like qwen3-0.6b
  make_checkpoint.py FOLDER --like tiny-llama --set mlp_bias=true --dtype f32
"""
import argparse
import json
import os
import struct

import numpy as np

TINY = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 64,
        "max_position_embeddings": 128}
TINY_DECODER = TINY | {"num_key_value_heads": 2, "hidden_act": "silu",
                       "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
                       "tie_word_embeddings": False}

SHAPES = {
    "qwen3-0.6b": {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
        "hidden_size": 1024, "intermediate_size": 3072,
        "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "rope_theta": 1000000, "rope_scaling": None,
        "attention_bias": False, "tie_word_embeddings": True,
        "bos_token_id": 151643, "eos_token_id": 151645,
        "torch_dtype": "bfloat16"},
    "llama-7b": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "vocab_size": 32000,
        "max_position_embeddings": 2048, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    # The layers' shapes of BitNet b1.58 2B4T (Ma et al. 2025), in Llama's blocks.
    "bitnet-2b": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": 2560, "intermediate_size": 6912,
        "num_hidden_layers": 30, "num_attention_heads": 20,
        "num_key_value_heads": 5, "vocab_size": 128256,
        "max_position_embeddings": 4096, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "bert-base": {
        "architectures": ["BertModel"], "model_type": "bert",
        "hidden_size": 768, "intermediate_size": 3072,
        "num_hidden_layers": 12, "num_attention_heads": 12,
        "vocab_size": 30522, "max_position_embeddings": 512,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2,
        "position_embedding_type": "absolute"},
    "tiny-llama": TINY_DECODER | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "tiny-mistral": TINY_DECODER | {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral",
        "head_dim": 16, "sliding_window": 5},
    "tiny-qwen2": TINY_DECODER | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
        "use_sliding_window": False, "sliding_window": 5,
        "max_window_layers": 1},
    "tiny-qwen3": TINY_DECODER | {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
        "head_dim": 16, "attention_bias": False, "tie_word_embeddings": True},
    "tiny-smollm3": TINY_DECODER | {
        "architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3",
        "num_hidden_layers": 4, "no_rope_layers": [1, 1, 1, 0],
        "tie_word_embeddings": True},
    "tiny-bert": TINY | {
        "architectures": ["BertModel"], "model_type": "bert",
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2,
        "position_embedding_type": "absolute"},
}


def decoder_tensors(config):
    """(name, shape, kind) of the Llama family; kind is "weight" or "scale" or
    "bias"."""
    kind = config["architectures"][0]
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    size = config.get("head_dim") or hidden // heads
    bias = bool(config.get("attention_bias"))
    input_bias = bias or kind == "Qwen2ForCausalLM"
    mlp_bias = bool(config.get("mlp_bias"))

    def linear(name, rows, columns, biased):
        yield name + ".weight", (rows, columns), "weight"
        if biased:
            yield name + ".bias", (rows,), "bias"

    yield "model.embed_tokens.weight", (config["vocab_size"], hidden), "weight"
    for i in range(config["num_hidden_layers"]):
        path = f"model.layers.{i}."
        yield path + "input_layernorm.weight", (hidden,), "scale"
        attention = path + "self_attn."
        for name, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            yield from linear(f"{attention}{name}_proj", count * size, hidden,
                              input_bias)
        yield from linear(attention + "o_proj", hidden, heads * size, bias)
        if kind == "Qwen3ForCausalLM":
            yield attention + "q_norm.weight", (size,), "scale"
            yield attention + "k_norm.weight", (size,), "scale"
        yield path + "post_attention_layernorm.weight", (hidden,), "scale"
        yield from linear(path + "mlp.gate_proj", inner, hidden, mlp_bias)
        yield from linear(path + "mlp.up_proj", inner, hidden, mlp_bias)
        yield from linear(path + "mlp.down_proj", hidden, inner, mlp_bias)
    yield "model.norm.weight", (hidden,), "scale"
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (config["vocab_size"], hidden), "weight"


def encoder_tensors(config):
    """As decoder_tensors, for the BERT family."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    prefix = "" if config["architectures"][0] == "BertModel" else "bert."

    def linear(name, rows, columns):
        yield name + ".weight", (rows, columns), "weight"
        yield name + ".bias", (rows,), "bias"

    def norm(name):
        yield name + ".LayerNorm.weight", (hidden,), "scale"
        yield name + ".LayerNorm.bias", (hidden,), "bias"

    path = prefix + "embeddings"
    for name, rows in (("word", "vocab_size"),
                       ("position", "max_position_embeddings"),
                       ("token_type", "type_vocab_size")):
        yield f"{path}.{name}_embeddings.weight", (config[rows],
                                                   hidden), "weight"
    yield from norm(path)
    for i in range(config["num_hidden_layers"]):
        path = f"{prefix}encoder.layer.{i}."
        for name in ("query", "key", "value"):
            yield from linear(f"{path}attention.self.{name}", hidden, hidden)
        yield from linear(path + "attention.output.dense", hidden, hidden)
        yield from norm(path + "attention.output")
        yield from linear(path + "intermediate.dense", inner, hidden)
        yield from linear(path + "output.dense", hidden, inner)
        yield from norm(path + "output")


def tensors(config):
    bert = config["architectures"][0].startswith("Bert")
    return list((encoder_tensors if bert else decoder_tensors)(config))


def encode(values, dtype):
    """f32 to the bytes of `dtype`, to nearest even."""
    if dtype == "bf16":
        bits = values.view(np.uint32)
        bits = bits + np.uint32(0x7fff) + (bits >> np.uint32(16) & np.uint32(1))
        return (bits >> np.uint32(16)).astype(np.uint16).tobytes()
    return values.astype({"f16": np.float16, "f32": np.float32,
                          "f64": np.float64}[dtype]).tobytes()


def write(folder, config, dtype="bf16", seed=1, chunk=1 << 22):
    """Writes the folder. Weights have variance 1 / inputs, so that activations
    keep their size from layer to layer; scales lie about 1, biases about 0."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    entries = tensors(config)
    width = {"bf16": 2, "f16": 2, "f32": 4, "f64": 8}[dtype]
    header, offset = {}, 0
    for name, shape, _ in entries:
        end = offset + width * int(np.prod(shape))
        header[name] = {"dtype": dtype.upper(), "shape": shape,
                        "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for index, (name, shape, kind) in enumerate(entries):
            random = np.random.default_rng([seed, index])
            count = int(np.prod(shape))
            scale = shape[-1] ** -0.5 if kind == "weight" else 0.1
            for at in range(0, count, chunk):
                values = random.standard_normal(min(chunk, count - at),
                                                np.float32)
                values *= np.float32(scale)
                if kind == "scale":
                    values += np.float32(1)
                file.write(encode(values, dtype))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--like", required=True, choices=SHAPES)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--set", action="append", default=[],
                        metavar="KEY=JSON", help="overrides of config.json")
    parser.add_argument("--dtype", default="bf16",
                        choices=("bf16", "f16", "f32", "f64"))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    config = dict(SHAPES[arguments.like])
    if arguments.layers:
        config["num_hidden_layers"] = arguments.layers
    for item in arguments.set:
        key, value = item.split("=", 1)
        config[key] = json.loads(value)
    write(arguments.folder, config, arguments.dtype, arguments.seed)


if __name__ == "__main__":
    main()
