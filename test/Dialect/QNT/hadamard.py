# REQUIRES: python
# RUN: %python %s %test_bin/hadamard-test %t %source/test
"""#qnt.hadamard as its description defines it: H H^T = n I of every order up to
512, which orders there are, the matrices and signs against numpy and scipy."""
import os
import random
import subprocess
import sys

import numpy as np

program, path, tests = sys.argv[1:4]
sys.path.append(os.path.join(tests, "Interpreter/Inputs"))
from rotations import dense_order, matrix, signs
from seeding import draw_seed

rng = random.Random(draw_seed())
seed = rng.randrange(1 << 63)
LIMIT = 512


def matrices(limit, *options):
    lines = subprocess.run([program, str(limit), *map(str, options), path],
                           check=True, capture_output=True, text=True).stdout
    blocks = dict(map(int, line.split()) for line in lines.splitlines())
    data, result, at = np.fromfile(path, np.int8), {}, 0
    for n in blocks:
        if dense_order(n):
            result[n] = data[at:at + n * n].reshape(n, n)
            at += n * n
    assert at == len(data), (at, len(data))
    return blocks, result


blocks, plain = matrices(LIMIT, 0, 0, 0)
assert {1, 2, 12, 20, 24, 28, 36, 384} <= set(plain) and 172 not in plain
for n, h in plain.items():
    h = h.astype(np.float64)
    assert (h @ h.T == n * np.eye(n)).all(), n
    assert (h == matrix(n)).all(), n
for n, block in blocks.items():
    known = [m for m in range(1, n + 1) if n % m == 0 and dense_order(m)]
    assert block == max(known), n

first = rng.randrange(10000)
for transposed in (0, 1):
    for n, r in matrices(160, seed, first, transposed)[1].items():
        r = r.T if transposed else r
        assert (r == signs(seed, first, n)[:, None] * plain[n]).all(), n
print(len(plain), "orders")
