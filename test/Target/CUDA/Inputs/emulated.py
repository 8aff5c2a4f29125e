"""Models that run in the emulator: a folder, random numbers by QNT_SEED, commands."""
import os
import subprocess

import numpy as np

from seeding import draw_seed


class Place:
    """Files in `folder`; `rng`; `env`, in which the emulator is the driver."""

    def __init__(self, folder, build):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        seed = draw_seed()
        self.rng = np.random.default_rng(seed)
        self.env = dict(os.environ, LD_LIBRARY_PATH=f"{build}/test/emulated")

    def emulate(self, chip):
        """The same with a GPU of this chip, "sm_90a"."""
        return dict(self.env, QNT_EMULATED_CHIP=chip.strip("sm_a"))

    def path(self, name):
        return os.path.join(self.folder, name)


def run(*command, env=None, fails=False):
    """What it prints, or where it has to fail, its error."""
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (result.returncode != 0) == fails, (command, result.stderr)
    return result.stderr.strip() if fails else result.stdout
