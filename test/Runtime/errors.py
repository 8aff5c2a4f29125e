# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""Models that cannot be loaded and command lines that make no sense: one clear
line, status 1."""
import json
import os
import shutil
import struct
import subprocess
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import fails, folder, path, rng, run, write

models = sys.argv[1]
for name in os.listdir(models):
    if name.endswith((".so", ".safetensors")):
        shutil.copy(os.path.join(models, name), folder.name)
lm, graph = path("lm.so"), path("graph.so")
go = ["--prompt", "x"]


def pair(name, code, params):
    write(name + ".safetensors", params)
    return write(name + ".so", code)


# The shared object.
fails("absent.so: No such file", path("absent.so"), *go)
fails("text.so: not a shared object", write("text.so", "no"), *go)
fails("empty.so: not a shared object", write("empty.so", ""), *go)
code = open(lm, "rb").read()
params = open(path("lm.safetensors"), "rb").read()
for size in [1, 63, 64, 65, *(rng.randrange(len(code)) for _ in range(30))]:
    done = run(pair("cut", code[:size], params), *go)
    # Section headers at the end are not needed to run.
    assert done.returncode in (0, 1), (size, done)
fails("not a compiled model: it does not export qnt_module_get",
      path("no_symbol.so"), *go)
fails("wrong_abi.so: ABI version 7, but this loader expects 2",
      path("wrong_abi.so"), *go)
fails("this CPU can run none of the variants that the model carries: x (the "
      "last lacks not_a_feature)", path("wrong_cpu.so"), *go)
fails("cannot run the variant 'future': it lacks not_a_feature", lm, *go,
      "--isa", "future")
fails("there is no variant 'y'; the model carries: future, simd, portable", lm,
      *go, "--isa", "y")
fails("no variant 'y'", lm, *go, QNT_ISA="y")
np.savez(path("in.npz"), x=np.zeros((1, 4), np.float32),
         gain=np.zeros(3, np.float32))
shutil.copy(path("graph.safetensors"), path("failing.safetensors"))
fails("entry 'main' failed with status 5", path("failing.so"), "--input",
      path("in.npz"))

# The parameters.
def broken(message, params, *options):
    fails(message, pair("broken", code, params), *go, *options)


def with_header(change):
    """The file with another header of the same size."""
    size = struct.unpack("<Q", params[:8])[0]
    header = json.loads(params[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    assert len(text) <= size
    return params[:8] + text.ljust(size) + params[8 + size :]


lone = write("lone.so", code)
fails("lone.safetensors: No such file", lone, *go)
broken(f"{len(params) - 1} bytes, but the model was compiled with parameters "
       f"of {len(params)}", params[:-1])
broken("bytes do not hold a safetensors header",
       struct.pack("<Q", 1 << 60) + params[8:])
broken("header is not a JSON object", params[:8] + b"x" + params[9:])
broken("there is no tensor 'head.weight'", with_header(
    lambda h: h.update({"other": h.pop("head.weight")})))
broken("tensor 'head.weight': data_offsets", with_header(
    lambda h: h["head.weight"].update(data_offsets=[0, 99999])))
broken("tensor 'head.weight': expected two data_offsets", with_header(
    lambda h: h["head.weight"].update(data_offsets=[-1, 4])))
broken("not 64-byte aligned", with_header(
    lambda h: h["head.weight"].update(data_offsets=[4, 16516])), "--mmap")
flipped = params[:-1] + bytes([params[-1] ^ 1])
assert run(pair("flip", code, flipped), *go, "-n", 1).returncode == 0
broken("the SHA-256 is not that", flipped, "--verify")
assert run(lm, *go, "-n", 1, "--verify").returncode == 0
shutil.copy(path("lm_embedded.so"), path("alone.so"))
assert run(path("alone.so"), *go, "-n", 1, "--verify").returncode == 0

# A tokenizer of another model.
shutil.copy(path("lm.safetensors"), path("lm_wide.safetensors"))
assert run(path("lm_wide.so"), *go, "-n", 1).returncode == 0
for job in ["--prompt", "xyz"], ["--eval", "ppl=" + write("z.txt", "z" * 999)]:
    fails("the tokenizer does not match the model: it yields the id 300, but "
          "the vocabulary has 258", path("lm_wide.so"), *job)

# The command line.
fails("expected a model", *go)
fails("expected one of --prompt", lm)
fails("expected one of --prompt", lm, *go, "--bench")
fails("unknown option '--promt'", lm, "--promt", "x")
fails("--prompt: expected TEXT", lm, "--prompt")
fails("-n: expected an integer of at least 1, found '0'", lm, *go, "-n", 0)
fails("--top-p: expected a number from 0 to 1", lm, *go, "--top-p", 2)
fails("--seed: expected", lm, *go, "--seed", -1)
fails("--json: takes no value", lm, *go, "--json=1")
fails("--eval: expected ppl=FILE.txt", lm, "--eval", "bleu=x")
fails("--ppl-via: expected score or decode", lm, *go, "--ppl-via", "x")
fails("expected one model", lm, lm, *go)
fails("--output goes with --input", lm, *go, "--output", "x.npy")
fails("--prompt needs a model of kind causal_lm, but this is a graph", graph,
      *go)
fails("needs a model of kind causal_lm",
      path("encoder.so"), *go, "--chat")
for option in "--help", "--version":
    done = run(option)
    assert done.returncode == 0 and done.stdout and not done.stderr, done
with open("/dev/full", "wb") as full:
    done = subprocess.run(["quant-run", lm, *go, "-n", "1"], stdout=full,
                          stderr=subprocess.PIPE)
    assert done.returncode == 1, done
    assert b"error: standard output cannot be written" in done.stderr, done
