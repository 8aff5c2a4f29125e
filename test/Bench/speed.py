#!/usr/bin/env python3
"""How near generated CPU code comes to what the machine can do, and how far it is ahead of
other engines: every line is measured in one run, ours and theirs taking turns.

usage: speed.py [--only gemm,gemv,formats,caches,depthwise,llm,ternary,bert,resnet50,iree,compile]
                [--threads 1,2] [--rounds R] [--checkpoint DIR] [--peer-dir DIR]

| section | work | beside |
|---|---|---|
| gemm | a layer of 4096 x 4096, 512 rows: int8, int4 in groups of 32 and of 128 | the peak of the dot product instruction, between the calls |
| gemv | decode steps of three layers of Llama-7B's shape, int4 in groups of 32 | reads of memory, between the steps |
| formats | two layers of Llama-7B's shape in other formats of weights and activations: prompt of 512, decode | peak of products, reads of memory |
| caches | attention of a decode step after 2048 tokens, Qwen3-0.6B's shape, caches of f16, int8, int4 | reads of memory |
| depthwise | depthwise convolutions of MobileNetV2 | reads of the second cache |
| llm | Qwen3-0.6B's shape, W4A8 g32: prompt of 512, decode | llama.cpp q4_0 and q4_K (llama-cpp-python); with --peer-dir, ik_llama.cpp |
| ternary | 8 layers of BitNet 2B's shape, ternary weights (int2): prompt of 512, decode from nothing | with --peer-dir, bitnet.cpp's I2_S and TL2, ik_llama.cpp's IQ2_BN and its rows of four |
| bert | MiniLM and BERT-base's shape, 128 tokens, W8A8 | ONNX Runtime (dynamic int8), OpenVINO (static int8 by NNCF) |
| resnet50 | ResNet-50's shape, W8A8 and integers | ONNX Runtime (static int8), OpenVINO (static int8 by NNCF) |
| iree | int8 products of 1024 and 4096 | IREE |
| compile | quantise and compile decoders of 2 and 32 small layers | each other |

Peers of pip are installed first, llama.cpp built for this machine (`.ci/setup peers`). PEER_DIR holds
peers already built: PEER_DIR/ik_llama/build/bin/llama-bench and llama-quantize; the same of
bitnet.cpp below bitnet, and below bitnet_tl2 with its kernels for TL2 and model.gguf, a model of
this shape in that format.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

import limits
from limits import profile_layer, write_layer
from rounds import PEERS, Peer, heading, line, shares, summarize_ratios, take_turns
from tools import ROOT, call, compile_model, find_checkpoint, find_minilm, machine, run_json


# Language models.

IK_LLAMA, BITNET, BITNET_TL2 = (f"{name}/build/bin" for name in
                                ("ik_llama", "bitnet", "bitnet_tl2"))


def make_gguf(checkpoint, folder):
    """Files of q4_0 and q4_K, made by llama.cpp's quantiser."""
    source = folder / "f16.gguf"
    call(sys.executable, ROOT / "test/Bench/make_gguf.py", checkpoint, source)
    files = {}
    for name, kind in (("q4_0", "LLAMA_FTYPE_MOSTLY_Q4_0"), ("q4_K", "LLAMA_FTYPE_MOSTLY_Q4_K_S")):
        files[name] = folder / f"{name}.gguf"
        call(PEERS / "bin/python", "-c", f"""
import ctypes, llama_cpp as api
params = api.llama_model_quantize_default_params()
params.ftype = api.{kind}
assert api.llama_model_quantize(b"{source}", b"{files[name]}", ctypes.byref(params)) == 0
""", stderr=subprocess.DEVNULL)
    source.unlink()
    return files


# Tokens a second: of a prompt of 512 tokens, of 64 tokens after it, and of 64 tokens after
# nothing, which are those that llama-bench decodes.
PREFILL, DECODE, FRESH = "prefill", "decode", "decode from the first token"


def run_llama_bench(program, path, threads, *options):
    """The bench of llama.cpp's relatives."""
    found = json.loads(call(program, "-m", path, "-p", 512, "-n", 64, "-t", threads, "-r", 1,
                            "-o", "json", *options, capture_output=True, text=True).stdout)
    return {(FRESH if entry["n_gen"] else PREFILL): entry["avg_ts"] for entry in found}


def show_tokens(results, threads, targets):
    """Ours, then over each peer's that has the same figure."""
    for what, target in targets.items():
        peers = [name for name in list(results)[1:] if what in results[name][0]]
        if not peers:
            continue
        ours = [r[what] for r in results["ours"]]
        line(f"ours, {what}", threads, "tokens/s", shares(ours), "")
        for name in peers:
            line(f"beside {name}, {what}", threads, "ratio",
                 summarize_ratios(ours, [r[what] for r in results[name]]), target)


def run_ours(model, threads):
    after, fresh = (run_json(model, "--bench", "--threads", threads, "--prompt-tokens", prompt,
                             "--gen-tokens", 64, "--runs", 1) for prompt in (512, 1))
    return {PREFILL: after["prefill_tokens_per_second"], DECODE: after["tokens_per_second"],
            FRESH: fresh["tokens_per_second"]}


def llm(args, folder):
    checkpoint = find_checkpoint(args.checkpoint, folder)
    model = folder / "qwen.so"
    compile_model(checkpoint, model,
                  "weights=int4 group=32 activations=int8 head=int8 embedding=bf16")
    files = make_gguf(checkpoint, folder)
    bench = args.peer_dir and args.peer_dir / IK_LLAMA / "llama-bench"
    for number, threads in enumerate(args.threads):
        peers = {f"llama.cpp {name}": Peer("llama", path, threads, 512, 64)
                 for name, path in files.items()}
        if number == 0:
            print("\n" + next(iter(peers.values())).name)
            heading("Qwen3-0.6B's shape, W4A8 g32: our tokens a second over theirs")
        runs = {"ours": lambda: run_ours(model, threads)}
        runs |= {name: peer.run for name, peer in peers.items()}
        if bench:
            runs |= {f"ik_llama.cpp {name}":
                     lambda path=path: run_llama_bench(bench, path, threads, "-rtr", 1)
                     for name, path in files.items()}
        results = take_turns(runs, args.rounds)
        for peer in peers.values():
            peer.close()
        show_tokens(results, threads, {PREFILL: "2 (ik_llama.cpp: 1.2)",
                                       DECODE: "1.3 of one thread",
                                       FRESH: "1 of ik_llama.cpp"})


def ternary(args, folder):
    heading("Ternary weights: our tokens a second over theirs")
    checkpoint, source = folder / "bitnet", folder / "f16.gguf"
    call(sys.executable, ROOT / "test/Bench/make_checkpoint.py", checkpoint, "--like",
         "bitnet-2b", "--layers", 8, "--set", "vocab_size=8192")
    model = folder / "bitnet.so"
    compile_model(checkpoint, model, "weights=ternary activations=int8 embedding=bf16")
    peers = {}
    if args.peer_dir:
        call(sys.executable, ROOT / "test/Bench/make_gguf.py", checkpoint, source)
        for name, tools, kind, options in (
                ("bitnet.cpp I2_S", BITNET, "I2_S", ()),
                ("ik_llama.cpp IQ2_BN", IK_LLAMA, "IQ2_BN", ("-rtr", 1)),
                ("ik_llama.cpp IQ2_BN_R4", IK_LLAMA, "IQ2_BN_R4", ("-rtr", 1))):
            if (args.peer_dir / tools).exists():
                path = folder / f"{kind}.gguf"
                call(args.peer_dir / tools / "llama-quantize", source, path, kind,
                     capture_output=True)
                peers[name] = (tools, path, options)
        tl2 = args.peer_dir / "bitnet_tl2/model.gguf"
        if tl2.exists():
            peers["bitnet.cpp TL2"] = (BITNET_TL2, tl2, ())
    for threads in args.threads:
        runs = {"ours": lambda: run_ours(model, threads)}
        runs |= {name: lambda peer=peer: run_llama_bench(
            args.peer_dir / peer[0] / "llama-bench", peer[1], threads, *peer[2])
            for name, peer in peers.items()}
        show_tokens(take_turns(runs, args.rounds), threads,
                    {PREFILL: "1.5 of bitnet.cpp", FRESH: "1.5 of bitnet.cpp"})


# Encoders and networks of convolutions.


def compare(name, ours, peers, threads, rounds, target):
    """Milliseconds: ours by name as functions, peers' as processes."""
    runs = dict(ours) | {label: lambda peer=peer: peer.run()["ms"]
                         for label, peer in peers.items()}
    times = take_turns(runs, rounds)
    for label in runs:
        line(f"{name}, {label}", threads, "ms", shares(times[label]), "")
    for label in peers:
        for mine in ours:
            line(f"{name}, {label} / {mine}", threads, "ratio",
                 summarize_ratios(times[label], times[mine]), target(label))


def start_peers(floats, integers, kind, threads, inputs):
    return {"ONNX Runtime": Peer("onnxruntime", integers, threads, inputs),
            "OpenVINO": Peer("openvino", floats, threads, inputs, kind)}


def bert(args, folder):
    from minilm import export_peers, time_ours
    heading("Encoders, 128 tokens, int8")
    base = folder / "bert-base"
    call(sys.executable, ROOT / "test/Bench/make_checkpoint.py", base, "--like", "bert-base")
    for name, checkpoint in (("MiniLM", find_minilm()), ("BERT-base", base)):
        model = folder / f"{name}.so"
        compile_model(checkpoint, model, "weights=int8 activations=int8")
        floats, integers, feeds = export_peers(checkpoint, folder)
        np.savez(folder / "feeds.npz", **feeds)
        for threads in args.threads:
            peers = start_peers(floats, integers, "transformer", threads,
                                folder / "feeds.npz")
            compare(name, {"W8A8": lambda: time_ours(model, threads)}, peers, threads,
                    args.rounds, lambda label: "1.3" if label == "ONNX Runtime" else "1.2")
            for peer in peers.values():
                peer.close()


def resnet50(args, folder):
    from cnn import make, quantize_peer
    heading("ResNet-50's shape, one image, int8")
    source, entry, images = make("resnet50", folder)
    calibration = folder / "calibration.npz"
    np.savez(calibration, **{entry: images})
    np.savez(folder / "image.npz", **{entry: images[:1]})
    np.save(folder / "image.npy", images[:1])
    recipe = f"weights=int8 activations=int8 per=tensor calib={calibration} samples=16"
    models = {"W8A8": folder / "w8a8.so", "integers": folder / "integers.so"}
    compile_model(source, models["W8A8"], recipe)
    compile_model(source, models["integers"], recipe + " arithmetic=integer")
    integers = quantize_peer("resnet50", source, entry, images, folder)
    for threads in args.threads:
        ours = {name: lambda model=model: run_json(
            model, "--bench", "--input", f"{entry}={folder}/image.npy", "--threads", threads,
            "--runs", 10)["ms"] for name, model in models.items()}
        peers = start_peers(source, integers, "cnn", threads, folder / "image.npz")
        compare("ResNet-50", ours, peers, threads, args.rounds, lambda _: "1.2; 15 ms")
        for peer in peers.values():
            peer.close()


def iree(args, folder):
    heading("int8 products beside IREE: their time over ours")
    for size in (1024, 4096):
        model = write_layer(folder, size, "int8, per_channel, scale f32", f"square{size}")
        matrix, sums = f"tensor<{size}x{size}xi8>", f"tensor<{size}x{size}xi32>"
        (folder / "product.mlir").write_text(f"""
func.func @main(%a: {matrix}, %b: {matrix}) -> {sums} {{
  %c0 = arith.constant 0 : i32
  %e = tensor.empty() : {sums}
  %z = linalg.fill ins(%c0 : i32) outs(%e : {sums}) -> {sums}
  %c = linalg.matmul ins(%a, %b : {matrix}, {matrix}) outs(%z : {sums}) -> {sums}
  return %c : {sums}
}}
""")
        call(PEERS / "bin/iree-compile", folder / "product.mlir", "-o", folder / "product.vmfb",
             "--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
             "--iree-llvmcpu-target-cpu=host", "--iree-opt-data-tiling")
        rng = np.random.default_rng(0)
        np.savez(folder / "product.npz", **{name: rng.integers(-128, 128, (size, size), np.int8)
                                            for name in "ab"})
        for threads in args.threads:
            peer = Peer("iree", folder / "product.vmfb", threads, folder / "product.npz")
            compare(f"{size}^3", {"layer": lambda: profile_layer(model, size, threads)[0]},
                    {"IREE": peer}, threads, args.rounds, lambda _: "1.7")
            peer.close()


def compile_layers(args, folder):
    heading("Layers are compiled once: seconds to quantise and compile (W4A8 g32)")
    shape = ("--set", "hidden_size=256", "--set", "intermediate_size=512", "--set",
             "vocab_size=1000", "--set", "bos_token_id=1", "--set", "eos_token_id=2")

    def measure(layers):
        start = time.perf_counter()
        compile_model(folder / str(layers), folder / f"{layers}.so",
                      "weights=int4 group=32 activations=int8")
        return time.perf_counter() - start

    for layers in (2, 32):
        call(sys.executable, ROOT / "test/Bench/make_checkpoint.py", folder / str(layers),
             "--like", "qwen3-0.6b", "--layers", layers, *shape)
    times = take_turns({layers: lambda layers=layers: measure(layers) for layers in (2, 32)},
                       args.rounds)
    for layers, seconds in times.items():
        size = (folder / f"{layers}/model.safetensors").stat().st_size / 2e6
        line(f"{layers} layers, {size:.1f} M parameters", 1, "seconds", shares(seconds), "")
    each = [(b - a) / 30 * 1e3 for a, b in zip(times[2], times[32])]
    line("one layer more", 1, "ms", shares(each), "")


SECTIONS = limits.SECTIONS | {"llm": llm, "ternary": ternary, "bert": bert,
                              "resnet50": resnet50, "iree": iree, "compile": compile_layers}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--threads", default="1,2",
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--peer-dir", type=pathlib.Path)
    args = parser.parse_args()
    call(ROOT / ".ci/setup", "peers", stdout=sys.stderr)
    print(machine())
    for name in args.only.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            SECTIONS[name](args, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
