# REQUIRES: python, minilm
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %minilm %t
"""Gradients of a whole encoder: squared error of its sentence embeddings, with
respect to linear layers, norms and biases."""
import os
import sys

import numpy as np

source, model, folder = sys.argv[1:]
sys.path += [os.path.join(source, "test/Transforms/Inputs"),
             os.path.join(source, "test/Reference")]
import bert  # noqa: E402
from model_gradients import Gradients, check  # noqa: E402
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
tokens = rng.integers(1000, 20000, (2, 7)).astype(np.int32)
types = np.zeros_like(tokens)
lengths = np.array([7, 4], np.int32)
target = rng.standard_normal((2, 384)).astype(np.float32)
net = bert.Bert(model, np.float64)


def reference(weights):
    net.tensors.update(weights)
    y = bert.embed(net, tokens, types, lengths)
    return float(((y - target) ** 2).mean() / 2)


# Biases of keys move all scores of a row alike: their gradient is zero.
gradients = Gradients(
    folder, model, "entry=embed loss=squared_error "
    "wrt=layer[.].*weight,LayerNorm,dense[.]bias,query[.]bias,value[.]bias")
names = [n for n in net.checkpoint.entries
         if ("layer." in n or "LayerNorm" in n) and not n.endswith("key.bias")]
check(gradients, rng, {"tokens": tokens, "token_types": types,
                       "lengths": lengths, "target": target},
      {name: net.get(name) for name in names}, reference)
