# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""--compare against numpy: KL, agreement, perplexities, errors of operations
and of the output."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import close, fails, path, result, rng, run, seed, write
from reference import Encoder, LanguageModel, log_softmax, perplexity, windows

models = sys.argv[1]
lm, lm2, encoder, graph = (models + "/" + m + ".so" for m in
                           ("lm", "lm2", "encoder", "graph"))
a = LanguageModel(models + "/lm.safetensors")
b = LanguageModel(models + "/lm2.safetensors")
text = bytes(rng.choices(b"abcdefghij klmno\n", k=300 * 3))
file = write("text.txt", text)


def errors(x, y):
    x, y = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
    return {"max_abs": np.abs(x - y).max(),
            "relative": np.linalg.norm(x - y) / np.linalg.norm(y),
            "cosine": x @ y / np.linalg.norm(x) / np.linalg.norm(y)}


def check(got, x, y):
    for key, value in errors(x, y).items():
        close(got[key], value, 1e-5)


pieces = [w[:-1] for w in windows(text, 300)]
la, lb = (np.concatenate([m.logits(w) for w in pieces]) for m in (a, b))
p, q = log_softmax(lb), log_softmax(la)
kl = (np.exp(p) * (p - q)).sum(axis=1)
got = result(lm, "--compare", lm2, "--text", file, "--context", 300)
close(got["kl"], kl.mean(), 1e-5)
close(got["kl_max"], kl.max(), 1e-5)
close(got["top1_agreement"],
      100 * (la.argmax(axis=1) == lb.argmax(axis=1)).mean())
close(got["ppl"], perplexity(a, text, 300)[0], 1e-5)
close(got["reference_ppl"], perplexity(b, text, 300)[0], 1e-5)
check(got["output"], la, lb)
(op,) = got["ops"]
assert op["name"] == "model.layers.0.mix"
check(op, *(np.concatenate([m.mix(w) for w in pieces]) for m in (a, b)))
done = run(lm, "--compare", lm2, "--text", file)
assert b"\nmodel.layers.0  " in done.stdout, done
done = run(lm, "--compare", lm2, "--text", file, "--per-op")
assert b"\nmodel.layers.0.mix  " in done.stdout, done
same = result(lm, "--compare", lm, "--text", file)
assert same["kl"] == 0 and same["top1_agreement"] == 100, same
close(same["output"]["cosine"], 1, 1e-12)

# An encoder and a graph with themselves; numbers as for language models.
same = result(encoder, "--compare", encoder, "--text",
              write("lines.txt", "one line\n\nanother\n"))
assert same["sentences"] == 2 and same["output"]["max_abs"] == 0, same
close(same["cosine_min"], 1, 1e-6)
assert same["ops"][0]["name"] == "embeddings", same
numpy_rng = np.random.default_rng(seed)
np.savez(path("in.npz"), x=numpy_rng.normal(size=(9, 4)).astype(np.float32),
         gain=np.ones(3, np.float32))
same = result(graph, "--compare", graph, "--input", path("in.npz"))
assert same["top1_agreement"] == 100 and same["ops"][0]["relative"] == 0, same

fails("this is a causal_lm, but", lm, "--compare", graph, "--text", file)
fails("expected --text", lm, "--compare", lm2)
fails("expected --input", graph, "--compare", graph)
