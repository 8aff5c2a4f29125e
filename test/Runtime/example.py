# REQUIRES: python
# RUN: %python %s %test_bin/runtime-example %build/test/Runtime/models
"""The C example continues random prompts as numpy does."""
import os
import random
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from reference import LanguageModel
from seeding import draw_seed

example, models = sys.argv[1:]
seed = draw_seed()
rng = random.Random(seed)


def run(*args, **env):
    return subprocess.run([example, *map(str, args)], capture_output=True,
                          text=True, env=dict(os.environ, **env))


model = LanguageModel(models + "/lm.safetensors")
for name, env in [("lm.so", {}), ("lm_embedded.so", {}),
                  ("lm.so", {"OMP_NUM_THREADS": "3"}),
                  ("lm.so", {"QNT_ISA": "portable"})]:
    prompt = [rng.randrange(258) for _ in range(rng.randrange(1, 40))]
    got = run(models + "/" + name, 20, *prompt, **env)
    assert got.returncode == 0, got.stderr
    assert list(map(int, got.stdout.split())) == model.greedy(prompt, 20)

for args, env, message in [
    ((models + "/lm.so", 4, 258), {}, "expected values from 0 to 257"),
    ((models + "/lm.so", 4, 1), {"QNT_ISA": "future"}, "not_a_feature"),
    ((models + "/lm.so", 4, 1), {"QNT_ISA": "x"}, "future, simd, portable"),
    ((models + "/graph.so", 4, 1), {}, "not a language model"),
]:
    got = run(*args, **env)
    assert got.returncode == 1 and message in got.stderr, got
    assert got.stderr.count("\n") == 1
