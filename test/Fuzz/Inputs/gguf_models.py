"""Small GGUF files, written without the package (version 3 of the format)."""
import json
import math
import struct

U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10
# Of each type its number, elements and bytes of a block, and where halves with
# scales are.
TYPES = {"F32": (0, 1, 4, []), "F16": (1, 1, 2, [0]), "BF16": (30, 1, 2, []),
         "Q8_0": (8, 32, 34, [0]), "Q4_0": (2, 32, 18, [0]),
         "Q4_K": (12, 256, 144, [0, 2]), "Q6_K": (14, 256, 210, [208])}


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    if kind == STRING:
        return text(value)
    return struct.pack({U8: "<B", U32: "<I", F32: "<f", BOOL: "<?",
                        U64: "<Q"}[kind], value)


def entry(key, kind, value):
    """A list stands for an array of `kind`."""
    if isinstance(value, list):
        data = struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(
            scalar(kind, v) for v in value)
    else:
        data = struct.pack("<I", kind) + scalar(kind, value)
    return text(key) + data


def blocks(rng, shape, kind):
    """Random content, scales and floats finite."""
    _, elements, size, halves = TYPES[kind]
    count = math.prod(shape) // elements
    if kind in ("F32", "BF16"):
        data = b"".join(struct.pack("<f", rng.uniform(-1, 1))
                        for _ in range(count))
        if kind == "F32":
            return data
        return b"".join(data[4 * i + 2:4 * i + 4] for i in range(count))
    data = bytearray(rng.randbytes(count * size))
    for block in range(0, len(data), size):
        for at in halves:
            struct.pack_into("<e", data, block + at, rng.uniform(-1, 1))
    return bytes(data)


def file(rng, entries, tensors, version=3, alignment=32):
    """`tensors`: name, shape (slowest dimension first), type; or the bytes of
    F32 values in place of a type."""
    if alignment != 32:
        entries = entries + [("general.alignment", U32, alignment)]
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    head += b"".join(entry(*e) for e in entries)
    data = b""
    for name, shape, kind in tensors:
        content = kind if isinstance(kind, bytes) else blocks(rng, shape, kind)
        number = 0 if isinstance(kind, bytes) else TYPES[kind][0]
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *shape[::-1])
        head += struct.pack("<IQ", number, len(data))
        data += content + bytes(-len(content) % alignment)
    return head + bytes(-len(head) % alignment) + data


def model(rng, kind, hidden, choose, heads=2, size=4, inner=32, vocab=8,
          extra=(), tensors=(), tied=True, biases=False, theta=1e4, **layout):
    """A decoder of one layer; `choose(rows, columns)` gives a matrix's type."""
    kv = 1
    key = kind + "."
    entries = [("general.architecture", STRING, kind),
               ("general.name", STRING, "tiny"),
               (key + "context_length", U32, 16),
               (key + "embedding_length", U32, hidden),
               (key + "block_count", U32, 1),
               (key + "feed_forward_length", U32, inner),
               (key + "attention.head_count", U32, heads),
               (key + "attention.head_count_kv", U32, kv),
               (key + "attention.key_length", U32, size),
               (key + "attention.value_length", U32, size),
               (key + "attention.layer_norm_rms_epsilon", F32, 1e-5),
               (key + "rope.freq_base", F32, theta), *extra]
    matrices = {"token_embd": (vocab, hidden),
                "blk.0.attn_q": (heads * size, hidden),
                "blk.0.attn_k": (kv * size, hidden),
                "blk.0.attn_v": (kv * size, hidden),
                "blk.0.attn_output": (hidden, heads * size),
                "blk.0.ffn_gate": (inner, hidden),
                "blk.0.ffn_up": (inner, hidden),
                "blk.0.ffn_down": (hidden, inner)}
    if not tied:
        matrices["output"] = (vocab, hidden)
    made = [(name + ".weight", shape, choose(*shape))
            for name, shape in matrices.items()]
    made += [(name + "_norm.weight", (hidden,), "F16")
             for name in ("blk.0.attn", "blk.0.ffn", "output")]
    if kind == "qwen3":
        made += [(f"blk.0.attn_{c}_norm.weight", (size,), "F32") for c in "qk"]
    if biases:
        made += [(f"blk.0.attn_{c}.bias",
                  (matrices[f"blk.0.attn_{c}"][0],), "F32") for c in "qkv"]
    return file(rng, entries, made + list(tensors), **layout)


def stretched(size, theta, factor=8.0):
    """Llama 3.1's divisors of the frequencies."""
    values = []
    for i in range(size // 2):
        turns = 8192 * theta ** (-2 * i / size) / (2 * math.pi)
        smooth = min(max((turns - 1) / 3, 0), 1)
        values.append(1 / (smooth + (1 - smooth) / factor))
    return struct.pack(f"<{len(values)}f", *values)


def pieces():
    tokens = ["<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "<0x0A>"]
    return [("tokenizer.ggml.model", STRING, "llama"),
            ("tokenizer.ggml.tokens", STRING, tokens),
            ("tokenizer.ggml.scores", F32, [0.0] * 3 + [
                -1.0 * i for i in range(5)]),
            ("tokenizer.ggml.token_type", U32, [2, 3, 3, 1, 1, 1, 1, 6]),
            ("tokenizer.ggml.bos_token_id", U32, 1),
            ("tokenizer.ggml.eos_token_id", U32, 2),
            ("tokenizer.ggml.add_space_prefix", BOOL, False)]


def pairs(pre, **flags):
    tokens = ["a", "b", "ab", "\u0120", "\u0120a", "caf\u00c3\u00a9", "<|e|>",
              "<|b|>"]
    return [("tokenizer.ggml.model", STRING, "gpt2"),
            ("tokenizer.ggml.pre", STRING, pre),
            ("tokenizer.ggml.tokens", STRING, tokens),
            ("tokenizer.ggml.token_type", U32, [1] * 6 + [3, 4]),
            ("tokenizer.ggml.merges", STRING, ["a b", "\u0120 a"]),
            ("tokenizer.ggml.eos_token_id", U32, 6),
            ("tokenizer.ggml.bos_token_id", U32, 7),
            ("tokenizer.ggml.eot_token_id", U32, 6),
            ("tokenizer.chat_template", STRING, "{{ messages[0].content }}"),
            *((f"tokenizer.ggml.{key}", BOOL, value)
              for key, value in flags.items())]


def gguf(rng):
    def one(kind):
        return lambda rows, columns: \
            kind if columns % TYPES[kind][1] == 0 else "F16"

    for kind in ("F32", "BF16", "Q8_0", "Q4_0"):
        yield model(rng, "llama", 32 if kind[0] == "Q" else 8, one(kind),
                    inner=32 if kind[0] == "Q" else 12, extra=pieces())
    for kind in ("Q4_K", "Q6_K"):
        yield model(rng, "llama", 256, one(kind), heads=1, size=2, inner=2,
                    vocab=8, extra=pieces())
    for pre in ("gpt-2", "llama-bpe", "smollm", "tekken"):
        yield model(rng, "llama", 8, one("F16"), inner=12,
                    extra=pairs(pre, add_eos_token=True), version=2)
    yield model(rng, "qwen2", 8, one("F32"), inner=12, tied=False, biases=True,
                extra=pairs("qwen2", add_bos_token=False), alignment=64)
    whole = json.dumps({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1},
                                  "merges": []}})
    yield model(rng, "qwen3", 32, one("Q8_0"), tied=False, extra=[
        ("tokenizer.huggingface.json", STRING, whole),
        ("qwen3.rope.scaling.type", STRING, "yarn"),
        ("qwen3.rope.scaling.factor", F32, 4.0),
        ("qwen3.rope.scaling.original_context_length", U32, 8)])
    yield model(rng, "llama", 8, one("F16"), inner=12, extra=[
        ("llama.rope.scaling.type", STRING, "linear"),
        ("llama.rope.scaling.factor", F32, 2.0),
        ("llama.vocab_size", U32, 8), ("general.file_type", U32, 1)])
    yield model(rng, "llama", 16, one("F16"), size=8, inner=12,
                theta=5e5,
                tensors=[("rope_freqs.weight", (4,), stretched(8, 5e5))])
