# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %S/Inputs %t
"""tinylm as GGUF in every type, compiled: text and perplexity.

Greedy text equals that of a HuggingFace folder of the weights that the gguf
package decodes; for F32 that of the original folder, too. Perplexities
with f32 activations are within 1e-4 (relative) of the numpy reference on the
weights that the gguf package decodes; with int8 activations within 2%."""
import pathlib
import shutil
import subprocess
import sys

import numpy as np

source, inputs, scratch = map(pathlib.Path, sys.argv[1:])
sys.path[:0] = [str(inputs), str(source / "test/Reference")]
import files  # noqa: E402
import llama  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

FOLDER = source / "test/Inputs/tinylm"
config, tensors = files.read_checkpoint(source, FOLDER)
TOKENIZER = (FOLDER / "tokenizer.json").read_text()
ids = Tokenizer.from_str(TOKENIZER).encode(
    (source / "docs/quant-run.md").read_text(), add_special_tokens=False).ids
WINDOW = 128
windows = np.array(ids[:8 * WINDOW]).reshape(8, WINDOW)


def tokenizer(writer):
    writer.add_string("tokenizer.huggingface.json", TOKENIZER)
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_bos_token_id(config["bos_token_id"])


def compile_model(path, name, recipe):
    model = scratch / f"{name}.so"
    command = ["quant-opt", path, "-o", model]
    if recipe:
        command.append(f"--quantize={recipe}")
    subprocess.run(command, check=True)
    left = [p.name for p in scratch.iterdir() if "import-" in p.name]
    assert not left, left
    return model


def run(model, *args):
    return subprocess.run(["quant-run", model, *map(str, args)], check=True,
                          capture_output=True, text=True).stdout


def perplexity_of(logits):
    x = logits[:, :-1].astype(np.float64)
    top = x.max(-1, keepdims=True)
    sums = np.log(np.exp(x - top).sum(-1)) + top[..., 0]
    picked = np.take_along_axis(x, windows[:, 1:, None], -1)[..., 0]
    return float(np.exp((sums - picked).mean()))


def perplexity(model):
    np.savez(scratch / "in.npz", tokens=windows.astype(np.int32),
             position=np.zeros(len(windows), np.int32))
    run(model, "--entry", "score", "--input", scratch / "in.npz", "--output",
        scratch / "out.npy")
    return perplexity_of(np.load(scratch / "out.npy"))


PROMPT = ["--prompt", "The film is", "-n", 48]
folder = compile_model(FOLDER, "folder", "weights=none kv=f32")
for kind in files.ALL:
    path = scratch / f"{kind}.gguf"
    meant = files.write_model(path, config, tensors, "llama",
                              files.matrices(kind), tokenizer)
    files.write_huggingface(scratch / kind, config, meant)
    shutil.copy(FOLDER / "tokenizer.json", scratch / kind)
    want = perplexity_of(llama.logits(str(scratch / kind), windows))
    model = compile_model(path, kind, "weights=none kv=f32")
    got = perplexity(model)
    print(f"{kind}: perplexity {got:.4f}, reference {want:.4f}")
    assert abs(got / want - 1) < 1e-4, (kind, got, want)
    decoded = compile_model(scratch / kind, kind + "-decoded",
                            "weights=none kv=f32")
    said = run(model, *PROMPT)
    assert said and said == run(decoded, *PROMPT), (kind, said)
    if kind == "F32":
        assert said == run(folder, *PROMPT)
        floats = got
    assert got < 1.2 * floats, (kind, got, floats)
    if kind not in files.BLOCKS:
        continue
    small = compile_model(path, kind + "-a8",
                          "weights=none activations=int8 kv=f32")
    got = perplexity(small)
    print(f"{kind}, int8 activations: perplexity {got:.4f}")
    assert got != want and abs(got / want - 1) < 0.02, (kind, got, want)

# Without a recipe; quantised again, with a warning.
compile_model(scratch / "Q4_K.gguf", "plain", None)
command = ["quant-opt", scratch / "Q8_0.gguf", "-o", scratch / "again.so",
           "--quantize=weights=int4 group=32 kv=f32"]
got = subprocess.run(command, capture_output=True, text=True, check=True)
assert "warning: " in got.stderr and "quantised already" in got.stderr, got
print(f"Q8_0 again as int4: {perplexity(scratch / 'again.so'):.4f}")
# Static activations, calibrated on the decoded weights.
samples = scratch / "samples.txt"
samples.write_text((source / "docs/quant-run.md").read_text())
command[-1] = ("--quantize=activations=int8 per=tensor kv=f32 samples=4 "
               f"calib={samples}")
subprocess.run(command, check=True)
print(f"Q8_0, static int8: {perplexity(scratch / 'again.so'):.4f}")
