"""Writes what the hand-written test models need, with the standard library
only: NAME.safetensors, NAME.json (the manifest) and the tokenizers.

    make_models.py FOLDER
"""

import hashlib
import json
import random
import struct
import sys

VOCAB, HIDDEN, EOS, BOS = 258, 16, 256, 257
out = sys.argv[1] + "/"
rng = random.Random(20260101)


def normal(count, scale):
    return [rng.gauss(0, scale) for _ in range(count)]


def write_params(name, tensors):
    """Safetensors, data 64-byte aligned. Answers params_file."""
    header, data = {}, b""
    for key, (shape, values) in tensors.items():
        raw = struct.pack("<%df" % len(values), *values)
        header[key] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw + bytes(-len(raw) % 64)
    # Padding between tensors belongs to a tensor of bytes, so that the file
    # has no holes.
    end = 0
    for key in list(header):
        begin, stop = header[key]["data_offsets"]
        if begin > end:
            header["__pad__.%d" % len(header)] = {
                "dtype": "U8",
                "shape": [begin - end],
                "data_offsets": [end, begin],
            }
        end = stop
    data = data[:end]
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    file = struct.pack("<Q", len(text)) + text + data
    with open(out + name + ".safetensors", "wb") as f:
        f.write(file)
    return {"size": len(file), "sha256": hashlib.sha256(file).hexdigest()}


def write_manifest(name, kind, model, tensors, entries, ops, ideal=None):
    manifest = {
        "abi": 2,
        "producer": "make_models.py",
        "kind": kind,
        "model": model,
        "quantization": {},
        "params_file": write_params(name, tensors),
        "params": list(tensors),
        "ideal_bytes": ideal or {"params": 0, "kv_per_token": 0},
        "entries": entries,
        "ops": ops,
    }
    with open(out + name + ".json", "w") as f:
        json.dump(manifest, f)


def tensor(name, dtype, *shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def op(name, kind, dtype, *shape, **more):
    return dict(tensor(name, dtype, *shape), op=kind, kernel="c/" + kind,
                macs_per_row=HIDDEN * VOCAB if kind == "linear" else 0,
                bytes=4 * HIDDEN * VOCAB) | more


def language_model(name, seed):
    rng.seed(seed)
    tensors = {
        "embed.weight": ([VOCAB, HIDDEN], normal(VOCAB * HIDDEN, 1)),
        "head.weight": ([VOCAB, HIDDEN], normal(VOCAB * HIDDEN, 0.4)),
    }
    rows = ["batch", "tokens"]
    common = [tensor("tokens", "i32", *rows), tensor("position", "i32", "batch")]
    dims = rows + ["max_length"]

    def entry(name, more, *shape):
        return {"name": name, "dims": dims, "inputs": common + more,
                "outputs": [tensor("logits", "f32", *shape)], "kv": True}

    write_manifest(
        name, "causal_lm",
        {"architecture": "Decay", "vocab_size": VOCAB, "hidden_size": HIDDEN,
         "layers": 1, "max_length": 320, "eos": [EOS], "bos": BOS},
        tensors,
        [entry("prefill", [tensor("last", "i32", "batch")], "batch", VOCAB),
         entry("decode", [], "batch", VOCAB),
         entry("score", [], "batch", "tokens", VOCAB)],
        [op("model.embed", "embedding", "none", *rows, HIDDEN),
         op("model.layers.0.mix", "mix", "f32", *rows, HIDDEN, bytes=0, macs_per_row=6,
            products="f32", moves=[[4, *rows, HIDDEN], [2, 3, "batch"], [None, 7]],
            positions="cache", window=18),
         op("head", "linear", "none", *rows, VOCAB)],
        {"params": 8 * VOCAB * HIDDEN, "kv_per_token": 4})


def encoder(name):
    rng.seed(3)
    tensors = {
        "embed.weight": ([VOCAB, HIDDEN], normal(VOCAB * HIDDEN, 1)),
        "types.weight": ([2, HIDDEN], normal(2 * HIDDEN, 1)),
    }
    rows = ["batch", "tokens"]
    inputs = [tensor("tokens", "i32", *rows),
              tensor("token_types", "i32", *rows),
              tensor("lengths", "i32", "batch")]
    write_manifest(
        name, "encoder",
        {"architecture": "Bag", "vocab_size": VOCAB, "hidden_size": HIDDEN,
         "layers": 1, "max_length": 512, "token_types": 2, "eos": [], "bos": None},
        tensors,
        [{"name": "forward", "dims": rows, "inputs": inputs,
          "outputs": [tensor("hidden", "f32", *rows, HIDDEN)]},
         {"name": "embed", "dims": rows, "inputs": inputs,
          "outputs": [tensor("embedding", "f32", "batch", HIDDEN)]}],
        [op("embeddings", "embedding", "f32", *rows, HIDDEN)])


def graph(name):
    rng.seed(4)
    tensors = {"weight": ([3, 4], normal(12, 1)), "bias": ([3], normal(3, 1))}
    write_manifest(
        name, "graph", {"architecture": "Affine"}, tensors,
        [{"name": "main", "dims": ["n"],
          "inputs": [tensor("x", "f32", "n", 4), tensor("gain", "f32", 3)],
          "outputs": [tensor("scores", "f32", "n", 3)]}],
        [op("affine", "linear", "f32", "n", 3)])


def tokenizer(name, single, wide=False):
    """One token a byte, in the byte-level alphabet of GPT-2; `single` is what
    the post-processor makes of a text. A `wide` one has an id that the models
    lack."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 0
    for byte in range(256):
        if byte in printable:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + spare)
            spare += 1
    special = [{"id": EOS, "content": "</s>"}, {"id": BOS, "content": "<s>"}]
    for token in special:
        token.update(single_word=False, lstrip=False, rstrip=False,
                     normalized=False, special=True)
    ends = {"<s>": BOS, "</s>": EOS}
    single = [{"Sequence": {"id": "A", "type_id": 0}} if piece == "A" else
              {"SpecialToken": {"id": piece, "type_id": 0}}
              for piece in single]
    text = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False,
                          "trim_offsets": True, "use_regex": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                key: {"id": key, "ids": [value], "tokens": [key]}
                for key, value in ends.items()
            },
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True,
                    "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": False,
                  "vocab": {letters[b]: 300 if wide and b == 122 else b
                            for b in range(256)},
                  "merges": []},
    }
    with open(out + name + ".json", "w", encoding="utf-8") as f:
        json.dump(text, f)


def tokenizer_config():
    template = ("{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]"
                "{{ m['content'] }}\n{% endfor %}"
                "{% if add_generation_prompt %}[assistant]{% endif %}")
    with open(out + "tokenizer_config.json", "w") as f:
        json.dump({"bos_token": "<s>", "eos_token": "</s>",
                   "chat_template": template}, f)


language_model("lm", 1)
language_model("lm2", 2)
encoder("encoder")
graph("graph")
tokenizer("lm_tokenizer", ["<s>", "A"])
tokenizer("wide_tokenizer", ["A"], wide=True)
tokenizer("encoder_tokenizer", ["<s>", "A", "</s>"])
tokenizer_config()
