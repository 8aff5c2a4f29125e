# REQUIRES: python, x86
# RUN: %python %s %test_bin/run-tiles
"""The emulator of AMX: products of tiles beside numpy, and what the processor
faults on (Intel SDM volume 2)."""
import os
import struct
import subprocess
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from seeding import draw_seed

rng = np.random.default_rng(draw_seed())


def configuration(shapes, palette=1, reserved=0, start=0):
    """`shapes` are pairs of rows and bytes a row, by tile."""
    sizes, rows = [0] * 16, [0] * 16
    for tile, (count, size) in shapes.items():
        rows[tile], sizes[tile] = count, size
    return struct.pack("<16B16H16B", palette, start, reserved, *[0] * 13, *sizes, *rows)


def run(op, stride, config, operands):
    data = config + b"".join(operands)
    done = subprocess.run([sys.argv[1], op, str(stride)], input=data, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def padded(array, stride):
    """Rows of `stride` bytes, 16 of them, what is beyond the array random."""
    rows = rng.integers(0, 256, (16, stride), np.uint8)
    rows[:array.shape[0], :array.shape[1]] = array
    return rows.tobytes()


SIGNS = {"s": np.int8, "u": np.uint8}
for case in range(40):
    op = ["ss", "su", "us", "uu"][case % 4]
    m, n, k = (int(rng.integers(1, 17)) for _ in range(3))
    stride = int(rng.integers(64, 100))
    left = rng.integers(0, 256, (m, 4 * k), np.uint8)
    right = rng.integers(0, 256, (k, 4 * n), np.uint8)
    sums = rng.integers(-2**31, 2**31, (m, n), np.int32)
    config = configuration({1: (m, 4 * n), 2: (m, 4 * k), 3: (k, 4 * n)})
    status, out, error = run(op, stride, config, [
        padded(sums.view(np.uint8).reshape(m, 4 * n), stride),
        padded(left, stride), padded(right, stride)])
    assert status == 0, error
    # Byte 4 c + i of row q is input 4 q + i of column c.
    inputs = right.view(SIGNS[op[1]]).reshape(k, n, 4).transpose(0, 2, 1).reshape(4 * k, n)
    want = sums.astype(np.int64) + \
        left.view(SIGNS[op[0]]).astype(np.int64) @ inputs.astype(np.int64)
    want = (want & 0xffffffff).astype(np.uint32)
    got = np.frombuffer(out, np.uint8)
    size = 16 * stride
    rows = got[:size].reshape(16, stride)
    np.testing.assert_array_equal(
        np.ascontiguousarray(rows[:m, :4 * n]).view(np.uint32), want)
    # Nothing else is written.
    assert (rows[m:] == 255).all() and (rows[:, 4 * n:] == 255).all()
    assert bytes(got[size:size + 64]) == config
    zeros = got[size + 64:].reshape(16, stride)
    assert not zeros[:m, :4 * k].any()
    assert (zeros[m:] == 255).all() and (zeros[:, 4 * k:] == 255).all()

good = {1: (16, 64), 2: (16, 64), 3: (16, 64)}
for config, message in [
        (configuration(good, palette=2), "no such palette"),
        (configuration({}, palette=0), "tiles are not configured"),
        (configuration(good, reserved=1), "reserved bytes"),
        (configuration(good | {8: (1, 4)}), "8 tiles"),
        (configuration(good | {4: (1, 65)}), "more than 64 bytes"),
        (configuration(good | {4: (17, 4)}), "more than 16 rows"),
        (configuration(good | {4: (0, 4)}), "rows without columns"),
        (configuration(good | {4: (4, 0)}), "rows without columns"),
        (configuration({1: (16, 64), 2: (16, 64)}), "a tile that is not configured"),
        (configuration(good | {2: (15, 64)}), "rows differ"),
        (configuration(good | {3: (16, 60)}), "columns differ"),
        (configuration(good | {3: (15, 64)}), "inputs differ"),
        (configuration(good | {2: (16, 62)}), "multiple of 4")]:
    status, _, error = run("us", 64, config, [bytes(1024)] * 3)
    assert status == 4 and message in error, (message, status, error)
print("40 products, 13 faults")
