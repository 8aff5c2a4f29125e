# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %test_bin/test-tokenize %S/Inputs \
# RUN:   %source/test/Tokenize/Inputs %t
"""Tokenizers of GGUF files against the ones they were made from: byte-level BPE
with each pre-tokenizer (the HuggingFace tokenizers package), and BPE models of
SentencePiece (the sentencepiece package), on the same lines."""
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, trainers)

program, inputs, helpers, folder = sys.argv[1:]
sys.path[:0] = [inputs, helpers]
import files  # noqa: E402
import gguf  # noqa: E402
from texts import Comparison, ask, lines  # noqa: E402

comparison = Comparison(7)
training = lines(comparison.seed + 1, 400)
texts = lines(comparison.seed, 300) + [
    "a<|end|>b  c", " 12345 x1y22", "it's WE'LL don't", "\n\n \n x\r\n\t",
    "caf\u00e9 cafe\u0301 \u4e2d\u6587 \U0001f600", ""]
CONTROL = ["<|begin|>", "<|end|>"]

# The pre-tokenizers as their models' own files have them.
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
REST = (" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")
UPPER, LOWER = ("[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]",
                "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]")
OTHER = "[^\\r\\n\\p{L}\\p{N}]?"
TEKKEN = (f"{OTHER}{UPPER}*{LOWER}+|{OTHER}{UPPER}+{LOWER}*|\\p{{N}}|"
          " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


BYTE_LEVEL = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "llama-bpe": split(CONTRACTIONS + "\\p{N}{1,3}|" + REST),
    "qwen2": split(CONTRACTIONS + "\\p{N}|" + REST),
    "smollm": pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "tekken": split(TEKKEN),
}


def imported(name, add):
    """The path of the tokenizer.json of a model with that metadata."""
    config = {"max_position_embeddings": 64, "hidden_size": 32,
              "num_hidden_layers": 1, "intermediate_size": 32,
              "num_attention_heads": 2, "num_key_value_heads": 2,
              "head_dim": 16, "rms_norm_eps": 1e-5, "vocab_size": 1200}
    one = np.ones(32, np.float32)
    square = np.ones((32, 32), np.float32)
    tensors = {"model.embed_tokens.weight": np.ones((1200, 32), np.float32),
               "model.norm.weight": one}
    layer = "model.layers.0."
    tensors |= {layer + n + "_layernorm.weight": one
                for n in ("input", "post_attention")}
    tensors |= {layer + n + "_proj.weight": square for n in (
        "self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o",
        "mlp.gate", "mlp.up", "mlp.down")}
    path = os.path.join(folder, name + ".gguf")
    files.write_model(path, config, tensors, "llama", files.matrices("F32"),
                      add)
    module = os.path.join(folder, name + ".mlir")
    subprocess.run(["quant-opt", path, "-o", module], check=True)
    with open(module) as file:
        return re.search(r'tokenizer.json = "([^"]*)"', file.read())[1]


def check(name, path, encode, special, decode):
    """`encode` and `decode` are the reference's; `special` is what a template
    adds."""
    requests, answers = [], []
    for text in texts:
        ids = encode(text)
        for add in (False, True):
            requests.append({"encode": text, "special": add})
            answers.append({"ids": special + ids if add else ids})
        requests.append({"decode": ids, "skip": True})
        answers.append({"text": decode(ids)})
    replies = ask(program, "json", [path], requests)
    for request, reply, answer in zip(requests, replies, answers):
        reply.pop("parts", None)
        comparison.equal(name, request, reply, answer)


for pre, pre_tokenizer in BYTE_LEVEL.items():
    ignores = pre in ("llama-bpe", "tekken")
    reference = Tokenizer(models.BPE(ignore_merges=ignores))
    reference.pre_tokenizer = pre_tokenizer
    reference.decoder = decoders.ByteLevel()
    if pre == "qwen2":
        reference.normalizer = normalizers.NFC()
    reference.train_from_iterator(training, trainers.BpeTrainer(
        vocab_size=1000, special_tokens=CONTROL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    reference.add_tokens([AddedToken("quant", normalized=False)])
    content = json.loads(reference.to_str())
    vocab = reference.get_vocab(with_added_tokens=True)
    tokens = sorted(vocab, key=vocab.get)
    merges = [" ".join(m) if isinstance(m, list) else m
              for m in content["model"]["merges"]]

    def add(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types([3 if t in CONTROL else 4 if t == "quant" else 1
                                for t in tokens])
        writer.add_token_merges(merges)
        writer.add_bos_token_id(vocab[CONTROL[0]])
        writer.add_eos_token_id(vocab[CONTROL[1]])
        writer.add_chat_template("{{ messages[0].content }}")

    path = imported(pre, add)
    begins = [vocab[CONTROL[0]]] if ignores else []
    check(pre, path,
          lambda text: reference.encode(text, add_special_tokens=False).ids,
          begins, lambda ids: reference.decode(ids))
    with open(path.replace("tokenizer.json", "tokenizer_config.json")) as file:
        assert json.load(file) == {
            "bos_token": CONTROL[0], "eos_token": CONTROL[1],
            "chat_template": "{{ messages[0].content }}"}

# Few characters, so that most of the vocabulary is merges; the others of the
# texts are bytes.
few = ["".join(c for c in t if " " <= c < "\u0180") for t in training]
for prefix in (True, False):
    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(few), model_writer=stream,
        vocab_size=1000, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=prefix, user_defined_symbols=["quant"],
        minloglevel=2)
    model = sentencepiece.SentencePieceProcessor(
        model_proto=stream.getvalue())
    count = model.vocab_size()

    def kind(i):
        return (2 if model.is_unknown(i) else 3 if model.is_control(i) else
                6 if model.is_byte(i) else
                4 if model.id_to_piece(i) == "quant" else 1)

    def add(writer):
        writer.add_tokenizer_model("llama")
        writer.add_token_list([model.id_to_piece(i) for i in range(count)])
        writer.add_token_scores([model.get_score(i) for i in range(count)])
        writer.add_token_types([kind(i) for i in range(count)])
        writer.add_bos_token_id(model.bos_id())
        writer.add_eos_token_id(model.eos_id())
        writer.add_add_space_prefix(prefix)

    path = imported(f"spm{prefix}", add)
    # The pieces around a symbol of the user's own begin anew in HuggingFace's
    # form, which puts a space before each.
    texts = [t for t in texts if "quant" not in t and "<s>" not in t and
             "</s>" not in t and "<unk>" not in t]
    check(f"spm {prefix}", path, model.encode, [model.bos_id()], model.decode)
comparison.finish()
