"""Runs quant-run for the tests in this folder."""

import json
import os
import random
import subprocess
import tempfile

from seeding import draw_seed

seed = draw_seed()
rng = random.Random(seed)
folder = tempfile.TemporaryDirectory()


def path(name):
    return os.path.join(folder.name, name)


def write(name, data):
    with open(path(name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path(name)


def run(*args, **env):
    return subprocess.run(["quant-run", *map(str, args)], capture_output=True,
                          env=dict(os.environ, **env))


def result(*args, **env):
    """The object that --json prints."""
    done = run(*args, "--json", **env)
    assert done.returncode == 0, (args, done.stderr.decode())
    return json.loads(done.stdout)


def fails(message, *args, **env):
    """One clear line on stderr besides the one that names the kernels, nothing
    on stdout, status 1."""
    done = run(*args, **env)
    lines = [line for line in done.stderr.decode().splitlines()
             if "kernels, " not in line]
    assert done.returncode == 1, (args, done)
    assert len(lines) == 1 and lines[0].startswith("quant-run: error: "), done
    assert message in lines[0], (message, lines[0])
    assert not done.stdout, done


def close(got, want, tolerance=1e-6):
    assert abs(got - want) <= tolerance * max(1, abs(want)), (got, want)
