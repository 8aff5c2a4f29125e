"""GGUF files written by the gguf package: small random models, and tinylm."""
import json
import os
import sys

import gguf
import numpy as np

F32 = np.float32
TYPES = gguf.GGMLQuantizationType
FLOATS = {"F32": TYPES.F32, "F16": TYPES.F16, "BF16": TYPES.BF16}
BLOCKS = {"Q8_0": TYPES.Q8_0, "Q4_0": TYPES.Q4_0, "Q4_K": TYPES.Q4_K,
          "Q6_K": TYPES.Q6_K}
ALL = [*FLOATS, *BLOCKS]


def group_scales(x, group):
    """Rows of super-blocks of 256 as [..., 256 / group, group]."""
    return x.reshape(*x.shape[:-1], -1, 256 // group, group)


def quantize_q4_k(x):
    """Blocks of minimum and maximum, their scales and minima in 6 bits."""
    x = group_scales(x, 32)
    low = np.minimum(x.min(-1), 0)
    scale = (x.max(-1) - low) / 15
    d = (scale.max(-1) / 63).astype(np.float16)
    dmin = ((-low).max(-1) / 63).astype(np.float16)
    wide, least = (np.maximum(v.astype(F32), 1e-12)[..., None]
                   for v in (d, dmin))
    sc = np.clip(np.rint(scale / wide), 0, 63).astype(np.uint8)
    m = np.clip(np.rint(-low / least), 0, 63).astype(np.uint8)
    step = np.maximum(d.astype(F32)[..., None] * sc, 1e-12)[..., None]
    offset = (dmin.astype(F32)[..., None] * m)[..., None]
    q = np.clip(np.rint((x + offset) / step), 0, 15).astype(np.uint8)
    packed = np.concatenate(
        [sc[..., :4] | (sc[..., 4:] >> 4) << 6,
         m[..., :4] | (m[..., 4:] >> 4) << 6,
         (sc[..., 4:] & 15) | (m[..., 4:] & 15) << 4], -1)
    codes = q[..., 0::2, :] | q[..., 1::2, :] << 4
    codes = codes.reshape(*codes.shape[:-2], 128)
    parts = [d[..., None].view(np.uint8), dmin[..., None].view(np.uint8),
             packed, codes]
    blocks = np.concatenate(parts, -1)
    return blocks.reshape(*blocks.shape[:-2], -1)


def quantize_q6_k(x):
    x = group_scales(x, 16)
    scale = np.abs(x).max(-1) / 31
    d = (scale.max(-1) / 127).astype(np.float16)
    wide = np.maximum(d.astype(F32), 1e-12)[..., None]
    sc = np.clip(np.rint(scale / wide), -128, 127).astype(np.int8)
    step = np.maximum(d.astype(F32)[..., None] * sc, 1e-12)[..., None]
    q = (np.clip(np.rint(x / step), -32, 31) + 32).astype(np.uint8)
    q = q.reshape(*q.shape[:-2], 2, 4, 32)  # halves, parts, elements
    low = np.concatenate([q[..., 0, :] & 15 | (q[..., 2, :] & 15) << 4,
                          q[..., 1, :] & 15 | (q[..., 3, :] & 15) << 4], -1)
    high = sum((q[..., p, :] >> 4) << (2 * p) for p in range(4))
    flat = [v.reshape(*v.shape[:-2], -1) for v in (low, high)]
    blocks = np.concatenate([*flat, sc.view(np.uint8),
                             d[..., None].view(np.uint8)], -1)
    return blocks.reshape(*blocks.shape[:-2], -1)


def encode(x, name):
    """The bytes of a tensor [..., K] in a type of this name."""
    x = np.ascontiguousarray(x, F32)
    if name == "Q4_K":
        return quantize_q4_k(x)
    if name == "Q6_K":
        return quantize_q6_k(x)
    return gguf.quants.quantize(x, (FLOATS | BLOCKS)[name])


def random_blocks(rng, shape, name):
    """Bytes of valid blocks of any content, the scales finite."""
    kind = BLOCKS[name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (*shape[:-1], shape[-1] // elements, size),
                          np.uint8)
    halves = {"Q6_K": [208], "Q4_K": [0, 2]}.get(name, [0])
    for at in halves:
        scale = (rng.standard_normal(blocks.shape[:-1]) *
                 10.0 ** rng.uniform(-7, 3, blocks.shape[:-1])).astype(np.float16)
        blocks[..., at:at + 2] = scale[..., None].view(np.uint8)
    return blocks.reshape(*shape[:-1], -1)


def decode(data, name):
    """f32 values of the bytes of a tensor, by the gguf package."""
    if name == "F32":
        return data.view(F32)
    if name == "F16":
        return data.view(np.float16).astype(F32)
    return gguf.quants.dequantize(data, (FLOATS | BLOCKS)[name])


def add_tensor(writer, name, data, kind):
    """`data` as `encode` gives it."""
    if kind in ("F32", "F16"):
        writer.add_tensor(name, data)
        return
    writer.add_tensor(name, np.ascontiguousarray(data).view(np.uint8),
                      raw_dtype=(FLOATS | BLOCKS)[kind])


def interleave(x, heads):
    """Rows of a Llama projection as llama.cpp's converter orders them."""
    rest = x.shape[1:]
    return x.reshape(heads, 2, -1, *rest).swapaxes(1, 2).reshape(x.shape)


def deinterleave(x, heads):
    rest = x.shape[1:]
    return x.reshape(heads, -1, 2, *rest).swapaxes(1, 2).reshape(x.shape)


MODULES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
           "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
           "self_attn.q_norm": "attn_q_norm",
           "self_attn.k_norm": "attn_k_norm",
           "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
           "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
           "post_attention_layernorm": "ffn_norm"}


def tensor_name(name):
    """The name of a checkpoint's tensor in a GGUF file."""
    if name == "lm_head.weight":
        return "output.weight"
    name = name.removeprefix("model.")
    if name == "embed_tokens.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, layer, rest = name.split(".", 2)
    module, leaf = rest.rsplit(".", 1)
    return f"blk.{layer}.{MODULES[module]}.{leaf}"


def write_settings(writer, config, kind):
    """The metadata of a HuggingFace configuration."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = config.get("head_dim") or hidden // heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_key_length(size)
    writer.add_value_length(size)
    if kind == "llama":
        writer.add_rope_dimension_count(size)
        writer.add_vocab_size(config["vocab_size"])


def write_model(path, config, tensors, kind, types, tokenizer=None,
                settings=None):
    """`tensors` are of a checkpoint, in f32; `types(name, x)` chooses the type
    of a tensor. Returns what the file means, as a checkpoint's tensors.
    `tokenizer` and `settings` add metadata."""
    writer = gguf.GGUFWriter(path, kind)
    write_settings(writer, config, kind)
    if tokenizer:
        tokenizer(writer)
    if settings:  # They override.
        given = writer.kv_data[0]
        writer.kv_data[0] = {}
        settings(writer)
        writer.kv_data[0] = given | writer.kv_data[0]
    meant = {}
    for name, x in tensors.items():
        heads = {"q_proj": config["num_attention_heads"],
                 "k_proj": config.get("num_key_value_heads",
                                      config["num_attention_heads"])}.get(
                     name.split(".")[-2] if kind == "llama" else "")
        stored = interleave(x, heads) if heads else x
        choice = types(name, x)
        data = encode(stored, choice)
        add_tensor(writer, tensor_name(name), data, choice)
        values = decode(data, choice).reshape(x.shape)
        meant[name] = deinterleave(values, heads) if heads else values
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return meant


def matrices(kind):
    """Matrices in one type, vectors in F32."""
    return lambda name, x: kind if x.ndim > 1 else "F32"


def read_checkpoint(source, folder):
    """Configuration and f32 tensors of a checkpoint."""
    sys.path.insert(0, os.path.join(source, "test/Reference"))
    from checkpoint import Checkpoint
    model = Checkpoint(str(folder))
    return model.config, {name: model.tensor(name) for name in model.entries}


def write_huggingface(folder, config, tensors):
    """A checkpoint folder of f32 tensors."""
    from safetensors.numpy import save_file
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    save_file({name: np.ascontiguousarray(x) for name, x in tensors.items()},
              os.path.join(folder, "model.safetensors"))
