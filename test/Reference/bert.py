"""The BERT family in numpy: what an imported encoder must compute.

Token ids and types are [batch, tokens], lengths [batch]; tokens past a
sequence's length are padding, whose own rows mean nothing."""
import numpy as np

from checkpoint import Checkpoint, activation, linear, softmax


class Bert:
    def __init__(self, folder, dtype=np.float32):
        self.checkpoint = Checkpoint(folder, dtype)
        c = self.config = self.checkpoint.config
        self.dtype = dtype
        self.layers = c["num_hidden_layers"]
        self.heads = c["num_attention_heads"]
        self.eps = c.get("layer_norm_eps", 1e-12)
        self.act = c.get("hidden_act", "gelu")
        name = "bert.embeddings.word_embeddings.weight"
        self.prefix = "bert." if name in self.checkpoint else ""
        self.tensors = {}

    def get(self, name, other=None):
        """The tensor, under its name or an older one."""
        if self.prefix + name not in self.checkpoint:
            name = other
        if name not in self.tensors:
            self.tensors[name] = self.checkpoint.tensor(self.prefix + name)
        return self.tensors[name]

    def linear(self, x, module):
        return linear(x, self.get(module + ".weight"),
                      self.get(module + ".bias"))

    def norm(self, x, module):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt(np.square(x).mean(-1, keepdims=True)
                        + self.dtype(self.eps))
        return (x * self.get(module + ".weight", module + ".gamma")
                + self.get(module + ".bias", module + ".beta"))

    def attention(self, x, path, lengths):
        batch, tokens, width = x.shape
        size = width // self.heads
        q, k, v = (self.linear(x, path + name)
                   .reshape(batch, tokens, self.heads, size)
                   .transpose(0, 2, 1, 3) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / self.dtype(np.sqrt(size))
        padding = np.arange(tokens) >= np.asarray(lengths)[:, None, None, None]
        y = softmax(np.where(padding, self.dtype(-np.inf), scores)) @ v
        return y.transpose(0, 2, 1, 3).reshape(batch, tokens, width)

    def layer(self, x, index, lengths):
        path = f"encoder.layer.{index}."
        y = self.attention(x, path + "attention.self.", lengths)
        y = self.linear(y, path + "attention.output.dense")
        x = self.norm(x + y, path + "attention.output.LayerNorm")
        y = activation(self.act, self.linear(x, path + "intermediate.dense"))
        y = self.linear(y, path + "output.dense")
        return self.norm(x + y, path + "output.LayerNorm")

    def hidden(self, tokens, types, lengths):
        tokens = np.asarray(tokens)
        x = self.get("embeddings.word_embeddings.weight")[tokens]
        x = x + self.get("embeddings.token_type_embeddings.weight")[
            np.asarray(types)]
        x = x + self.get("embeddings.position_embeddings.weight")[
            :tokens.shape[1]]
        x = self.norm(x, "embeddings.LayerNorm")
        for i in range(self.layers):
            x = self.layer(x, i, lengths)
        return x


def hidden(model, tokens, types, lengths, dtype=np.float32):
    """[batch, tokens, hidden]. `model` is a Bert or a checkpoint folder."""
    if not isinstance(model, Bert):
        model = Bert(model, dtype)
    return model.hidden(tokens, types, lengths)


def embed(model, tokens, types, lengths, dtype=np.float32):
    """[batch, hidden]: the mean over valid tokens, of unit length."""
    x = hidden(model, tokens, types, lengths, dtype)
    lengths = np.asarray(lengths)[:, None]
    valid = np.arange(x.shape[1]) < lengths
    mean = (x * valid[..., None]).sum(1) / lengths
    norm = np.sqrt(np.square(mean).sum(-1, keepdims=True))
    return (mean / np.maximum(norm, 1e-12)).astype(x.dtype)
