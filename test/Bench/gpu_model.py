#!/usr/bin/env python3
"""What the GPU's kernels may take, without a GPU: bytes, instructions of the machine code,
occupancy, and the largest of three times that none can beat.

  memory   weights, activations and results once, at the chip's bandwidth
  tensor   products of the whole tiles, at the tensor cores' peak
  issue    instructions of all warps, of which a multiprocessor issues four a cycle

Instructions are counted in the disassembly: of the loop with the products (by tcgen05, with
the stores of their operands), once for each 128 inputs (32 positions of a context of 128
features); of the rest, once, as of kernels whose loop is unrolled. Kernels are those that
test/Target/CUDA/kernels.py assembles.

usage: gpu_model.py [--chips sm_80,...] [--context N]
"""
import argparse
import glob
import math
import os
import re
import subprocess
import sys
import tempfile

from tools import BUILD

# The boost clock, warps and shared bytes of a multiprocessor, by NVIDIA's data sheets and
# the CUDA programming guide; cuda-kernels prints what else a chip has.
CHIPS = {
    "sm_80": dict(clock=1.41e9, warps=64, shared=164 << 10),
    "sm_90a": dict(clock=1.83e9, warps=64, shared=228 << 10),
    "sm_100a": dict(clock=1.92e9, warps=64, shared=228 << 10),
    "sm_120a": dict(clock=2.6e9, warps=48, shared=100 << 10),
}
PRODUCTS = re.compile(r"^(IMMA|HMMA|QMMA|OMMA|IGMMA|HGMMA|QGMMA)")


def find_disassembler():
    found = [p for path in sys.path
             for p in glob.glob(os.path.join(path, "nvidia", "cu*", "bin", "nvdisasm"))]
    return found[0] if found else sys.exit("no nvdisasm: run .ci/setup python")


def disassemble(cubin):
    """Of each kernel, its instructions and labels in their order."""
    text = subprocess.run([find_disassembler(), "-c", cubin], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    kernels, lines = {}, None
    for line in text.splitlines():
        if start := re.match(r"\s*\.section\s+\.text\.([\w$]+)", line):
            lines = kernels.setdefault(start[1], [])
        elif label := re.match(r"(\.L_x_\d+):", line):
            lines.append((label[1], None))
        elif code := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+\s+)?(\w+)(.*)", line):
            target = re.search(r"`\((\.L_x_\d+)\)", code[2])
            lines.append((code[1], target and target[1]))
    return kernels


def find_loop(lines, weigh, shortest=False):
    """Instructions of the innermost loop that `weigh` has most of, or any, and of the rest."""
    places = {name: at for at, (name, _) in enumerate(lines) if name.startswith(".L")}
    loops = [(places[target], at) for at, (name, target) in enumerate(lines)
             if name == "BRA" and target in places and places[target] < at]
    codes = [name for name, _ in lines]
    best, heaviest = [], 0
    for begin, end in loops:
        body = [c for c in codes[begin:end + 1] if not c.startswith(".L")]
        weight = sum(map(weigh, body))
        if shortest:
            weight = min(weight, 1)
        if weight > heaviest or weight == heaviest and best and len(body) < len(best):
            best, heaviest = body, weight
    whole = sum(not c.startswith(".L") for c in codes)
    return best, whole - len(best)


def occupancy(chip, threads, registers, shared):
    """Blocks of a multiprocessor."""
    by_registers = chip["registers"] // (math.ceil(registers / 8) * 8 * threads)
    by_shared = chip["shared"] // (shared + 1024)
    return max(1, min(by_registers, by_shared, chip["warps"] * 32 // threads, 32))


def describe_linear(name, lines, rows):
    """Blocks, instructions of a warp, operations, bytes."""
    bits = {"int8": 8, "int4": 4, "uint4": 4, "uint3": 3, "int2": 2, "e4m3": 8, "e2m1": 4,
            "bf16": 16}
    by_groups, kind, weight = re.match(
        r"linear_(wgmma_|tcgen05_)?(f16|[su]8\w\d|e\dm\de\dm\d|nvfp4|mxfp4)_(\w+?)_", name).groups()
    in_blocks = {"nvfp4": 16, "mxfp4": 32}.get(kind)
    # Of an activation.
    size = 2 if kind == "f16" else 0.5 + 1 / in_blocks if in_blocks else 1
    k, n = int(re.search(r"_k(\d+)", name)[1]), int(re.search(r"_n(\d+)", name)[1])
    block_m, block_n = map(int, re.search(r"_t(\d+)x(\d+)", name).groups())
    splits = int(re.search(r"(?:p(\d+))?$", name)[1] or 1)
    group = re.search(r"_g(\d+)_(f16|f32)", name)
    scales = n * (k // int(group[1]) if group else 1) * (2 if "_f16" in name[10:] else 4)
    if in_blocks:
        scales = n * k // in_blocks
    # By tcgen05 one lane multiplies, in a loop of its own; the others store operands, of
    # the first chunk before their loop.
    by_tensor = by_groups == "tcgen05_"
    parts = re.compile("STTM") if by_tensor else PRODUCTS
    loop, rest = find_loop(lines, lambda code: bool(parts.match(code)), shortest=by_tensor)
    tiles = math.ceil(rows / block_m), math.ceil(n / block_n)
    products = sum(bool(parts.match(code)) for code in loop)
    return {"blocks": tiles[0] * tiles[1] * splits, "loop": len(loop), "products": products,
            "instructions": math.ceil(k / 128 / splits) * len(loop) + rest,
            "operations": 2 * tiles[0] * block_m * tiles[1] * block_n * k,
            "peak": "f16" if kind == "f16" else "fp4" if in_blocks else "s8",
            # A warpgroup of which one lane copies.
            "idle": 4 if by_groups else 0,
            "bytes": n * k * bits[weight] // 8 + scales
            + int(rows * k * size) + rows * n * 4}


def describe_attention(name, lines, context):
    """One token of one sequence."""
    kind, heads, kv, dim, cache = re.match(
        r"attention_(rows|columns)_(\d+)kv(\d+)x(\d+)_(\w+?)_", name).groups()
    heads, kv, dim = int(heads), int(kv), int(dim)
    parts = int(re.search(r"_p(\d+)$", name)[1])
    position = {"f32": 8 * dim, "f16": 4 * dim, "i8": 2 * dim + 8, "i4": dim + 8}[cache]
    if kind == "rows":
        loop, rest = find_loop(lines, lambda code: code.startswith(("LDG", "FFMA")))
        # D / 8 lanes a position, four positions of a group in flight, four warps.
        together, products = 4 * 4 * (32 // (dim // 8)), 0
        blocks = kv * max(1, heads // kv // 4) * parts
    else:
        loop, rest = find_loop(lines, lambda code: bool(PRODUCTS.match(code)))
        # Two products for each 16 features of 16 positions' keys, one for those of their
        # values, and of codes one for their zero points; four warps.
        products = sum(bool(PRODUCTS.match(code)) for code in loop)
        together = 4 * 16 * products // (3 * dim // 16 + (cache[0] == "i"))
        blocks = kv * math.ceil(heads / kv / 8) * parts
    # The block that comes last joins what all have.
    codes = [code for code, _ in lines if not code.startswith(".L")]
    counted = next((i for i, code in enumerate(codes) if code.startswith("ATOM")), len(codes))
    rest -= (len(codes) - counted) * (parts - 1) // parts
    return {"blocks": blocks, "loop": len(loop), "products": products,
            "instructions": math.ceil(context / parts / together) * len(loop) + rest,
            # A product has 16 rows, 8 columns and 16 inputs.
            "operations": 4096 * products * kv * context * 4 // together,
            "peak": "f16", "idle": 0, "bytes": kv * context * position}


def predict(chip, resources, facts):
    warps = resources["threads"] // 32
    resident = occupancy(chip, **resources)
    times = {
        "memory": facts["bytes"] / chip["bandwidth"],
        "tensor": facts["operations"] / chip[facts["peak"]],
        "issue": facts["instructions"] * (warps - facts["idle"])
        * math.ceil(facts["blocks"] / chip["sms"]) / 4 / chip["clock"]}
    limit = max(times, key=times.get)
    return resident * warps, times, limit


def show(chip_name, args):
    with tempfile.TemporaryDirectory() as folder:
        text = subprocess.run([BUILD / "test/bin/cuda-kernels", chip_name, f"{folder}/k"],
                              text=True, check=True, stdout=subprocess.PIPE).stdout
        kernels = disassemble(f"{folder}/k.cubin")
    facts = re.match(r"\S+: (\d+) multiprocessors, (\d+) registers, (\d+) bytes/s, "
                     r"(\d+) f16/s, (\d+) int8/s", text)
    chip = CHIPS[chip_name] | dict(zip(("sms", "registers", "bandwidth", "f16", "s8"),
                                       map(int, facts.groups())))
    chip["fp4"] = 2 * chip["s8"]
    print(f"\n{chip_name}\n\n| kernel | rows | MB | blocks | warps of a multiprocessor | "
          "instructions of the loop, products | memory us | tensor us | issue us | limit |")
    print("|" + "---|" * 10)
    for line in text.splitlines()[1:]:
        found = re.match(r"\S+ (\w+): (\d+) threads, (\d+) registers, (\d+) bytes", line)
        name = found[1]
        resources = dict(zip(("threads", "registers", "shared"), map(int, found.groups()[1:])))
        if name.startswith("linear"):
            bucket = int(re.search(r"_t(\d+)x", name)[1])
            # By warpgroups go many rows, of blocks any number.
            many = re.match("linear_(wgmma|tcgen05)_(?!nvfp4|mxfp4)", name)
            rows = 4096 if bucket >= 128 or many else bucket
            facts = describe_linear(name, kernels[name], rows)
        elif re.match("attention_(rows|columns)_32kv8x", name):
            rows, facts = 1, describe_attention(name, kernels[name], args.context)
        else:
            continue
        warps, times, limit = predict(chip, resources, facts)
        print(f"| {name} | {rows} | {facts['bytes'] / 1e6:.1f} | {facts['blocks']} | {warps} | "
              + (f"{facts['loop']}, {facts['products']}" if facts["loop"] else "unrolled")
              + " | "
              + " | ".join(f"{1e6 * t:.1f}" for t in times.values()) + f" | {limit} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", default=",".join(CHIPS))
    parser.add_argument("--context", type=int, default=32768,
                        help="positions that attention reads")
    args = parser.parse_args()
    for name in args.chips.split(","):
        if name not in CHIPS:
            sys.exit(f"unknown chip {name}, expected some of {', '.join(CHIPS)}")
        show(name, args)


if __name__ == "__main__":
    main()
