# REQUIRES: python, x86
# RUN: %python %s quant-opt %test_bin/costs-test %t
"""--measure-tiles: what it keeps of this machine, that models are compiled with it, and
not with another machine's; results are the same with any tiles; refusals in one line."""
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, tool, folder = sys.argv[1:]
kept = f"{folder}/cache/qnt"
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(kept)
cpu, isa, version = subprocess.run([tool, "machine"], check=True, capture_output=True,
                                   text=True).stdout.strip().split("\n")
environment = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache"}
path = f"{kept}/tiles-{isa}.json"
N, K = 112, 256
rng = np.random.default_rng(draw_seed())
save_file({"w": rng.standard_normal((N, K)).astype(np.float32)}, f"{folder}/w.safetensors")
with open(f"{folder}/m.mlir", "w") as file:
    file.write(f"""
!x = !qnt.tensor<?x{K}, int8, per_row, scale f32>
!w = !qnt.tensor<{N}x{K}, int4, group<32>, scale f16>
module attributes {{qnt.params = "{folder}/w.safetensors"}} {{
ml_program.global private @w(#ml_program.extern : tensor<{N}x{K}xf32>) : tensor<{N}x{K}xf32>
func.func @main(%x: tensor<?x{K}xf32> {{qnt.name = "x", qnt.dims = ["rows", ""]}}) -> tensor<?x{N}xf32> {{
  %w = ml_program.global_load_const @w : tensor<{N}x{K}xf32>
  %wq = qnt.quantize %w : tensor<{N}x{K}xf32> -> !w
  %xq = qnt.quantize %x : tensor<?x{K}xf32> -> !x
  %y = qnt.linear %xq, %wq : !x, !w
  return %y : tensor<?x{N}xf32>
}}
}}
""")


def run(*args):
    return subprocess.run([opt, *args], capture_output=True, text=True, env=environment)


def get_tiles(target="cpu"):
    """Of the code for this machine: rows and panels, without those of less."""
    out = f"{folder}/m.s"
    done = run(f"{folder}/m.mlir", f"--target={target}", "-o", out)
    assert done.returncode == 0, done.stderr
    with open(out) as file:
        [name] = set(re.findall(r'^"(linear[^"]*)\.task":', file.read(), re.M))
    return [tuple(map(int, tile.split("x"))) for tile in name.split(".t_")[-1].split("_")]


def write(tiles, machine=None):
    table = {"format": "qnt-tiles", "format_version": 1,
             "machine": machine or {"cpu": cpu, "isa": isa, "version": version},
             "kinds": {"int4:32": {"tiles": tiles, "measured": []}}}
    with open(path, "w") as file:
        json.dump(table, file)


estimated = get_tiles()
assert estimated[0][0] == 1 and not os.path.exists(path)

# Measured: something of what was tried.
done = run("--measure-tiles=int4:32")
assert done.returncode == 0, done.stderr
lines = done.stdout.strip().split("\n")
assert lines[0] == f"{cpu}, {isa}, qnt {version}", lines
with open(path) as file:
    table = json.load(file)
[kind] = table["kinds"].values()
tried = {(each["rows"], each["panels"]): each["seconds"] for each in kind["measured"]}
assert len(lines) == 2 + len(tried) and all(seconds > 0 for seconds in tried.values())
for rows, panels in (get_tiles()[0], get_tiles()[-1]):
    fastest = min(seconds for tile, seconds in tried.items()
                  if (tile[0] == 1) == (rows == 1))
    assert tried[rows, panels] == fastest, (rows, panels, tried)

# A table of this machine counts, until a target says otherwise.
write("1x2+3x1")
assert get_tiles() == [(1, 2), (3, 1)]
assert get_tiles("cpu tiles=estimated") == estimated
assert get_tiles("cpu tiles=1x1+2x2") == [(1, 1), (2, 2)]
assert get_tiles("cpu tiles=int8=1x1+2x2") == estimated
write("1x2+3x1", {"cpu": "another", "isa": isa, "version": version})
assert get_tiles() == estimated

# Sums are the same, whatever the tiles are and how few rows come.
os.remove(path)
for rows in (1, 2, 3, 5, 14):
    x = rng.standard_normal((rows, K)).astype(np.float32)
    np.save(f"{folder}/x.npy", x)
    results = []
    for tiles in ("1x1", "1x2+3x1", "1x4+4x3+6x2", "1x3+2x2+5x4"):
        done = run(f"{folder}/m.mlir", f"--target=cpu tiles={tiles}", "-o", f"{folder}/m.so")
        assert done.returncode == 0, done.stderr
        subprocess.run(["quant-run", f"{folder}/m.so", "--input", f"x={folder}/x.npy",
                        "--output", f"{folder}/y.npy"], check=True, capture_output=True)
        y = np.load(f"{folder}/y.npy")
        assert y.shape == (rows, N)
        results.append(y)
    assert all(np.array_equal(results[0], y) for y in results), rows


def refuse(args, *expected):
    done = run(*args)
    message = done.stderr.strip()
    assert done.returncode == 1 and message.count("\n") == 0, done
    for text in expected:
        assert text in message, (text, message)


refuse(["--measure-tiles=int8/none"], "--measure-tiles: ", "'int8/none'", "integers")
refuse(["--measure-tiles=int9"], "--measure-tiles: 'int9': ", "there is no format 'int9'")
refuse(["--measure-tiles=int8", "--target=cuda chip=sm_90a"], "expected a target cpu")
refuse([f"{folder}/m.mlir", "--target=cpu tiles=3x1", "-o", f"{folder}/m.so"],
       "--target: tiles '3x1', expected ROWSxPANELS", "'estimated'")
with open(path, "w") as file:
    file.write('{"format": "qnt-latency"}')
refuse([f"{folder}/m.mlir", "--target=cpu", "-o", f"{folder}/m.so"], path,
       "not a table of tiles")
write("2x2")
refuse([f"{folder}/m.mlir", "--target=cpu", "-o", f"{folder}/m.so"], path, "kinds.int4:32",
       "tiles '2x2'")
