#!/usr/bin/env python3
"""Checks the GPU's kernels against the CPU's and times them beside cuBLASLt, the second-level
cache flushed between runs.

  prepare   compiles, with quant-opt: small models for CPU and GPU, large ones for the GPU,
            of whose parameters only the header is kept; and copies the runtime
  run       needs a GPU and what `prepare` left, beside Python's library alone

usage: gpu.py prepare FOLDER [--chip sm_90a] [--size N] [--context N] [--code cubin]
       gpu.py run FOLDER [--rows 1,16,64,512,1024,4096] [--runs N]
"""
import argparse
import array
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import time

from gpu_peers import Products
from gpu_runtime import F32, I32, Driver, Model, make_floats, make_tensor

# Recipe, and the product of cuBLASLt that it stands beside.
LINEARS = {
    "W4A16": ("weights=int4 group=128 activations=none", "bf16"),
    "W3A16": ("weights=int3 group=128 activations=none", "bf16"),
    "W2A16": ("weights=int2 group=128 activations=none", "bf16"),
    "W8A8": ("weights=int8 activations=int8", "int8"),
    "W4A8": ("weights=int4 group=128 activations=int8", "int8"),
}
# For chips with products of 8-bit floats. The CPU has none, and takes float activations.
FLOATS = {"F8": ("weights=e4m3 activations=e4m3", "fp8")}
CACHES = ("f16", "int8", "int4")
SMALL = (384, 512)


def write_linear(path, inputs, outputs):
    """A module with one layer, of random weights."""
    import numpy as np
    from safetensors.numpy import save_file
    weights = np.random.default_rng(0).standard_normal((outputs, inputs), np.float32)
    save_file({"w": weights}, path.with_suffix(".params.safetensors"))
    kind, x, y = (f"tensor<{s}xf32>" for s in (f"{outputs}x{inputs}", f"?x{inputs}",
                                               f"?x{outputs}"))
    path.write_text(f"""
module attributes {{qnt.params = "{path.with_suffix('.params.safetensors')}"}} {{
  ml_program.global private @w(#ml_program.extern : {kind}) : {kind}
  func.func @main(%x: {x} {{qnt.name = "x", qnt.dims = ["rows", ""]}})
      -> ({y} {{qnt.name = "y"}}) {{
    %w = ml_program.global_load_const @w : {kind}
    %y = nn.linear %x, %w : {x}, {kind} loc("w")
    return %y : {y}
  }}
}}
""")


def prepare(args):
    from tools import BUILD, ROOT
    folder = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy((BUILD / "lib/libqnt_runtime.so").resolve(), folder / "libqnt_runtime.so")
    gpu = f"cuda chip={args.chip} code={args.code}"

    def compile_(source, output, recipe, target):
        subprocess.run([BUILD / "bin/quant-opt", source, f"--quantize={recipe}",
                        f"--target={target}", "-o", folder / f"{output}.so"], check=True)

    def keep_header(name):
        path = folder / f"{name}.safetensors"
        with open(path, "rb") as file:
            length = file.read(8)
            header = file.read(struct.unpack("<Q", length)[0])
            size = file.seek(0, os.SEEK_END)
        (folder / f"{name}.header").write_bytes(struct.pack("<Q", size) + length + header)
        path.unlink()

    write_linear(folder / "small.mlir", *SMALL)
    write_linear(folder / "large.mlir", args.size, args.size)
    checkpoint = folder / "attention"
    shape = {"num_hidden_layers": 1, "num_attention_heads": 32, "num_key_value_heads": 8,
             "head_dim": 128, "max_position_embeddings": args.context}
    changes = [word for key, value in shape.items() for word in ("--set", f"{key}={value}")]
    subprocess.run([sys.executable, ROOT / "test/Bench/make_checkpoint.py", checkpoint,
                    "--like", "tiny-llama", *changes], check=True)
    linears = LINEARS if args.chip == "sm_80" else LINEARS | FLOATS
    for name, (recipe, _) in linears.items():
        exact = recipe if name in LINEARS else recipe.split()[0]
        compile_(folder / "small.mlir", f"small-{name}-cpu", exact, "cpu isa=portable")
        compile_(folder / "small.mlir", f"small-{name}", recipe, gpu)
        compile_(folder / "large.mlir", f"large-{name}", recipe, gpu)
        keep_header(f"large-{name}")
    for cache in CACHES:
        compile_(checkpoint, f"attention-{cache}",
                 f"weights=int8 activations=none kv={cache}", gpu)
    for path in [*folder.glob("*.mlir"), *folder.glob("*.params.safetensors")]:
        path.unlink()
    shutil.rmtree(checkpoint)
    facts = {"chip": args.chip, "size": args.size, "context": args.context,
             "linears": list(linears)}
    (folder / "facts.json").write_text(json.dumps(facts))


def expand(folder, name):
    """Parameters of random bytes, which take as long as others."""
    text = (folder / f"{name}.header").read_bytes()
    size, = struct.unpack("<Q", text[:8])
    (folder / f"{name}.safetensors").write_bytes(
        text[8:] + os.urandom(size - len(text) + 8))


def linear_call(rows, inputs, outputs):
    x = make_tensor(make_floats(rows * inputs), F32, [rows, inputs])
    y = make_tensor(array.array("f", bytes(4 * rows * outputs)), F32, [rows, outputs])
    return "main", [x], [y]


class Bench:
    def __init__(self, args):
        self.folder, self.args = args.folder, args
        self.facts = json.loads((args.folder / "facts.json").read_text())
        self.linears = {name: (LINEARS | FLOATS)[name] for name in self.facts["linears"]}
        self.driver = Driver()
        self.peers = None
        if self.driver.name != "emulated":
            self.peers = Products(self.driver)

    def open(self, name):
        return Model(self.folder / "libqnt_runtime.so", self.folder / f"{name}.so")

    def check(self):
        """Relative errors of small layers to the CPU's, for several numbers of rows."""
        print("| layer | rows | median error | largest error |\n|---|---|---|---|")
        for name in self.linears:
            cpu, gpu = self.open(f"small-{name}-cpu"), self.open(f"small-{name}")
            for rows in (1, 7, 33, 150):
                call = linear_call(rows, *SMALL)
                cpu.run(*call)
                want = array.array("f", call[2][0].keeps)
                gpu.run(*call)
                got = call[2][0].keeps
                most = max(map(abs, want))
                errors = sorted(abs(a - b) / most for a, b in zip(got, want))
                print(f"| {name} | {rows} | {errors[len(errors) // 2]:.1e} | {errors[-1]:.1e} |")
                # A code that rounds the other way moves a row. Activations that the CPU
                # does not round are off by up to a sixteenth.
                middle, largest = (1e-3, 3e-2) if name in LINEARS else (2e-2, 1e-1)
                assert errors[len(errors) // 2] <= middle and errors[-1] <= largest, name
            cpu.close()
            gpu.close()

    def time_linears(self):
        size = self.facts["size"]
        peers = {(kind, m): self.peers and statistics.median(
                     self.peers.time(kind, m, size, size, self.args.runs))
                 for kind in ("bf16", "int8", "fp8") for m in self.args.rows
                 if m >= 16 or kind == "bf16"}
        for (kind, m), seconds in peers.items() if self.peers else ():
            print(f"cuBLASLt {kind}, {m} x {size} x {size}: {1e6 * seconds:.1f} us, "
                  f"{2e-12 * m * size * size / seconds:.0f} T/s")
        print(f"\n{size} x {size}\n\n| layer | rows | product us | with activations us | GB/s | "
              "T/s | to bf16 | to its own kind |\n|" + "---|" * 8)
        for name, (_, kind) in self.linears.items():
            expand(self.folder, f"large-{name}")
            model = self.open(f"large-{name}")
            weight = max(op["bytes"] for op in model.manifest["ops"])
            for m in self.args.rows:
                times = model.time(self.driver, self.args.runs, *linear_call(m, size, size))
                product, whole = times["qnt.linear"], sum(times.values())
                ratios = [f"{peers[key] / product:.2f}x" if peers.get(key) else ""
                          for key in (("bf16", m), (kind, m))]
                print(f"| {name} | {m} | {1e6 * product:.1f} | {1e6 * whole:.1f} | "
                      f"{1e-9 * weight / product:.0f} | "
                      f"{2e-12 * m * size * size / product:.1f} | {' | '.join(ratios)} |",
                      flush=True)
            model.close()
            (self.folder / f"large-{name}.safetensors").unlink()

    def time_attention(self):
        context = self.facts["context"]
        print(f"\none token of 32 heads of 128 on 8, {context} positions\n\n"
              "| cache | us | GB/s | to f16 |\n|---|---|---|---|")
        first = None
        for cache in CACHES:
            model = self.open(f"attention-{cache}")
            memory = model.make_cache(context)
            ints = [make_tensor(array.array("i", [value]), I32, shape)
                    for value, shape in ((1, [1, 1]), (context - 1, [1]))]
            entry = next(e for e in model.manifest["entries"] if e["name"] == "decode")
            vocabulary = entry["outputs"][0]["shape"][-1]
            logits = make_tensor(array.array("f", bytes(4 * vocabulary)), F32,
                                 [1, vocabulary])
            times = model.time(self.driver, self.args.runs, "decode", ints, [logits], memory)
            seconds = times["nn.attention"]
            first = first or seconds
            print(f"| {cache} | {1e6 * seconds:.1f} | {1e-9 * memory.kv_bytes / seconds:.0f} | "
                  f"{first / seconds:.2f}x |", flush=True)
            model.close()

    def run(self):
        print(f"{self.driver.name}, {time.strftime('%Y-%m-%d')}, compiled for "
              f"{self.facts['chip']}")
        if self.peers:
            print(subprocess.run(
                ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,clocks.mem,power.limit",
                 "--format=csv"], text=True, stdout=subprocess.PIPE).stdout)
        self.check()
        self.time_linears()
        self.time_attention()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["prepare", "run"])
    parser.add_argument("folder", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--chip", default="sm_90a")
    parser.add_argument("--size", type=int, default=4096, help="inputs and outputs of a layer")
    parser.add_argument("--context", type=int, default=32768, help="positions of attention")
    parser.add_argument("--code", default="cubin", help="mlir for the emulator")
    parser.add_argument("--rows", default=[1, 16, 64, 512, 1024, 4096],
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    prepare(args) if args.job == "prepare" else Bench(args).run()


if __name__ == "__main__":
    main()
