# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""Figures of --bench and --profile: which there are, and that they fit
together. How large they are is for the benches to say."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import close, fails, path, result, run

models = sys.argv[1]
lm, encoder, graph = (models + "/" + m + ".so" for m in
                      ("lm", "encoder", "graph"))

got = result(lm, "--bench", "--prompt-tokens", 20, "--gen-tokens", 10,
             "--batch", 2, "--runs", 2, "--threads", 1)
for key in ("prefill_tokens_per_second", "tokens_per_second", "ms",
            "read_gb_per_second", "decode_bandwidth_ratio"):
    assert got[key] > 0 and got[key + "_spread"] >= 0, (key, got)
assert (got["prompt_tokens"], got["gen_tokens"], got["batch"], got["runs"],
        got["threads"]) == (20, 10, 2, 2, 1)
# Ratio = bytes of a step / its time / read speed. Medians of runs are taken
# one by one, so they fit together only as far as the runs agree.
step_bytes = 8 * 258 * 16 + 2 * 4 * 26
ratio = step_bytes / (got["ms"] / 1e3) / (got["read_gb_per_second"] * 1e9)
assert 0.2 < got["decode_bandwidth_ratio"] / ratio < 5, (got, ratio)
fails("90 prompt tokens and 10 more do not fit in a context of 96", lm,
      "--bench", "--prompt-tokens", 90, "--gen-tokens", 10, "--context", 96)

got = result(encoder, "--bench", "--tokens", 30, "--batch", 3, "--runs", 2)
assert got["ms"] > 0 and got["tokens"] == 30 and got["batch"] == 3, got
fails("--tokens 513 is more than the model's 512", encoder, "--bench",
      "--tokens", 513)
got = result(graph, "--bench", "--runs", 3)
assert got["ms"] > 0 and got["runs"] == 3, got
np.savez(path("in.npz"), x=np.zeros((6, 4), np.float32),
         gain=np.zeros(3, np.float32))
assert result(graph, "--bench", "--input", path("in.npz"))["batch"] == 6

got = result(lm, "--profile", "--prompt-tokens", 20, "--gen-tokens", 7,
             "--runs", 3)
read = got["limits"]["read_gb_per_second"]
assert got["limits"]["cache_gb_per_second"] > 0, got["limits"]
got = got["profile"]
for phase, calls in ("prefill", 3), ("decode", 7):
    ops = got[phase]["ops"]
    assert got[phase]["calls"] == calls, got
    assert {op["name"] for op in ops} == {"model.embed", "head",
                                          "model.layers.0.mix"}, ops
    assert all(op["calls"] == calls and op["ms"] >= 0 for op in ops)
    assert 0.5 < sum(op["share"] for op in ops) <= 1 + 1e-9
    head = next(op for op in ops if op["name"] == "head")
    assert head["kernel"] == "c/linear"
    seconds, rows = head["ms"] / 1e3, {"prefill": 20, "decode": 1}[phase]
    close(head["gop_per_second"],
          2 * 16 * 258 * rows * calls / seconds / 1e9, 1e-6)
    close(head["gb_per_second"], 4 * 16 * 258 * calls / seconds / 1e9, 1e-6)
    # Those of one test for both phases, which goes on between them.
    assert head["limit"] == "memory" and head["limit_share"] > 0, head
    if phase == "decode":
        close(head["limit_share"], head["gb_per_second"] / read, 1e-6)
    # 20 tokens after none, or one after 20 to 26, each with 18 at most.
    mix = next(op for op in ops if op["name"] == "model.layers.0.mix")
    seconds = mix["ms"] / 1e3
    attended = {"prefill": (sum(range(1, 19)) + 2 * 18), "decode": 18}[phase]
    close(mix["gop_per_second"], 2 * 6 * attended * calls / seconds / 1e9, 1e-6)
    close(mix["moved_gb_per_second"], (4 * rows * 16 + 6) * calls / seconds / 1e9, 1e-6)
    keys = {"prefill": 20, "decode": 18}[phase]
    close(mix["gb_per_second"], 4 * keys * calls / seconds / 1e9, 1e-6)
    assert 0 < mix["limit_share"], mix
(op,) = result(graph, "--profile")["profile"]["run"]["ops"]
assert op["name"] == "affine" and op["calls"] == 5, op
out = run(lm, "--profile").stdout
assert b"prefill: 5 calls" in out and b"decode: 64 calls" in out, out
