# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %inputs/tinylm %t
"""Gradients of a whole language model: cross entropy of the next tokens. Their
differences give the second derivative along a random way, as Hutchinson's estimate
of a Hessian's trace takes it."""
import os
import sys

import numpy as np

source, model, folder = sys.argv[1:]
sys.path += [os.path.join(source, "test/Transforms/Inputs"),
             os.path.join(source, "test/Reference")]
import llama  # noqa: E402
from model_gradients import Gradients, check, cross_entropy  # noqa: E402
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
tokens = rng.integers(0, 4096, (2, 9)).astype(np.int32)
target = np.full_like(tokens, -1)
target[:, :-1] = tokens[:, 1:]
target[1, 5:] = -1
net = llama.Llama(model, np.float64)


def reference(weights):
    net.tensors.update(weights)
    return cross_entropy(llama.logits(net, tokens), target)


gradients = Gradients(folder, model, "loss=cross_entropy")
# The table is tied: that of the embedding and of the head in one.
names = ["model.embed_tokens.weight"] + [
    f"model.layers.{i}.{part}.weight" for i in range(6) for part in
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
     "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")]
inputs = {"tokens": tokens, "target": target}
weights = {name: net.get(name) for name in names}
check(gradients, rng, inputs, weights, reference)

name = names[rng.integers(1, len(names))]
kept = weights[name]
way = rng.choice([-1.0, 1.0], kept.shape)
size = np.sqrt((kept ** 2).mean())


def moved(step):
    return {**weights, name: kept + step * way}


ends = []
for sign in (1, -1):
    changed = {k: w.astype(np.float32) for k, w in moved(sign * 0.03 * size).items()}
    found = gradients.run("arguments", {**inputs, **changed})[1]
    ends.append(found[name].astype(np.float64))
product = (ends[0] - ends[1]) / (0.06 * size)
step = 1e-3 * size
losses = [reference(moved(sign * step)) for sign in (1, 0, -1)]
exact = (losses[0] - 2 * losses[1] + losses[2]) / step ** 2
estimate = (way * product).sum()
print(f"{name}: v H v {estimate:.6f}, in f64 {exact:.6f}")
assert abs(estimate - exact) <= 1e-2 * np.linalg.norm(product), (estimate, exact)
