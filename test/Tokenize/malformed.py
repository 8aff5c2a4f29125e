# REQUIRES: python
# RUN: %python %s %test_bin/test-tokenize %inputs %S/Inputs
# Damaged files give one clear error, never a crash.
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

program, inputs, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from models import trained
from texts import Comparison, ask, lines

comparison = Comparison(1001)
rng = random.Random(comparison.seed)


def shrunk(source):
    """The same tokenizer with a small vocabulary, so that mutations hit all."""
    data = json.loads(source)
    model = data["model"]
    if isinstance(model["vocab"], list):
        model["vocab"] = model["vocab"][:300]
    else:
        kept = [t for t, i in model["vocab"].items() if i < 300]
        model["vocab"] = {t: model["vocab"][t] for t in kept}
    if "merges" in model:
        model["merges"] = [m for m in model["merges"] if isinstance(m, list)
                           and {*m, "".join(m)} <= set(model["vocab"])][:40]
    return data


def places(node, path=()):
    children = (node.items() if isinstance(node, dict) else
                enumerate(node) if isinstance(node, list) else ())
    for key, child in list(children):
        if path[-1:] in (("vocab",), ("merges",)) and rng.random() < 0.97:
            continue
        yield path + (key,)
        yield from places(child, path + (key,))


VALUES = [None, True, -1, 0, 3, 10 ** 9, 2 ** 64, 1.5, "", "x", "Sequence",
          "ByteLevel", "(", "[a", "a{9999999}", "(?<x>", "\\", "é" * 40, [], {},
          ["a", "b"], [[]], {"type": "Split"}, {"Regex": "(a+)+$"}, [1, 2],
          {"String": ""}, {"type": "Template"}, "AAAA", "<unk>"]


def mutant(data):
    data = copy.deepcopy(data)
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(list(places(data)))
        node = data
        for key in path[:-1]:
            node = node[key]
        kind = rng.random()
        if kind < 0.3:
            del node[path[-1]]
        else:
            node[path[-1]] = copy.deepcopy(rng.choice(VALUES))
    text = json.dumps(data)
    if rng.random() < 0.1:
        text = text[:rng.randrange(len(text))]
    elif rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = text[:at] + chr(rng.randint(1, 126)) + text[at + 1:]
    return text


bases = [shrunk(source) for name, source in
         trained(lines(comparison.seed, 300))]
mutants = [mutant(rng.choice(bases)) for _ in range(300)]
mutants.append('{"model":' + "[" * 100000)
nested = '{"type":"Lowercase"}'
for _ in range(3000):
    nested = '{"type":"Sequence","normalizers":[' + nested + "]}"
mutants.append('{"model":{"type":"BPE","vocab":{},"merges":[]},"normalizer":'
               + nested + "}")
replies = ask(program, "mutants", [], mutants)
errors = [r["error"] for r in replies if r != "ok"]
print(len(errors), "of", len(mutants), "refused")
comparison.equal("mutants", "some are refused, not all", True,
                 100 < len(errors) < 300)
for error in errors:
    comparison.equal("message", error, True,
                     "tokenizer.json" in error and "\n" not in error)

# Each of these is refused by the name of what is wrong.
with open(os.path.join(inputs, "tinylm", "tokenizer.json")) as file:
    tinylm = json.load(file)


def broken(**changes):
    return json.dumps({**tinylm, **changes})


def model(**changes):
    return broken(model={**tinylm["model"], **changes})


NAMED = [
    (broken(normalizer={"type": "Wonder"}), "normalizer type 'Wonder'"),
    (broken(pre_tokenizer={"type": "UnicodeScripts"}), "'UnicodeScripts'"),
    (broken(decoder={"type": "CTC"}), "decoder type 'CTC'"),
    (broken(post_processor={"type": "Q"}), "post-processor type 'Q'"),
    (model(type="WordLevel"), "model type 'WordLevel'"),
    (model(dropout=0.1), "dropout"),
    (model(merges=["a"]), 'entry 0, "a"'),
    (model(merges=[["a", "qqq"]]), "token 'aqqq' is not in the vocabulary"),
    (model(vocab={"a": 0, "b": 0}), "share the id 0"),
    (model(vocab={"a": 10 ** 9}), "model.vocab['a']"),
    (broken(pre_tokenizer={"type": "Split", "behavior": "Isolated",
                           "pattern": {"Regex": "a&&["}}), "closing bracket"),
    (broken(pre_tokenizer={"type": "Split", "behavior": "Isolated",
                           "pattern": {"Regex": "[a&&b]"}}), "intersection"),
    (broken(pre_tokenizer={"type": "Split", "behavior": "Around",
                           "pattern": {"Regex": "a"}}), "behavior 'Around'"),
    (broken(added_tokens=[{"id": 9, "content": "<|endoftext|>"}]),
     "added_tokens[0]: token '<|endoftext|>' has the id 9"),
    ('{"model": 1}', "expected an object"),
    ("[", "not JSON"),
    ("{}", "'model' is missing"),
]
for (text, words), reply in zip(NAMED, ask(program, "mutants", [],
                                           [n[0] for n in NAMED])):
    comparison.equal(words, "the message", reply != "ok" and
                     words in reply["error"], True)

# SentencePiece models and the files around a tokenizer.
with tempfile.TemporaryDirectory() as folder:
    def write(name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
        return os.path.join(folder, name)

    def run(*arguments):
        return subprocess.run([program, *arguments], input="", text=True,
                              capture_output=True)
    result = run("sentencepiece", write("bad.model", "no model"))
    comparison.equal("bad.model", "status", result.returncode, 1)
    tokenizer = os.path.join(inputs, "tinylm", "tokenizer.json")
    CONFIGS = [
        ({"bos_token": "<s>", "eos_token": "<|endoftext|>",
          "chat_template": "T"}, {"eos_token_id": [5, 0, 5]},
         {"bos": "<s>", "eos": "<|endoftext|>", "template": "T",
          "stop": [0, 5]}),
        ({"bos_token": None, "eos_token": {"content": "<|endoftext|>"},
          "chat_template": [{"name": "rag", "template": "R"},
                            {"name": "default", "template": "D"}]},
         {"eos_token_id": 7}, {"bos": "", "eos": "<|endoftext|>",
                               "template": "D", "stop": [0, 7]}),
        ({}, {}, {"bos": "", "eos": "", "template": "none", "stop": []}),
        ({"eos_token": "<nowhere>"}, {}, "eos_token '<nowhere>'"),
        ({"eos_token": 3}, {}, "eos_token: expected a string"),
        ({"chat_template": [{"name": "a", "template": "A"},
                            {"name": "b", "template": "B"}]}, {}, "'default'"),
        ({}, {"eos_token_id": "x"}, "eos_token_id: expected an integer"),
    ]
    for config, generation, want in CONFIGS:
        result = run("config", tokenizer, write("c.json", json.dumps(config)),
                     write("g.json", json.dumps(generation)))
        if isinstance(want, dict):
            comparison.equal("config", config, json.loads(result.stdout), want)
        else:
            comparison.equal("config", config, result.returncode == 1 and
                             want in result.stderr, True)
comparison.finish()
