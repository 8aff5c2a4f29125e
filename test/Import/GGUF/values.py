# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %S/Inputs %source/test/Interpreter/Inputs %t
"""Imported parameters against the gguf package's dequantisation, bit for bit:
every type, random numbers quantised by the package and random bytes, in files
of the Llama family (whose queries and keys are put into another order of rows)
and of Qwen's."""
import json
import os
import re
import subprocess
import sys

import numpy as np

inputs, interpreter, folder = sys.argv[1:]
sys.path[:0] = [inputs, interpreter]
import files  # noqa: E402
import gguf  # noqa: E402
from cases import Cases, quant_opt, tensor_type  # noqa: E402

cases = Cases()
rng = cases.rng


def matrix(rows, columns, kind):
    """The bytes of a random matrix."""
    if kind in files.BLOCKS and rng.random() < 0.6 or kind in ("Q4_K", "Q6_K"):
        return files.random_blocks(rng, (rows, columns), kind)
    x = rng.standard_normal((rows, columns)) * 10.0 ** rng.uniform(-3, 3)
    return files.encode(x, kind)


HIDDEN, KV_HEADS, SIZE, INNER, VOCAB = 256, 2, 32, 512, 20
SHAPES = {"token_embd": (VOCAB, HIDDEN), "output": (VOCAB, HIDDEN)}
BLOCK = {"attn_k": (KV_HEADS * SIZE, HIDDEN),
         "attn_v": (KV_HEADS * SIZE, HIDDEN), "ffn_gate": (INNER, HIDDEN),
         "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}


def check(number, architecture, heads):
    """`heads` times SIZE is a multiple of what every type needs."""
    path = os.path.join(folder, f"m{number}.gguf")
    writer = gguf.GGUFWriter(path, architecture)
    config = {"max_position_embeddings": 64, "hidden_size": HIDDEN,
              "num_hidden_layers": 1, "intermediate_size": INNER,
              "num_attention_heads": heads, "num_key_value_heads": KV_HEADS,
              "head_dim": SIZE, "rms_norm_eps": 1e-6, "vocab_size": VOCAB}
    files.write_settings(writer, config, architecture)
    if rng.random() < 0.5:
        writer.add_custom_alignment(int(rng.choice([32, 64, 256])))
    shapes = dict(SHAPES)
    shapes |= {f"blk.0.{name}": shape for name, shape in BLOCK.items()}
    shapes["blk.0.attn_q"] = (heads * SIZE, HIDDEN)
    shapes["blk.0.attn_output"] = (HIDDEN, heads * SIZE)
    vectors = {"blk.0.attn_norm.weight": HIDDEN, "output_norm.weight": HIDDEN,
               "blk.0.ffn_norm.weight": HIDDEN}
    if architecture == "qwen3":
        vectors |= {f"blk.0.attn_{c}_norm.weight": SIZE for c in "qk"}
    if architecture == "qwen2" or rng.random() < 0.3:
        vectors |= {"blk.0.attn_q.bias": heads * SIZE,
                    "blk.0.attn_k.bias": KV_HEADS * SIZE,
                    "blk.0.attn_v.bias": KV_HEADS * SIZE}
    if architecture == "qwen3":
        vectors = {n: s for n, s in vectors.items() if not n.endswith("bias")}
    want = {}
    # Every type in every file.
    kinds = [*files.ALL, *rng.choice(files.ALL, len(shapes) - len(files.ALL))]
    for kind, name in zip(kinds, rng.permutation(list(shapes))):
        rows, columns = shapes[name]
        data = matrix(rows, columns, kind)
        files.add_tensor(writer, name + ".weight", data, kind)
        want[name + ".weight"] = files.decode(data, kind).reshape(rows, columns)
    for name, size in vectors.items():
        x = rng.standard_normal(size).astype(np.float32)
        writer.add_tensor(name, x)
        want[name] = x
    if architecture == "llama":
        for name in want:
            of = {"blk.0.attn_q": heads, "blk.0.attn_k": KV_HEADS}.get(
                name.rsplit(".", 1)[0])
            if of:
                want[name] = files.deinterleave(want[name], of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    module = os.path.join(folder, f"m{number}.mlir")
    subprocess.run(["quant-opt", path, "-o", module], check=True)
    with open(module) as file:
        text = file.read()
    declarations = []
    found = set()
    for line in re.findall(r"ml_program.global private @.*", text):
        name, of = re.match(
            r'ml_program.global private @"?([^"(]*)"?\(.* : (\S.*?)( loc.*)?$',
            line).group(1, 2)
        found.add(name)
        declarations.append(f'ml_program.global private @"{name}"'
                            f"(#ml_program.extern : {of}) : {of}\n")
        value = cases.op(f'ml_program.global_load_const @"{name}" : {of}')
        x = want[name]
        if of.startswith("!"):
            value = cases.op(f"qnt.dequantize {value} : {of} -> "
                             f"{tensor_type(x)}")
        elif "f32" not in of:
            value = cases.op(f"arith.extf {value} : {of} to {tensor_type(x)}")
        cases.expect(value, x)
        cases.end(f"case{len(cases.functions)}")
    assert found == set(want), (found, set(want))
    store = re.search(r'qnt.params = "([^"]*)"', text)[1]
    program = (f"module attributes {{qnt.params = {json.dumps(store)}}} {{\n" +
               "".join(declarations + cases.functions) + "}\n")
    got = quant_opt(program)
    assert got.returncode == 0, got.stderr.split("dense<")[0][:2000]
    cases.functions = []


for number in range(6):
    check(number, ("llama", "qwen2", "qwen3")[number % 3],
          8 if rng.random() < 0.5 else 16)
