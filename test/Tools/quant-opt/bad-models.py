# REQUIRES: python
# RUN: %python %s %t.dir
"""Models that quant-opt refuses, each with one line that names file and tensor
or key, and nothing written. Test/Import has more of what config.json may say."""
import os
import struct
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import (checkpoint, fails, finish, get, header, path, put,
                     put_tensors, quant_opt, rng)

TENSORS = "model/model.safetensors"
UP = "model.layers.0.mlp.up_proj.weight"
RECIPE = "--quantize=weights=int4 group=16 activations=int8"


def edited(edit):
    checkpoint()
    entries, data = header(TENSORS)
    put_tensors(TENSORS, entries, edit(entries, data) or data)


# A truncated file, at the end, inside the header and inside its length.
checkpoint()
whole = get(TENSORS)
for size in (len(whole) - 1, len(whole) // 2, 100, 5, 0):
    put(TENSORS, whole[:size])
    fails("model.safetensors: ", path("model"))
for _ in range(8):
    put(TENSORS, whole[:rng.randrange(len(whole))])
    fails("model.safetensors: ", path("model"), RECIPE)

# Tensors that overlap, leave a hole, or pass the end of the file.
for shift in (-4, 4, 1 << 40):
    def move(entries, _):
        begin, end = entries[UP]["data_offsets"]
        entries[UP]["data_offsets"] = [begin + shift, end + shift]
    edited(move)
    fails("model.safetensors: .*tensor '", path("model"))


def drop(entries, data):
    # The bytes stay, under a name that nobody asks for.
    entries["unknown"] = entries.pop(UP)


edited(drop)
fails(["model.safetensors", f"'{UP}'"], path("model"))


def reshape(entries, data):
    entries[UP]["shape"].reverse()


edited(reshape)
fails(["model.safetensors", rf"tensor '{UP}' has the shape \["], path("model"))


def huge(entries, data):
    entries[UP]["shape"] = [1 << 40, 1 << 40]


edited(huge)
fails(["model.safetensors", f"'{UP}'"], path("model"))

# NaN and infinity, in a quantised weight and in one that is only copied.
for value, word in ((float("nan"), "NaN"), (float("-inf"), "infinite")):
    for name in (UP, "model.norm.weight", "model.embed_tokens.weight"):
        for recipe in ([], [RECIPE], [RECIPE + " embedding=int8"]):
            def poison(entries, data):
                at = entries[name]["data_offsets"][0] + 4 * 7
                return data[:at] + struct.pack("<f", value) + data[at + 4:]
            edited(poison)
            fails([f"model.safetensors: tensor '{name}'", word], path("model"),
                  *recipe)

# Configurations.
for changes, pattern in [
        ({"architectures": ["GPT2LMHeadModel"]},
         "unknown architecture 'GPT2LMHeadModel'"),
        ({"hidden_size": 1 << 40}, "'hidden_size'"),
        ({"num_hidden_layers": 1 << 30}, "'num_hidden_layers'"),
        ({"num_attention_heads": 0}, "'num_attention_heads'")]:
    checkpoint(**changes)
    fails(["config.json: ", pattern], path("model"))
checkpoint(vocab_size=1 << 30)
fails(["config.json: ", "'model.embed_tokens.weight' would have the shape"],
      path("model"))
for text, pattern in [('{"hidden_size": 32,\n "x": [', "line 2"), ("", ""),
                      ("[]", "must be a JSON object"), ("\xff\xfe", "")]:
    checkpoint()
    put("model/config.json", text)
    fails(["config.json: ", pattern], path("model"))
checkpoint()
os.remove(path("model/config.json"))
fails("config.json", path("model"))

# A tokenizer of another model.
checkpoint()
put("model/tokenizer.json", '{"model": {"vocab": {"a": 0, "b": 64}}}')
fails("tokenizer.json: .*does not match the vocabulary", path("model"))
put("model/tokenizer.json", "{")
fails("tokenizer.json: .*line 1", path("model"))

# No model at all.
fails("no such file or folder: '.*absent'", path("absent"))
fails("no such file or folder: '.*absent.mlir'", path("absent.mlir"))
os.makedirs(path("empty"))
fails("empty", path("empty"))
put("model.pb", "x")
fails(["cannot tell what '.*model.pb' is", "expected"], path("model.pb"))

# IR.
put("text.mlir", "func.func @f( {")
fails(r"text.mlir:1:\d+: ", path("text.mlir"))
put("op.mlir", "func.func @f() {\n  nothing.known\n}")
fails(r"op.mlir:2:\d+: .*nothing", path("op.mlir"))
put("bytes.mlirbc", bytes(rng.randrange(256) for _ in range(64)))
fails("bytes.mlirbc", path("bytes.mlirbc"))
FUNCTION = """func.func @main(%x: tensor<?x8xf32> {{qnt.dims = ["n", ""]}}) -> tensor<?x8xf32> {{
  %w = ml_program.global_load_const @w : tensor<8x8xf32>
  %y = {op} loc("block.3.odd")
  return %y : tensor<?x8xf32>
}}
"""
IR = """module attributes {{qnt.params = "{params}"}} {{
ml_program.global private @w(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
""" + FUNCTION + "}}\n"
LINEAR = "nn.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32>"
put("m.mlir", IR.format(params=path("absent.safetensors"), op=LINEAR))
fails("absent.safetensors", path("m.mlir"))
put_tensors("w.safetensors", {"v": {"dtype": "F32", "shape": [8, 8],
                                    "data_offsets": [0, 256]}}, bytes(256))
put("m.mlir", IR.format(params=path("w.safetensors"), op=LINEAR))
fails(["w.safetensors", "'w'"], path("m.mlir"))
put_tensors("w.safetensors", {"w": {"dtype": "F32", "shape": [4, 16],
                                    "data_offsets": [0, 256]}}, bytes(256))
fails(["w.safetensors", "tensor 'w'", r"\[4, 16\].*\[8, 8\]"], path("m.mlir"))
# An op that the target has no code for, by the name of its layer.
put_tensors("w.safetensors", {"w": {"dtype": "F32", "shape": [8, 8],
                                    "data_offsets": [0, 256]}}, bytes(256))
put("m.mlir", IR.format(params=path("w.safetensors"),
                        op="arith.negf %x : tensor<?x8xf32>"))
fails(["m.mlir", "block.3.odd", "'arith.negf' op has .*the target"],
      path("m.mlir"))

# What the cases start from compiles.
checkpoint()
done = quant_opt(path("model"), RECIPE, "-o", path("good.so"))
assert done.returncode == 0 and not done.stderr, done
finish()
