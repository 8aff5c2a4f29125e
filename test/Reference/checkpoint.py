"""Checkpoint folders in numpy: config.json and the tensors of safetensors
files, without the compiler's own readers."""
import glob
import json
import os

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16,
          "BF16": np.uint16, "I64": np.int64, "I32": np.int32,
          "U8": np.uint8, "I8": np.int8}


class Checkpoint:
    """`tensor(name)` gives an array of `dtype`, converted anew each time."""

    def __init__(self, folder, dtype=np.float32):
        self.folder = folder
        self.dtype = dtype
        with open(os.path.join(folder, "config.json")) as file:
            self.config = json.load(file)
        self.entries = {}
        for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
            self._index(path)

    def _index(self, path):
        data = np.memmap(path, np.uint8, "r")
        size = int(data[:8].view("<u8")[0])
        header = json.loads(bytes(data[8:8 + size]))
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = (8 + size + at for at in entry["data_offsets"])
                self.entries[name] = (entry, data[begin:end])

    def __contains__(self, name):
        return name in self.entries

    def tensor(self, name):
        entry, data = self.entries[name]
        values = np.frombuffer(data, DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.reshape(entry["shape"]).astype(self.dtype)


def linear(x, weight, bias=None):
    y = x @ weight.T
    return y if bias is None else y + bias


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def activation(name, x):
    if name in ("silu", "swish"):
        return x / (1 + np.exp(-x))
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu":
        from scipy.special import erf
        return x * (1 + erf(x / np.sqrt(2).astype(x.dtype))) / 2
    if name in ("gelu_new", "gelu_pytorch_tanh"):
        inner = np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3)
        return x * (1 + np.tanh(inner)) / 2
    raise ValueError(f"no activation {name}")
