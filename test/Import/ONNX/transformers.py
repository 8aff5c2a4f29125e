# REQUIRES: python, x86
# RUN: rm -rf %t && mkdir %t && %python %s quant-opt %test_bin/qnt-onnx-cases %t
# Transformers as exporters write them (Inputs/architectures.py), at several
# sizes of their dynamic dimensions: in the interpreter, and compiled once for
# all of them; beside ONNX Runtime. Their linear layers are quantised.
import os
import re
import subprocess
import sys

import numpy as np
from onnx import helper as h

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/Inputs")
from architectures import bert, gpt2, llama, vit
from models import Models, runnable

m = Models()
VOCABULARY, LAYERS = 50, 2


def ids(*shape):
    return m.rng.integers(0, VOCABULARY, shape)


def compile_model(output, *flags):
    isa = m.rng.choice(runnable())
    done = subprocess.run([m.program, m.path, f"--target=cpu isa={isa}", *flags,
                           "-o", output], capture_output=True, text=True)
    return done.stderr


def run_compiled(model, feeds, outputs):
    """The outputs in order, or what quant-run says."""
    np.savez(f"{m.folder}/in.npz", **feeds)
    command = ["quant-run", model, "--input", f"{m.folder}/in.npz"]
    for i, name in enumerate(outputs):
        command += ["--output", f"{name}={m.folder}/{i}.npy"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    return [np.load(f"{m.folder}/{i}.npy") for i in range(len(outputs))]


def decibels(got, want):
    return 10 * np.log10((want ** 2).sum() / ((got - want) ** 2).sum())


def difference(got, want):
    """What is wrong, if anything: outputs agree to 1e-4 of the largest value."""
    for i, (x, y) in enumerate(zip(got, want, strict=True)):
        if x.shape != y.shape or x.dtype != y.dtype:
            return f"output {i}: {x.dtype}{x.shape}, expected {y.dtype}{y.shape}"
        away = np.abs(x - y).max(initial=0)
        if not away <= 1e-4 * np.abs(y).max(initial=0):
            return f"output {i}: differs by {away}"
    return None


def check(name, linears, sizes, outputs, contains=(), bind=(), keys=""):
    """`sizes`: feeds for one model. Of quantised layers (with `keys` beside
    the formats) the first output is close, to 20 dB."""
    quantised = f"--quantize=weights=int8 activations=int8 {keys}"
    expected = [m.infer(feeds) for feeds in sizes]
    for feeds, want in zip(sizes, expected):
        answer = m.run(feeds)
        problem = answer.get("refused") or answer.get("failed")
        got = [np.fromfile(o["file"], np.float32).reshape(o["shape"])
               for o in answer.get("outputs", [])]
        m.report(name, problem or difference(got, want))
    text = m.module(*bind)
    for op in ("nn.linear", *contains):
        if op not in text:
            m.report(name, f"no {op} in\n{text[:3000]}")
    if text.count("= nn.linear") != linears:
        m.report(name, f"{text.count('= nn.linear')} linear layers, expected "
                       f"{linears}")
    for recipe in ("", quantised):
        model = f"{m.folder}/model.so"
        problem = compile_model(model, *bind, *filter(None, [recipe]))
        if problem:
            m.report(f"{name} {recipe}", problem)
            continue
        for feeds, want in zip(sizes, expected):
            got = run_compiled(model, feeds, outputs)
            shapes = {n: a.shape for n, a in feeds.items()}
            label = f"{name} {recipe} {shapes}"
            if isinstance(got, str):
                m.report(label, got)
            elif not recipe:
                m.report(label, difference(got, want))
            elif decibels(got[0], want[0]) < 20:
                m.report(label, f"{decibels(got[0], want[0])} dB")
    text = m.module(*bind, quantised)
    if text.count("= qnt.linear") != linears:
        m.report(name, f"{text.count('= qnt.linear')} quantised layers")


def encoder_feeds(batch, tokens):
    lengths = m.rng.integers(1, tokens + 1, (batch, 1))
    return {"input_ids": ids(batch, tokens),
            "attention_mask": (np.arange(tokens) < lengths).astype(np.int64),
            "token_type_ids": m.rng.integers(0, 2, (batch, tokens))}


def encoders():
    names = ["last_hidden_state", "pooler_output"]
    for opset, sdpa in ((14, False), (17, True)):
        linears = bert(m, opset, sdpa, LAYERS)
        check(f"bert, opset {opset}, sdpa {sdpa}", linears,
              [encoder_feeds(*s) for s in ((3, 7), (1, 64), (2, 1))], names,
              ["nn.layer_norm", "nn.activation gelu", "nn.matmul",
               "nn.softmax"])


def images():
    feeds = [{"pixel_values": m.floats(n, 3, 32, 32)} for n in (1, 3)]
    calibrated = f"per=tensor calib={m.folder}/calib.npz"
    np.savez(f"{m.folder}/calib.npz", pixel_values=m.floats(8, 3, 32, 32))
    linears = vit(m, opset=14, layers=LAYERS)
    check("vit", linears, feeds, ["logits"],
          ["nn.conv", "nn.layer_norm", "nn.matmul"], keys=calibrated)
    # Everything dynamic, as optimum declares it: told by --bind.
    vit(m, ("batch_size", "num_channels", "height", "width"), layers=LAYERS)
    check("vit, dynamic", linears, feeds, ["logits"],
          ["nn.conv", "tensor<?x3x32x32xf32>"],
          ["--bind", "num_channels=3", "--bind", "height=32", "--bind",
           "width=32"], calibrated)


def decoder_feeds(batch, tokens, past, heads, positions):
    """The first sequence is padded on the left where it has room."""
    padding = min(2, past + tokens - 1)
    mask = np.ones((batch, past + tokens), np.int64)
    mask[0, :padding] = 0
    feeds = {"input_ids": ids(batch, tokens), "attention_mask": mask}
    if positions:
        places = np.maximum(mask.cumsum(1) - 1, 0)[:, past:]
        feeds["position_ids"] = places
    for i in range(LAYERS):
        for part in ("key", "value"):
            feeds[f"past_key_values.{i}.{part}"] = m.floats(batch, heads, past,
                                                            8)
    return feeds


def decoders():
    names = ["logits"] + [f"present.{i}.{part}" for i in range(LAYERS)
                          for part in ("key", "value")]
    sizes = ((2, 5, 3), (1, 1, 9), (2, 4, 0), (3, 1, 1))
    linears = gpt2(m, layers=LAYERS)
    check("gpt2", linears, [decoder_feeds(*s, 4, False) for s in sizes], names,
          ["nn.layer_norm", "nn.activation gelu_tanh", "nn.matmul"])
    for sdpa in (False, True):
        linears = llama(m, sdpa, LAYERS)
        check(f"llama, sdpa {sdpa}", linears,
              [decoder_feeds(*s, 2, True) for s in sizes], names,
              ["nn.rms_norm", "nn.activation silu", "nn.matmul"])


def sizes():
    """Inputs whose sizes names tell: others are refused."""
    nodes = [h.make_node("Concat", ["past", "x"], ["c"], axis=1),
             h.make_node("Add", ["c", "z"], ["y"])]
    for name in ("past + n", "2*past+n - past", "(n + past)"):
        bind = ["--bind", f"{name}=n + past"] if "(" in name else []
        m.save(nodes, {"z": ["b", name], "past": ["b", "past"],
                       "x": ["b", "n"]}, ["y"])
        problem = compile_model(f"{m.folder}/model.so", *bind)
        if problem:
            m.report(name, problem)
        for batch, past, tokens in ((2, 3, 1), (1, 0, 2), (0, 2, 2), (3, 2, 0)):
            feeds = {"z": m.floats(batch, past + tokens),
                     "past": m.floats(batch, past), "x": m.floats(batch, tokens)}
            got = run_compiled(f"{m.folder}/model.so", feeds, ["y"])
            both = np.concatenate([feeds["past"], feeds["x"]], 1)
            m.report(f"{name} {batch} {past} {tokens}",
                     got if isinstance(got, str) else
                     difference(got, [both + feeds["z"]]))
        for wrong in (3, 5):
            feeds = {"z": m.floats(2, wrong), "past": m.floats(2, 2),
                     "x": m.floats(2, 2)}
            got = run_compiled(f"{m.folder}/model.so", feeds, ["y"])
            if not re.search("cannot run with the dimensions", str(got)):
                m.report(name, got)
            failed = "" if bind else m.run(feeds).get("failed", "nothing")
            if not bind and not re.search("expected the shape", failed):
                m.report(name, failed)


encoders()
images()
decoders()
sizes()
m.exit()
