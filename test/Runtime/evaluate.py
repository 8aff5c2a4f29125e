# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""Perplexity, rank correlation and accuracy against numpy and scipy."""
import csv
import io
import os
import sys

import numpy as np
from safetensors.numpy import load_file
from scipy.stats import spearmanr

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import close, fails, path, result, rng, seed, write
from reference import Encoder, LanguageModel, perplexity

models = sys.argv[1]
lm, encoder, graph = (models + "/" + m + ".so" for m in
                      ("lm", "encoder", "graph"))
numpy_rng = np.random.default_rng(seed)

# Perplexity. The short last window is dropped.
model = LanguageModel(models + "/lm.safetensors")
text = bytes(rng.choices(b"abcdefghij klmno\n", k=320 * 5 + 50))
file = write("text.txt", text)
for options, size, used in [
    ([], 320, text),
    (["--ppl-via=decode"], 320, text),
    (["--ppl-via", "decode", "--batch", 3], 320, text),
    (["--context", 33], 33, text),
    (["--context", 33, "--limit", 2, "--threads", 2], 33, text[:80]),
]:
    want, tokens = perplexity(model, used, size)
    got = result(lm, "--eval", "ppl=" + file, *options)
    close(got["ppl"], want, 1e-5)
    assert got["tokens"] == tokens and got["window_size"] == size, got
    assert got["windows"] == tokens // (size - 1), got
fails("50 tokens do not fill one window of 320", lm, "--eval",
      "ppl=" + write("short.txt", text[:50]))
fails("needs a model of kind causal_lm", graph, "--eval", "ppl=" + file)

# Similarity, with what CSV can quote, and with equal scores.
truth = Encoder(models + "/encoder.safetensors")
words = ['says "so"', "a, b", "line\nend", "plain", "é", "x" * 600, "tail"]


def sentence():
    return " ".join(rng.choices(words, k=rng.randrange(1, 5)))


pairs = [(sentence(), sentence(), rng.choice("0 1.5 2 3 4.25 5".split()))
         for _ in range(40)]


def similarity(a, b):
    return float(truth.sentence(cut(a)) @ truth.sentence(cut(b)))


def cut(s):
    return s.encode()[:510].decode("utf-8", "ignore")


# A cut inside a character would differ from the reference's.
pairs = [p for p in pairs if all(cut(s).encode() == s.encode()[:510]
                                 for s in p[:2])]
# Similarities that differ in the last bits only have no order that both sides see.
close_ones = {}
for p in pairs:
    close_ones.setdefault(round(similarity(*p[:2]), 4), p)
pairs = [p for s, p in close_ones.items()
         if round(s + 1e-4, 4) not in close_ones]
want = 100 * spearmanr([similarity(a, b) for a, b, _ in pairs],
                       [float(s) for _, _, s in pairs]).statistic
for end in "\n", "\r\n":
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end).writerows(pairs)
    got = result(encoder, "--eval", "sts=" + write("sts.csv",
                                                   buffer.getvalue()))
    close(got["spearman"], want, 1e-4)
    assert got["pairs"] == len(pairs)
fails("row 2: expected sentence,sentence,score", encoder, "--eval",
      "sts=" + write("bad.csv", "a,b,1\na,b\n"))
fails("row 1: a quoted field does not end", encoder, "--eval",
      "sts=" + write("bad.csv", '"a,b,1\n'))
fails("row 1: expected a comma", encoder, "--eval",
      "sts=" + write("bad.csv", '"a"b,c,1\n'))

# Accuracy, in several batches.
params = load_file(models + "/graph.safetensors")
x = numpy_rng.normal(size=(150, 4)).astype(np.float32)
gain = numpy_rng.normal(size=3).astype(np.float32)
scores = gain * (x @ params["weight"].T + params["bias"])
label = np.where(numpy_rng.random(150) < 0.5, scores.argmax(axis=1),
                 numpy_rng.integers(0, 3, 150))
np.savez(path("set.npz"), x=x, gain=gain, label=label.astype(np.uint8))
want = (scores.argmax(axis=1) == label) * 100.0
for options, used in ([], 150), (["--batch", 7], 150), (["--limit", 31], 31):
    got = result(graph, "--eval", "top1=" + path("set.npz"), *options)
    close(got["top1"], want[:used].mean())
    assert got["samples"] == used
got = result(graph, "--eval", "top1=" + path("set.npz"), "--batch", 64,
             "--limit", 100, "--output", path("scores.npy"))
np.testing.assert_allclose(np.load(path("scores.npy")), scores[:100], 1e-5, 1e-5)
fails("has no output 'z'", graph, "--eval", "top1=" + path("set.npz"),
      "--output", "z=" + path("scores.npy"))
np.savez(path("nolabel.npz"), x=x, gain=gain)
fails("there is no array 'label'", graph, "--eval",
      "top1=" + path("nolabel.npz"))
np.savez(path("lacking.npz"), x=x, label=label)
fails("missing input 'gain' (f32 [3])", graph, "--eval",
      "top1=" + path("lacking.npz"))
