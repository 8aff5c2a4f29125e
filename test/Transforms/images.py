# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %test_bin/interpret-opt %test_bin/interpret
"""Random convolution networks before and after each pass that changes them, in
the interpreter."""
import os
import pathlib
import re
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from networks import interpret, random_net, run
from seeding import draw_seed

folder, opt, program = pathlib.Path(sys.argv[1]), *sys.argv[2:]
seed = draw_seed()
rng = np.random.default_rng(seed)


class Trial:
    def __init__(self, name, integer, batch):
        net, result = random_net(rng, batch, integer)
        self.source = folder / f"{name}.mlir"
        net.write(self.source, result)
        count = batch if batch != "?" else 9
        self.images = rng.standard_normal((count, 3, 12, 12)).astype(np.float32)
        self.count = 0

    def after(self, source, *passes):
        """The module after passes, its text, and what it computes."""
        path = self.source.with_name(f"{self.source.stem}-{self.count}.mlir")
        self.count += 1
        text = run(opt, source, *passes) if passes else source.read_text()
        path.write_text(text)
        return path, text, interpret(program, path, self.images)


def close(actual, expected, error):
    """Root mean squares, of most images: a code that is rounded otherwise near the
    end, of 4 bits, is much of an image."""
    axes = tuple(range(1, expected.ndim))
    difference = np.sqrt(np.mean((actual - expected) ** 2, axis=axes))
    size = np.sqrt(np.mean(expected ** 2))
    assert np.median(difference) <= error * size, (difference, size)


# Formats of activations; what they may change, and what a code more or less may.
FORMATS = [None, None, ("auto", 0.2, 0.05), ("auto", 0.2, 0.05), ("uint6", 0.3, 0.1),
           ("int7", 0.3, 0.1), ("uint4", 0.8, 0.3), ("uint4", 0.8, 0.3)]
for trial, activations in enumerate(FORMATS):
    integer = trial % 2 == 1
    t = Trial(f"net{trial}", integer, 2 if trial < 2 else "?")
    _, _, expected = t.after(t.source)
    last, text, y = t.after(t.source, "--nn-channels-last", "--canonicalize")
    assert text.count("linalg.transpose") == 1, text
    np.testing.assert_array_equal(y, expected)
    folded, text, y = t.after(last, "--nn-fold", "--canonicalize", "--cse")
    assert not re.search(r"nn.mul .*x.*x.*x.*f32>, ", text), text
    np.testing.assert_allclose(y, expected, 1e-4, 1e-4)
    stored, text, y = t.after(
        folded, f"--qnt-materialize-params=output={folder}/net{trial}.folded")
    assert "nn.scale_rows" not in text and "nn.mul" not in text, text
    np.testing.assert_allclose(y, expected, 1e-4, 1e-4)

    samples = folder / f"samples{trial}.npz"
    np.savez(samples, image=np.concatenate([t.images] * 4)[:8],
             label=np.zeros(8, np.uint8))
    if not activations:
        continue
    activations, error, rounding = activations
    quantized, text, decoded = t.after(
        folded, f"--qnt-calibrate=samples={samples}",
        f"--qnt-quantize=weights=int8 activations={activations} per=tensor", "--cse")
    close(decoded, expected, error)
    flowing, text, y = t.after(quantized, "--qnt-propagate-codes", "--cse")
    close(y, decoded, rounding)
    _, _, again = t.after(
        flowing, f"--qnt-materialize-params=output={folder}/net{trial}.codes")
    np.testing.assert_array_equal(again, y)
    if not integer:
        # What integers cannot do stays between decoded images.
        assert "linalg.generic" in text
        continue
    assert "qnt.dequantize" not in text, text
    exact, text, z = t.after(flowing, "--qnt-integer-arithmetic", "--cse")
    assert "requantize" in text and "[quantize" not in text, text
    close(z, y, rounding)
    _, _, again = t.after(
        exact, f"--qnt-materialize-params=output={folder}/net{trial}.integers")
    np.testing.assert_array_equal(again, z)
