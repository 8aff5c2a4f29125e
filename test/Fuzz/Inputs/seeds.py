"""The corpus that fuzzing starts from: small valid files of every format,
the same for the same seed. `python3 seeds.py FOLDER [SEED]` writes a folder for
every target; it needs nothing but Python."""
import base64
import io
import json
import os
import random
import struct
import sys
import zipfile

from gguf_models import gguf
from onnx_models import onnx
from protobuf import field

rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)


def some(least, most):
    return [rng.randint(1, 5) for _ in range(rng.randint(least, most))]


def count(shape):
    product = 1
    for size in shape:
        product *= size
    return product



WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4,
          "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}


def safetensors():
    def file(tensors, metadata=None, pad=0):
        header, at = {}, 0
        if metadata:
            header["__metadata__"] = metadata
        for name, dtype, shape in tensors:
            size = count(shape) * WIDTHS[dtype]
            header[name] = {"dtype": dtype, "shape": shape,
                            "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode() + b" " * pad
        return struct.pack("<Q", len(text)) + text + rng.randbytes(at)

    yield file([])
    yield file([("x", "F32", [])], {"format": "pt"}, 5)
    yield file([("empty", "F16", [0, 3]), ("y", "I64", [2])])
    for dtype in WIDTHS:
        yield file([("a.weight", dtype, some(1, 3)), ("b", dtype, some(0, 2))])
    yield json.dumps({"metadata": {"total_size": 8}, "weight_map": {
        "a": "a.safetensors", "b": "b.safetensors"}}).encode()



def npy_file(descr, width, shape, version=1):
    dims = "".join(f"{d}, " for d in shape)
    text = (f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}),"
            " }").encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return (b"\x93NUMPY" + bytes([version, 0]) + length + text +
            rng.randbytes(count(shape) * width))


def npy():
    for descr, width in [("<f2", 2), ("<f4", 4), ("<f8", 8), ("|i1", 1),
                         ("|u1", 1), ("<i2", 2), ("<i4", 4), ("<i8", 8),
                         ("|b1", 1), ("<u2", 2), ("<u4", 4), ("<u8", 8)]:
        yield npy_file(descr, width, some(0, 3), rng.randint(1, 3))
    yield npy_file("<f4", 4, [0, 7])
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", method) as file:
            for name in "xy":
                entry = zipfile.ZipInfo(name + ".npy")
                entry.compress_type = method
                file.writestr(entry, npy_file("<f4", 4, some(1, 2)))
        yield archive.getvalue()



def byte_characters():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i)
                                          for i in range(len(others))]


def added(tokens, first):
    return [{"id": first + i, "content": t, "special": True,
             "normalized": rng.random() < 0.5, "lstrip": i == 1,
             "rstrip": i == 2, "single_word": i == 3}
            for i, t in enumerate(tokens)]


def merged(characters):
    """A vocabulary of characters, and some merges of it."""
    vocab = {c: i for i, c in enumerate(dict.fromkeys(characters))}
    merges, words = [], ["the", "cat", "Hello", "don"]
    for word in words:
        left = word[0]
        for c in word[1:]:
            if left not in vocab or c not in vocab:
                break
            if left + c not in vocab:
                vocab[left + c] = len(vocab)
                merges.append([left, c])
            left += c
    return vocab, merges


def charsmap():
    """A double array that maps "a" to "b", as SentencePiece compiles it."""
    units = [0] * 512
    units[0] = 1 << 10           # Root: children start at 1.
    units[1 ^ 97] = 97 | 1 << 8 | ((1 ^ 97) ^ 200) << 10
    units[200] = 1 << 31         # The replacement at offset 0.
    trie = struct.pack("<512I", *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie +
                            b"b\0").decode()


def tokenizer_files():
    vocab, merges = merged(byte_characters())
    yield {"model": {"type": "BPE", "vocab": vocab, "merges": merges},
           "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True,
                             "use_regex": True},
           "decoder": {"type": "ByteLevel"},
           "post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 300],
                              "sep": ["</s>", 301]},
           "added_tokens": added(["<s>", "</s>", "<unk>", "a"][:3], 300)}
    yield {"model": {"type": "BPE", "vocab": vocab, "ignore_merges": True,
                     "merges": [" ".join(m) for m in merges]},
           "normalizer": {"type": "Sequence", "normalizers": [
               {"type": "NFC"}, {"type": "Strip", "strip_left": True,
                                 "strip_right": True}]},
           "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
               {"type": "Split", "pattern": {"Regex": "(?i:'s|'t)|\\p{N}{1,3}"
                                             "| ?[^\\s\\p{L}]+|\\s+(?!\\S)"},
                "behavior": "Isolated", "invert": False},
               {"type": "ByteLevel", "add_prefix_space": False,
                "use_regex": False}]},
           "decoder": {"type": "ByteLevel"}}
    characters = "▁abcdefghijklmnopqrstuvwxyzHé世,'0123456789"
    vocab, merges = merged(["<unk>", *(f"<0x{b:02X}>" for b in range(256)),
                            *characters])
    yield {"model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True,
                     "byte_fallback": True, "vocab": vocab, "merges": merges},
           "normalizer": {"type": "Sequence", "normalizers": [
               {"type": "Prepend", "prepend": "▁"},
               {"type": "Replace", "pattern": {"String": " "},
                "content": "▁"}]},
           "decoder": {"type": "Sequence", "decoders": [
               {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
               {"type": "ByteFallback"}, {"type": "Fuse"},
               {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}
    vocab, merges = merged([*"abcdet", *(c + "</w>" for c in "abcdet"), "##a"])
    yield {"model": {"type": "BPE", "unk_token": "a", "vocab": vocab,
                     "merges": [], "end_of_word_suffix": "</w>",
                     "continuing_subword_prefix": "##"},
           "decoder": {"type": "BPEDecoder", "suffix": "</w>"}}
    words = ["[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", "a", "##a", ",",
             "12", "##3", "e", "世", *"bcdfghlo"]
    yield {"model": {"type": "WordPiece", "unk_token": "[UNK]",
                     "continuing_subword_prefix": "##",
                     "max_input_chars_per_word": 100,
                     "vocab": {w: i for i, w in enumerate(words)}},
           "normalizer": {"type": "BertNormalizer", "clean_text": True,
                          "handle_chinese_chars": True, "lowercase": True,
                          "strip_accents": None},
           "pre_tokenizer": {"type": "BertPreTokenizer"},
           "post_processor": {"type": "TemplateProcessing", "single": [
               {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}], "pair": [],
               "special_tokens": {
                   "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                   "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
           "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
           "added_tokens": added(words[:3], 0)}
    pieces = [["<unk>", 0], ["▁the", -2.5], ["▁cat", -3], ["▁", -2],
              *([c, -4 - i / 8] for i, c in enumerate("abcdehlot")), ["s", -3]]
    for stage in ["Metaspace", "Whitespace", "Punctuation", "Digits",
                  "CharDelimiterSplit", "WhitespaceSplit"]:
        step = {"type": stage, "replacement": "▁", "prepend_scheme": "always",
                "split": True, "delimiter": "-", "individual_digits": True,
                "behavior": rng.choice(["Removed", "Isolated", "Contiguous",
                                        "MergedWithNext",
                                        "MergedWithPrevious"])}
        yield {"model": {"type": "Unigram", "unk_id": 0, "vocab": pieces,
                         "byte_fallback": stage == "Digits"},
               "normalizer": {"type": "Sequence", "normalizers": [
                   {"type": "Precompiled", "precompiled_charsmap": charsmap()},
                   {"type": rng.choice(["NFD", "NFKC", "NFKD", "Nmt",
                                        "Lowercase", "StripAccents"])},
                   {"type": "Replace", "pattern": {"Regex": " {2,}"},
                    "content": "▁"}]},
               "pre_tokenizer": step,
               "decoder": {"type": "Metaspace", "replacement": "▁",
                           "prepend_scheme": "always"}}


def sentencepiece_model(kind):
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3),
              ("▁the", -2.0, 1), ("▁", -2.5, 1)]
    pieces += [(f"<0x{b:02X}>", -9.0, 6) for b in range(256)] \
        if kind == 2 else []
    pieces += [(c, -3.0 - i / 4, 1) for i, c in enumerate("acdehlot")]
    model = b"".join(field(1, field(1, text) + field(2, score) + field(3, kind))
                     for text, score, kind in pieces)
    model += field(2, field(3, kind) + field(35, int(kind == 2)))
    return model + field(3, field(1, "identity") + field(3, 1) + field(4, 1) +
                         field(5, 1))


def tokenizer():
    generation = json.dumps({"eos_token_id": [1, 2]})
    for i, file in enumerate(tokenizer_files()):
        text = json.dumps(file, ensure_ascii=i % 2 == 0)
        vocab = file["model"]["vocab"]
        token = next(iter(vocab)) if isinstance(vocab, dict) else vocab[0][0]
        config = json.dumps({"bos_token": {"content": token}, "eos_token": token,
                             "chat_template": "{{ messages[0].content }}"})
        yield "\0".join([text, config, generation][:1 + i % 3]).encode()
    for kind in (1, 2):
        yield sentencepiece_model(kind)



TEMPLATES = [
    "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{{ "
    "eos_token }}{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}",
    "{%- set ns = namespace(n=0, seen=false) -%}{%- for m in messages -%}"
    "{%- set ns.n = ns.n + loop.index0 -%}{%- if loop.first and m.role == "
    "'system' -%}{{- m.content + '\\n' -}}{%- elif not loop.last -%}{{ "
    "loop.previtem is defined }}{%- else -%}{{ ns.n ~ '' }}{%- endif -%}"
    "{%- endfor -%}",
    "{{ namespace(a=1, b='x').b * 3 }}{{ dict(k=2).get('j', 7) - -1.5e1 }}{{ "
    "range(1, 9, 3) | list }}{{ 'a' ~ 1 ~ none }}",
    "{# note #}{{ {'a': [1, 2.5, none, true], 'b': (1,)} | tojson(indent=2) }}"
    "{{ messages | length }}{{ 'x' if messages else 'y' }}{{ [3, 1][::-1] }}",
    "{% if messages and messages[0].role != 'user' %}{{ raise_exception('no: ' "
    "+ messages[0].role) }}{% endif %}ok",
    "{% for i in range(5) if i is odd %}{{ i // 2 }},{{ i * 2 }},{{ i % 3 }}"
    "{% if i > 2 %}{% break %}{% endif %}{% else %}none{% endfor %}",
    "{% for k, v in {'a': 1}.items() %}{{ k.upper() }}={{ v | string | replace("
    "'1', '2') }}{% endfor %}{{ 'a,b'.split(',') | join('-') | upper }}",
    "{% set x %}block{% endset %}{{ x.strip().startswith('b') and x[1:-1] in "
    "'lock' }}{{ x | first }}{{ [1, 2] | last if false else 'é'.title() }}",
    "{{ strftime_now('%d') if strftime_now is defined else '' }}{{ messages | "
    "selectattr('role', 'equalto', 'user') | list | length }}",
    "{% generation %}{{ bos_token }}{% endgeneration %}{{ 1 < 2 <= 2 }}{{ not "
    "(1 == 2 or 3 in [3]) }}{{ messages[-1:] | map(attribute='role') | list }}",
]


def chat_template():
    yield from (t.encode() for t in TEMPLATES)



def huggingface():
    base = {"vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
            "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "max_position_embeddings": 16,
            "rms_norm_eps": 1e-5, "hidden_act": "silu", "head_dim": 4,
            "rope_theta": 1e4, "eos_token_id": 2, "bos_token_id": 1}
    generation = json.dumps({"eos_token_id": [2, 3]})
    words = {f"t{i}": i for i in range(12)}
    file = json.dumps({"model": {"type": "BPE", "vocab": words, "merges": []},
                       "added_tokens": added(["t1"], 1)})
    config = json.dumps({"bos_token": "t1"})
    for architecture, more in [
            ("LlamaForCausalLM", {"attention_bias": True, "mlp_bias": True}),
            ("LlamaForCausalLM", {"tie_word_embeddings": True, "rope_scaling": {
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8}}),
            ("LlamaForCausalLM", {"rope_scaling": {"type": "linear",
                                                   "factor": 2.0}}),
            ("MistralForCausalLM", {"sliding_window": 4}),
            ("Qwen2ForCausalLM", {"use_sliding_window": True,
                                  "sliding_window": 4, "max_window_layers": 1}),
            ("Qwen3ForCausalLM", {"layer_types": [
                "full_attention", "sliding_attention"], "sliding_window": 3,
                "rope_scaling": {
                    "rope_type": "yarn", "factor": 4.0,
                    "original_max_position_embeddings": 8}}),
            ("SmolLM3ForCausalLM", {"no_rope_layers": [1, 0]}),
            ("SmolLM3ForCausalLM", {"no_rope_layer_interval": 2})]:
        text = json.dumps({"architectures": [architecture], **base, **more})
        yield "\0".join([text, generation, file, config][:rng.randint(1, 4)]
                        ).encode()
    encoder = json.dumps({
        "architectures": ["BertModel"], "vocab_size": 12, "hidden_size": 8,
        "intermediate_size": 12, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 16,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu"})
    yield encoder.encode()
    modules = json.dumps([
        {"idx": 0, "path": "", "type": "sentence_transformers.models."
         "Transformer"},
        {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models."
         "Pooling"},
        {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers."
         "models.Normalize"}])
    pooling = json.dumps({"word_embedding_dimension": 8,
                          "pooling_mode_mean_tokens": True,
                          "pooling_mode_cls_token": False})
    yield "\0".join([encoder, "", file, "", modules, pooling]).encode()


TARGETS = {"safetensors": safetensors, "npy": npy, "tokenizer": tokenizer,
           "chat-template": chat_template, "huggingface": huggingface,
           "onnx": lambda: onnx(rng), "gguf": lambda: gguf(rng)}


def write(folder):
    for name, make in TARGETS.items():
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for i, content in enumerate(make()):
            with open(os.path.join(folder, name, f"seed{i:02}"), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    write(sys.argv[1])
