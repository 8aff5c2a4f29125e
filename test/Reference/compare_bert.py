"""bert.py against ONNX Runtime on the graph of bert_onnx.py, on fresh ids."""
import sys

import numpy as np
import onnxruntime

import bert
from seeding import draw_seed

folder, graph = sys.argv[1:]
seed = draw_seed()
rng = np.random.default_rng(seed)
model = bert.Bert(folder, np.float64)
tokens = rng.integers(0, model.config["vocab_size"], (3, 21))
types = rng.integers(0, 2, tokens.shape)
lengths = np.array([21, 8, 1])
valid = np.arange(tokens.shape[1]) < lengths[:, None]
session = onnxruntime.InferenceSession(graph,
                                       providers=["CPUExecutionProvider"])
actual = session.run(None, {"input_ids": tokens, "token_type_ids": types,
                            "attention_mask": valid.astype(np.int64)})[0]
expected = bert.hidden(model, tokens, types, lengths)
error = np.linalg.norm((actual - expected)[valid])
error /= np.linalg.norm(expected[valid])
print("relative error", error)
assert error < 1e-5
