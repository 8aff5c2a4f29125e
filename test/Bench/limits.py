"""Work of one kind, as shares of what the machine can do: sections of speed.py."""
import sys

import numpy as np
from safetensors.numpy import save_file

from rounds import heading, line, shares, take_turns
from tools import BUILD, ROOT, call, compile_model, find_checkpoint, run_json

# One layer alone.


def write_layer(folder, size, weight, tag):
    """A model of one linear layer [size, size] on rows quantised at run time."""
    rng = np.random.default_rng(0)
    source = folder / f"{tag}-weights.safetensors"
    save_file({"w": rng.standard_normal((size, size), np.float32)}, source)
    matrix, rows = f"tensor<{size}x{size}xf32>", f"?x{size}"
    quantized = f"!qnt.tensor<{size}x{size}, {weight}>"
    (folder / f"{tag}.mlir").write_text(f"""
module attributes {{qnt.params = "{source}"}} {{
ml_program.global private @w(#ml_program.extern : {matrix}) : {matrix}
func.func @main(%x: tensor<{rows}xf32> {{qnt.name = "x", qnt.dims = ["rows", ""]}}) -> tensor<{rows}xf32> {{
  %w = ml_program.global_load_const @w : {matrix}
  %wq = qnt.quantize %w : {matrix} -> {quantized}
  %xq = qnt.quantize %x : tensor<{rows}xf32> -> !qnt.tensor<{rows}, int8, per_row, scale f32>
  %y = qnt.linear %xq, %wq : !qnt.tensor<{rows}, int8, per_row, scale f32>, {quantized} -> tensor<{rows}xf32>
  return %y : tensor<{rows}xf32>
}}
}}
""")
    call(BUILD / "bin/quant-opt", folder / f"{tag}.mlir", "--target=cpu", "-o",
         folder / f"{tag}.so")
    return folder / f"{tag}.so"


def profile_layer(model, rows, threads):
    """The linear kernel: milliseconds of a call, its share of the limit."""
    found = run_json(model, "--profile", "--threads", threads, "--runs", 20, "--batch", rows)
    [kernel] = [k for k in found["profile"]["run"]["kernels"] if k["kernel"].startswith("linear.")]
    return kernel["ms"] / kernel["calls"], kernel["limit_share"]


GEMM = {"int8": ("int8, per_channel, scale f32", "88%"),
        "int4 g32": ("int4, group<32>, scale f16", "75%"),
        "int4 g128": ("int4, group<128>, scale f16", "78%")}


def gemm(args, folder):
    heading("Products of whole matrices: share of the dot product's peak")
    models = {name: write_layer(folder, 4096, weight, name.replace(" ", "-"))
              for name, (weight, _) in GEMM.items()}
    for threads in args.threads:
        runs = {name: lambda model=model: profile_layer(model, 512, threads)[1]
                for name, model in models.items()}
        for name, results in take_turns(runs, args.rounds).items():
            line(f"{name}, 4096 x 4096, 512 rows", threads, "of peak", shares(results),
                 GEMM[name][1])


def gemv(args, folder):
    heading("Decode: share of the memory's speed")
    checkpoint = folder / "llama"
    call(sys.executable, ROOT / "test/Bench/make_checkpoint.py", checkpoint, "--like", "llama-7b",
         "--layers", "3")
    model = folder / "llama.so"
    compile_model(checkpoint, model, "weights=int4 group=32 activations=int8 head=int8")

    def measure(threads):
        found = run_json(model, "--profile", "--threads", threads, "--runs", 1,
                         "--prompt-tokens", 8, "--gen-tokens", 64)
        kernels = [k for k in found["profile"]["decode"]["kernels"] if ".int4.g32." in k["kernel"]]
        seconds = sum(k["ms"] for k in kernels) / 1e3
        gigabytes = sum(k["gb_per_second"] * k["ms"] / 1e3 for k in kernels)
        return gigabytes / seconds / found["limits"]["read_gb_per_second"]

    for threads in args.threads:
        results = [measure(threads) for _ in range(args.rounds)]
        line("int4 g32, one row, 3 layers of 202 M weights", threads, "of reading",
             shares(results), "90%" if threads == 1 else "80%")


# What has no peer: shares of limits, by --profile.


def share_of_limit(found, phase, figure, limit, chosen):
    """Of all operations of a phase that `chosen` takes."""
    ops = [op for op in found["profile"][phase]["ops"] if figure in op and chosen(op)]
    seconds = sum(op["ms"] for op in ops)
    return sum(op[figure] * op["ms"] for op in ops) / seconds / found["limits"][limit]


def in_layers(op):
    return "layers." in op["name"] and "attention" not in op["kernel"]


FORMATS = {"W8A8": "weights=int8 activations=int8",
           "W4A8 g32": "weights=int4 group=32 activations=int8",
           "W3A8 g32": "weights=int3 group=32 activations=int8",
           "W2A8 g32": "weights=int2 group=32 activations=int8",
           "ternary, int8": "weights=ternary activations=int8",
           "e2m1 g32, int8": "weights=e2m1 group=32 activations=int8",
           "W4A16 g32": "weights=int4 group=32",
           "W3A16 g32": "weights=int3 group=32",
           "e4m3, f32": "weights=e4m3",
           "e2m1 g32, f32": "weights=e2m1 group=32",
           "bf16, f32": "weights=bf16"}


def formats(args, folder):
    heading("Formats of weights and activations: shares of the limits")
    checkpoint, model = folder / "llama", folder / "llama.so"
    call(sys.executable, ROOT / "test/Bench/make_checkpoint.py", checkpoint, "--like", "llama-7b",
         "--layers", "2")
    for name, recipe in FORMATS.items():
        compile_model(checkpoint, model, recipe)
        products = "int8" if "activations=int8" in recipe else "f32"

        def measure():
            found = run_json(model, "--profile", "--threads", threads, "--runs", 1,
                             "--prompt-tokens", 512, "--gen-tokens", 32)
            return (share_of_limit(found, "prefill", "gop_per_second",
                                   f"{products}_gop_per_second", in_layers),
                    share_of_limit(found, "decode", "gb_per_second", "read_gb_per_second",
                                   in_layers))

        for threads in args.threads:
            prompt, decode = zip(*(measure() for _ in range(args.rounds)))
            line(f"{name}, prompt of 512", threads, f"of {products} products", shares(prompt), "")
            line(f"{name}, decode", threads, "of reading", shares(decode), "")


def caches(args, folder):
    heading("Attention of a decode step after 2048 tokens, 28 layers of Qwen3-0.6B's shape")
    checkpoint, model = find_checkpoint(args.checkpoint, folder), folder / "qwen.so"

    def is_attention(op):
        return op["kernel"].startswith("attention")

    for cache in ("f16", "int8", "int4"):
        compile_model(checkpoint, model, f"weights=int4 group=32 activations=int8 head=int8 "
                      f"embedding=bf16 kv={cache}")

        def measure():
            found = run_json(model, "--profile", "--threads", threads, "--runs", 1,
                             "--prompt-tokens", 2048, "--gen-tokens", 16)
            decode = found["profile"]["decode"]
            ms = sum(op["ms"] for op in decode["ops"] if is_attention(op)) / decode["calls"]
            return ms, share_of_limit(found, "decode", "gb_per_second", "read_gb_per_second",
                                      is_attention)

        for threads in args.threads:
            ms, share = zip(*(measure() for _ in range(args.rounds)))
            line(f"{cache}", threads, "ms a step", shares(ms), "")
            line(f"{cache}", threads, "of reading", shares(share), "")


def depthwise(args, folder):
    from cnn import make
    heading("Depthwise convolutions of MobileNetV2, one image")
    source, entry, images = make("mobilenetv2", folder)
    np.savez(folder / "calibration.npz", **{entry: images})
    np.save(folder / "image.npy", images[:1])
    model = folder / "mobilenetv2.so"
    compile_model(source, model, f"weights=int8 activations=int8 per=tensor "
                  f"calib={folder}/calibration.npz samples=16")

    def measure():
        found = run_json(model, "--profile", "--threads", threads, "--runs", 20,
                         "--input", f"{entry}={folder}/image.npy")
        ops = [op for op in found["profile"]["run"]["ops"] if "depthwise" in op["kernel"]]
        return (sum(op["ms"] for op in ops) / found["profile"]["run"]["calls"],
                share_of_limit(found, "run", "moved_gb_per_second", "cache_gb_per_second",
                               lambda op: "depthwise" in op["kernel"]))

    for threads in args.threads:
        ms, share = zip(*(measure() for _ in range(args.rounds)))
        line("all of them", threads, "ms", shares(ms), "")
        line("all of them", threads, "of the second cache", shares(share), "")


SECTIONS = {"gemm": gemm, "gemv": gemv, "formats": formats, "caches": caches,
            "depthwise": depthwise}
