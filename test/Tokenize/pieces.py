# REQUIRES: python
# RUN: %python %s %test_bin/test-tokenize %S/Inputs
# SentencePiece models trained here against the sentencepiece package.
import os
import random
import sys
import tempfile

import sentencepiece

program, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from models import sentencepiece_model
from texts import Comparison, ask, lines

comparison = Comparison(77)
training = lines(comparison.seed + 1, 600)
texts = lines(comparison.seed, 1000)
rng = random.Random(comparison.seed)
KINDS = [("bpe", {"byte_fallback": True}), ("unigram", {}),
         ("unigram", {"byte_fallback": True, "user_defined_symbols": ["<mask>"],
                      "normalization_rule_name": "identity",
                      "remove_extra_whitespaces": False}),
         ("bpe", {"bos_id": -1, "add_dummy_prefix": False})]
for kind, options in KINDS:
    model = sentencepiece_model(training, kind, **options)
    reference = sentencepiece.SentencePieceProcessor(model_proto=model)
    requests, answers = [], []
    for text in texts + ["a <mask> b</s><s>"]:
        ids = reference.encode(text)
        bos = [reference.bos_id()] if reference.bos_id() >= 0 else []
        requests += [{"encode": text, "special": False},
                     {"encode": text, "special": True},
                     {"decode": ids, "skip": True}]
        answers += [{"ids": ids}, {"ids": bos + ids},
                    {"text": reference.decode(ids)}]
    for _ in range(200):
        ids = [rng.randrange(reference.get_piece_size())
               for _ in range(rng.randint(1, 20))]
        requests += [{"decode": ids, "skip": True}]
        answers += [{"text": reference.decode(ids)}]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer.model")
        with open(path, "wb") as file:
            file.write(model)
        replies = ask(program, "sentencepiece", [path], requests)
    for request, reply, answer in zip(requests, replies, answers):
        comparison.equal((kind, options), request, reply, answer)
comparison.finish()
