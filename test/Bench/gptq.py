#!/usr/bin/env python3
"""Seconds that GPTQ of one layer takes, given its second moment: reading, the
factorisation, all rows, and writing the codes.

usage: gptq.py [--rows N] [--inputs K] [--group G]
"""
import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np
from safetensors.numpy import save_file

from tools import BUILD, machine

MODULE = """
module attributes {{qnt.params = "{0}/w.safetensors", qnt.statistics = "{0}/m.safetensors"}} {{
  ml_program.global private @w(#ml_program.extern : {w}) : {w}
  ml_program.global private @"statistics/s/second_moment"(#ml_program.extern : {m}) : {m}
  func.func @main() -> {q} {{
    %w = ml_program.global_load_const @w : {w}
    %m = ml_program.global_load_const @"statistics/s/second_moment" : {m}
    %q = qnt.quantize %w clip mse moment %m rounding gptq act_order damp 0.01 : {w} moment {m} -> {q}
    return %q : {q}
  }}
}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--inputs", type=int, default=4096)
    parser.add_argument("--group", type=int, default=128)
    args = parser.parse_args()
    n, k = args.rows, args.inputs
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        x = rng.standard_normal((k + 512, k), np.float32) * np.exp(
            rng.standard_normal(k).astype(np.float32))
        save_file({"w": rng.standard_normal((n, k), np.float32)},
                  f"{folder}/w.safetensors")
        save_file({"statistics/s/second_moment": x.T @ x / len(x)},
                  f"{folder}/m.safetensors",
                  metadata={"format": "qnt-statistics-tensors", "version": "1"})
        pathlib.Path(f"{folder}/in.mlir").write_text(MODULE.format(
            folder, w=f"tensor<{n}x{k}xf32>", m=f"tensor<{k}x{k}xf32>",
            q=f"!qnt.tensor<{n}x{k}, int4, group<{args.group}>, scale f16>"))
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(
                [BUILD / "bin/quant-opt", f"{folder}/in.mlir",
                 f"--qnt-materialize-params=output={folder}/out.safetensors",
                 "-o", f"{folder}/out.mlir"], check=True,
                stderr=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        print(f"GPTQ of {n}x{k}, int4, group {args.group}: "
              f"{sorted(seconds)[1]:.1f} s (of three: "
              f"{min(seconds):.1f} to {max(seconds):.1f}), {machine()}")


if __name__ == "__main__":
    main()
