# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %inputs/tinylm %t
"""Calibration block by block: the statistics of the whole model, to the bit,
for the families that importers know; with activations in files; and, where a
run was killed, in the run that goes on."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np

from seeding import draw_seed

source, tinylm, scratch = map(pathlib.Path, sys.argv[1:])
seed = draw_seed()
rng = np.random.default_rng(seed)


def import_model(name, folder):
    model = scratch / f"{name}.mlir"
    subprocess.run(["quant-opt", folder, "--nn-fold", "-o", model], check=True)
    return model


def command(model, stem, samples, *options):
    out = scratch / stem
    words = [f"samples={samples}", f"output={out}.json",
             f"tensors={out}.safetensors", "moments", *options]
    return ["quant-opt", model, f"--qnt-calibrate={' '.join(words)}",
            "-o", f"{out}.mlir"]


def calibrate(model, stem, samples, *options):
    run = subprocess.run(command(model, stem, samples, *options),
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return results(stem), run.stderr


def results(stem):
    """The bytes of what a run writes."""
    ranges = re.search(r"qnt.calibration = \{[^}]*\}", (scratch / f"{stem}.mlir").read_text())
    return [(scratch / f"{stem}.json").read_bytes(),
            (scratch / f"{stem}.safetensors").read_bytes(), ranges[0]]


def check_model(name, model, samples, *options):
    whole, _ = calibrate(model, name + "-whole", samples, "blocks=false", *options)
    parts, _ = calibrate(model, name + "-parts", samples, *options)
    assert whole == parts, name
    spilled, _ = calibrate(model, name + "-spill", samples, "spill=0", *options)
    assert whole == spilled, name
    return whole


def arrays(path, vocabulary, bert):
    """Samples of one length each way."""
    batch, tokens = 5, int(rng.integers(3, 30))
    ids = rng.integers(0, vocabulary, (batch, tokens)).astype(np.int32)
    if bert:
        np.savez(path, tokens=ids, token_types=np.zeros_like(ids),
                 lengths=rng.integers(1, tokens + 1, batch).astype(np.int32))
    else:
        np.savez(path, tokens=ids, position=np.zeros(batch, np.int32))
    return path


# tinylm on text.
letters = "".join(rng.choice(list("etaoin shrdlu\n.,"), 60000))
text = scratch / "text.txt"
text.write_text(letters)
model = import_model("tinylm", tinylm)
whole = check_model("tinylm", model, text, "count=3", f"seed={seed % 1000}")

# The families, whose cuts differ: embeddings that are tied, biases, norms of
# heads, layers without rope, norms after the sums.
for kind in ("tiny-llama", "tiny-mistral", "tiny-qwen2", "tiny-qwen3",
             "tiny-smollm3", "tiny-bert"):
    folder = scratch / kind
    subprocess.run([sys.executable, source / "test/Bench/make_checkpoint.py", folder,
                    "--like", kind, "--seed", str(seed % 1000)], check=True)
    samples = arrays(scratch / f"{kind}.npz", 64, kind == "tiny-bert")
    check_model(kind, import_model(kind, folder), samples)

# A run that is killed once some blocks are finished, at any place.
uninterrupted, _ = calibrate(model, "resume", text, "count=12")
work = scratch / "work"
options = ["count=12", f"work={work}"]
went_on = 0
for attempt in range(8):
    process = subprocess.Popen(command(model, "resume", text, *options),
                               stderr=subprocess.PIPE, text=True)
    target, state = int(rng.integers(1, 10)), work / "state.json"
    while process.poll() is None:
        try:
            if json.loads(state.read_text())["finished"] >= target:
                break
        except (FileNotFoundError, json.JSONDecodeError):
            pass
        time.sleep(0.002)
    time.sleep(rng.random() * 0.05)
    process.send_signal(signal.SIGKILL)
    message = process.communicate()[1]
    went_on += "goes on after block" in message
    if process.returncode == 0:
        assert not work.exists()
        continue
    finished = json.loads(state.read_text())["finished"]
    for path in scratch.glob("resume.*"):
        if not path.name.endswith(".qnt-tmp"):
            path.unlink()
    resumed, message = calibrate(model, "resume", text, *options)
    expected = f"goes on after block {finished} of "
    assert (expected in message) == (finished > 0), (finished, message)
    went_on += finished > 0
    assert resumed == uninterrupted
    assert not work.exists() and not list(scratch.glob("*.qnt-tmp"))
    if went_on >= 2:
        break
assert went_on, "no run was interrupted between two blocks"


def interrupt(*options):
    """Leaves a folder of a run with a finished block."""
    process = subprocess.Popen(command(model, "resume", text, *options),
                               stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            if json.loads((work / "state.json").read_text())["finished"]:
                break
        except (FileNotFoundError, json.JSONDecodeError):
            pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert work.exists(), "the run was too quick to be interrupted"


# What has changed is told, and nothing of it is taken.
interrupt(*options)
fresh, message = calibrate(model, "resume", text, "count=11", f"work={work}")
assert "starts anew: the options have changed" in message, message
assert fresh == calibrate(model, "other", text, "count=11")[0]
interrupt(*options)
text.write_text(letters[:50000])
fresh, message = calibrate(model, "resume", text, *options)
assert "starts anew: the samples have changed" in message, message
assert fresh == calibrate(model, "other", text, "count=12")[0]
interrupt(*options)
rotated = scratch / "rotated.mlir"
# Sites are named after layers, whose names are locations.
subprocess.run(["quant-opt", model, "--nn-fold=norms", "--qnt-rotate=residual seed=3",
                "--mlir-print-debuginfo", "-o", rotated], check=True)
fresh, message = calibrate(rotated, "resume", text, *options)
assert "starts anew: the model has changed" in message, message
assert fresh == calibrate(rotated, "other", text, "count=12", "blocks=false")[0]
interrupt(*options)
(scratch / "resume.safetensors.qnt-tmp").unlink()
fresh, message = calibrate(model, "resume", text, *options)
assert "starts anew: its statistics are not whole" in message, message
interrupt(*options)
for path in work.glob("activations.*"):
    path.write_bytes(path.read_bytes()[:-1])
fresh, message = calibrate(model, "resume", text, *options)
assert "starts anew: " in message and "activations" in message, message
assert fresh == calibrate(model, "other", text, "count=12")[0]

# A folder of something else is left alone.
other = scratch / "others"
other.mkdir()
(other / "notes.txt").write_text("mine")
run = subprocess.run(command(model, "resume", text, f"work={other}"), capture_output=True, text=True)
assert run.returncode == 1 and "holds other files than a calibration's" in run.stderr, run.stderr
assert (other / "notes.txt").read_text() == "mine"
