# REQUIRES: python
# RUN: rm -rf %t && %python %s %test_bin/qnt-import %source/test %t
# What imported models compute, in the interpreter, against the references in
# numpy: small models of seeded weights, fresh tokens.
import os
import subprocess
import sys

program, tests, folder = sys.argv[1:4]
for name in ("Bench", "Reference", "Interpreter/Inputs"):
    sys.path.append(os.path.join(tests, name))
import numpy as np

import bert
import llama
import make_checkpoint as make
from cases import literal, tensor_type
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
failures = 0


class Call:
    """A function that calls entry points and checks the last one's result."""

    def __init__(self):
        self.lines, self.count, self.result = [], 0, None

    def name(self):
        self.count += 1
        return f"%v{self.count}"

    def constant(self, array, dynamic):
        value, cast = self.name(), self.name()
        kind, to = tensor_type(array), tensor_type(array, dynamic)
        self.lines += [f"{value} = arith.constant {literal(array)} : {kind}",
                       f"{cast} = tensor.cast {value} : {kind} to {to}"]
        return cast, to

    def entry(self, callee, inputs, result, cache=None):
        arguments = [self.constant(np.array(i, np.int32), (0, 1))
                     for i in inputs]
        if cache:
            arguments.append(("%kv", cache))
        names, kinds = zip(*arguments)
        self.result = self.name(), result
        self.lines.append(f"{self.result[0]} = call @{callee}"
                          f"({', '.join(names)}) : ({', '.join(kinds)}) -> "
                          f"{result}")

    def expect(self, array):
        array = array.astype(np.float32)
        kind, same = tensor_type(array), self.name()
        value, of = self.result
        expected = self.constant(array, ())[0]
        self.lines += [
            f"{same} = tensor.cast {value} : {of} to {kind}",
            f"qcheck.expect_close {same}, {expected} atol "
            f"{2e-5 * np.abs(array).max():e} rtol 1.0e-5 : {kind}"]

    def text(self, name, cache=None):
        argument = f"%kv: {cache}" if cache else ""
        return (f"func.func @{name}({argument}) {{\n" + "\n".join(self.lines)
                + "\nreturn\n}\n")


def interpret(what, checks):
    """Imports `folder`, appends the functions and runs them."""
    global failures
    module = subprocess.run([program, folder, "--kv-type=f32"], check=True,
                            capture_output=True, text=True).stdout.rstrip()
    assert module.endswith("}")
    path = os.path.join(folder, "checked.mlir")
    with open(path, "w") as file:
        file.write(module[:-1] + "".join(checks) + "}\n")
    result = subprocess.run(["quant-opt", path, "--qnt-interpret", "-o",
                             os.devnull], capture_output=True, text=True)
    if result.returncode:
        failures += 1
        print(f"{what}: {result.stderr[:2000]}")


def check_decoder(like, dtype="f32", **changes):
    config = make.SHAPES[like] | changes
    make.write(folder, config, dtype, seed=int(rng.integers(1 << 30)))
    model = llama.Llama(folder, np.float64)
    vocab = config["vocab_size"]
    tokens = rng.integers(0, vocab, (2, 13))
    cache = (f"!nn.kv_cache<{model.layers} layers, {model.kv_heads} heads, "
             f"{model.size}, f32>")
    expected = llama.logits(model, tokens)

    score = Call()
    score.entry("score", [tokens, [0, 0]], f"tensor<?x?x{vocab}xf32>", cache)
    score.expect(expected)
    # The prompts have 12 and 7 tokens; the shorter one is padded.
    steps = Call()
    row = f"tensor<?x{vocab}xf32>"
    steps.entry("prefill", [tokens[:, :12], [0, 0], [11, 6]], row, cache)
    steps.expect(np.stack([expected[0, 11], expected[1, 6]]))
    at = [12, 7]
    steps.entry("decode", [tokens[[0, 1], at][:, None], at], row, cache)
    steps.expect(expected[[0, 1], at])
    interpret(f"{like} {dtype} {changes}", [score.text("check_score", cache),
                                            steps.text("check_steps", cache)])


def check_encoder(dtype="f32", **changes):
    config = make.SHAPES["tiny-bert"] | changes
    make.write(folder, config, dtype, seed=int(rng.integers(1 << 30)))
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    with open(os.path.join(folder, "1_Pooling/config.json"), "w") as file:
        file.write('{"pooling_mode_mean_tokens": true}')
    with open(os.path.join(folder, "modules.json"), "w") as file:
        file.write('[{"type": "Transformer"}, {"type": "Normalize"}]'.replace(
            "}, {", '}, {"type": "Pooling", "path": "1_Pooling"}, {'))
    model = bert.Bert(folder, np.float64)
    tokens = rng.integers(0, config["vocab_size"], (3, 9))
    inputs = [tokens, rng.integers(0, 2, tokens.shape), np.array([9, 4, 1])]
    width = config["hidden_size"]
    forward, embed = Call(), Call()
    forward.entry("forward", inputs, f"tensor<?x?x{width}xf32>")
    forward.expect(bert.hidden(model, *inputs))
    embed.entry("embed", inputs, f"tensor<?x{width}xf32>")
    embed.expect(bert.embed(model, *inputs))
    interpret(f"tiny-bert {dtype} {changes}",
              [forward.text("check_forward"), embed.text("check_embed")])
    os.remove(os.path.join(folder, "modules.json"))


check_encoder()
check_encoder("bf16", architectures=["BertForMaskedLM"], hidden_act="gelu_new")
check_decoder("tiny-llama")
check_decoder("tiny-llama", "bf16", attention_bias=True, mlp_bias=True,
              hidden_act="gelu_pytorch_tanh", num_key_value_heads=4)
check_decoder("tiny-llama", "f16", tie_word_embeddings=True,
              num_key_value_heads=1, hidden_act="gelu",
              rope_scaling={"type": "linear", "factor": 3.0})
check_decoder("tiny-llama", "f64", hidden_act="relu", rope_scaling={
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64})
check_decoder("tiny-mistral")
check_decoder("tiny-qwen2", use_sliding_window=True)
check_decoder("tiny-qwen2", layer_types=["sliding_attention",
                                         "full_attention"])
check_decoder("tiny-qwen3", rope_parameters={"rope_theta": 1000000.0})
check_decoder("tiny-qwen3", "bf16", rope_scaling={
    "rope_type": "yarn", "factor": 4.0,
    "original_max_position_embeddings": 32})
check_decoder("tiny-smollm3")
sys.exit(failures > 0)
