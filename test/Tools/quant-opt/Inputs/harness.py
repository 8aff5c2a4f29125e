"""Runs quant-opt on checkpoints made for the test."""
import json
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "../../../Bench"))
import make_checkpoint as make
from seeding import draw_seed

folder = sys.argv[1]
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
seed = draw_seed()
rng = random.Random(seed)
print("seed", seed)
failures = []


def path(name):
    return os.path.join(folder, name)


def checkpoint(name="model", like="tiny-llama", **changes):
    """A folder whose config.json is changed; its tensors are not."""
    shutil.rmtree(path(name), ignore_errors=True)
    make.write(path(name), make.SHAPES[like], "f32")
    config = make.SHAPES[like] | changes
    put(name + "/config.json", json.dumps(config))
    return path(name)


def put(name, data):
    with open(path(name), "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    return path(name)


def get(name):
    with open(path(name), "rb") as file:
        return file.read()


def header(name):
    """The header of a safetensors file and the data after it."""
    data = get(name)
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8:8 + size]), data[8 + size:]


def put_tensors(name, entries, data):
    text = json.dumps(entries).encode()
    put(name, len(text).to_bytes(8, "little") + text + data)


def quant_opt(*args, **options):
    return subprocess.run(["quant-opt", *args], capture_output=True, text=True,
                          **options)


def tree():
    """Every file of the test's folder with its size."""
    return {os.path.join(at, name): os.path.getsize(os.path.join(at, name))
            for at, _, names in os.walk(folder) for name in names}


def fails(patterns, *args, output="old.so"):
    """One line that every pattern finds, status 1, and no file changed: not the
    compiled model that `output` names, not the parameters beside it."""
    stem = os.path.splitext(output or "")[0]
    for name in ([output, stem + ".safetensors"] if output else []):
        put(name, "an older model")
    before = tree()
    done = quant_opt(*args, *(["-o", path(output)] if output else []))
    lines = done.stderr.splitlines()
    patterns = [patterns] if isinstance(patterns, str) else patterns
    good = done.returncode == 1 and len(lines) == 1 and not done.stdout and \
        lines[0].startswith("quant-opt: ") and \
        all(re.search(p, lines[0]) for p in patterns) and tree() == before
    if output:
        good = good and get(output) == b"an older model" == get(
            stem + ".safetensors")
    if not good:
        failures.append(args)
        changed = set(tree().items()) ^ set(before.items())
        print(f"{args}: status {done.returncode}, expected one line with "
              f"{patterns}, got:\n{done.stderr[:1500]}{done.stdout[:200]}"
              f"changed: {changed}")


def finish():
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(len(failures) > 0)
