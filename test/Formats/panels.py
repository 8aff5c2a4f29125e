# REQUIRES: python
# RUN: %python %s %test_bin/test-formats %S/Inputs
# Weights packed in #qnt.panels, unpacked by what the attribute's description
# says.
import sys

import ml_dtypes
import numpy as np

sys.path.insert(0, sys.argv[2])
from jobs import Jobs
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
jobs = Jobs(sys.argv[1])
scale_types = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}


def unpack(blob, n, k, columns, bits, group, scale, zero, excess, sums):
    """Codes [n, k], scales and zero points [n, groups], sums [n]."""
    groups = -(-k // group) if group else 1
    length = group or k
    chunk = 16 if group and group % 32 else 32
    panels = -(-n // columns)
    assert len(blob) % panels == 0
    codes = np.zeros((panels * columns, groups * length), np.uint32)
    scales = np.zeros((panels * columns, groups), np.float32)
    zeros = np.zeros((panels * columns, groups), np.float32)
    totals = np.zeros(panels * columns, np.float32)
    size = len(blob) // panels
    assert size % 64 == 0
    for panel in range(panels):
        stream = memoryview(blob)[panel * size:(panel + 1) * size]
        rows = slice(panel * columns, (panel + 1) * columns)

        def take(count, dtype):
            nonlocal stream
            bytes_, stream = stream[:count * np.dtype(dtype).itemsize], \
                stream[count * np.dtype(dtype).itemsize:]
            return np.frombuffer(bytes_, dtype)

        for g in range(groups):
            if scale:
                scales[rows, g] = take(columns, scale).astype(np.float32)
            if zero:
                stored = take(columns, {"signed": np.int8, "offset": np.float32}
                              .get(zero, np.uint8))
                zeros[rows, g] = stored.astype(np.float32) - (
                    0 if zero == "offset" else excess)
            if bits > 8:
                word = np.uint16 if bits == 16 else np.uint32
                words = take(length * columns, word).reshape(length, columns)
                codes[rows, g * length:(g + 1) * length] = words.T
                continue
            for first in range(0, length, chunk):
                found = np.zeros((columns, chunk), np.uint32)
                shift = 0
                for width in (8,) if bits == 8 else (4, 2, 1):
                    if not bits & width:
                        continue
                    fields = 8 // width
                    vectors = max(1, chunk // 4 // fields)
                    for v in range(vectors):
                        vector = take(4 * columns, np.uint8).reshape(columns, 4)
                        for f in range(fields):
                            quad = v * fields + f
                            value = vector >> (f * width) & ((1 << width) - 1)
                            if 4 * quad >= chunk:
                                assert not value.any()
                                continue
                            found[:, 4 * quad:4 * quad + 4] |= \
                                value.astype(np.uint32) << shift
                    shift += width
                at = g * length + first
                keep = min(chunk, length - first)
                codes[rows, at:at + keep] = found[:, :keep]
                assert not found[:, keep:].any(), "padding of a chunk"
        if sums:
            totals[rows] = take(columns, np.float32)
        assert len(stream) < 64 and not any(stream), "padding of a panel"
    assert not scales[n:].any() and not codes[n:].any(), "padding of the columns"
    assert not codes[:, k:].any(), "padding of the last group"
    return codes[:n, :k], scales[:n], zeros[:n], totals[:n]


cases = []


def add(format_, bits, block, n, k, columns, scale=None, zero=False, sums=False):
    group = int(block[6:-1]) if block.startswith("group") else 0
    groups = -(-k // group) if group else 1
    codes = rng.integers(0, 2 ** bits, (n, k), np.uint32)
    words = [codes]
    signed = format_.startswith("int")
    excess = 2 ** (bits - 1) if signed and 1 < bits < 8 else 0
    if scale:
        dtype = scale_types[scale]
        scales = rng.normal(size=(n, groups)).astype(dtype).astype(np.float32)
        if block == "per_tensor":
            scales[:] = scales[0, 0]
        words.append(scales)
    zeros = np.zeros((n, groups), np.float32)
    if zero == "offset":
        zeros = rng.normal(size=(n, groups)).astype(np.float32)
        words.append(zeros)
    elif zero:
        low = -2 ** (bits - 1) if signed else 0
        zeros = rng.integers(low, low + 2 ** bits, (n, groups)).astype(np.float32)
        words.append(zeros)
    text = f"!qnt.tensor<{n}x{k}, {format_}, {block}"
    text += f", scale {scale}" if scale else ""
    text += ", offset" if zero == "offset" else ", zero" if zero else ""
    text += f", #qnt.panels<{columns}{', sums true' if sums else ''}>>"
    numbers = None
    if sums:
        numbers = jobs.add("decode", format_, [codes])
    kind = "signed" if zero is True and signed and bits == 8 else zero
    cases.append((text, words, zeros, excess, numbers, jobs.add("pack", text, words),
                  (n, k, columns, bits, group, scale and scale_types[scale], kind,
                   0 if kind == "signed" else excess, sums)))


blocks = ["group<16>", "group<32>", "group<48>", "group<64>", "per_channel",
          "per_tensor"]
scales = list(scale_types)
for bits in range(1, 9):
    for block in blocks:
        for sign in ("", "u"):
            for zero in (False, True, "offset"):
                if zero is True and bits == 1 and not sign:
                    continue  # -1 and 1 only
                columns = int(rng.choice([16, 16, 8, 4]))
                n = int(rng.integers(1, 3 * columns + 2))
                k = int(rng.integers(1, 150))
                add(f"{sign}int{bits}", bits, block, n, k, columns,
                    scales[rng.integers(3)], zero, bool(rng.integers(2)))
for format_, bits in [("e4m3", 8), ("e2m1", 4), ("e3m2", 6), ("nf4", 4)]:
    add(format_, bits, blocks[rng.integers(6)], 37, 83, 16, "f16", False, False)
for format_, bits in [("f16", 16), ("bf16", 16), ("f32", 32)]:
    add(format_, bits, "unscaled", 37, 83, 16)
add("int4", 4, "group<32>", 48, 64, 16, "f16")  # nothing to pad
jobs.run()

for text, words, zeros, excess, numbers, blob, shape in cases:
    codes, found_scales, found_zeros, totals = unpack(blob(), *shape)
    mask = 2 ** shape[3] - 1
    expected = (words[0] + excess) & mask
    if not np.array_equal(codes, expected):
        sys.exit(f"{text}: codes differ in {np.sum(codes != expected)} places")
    if shape[5] and not np.array_equal(found_scales, words[1]):
        sys.exit(f"{text}: scales {found_scales} instead of {words[1]}")
    if not np.array_equal(found_zeros, zeros):
        sys.exit(f"{text}: zero points {found_zeros} instead of {zeros}")
    if numbers:
        n, k, _, _, group = shape[:5]
        index = np.arange(k) // (group or k)
        decoded = np.frombuffer(numbers(), np.float32).reshape(n, k).astype(float)
        if ", offset" in text:
            weights = decoded * words[1][:, index] - zeros[:, index]
        else:
            weights = (decoded - zeros[:, index]) * words[1][:, index]
        error = np.abs(totals - weights.sum(1))
        if np.any(error > 1e-6 * np.abs(weights).sum(1)):
            sys.exit(f"{text}: sums {totals} instead of {weights.sum(1)}")
print(len(cases), "tensors")
