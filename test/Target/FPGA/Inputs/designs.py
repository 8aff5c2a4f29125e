"""Designs of processes, what goes into them and what has to come out by Python's integers."""
import os
import shutil
import subprocess

import numpy as np

from seeding import draw_seed


def make_random():
    """A seed, and numbers by it."""
    seed = draw_seed()
    return seed, np.random.default_rng(seed)


def pack(elements, bits, lanes):
    """Words of lanes, the first in the lowest bits."""
    elements = [int(e) & (1 << bits) - 1 for e in elements]
    return [sum(e << lane * bits for lane, e in enumerate(elements[i:i + lanes]))
            for i in range(0, len(elements), lanes)]


def unpack(words, bits, lanes, signed):
    elements = [word >> lane * bits & (1 << bits) - 1 for word in words
                for lane in range(lanes)]
    return [e - (1 << bits) if signed and e >> bits - 1 else e for e in elements]


class Design:
    """One called `name`, by the text of its module. Streams are (name, bits, words of a
    frame); `given` and `wanted` their words by name, of some frames. `period`: of frames
    in clock cycles."""

    def __init__(self, name, text, inputs, outputs, given, wanted, period=None):
        self.name, self.text, self.inputs, self.outputs = name, text, inputs, outputs
        self.given, self.wanted, self.period = given, wanted, period

    def emit(self, tool, folder):
        """Writes C++ and Verilog there."""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(f"{folder}/{self.name}.mlir", "w") as file:
            file.write(self.text)
        subprocess.run([tool, file.name, folder], check=True)
