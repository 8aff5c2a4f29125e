"""The hand-written models in numpy (see lm.c, encoder.c, graph.c)."""

import numpy as np
from safetensors.numpy import load_file

BOS, EOS = 257, 256


class LanguageModel:
    def __init__(self, path):
        params = load_file(path)
        self.embed = params["embed.weight"].astype(np.float64)
        self.head = params["head.weight"].astype(np.float64)

    def mix(self, tokens):
        """x [tokens, hidden] of one sequence."""
        x, rows = np.zeros(self.embed.shape[1]), []
        for token in tokens:
            x = 0.5 * x + self.embed[token]
            rows.append(x)
        return np.array(rows).astype(np.float32)

    def logits(self, tokens):
        """[tokens, vocab] of one sequence."""
        return self.mix(tokens).astype(np.float64) @ self.head.T

    def greedy(self, tokens, count, eos=None):
        tokens, new = list(tokens), []
        while len(new) < count:
            new.append(int(np.argmax(self.logits(tokens)[-1])))
            tokens.append(new[-1])
            if new[-1] == eos:
                break
        return new


def log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def windows(text, size):
    """Consecutive windows of `size` tokens (bytes); a short last one is
    dropped."""
    ids = np.frombuffer(text, dtype=np.uint8).astype(np.int64)
    return ids[: len(ids) // size * size].reshape(-1, size)


def perplexity(model, text, size):
    nll, count = 0.0, 0
    for window in windows(text, size):
        logp = log_softmax(model.logits(window[:-1]))
        nll -= logp[np.arange(size - 1), window[1:]].sum()
        count += size - 1
    return float(np.exp(nll / count)), count


class Encoder:
    def __init__(self, path):
        params = load_file(path)
        self.embed = params["embed.weight"].astype(np.float64)
        self.types = params["types.weight"].astype(np.float64)

    def hidden(self, tokens, types=0):
        return np.tanh(self.embed[tokens] + self.types[types])

    def sentence(self, text):
        tokens = [BOS, *text.encode(), EOS]
        mean = self.hidden(tokens).mean(axis=0)
        return mean / np.linalg.norm(mean)
