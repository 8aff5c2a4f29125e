# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""Arrays in files through entry points, and what is wrong with them."""
import os
import sys

import numpy as np
from safetensors.numpy import load_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import fails, path, result, rng, run, seed
from reference import Encoder, LanguageModel

models = sys.argv[1]
lm, encoder, graph = (models + "/" + m + ".so" for m in
                      ("lm", "encoder", "graph"))
numpy_rng = np.random.default_rng(seed)


def npy(name, array):
    np.save(path(name), array)
    return path(name)


# A graph, by .npy and by .npz.
n = rng.randrange(1, 9)
x = numpy_rng.normal(size=(n, 4)).astype(np.float32)
gain = numpy_rng.normal(size=3).astype(np.float32)
params = load_file(models + "/graph.safetensors")
want = gain * (x @ params["weight"].T + params["bias"])
np.savez_compressed(path("in.npz"), x=x, gain=gain)
files = ["--input", "x=" + npy("x.npy", x), "--input",
         "gain=" + npy("gain.npy", gain)]
for inputs in files, ["--input", path("in.npz")]:
    for target in path("out.npy"), "scores=" + path("out.npy"):
        got = result(graph, *inputs, "--output", target)
        assert got["outputs"] == {"scores": {"dtype": "f32", "shape": [n, 3]}}
        out = np.load(path("out.npy"))
        np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-6)
        os.remove(path("out.npy"))
got = result(graph, "--input", "x=" + npy("empty.npy", x[:0]), *files[2:])
assert got["outputs"] == {"scores": {"dtype": "f32", "shape": [0, 3]}}, got

# An entry with a cache.
tokens = numpy_rng.integers(0, 258, (2, 7)).astype(np.int32)
model = LanguageModel(models + "/lm.safetensors")
result(lm, "--input", "tokens=" + npy("t.npy", tokens), "--input",
       "position=" + npy("p.npy", np.zeros(2, np.int32)), "--output",
       path("logits.npy"))
np.testing.assert_allclose(np.load(path("logits.npy")),
                           [model.logits(row) for row in tokens], rtol=1e-4,
                           atol=1e-4)

# A chosen entry: padding is left out of the mean.
truth = Encoder(models + "/encoder.safetensors")
np.savez(path("e.npz"), tokens=tokens, token_types=np.ones_like(tokens),
         lengths=np.array([7, 4], np.int32))
result(encoder, "--entry", "embed", "--input", path("e.npz"), "--output",
       path("embedding.npy"))
for row, length, got in zip(tokens, (7, 4), np.load(path("embedding.npy"))):
    mean = truth.hidden(row[:length], 1).mean(axis=0)
    np.testing.assert_allclose(got, mean / np.linalg.norm(mean), rtol=1e-4,
                               atol=1e-5)

# One clear line each.
out = ["--output", path("none.npy")]
double = npy("double.npy", x.astype(np.float64))
wide = npy("wide.npy", np.zeros((n, 5), np.float32))
fails("input 'x': expected f32, found f64", graph, "--input", "x=" + double,
      *files[2:], *out)
fails(f"input 'x': expected shape [n, 4], found [{n}, 5]", graph, "--input",
      "x=" + wide, *files[2:], *out)
fails("missing input 'gain' (f32 [3])", graph, *files[:2], *out)
fails("has no input 'y'; it has: x, gain", graph, *files, "--input",
      "y=" + wide, *out)
fails("has no output 'y'", graph, *files, "--output", "y=" + path("none.npy"))
fails("there is no entry 'y'; there are: main", graph, *files, "--entry", "y",
      *out)
fails("expected NAME=FILE, as the entry has 2 inputs", graph, "--input", wide)
fails(path("absent.npy"), graph, "--input", "x=" + path("absent.npy"))
fails("dimension 'batch' must be positive, found 0", lm, "--input",
      "tokens=" + npy("empty.npy", tokens[:0]), "--input", "position=" +
      npy("empty-p.npy", np.zeros(0, np.int32)), *out)
fails("input 'tokens': expected values from 0 to 257, found 258", lm,
      "--input", "tokens=" + npy("t.npy", tokens * 0 + 258), "--input",
      "position=" + path("p.npy"), *out)
fails("input 'position': expected values from 0 to 313, found 314", lm,
      "--input", "tokens=" + npy("t.npy", tokens), "--input",
      "position=" + npy("p.npy", np.array([0, 314], np.int32)), *out)
np.savez(path("e.npz"), tokens=tokens, token_types=np.ones_like(tokens),
         lengths=np.array([7, 8], np.int32))
fails("input 'lengths': expected values from 1 to 7, found 8", encoder,
      "--input", path("e.npz"), *out)
np.savez(path("e.npz"), tokens=tokens, token_types=tokens * 0 + 2,
         lengths=np.array([7, 4], np.int32))
fails("input 'token_types': expected values from 0 to 1, found 2", encoder,
      "--input", path("e.npz"), *out)
np.savez(path("e.npz"), tokens=np.zeros((1, 513), np.int32),
         token_types=np.zeros((1, 513), np.int32),
         lengths=np.array([7], np.int32))
fails("dimension 'tokens' is 513, but the model's context is 512", encoder,
      "--input", path("e.npz"), *out)
fails("dimension 'batch' is 3, but 2 before", lm, "--input",
      "tokens=" + path("t.npy"), "--input",
      "position=" + npy("p.npy", np.zeros(3, np.int32)), *out)
assert not os.path.exists(path("none.npy"))
fails("/nowhere/x.npy", graph, *files, "--output", "/nowhere/x.npy")
