# REQUIRES: python, x86
# RUN: %python %s quant-opt %test_bin/costs-test %t
"""--measure-latency with a table that is there already: what it prints of the table
and of a model, as text and as JSON, and what it refuses, in one line."""
import json
import os
import subprocess
import sys

opt, tool, folder = sys.argv[1:]
os.makedirs(f"{folder}/cache/qnt", exist_ok=True)
cpu, isa, version = subprocess.run([tool, "machine"], check=True, capture_output=True,
                                   text=True).stdout.strip().split("\n")
environment = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
kept = f"{folder}/cache/qnt/latency-{isa}-1.json"


def kind(weight, group, scale, activation, zero, rows, seconds):
    return {"weight": weight, "group": group, "scale": scale, "zero": "none",
            "activation": activation, "activation_zero": zero, "per_tensor": False,
            "rows": rows, "features": [16, 64], "inputs": [32, 64],
            "seconds": seconds}


row = [[1e-6, 2e-6], [4e-6, 8e-6]]
rows = [[1e-5, 2e-5], [4e-5, 8e-5]]
table = {"format": "qnt-latency", "format_version": 1,
         "machine": {"cpu": cpu, "isa": isa, "threads": 1, "version": version},
         "tables": [kind("int4", 32, "f16", "int8", False, 1, row),
                    kind("int4", 32, "f16", "int8", False, 128, rows),
                    kind("int8", 0, "f32", "none", False, 1, row),
                    kind("int8", 0, "f32", "none", False, 128, rows)]}
with open(kept, "w") as file:
    json.dump(table, file)


def run(*args):
    return subprocess.run([opt, *args], capture_output=True, text=True,
                          env=environment)


formats = "--measure-latency=int4:32,int8/none"
done = run(formats, "-o", f"{folder}/table.json")
assert done.returncode == 0, done.stderr
lines = done.stdout.strip().split("\n")
assert lines[0] == f"{cpu}, {isa}, 1 thread, qnt {version}", lines
assert len(lines) == 2 + 16, lines
# Of each 16 features 32 inputs at 4 bits and scales of 16 bits, padded to 64 bytes:
# 1280 bytes.
assert lines[4].split() == ["int4", "group", "32,", "int8", "1", "64", "32", "4.00",
                            "0.32", "1.0"], lines[4]
assert lines[-1].split() == ["int8,", "floats", "128", "64", "64", "80.00", "0.05",
                             "13.1"], lines[-1]
with open(f"{folder}/table.json") as file:
    assert json.load(file) == table

# A model: two layers of one shape, one that is used twice, and a convolution.
with open(f"{folder}/m.mlir", "w") as file:
    file.write("""
module attributes {qnt.params = "none.safetensors"} {
  ml_program.global private @a(#ml_program.extern : tensor<64x32xf32>) : tensor<64x32xf32>
  ml_program.global private @b(#ml_program.extern : tensor<64x32xf32>) : tensor<64x32xf32>
  ml_program.global private @head(#ml_program.extern : tensor<40x64xf32>) : tensor<40x64xf32>
  ml_program.global private @k(#ml_program.extern : tensor<8x3x3x2xf32>) : tensor<8x3x3x2xf32>
  func.func @one(%x: tensor<?x32xf32>) -> tensor<?x40xf32> {
    %a = ml_program.global_load_const @a : tensor<64x32xf32>
    %b = ml_program.global_load_const @b : tensor<64x32xf32>
    %h = ml_program.global_load_const @head : tensor<40x64xf32>
    %0 = nn.linear %x, %a : tensor<?x32xf32>, tensor<64x32xf32>
    %1 = nn.linear %x, %b : tensor<?x32xf32>, tensor<64x32xf32>
    %2 = nn.mul %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
    %3 = nn.linear %2, %h : tensor<?x64xf32>, tensor<40x64xf32>
    return %3 : tensor<?x40xf32>
  }
  func.func @two(%x: tensor<?x64xf32>, %i: tensor<?x6x6x4xf32>) -> (tensor<?x40xf32>, tensor<?x4x4x8xf32>) {
    %h = ml_program.global_load_const @head : tensor<40x64xf32>
    %k = ml_program.global_load_const @k : tensor<8x3x3x2xf32>
    %0 = nn.linear %x, %h : tensor<?x64xf32>, tensor<40x64xf32>
    %1 = nn.conv %i, %k groups 2 : tensor<?x6x6x4xf32>, tensor<8x3x3x2xf32>
    return %0, %1 : tensor<?x40xf32>, tensor<?x4x4x8xf32>
  }
}
""")
done = run(f"{folder}/m.mlir", formats, "-o", f"{folder}/costs.json")
assert done.returncode == 0, done.stderr
with open(f"{folder}/costs.json") as file:
    costs = json.load(file)
assert costs["machine"] == table["machine"]
layers = {layer["first"]: layer for layer in costs["layers"]}
assert {name: (l["shape"], l["count"], l["rows"], l["groups"])
        for name, l in layers.items()} == {
    "a": ([64, 32], 2, 1, 1), "head": ([40, 64], 1, 1, 1),
    "k": ([8, 3, 3, 2], 1, 16, 2)}, layers
four, eight = layers["a"]["costs"]
assert four == {"format": "int4:32", "bytes": 1280, "bit_operations": 64 * 32 * 32,
                "seconds": 4e-6}, four
assert eight["format"] == "int8/none" and eight["bit_operations"] == 64 * 32 * 1024
# Half way between 16 and 64 features: 5 us. Features are padded to 48.
four, eight = layers["head"]["costs"]
assert abs(four["seconds"] - 5e-6) < 1e-18 and four["bytes"] == 48 * 64 // 2 + 48 * 4
# Groups are none of a convolution's, and there is no table of it.
(eight,) = layers["k"]["costs"]
assert eight["format"] == "int8/none" and "seconds" not in eight, eight
total = [line.split() for line in done.stdout.strip().split("\n") if
         line.startswith("all")]
assert [line[1:] for line in total] == [
    ["int4:32", f"{(2 * 1280 + 48 * 64 // 2 + 48 * 4) / 1e6:.3f}", "13.00"],
    ["int8/none", total[1][2], "13.00"]], total


def refuse(args, what):
    done = run(*args)
    assert done.returncode == 1 and what in done.stderr, (args, done)
    assert done.stderr.startswith("quant-opt: ") and done.stderr.count("\n") == 1, done
    assert not done.stdout, done


for word, what in (("int9", "there is no format 'int9'"), ("", "there is no format ''"),
                   ("int4,", "there is no format ''"),
                   ("int4:20", "expected a group of a multiple of 16 inputs"),
                   ("int4:", "expected a group of a multiple of 16 inputs"),
                   ("int4:-16", "expected a group of a multiple of 16 inputs"),
                   ("bf16:32", "this format has no scales"),
                   ("int4:32/int3", "expected activations of int4 to int8"),
                   ("int4:32/", "expected activations of int4 to int8"),
                   ("nf4/int8", "integer activations need integer weights")):
    refuse([f"--measure-latency={word}"], f"--measure-latency: '{word.split(',')[-1]}'"
           if word.endswith(",") else f"--measure-latency: '{word}': ")
    refuse([f"--measure-latency={word}"], what)
refuse([formats, "-o", f"{folder}/a.so"], "expected an output ending in .json")
refuse([formats, "-o", f"{folder}/no/a.json"], "there is no folder")
refuse([formats, "--target=gpu"], "expected 'cpu', 'cuda' or 'fpga' first")
refuse([f"{folder}/absent.mlir", formats], "absent.mlir")
with open(kept, "w") as file:
    file.write("{")
refuse([formats], f"{kept}: line 1")
environment["XDG_CACHE_HOME"] = "relative"
environment.pop("HOME", None)
refuse([formats], "expected XDG_CACHE_HOME or HOME to be set")
