"""The Llama family in numpy: what an imported model must compute.

logits(model, tokens) takes ids [batch, tokens] and gives [batch, tokens,
vocabulary]. There is no KV cache: every call starts at position 0."""
import argparse
import os

import numpy as np

from checkpoint import Checkpoint, activation, linear, softmax


def rope_settings(config):
    """theta, rotated share of a head, scaling dictionary."""
    newer = config.get("rope_parameters") or {}
    default = 2e6 if config["architectures"][0].startswith("SmolLM3") else 1e4
    theta = newer.get("rope_theta", config.get("rope_theta", default))
    share = newer.get("partial_rotary_factor",
                      config.get("partial_rotary_factor", 1))
    return theta, share, newer or config.get("rope_scaling") or {}


def frequencies(config, dim, theta, scaling):
    """Radians per position [dim / 2], and the factor on cosines and sines."""
    inverse = theta ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return inverse, 1.0
    factor = scaling["factor"]
    if kind == "linear":
        return inverse / factor, 1.0
    if kind == "llama3":
        # Turns made within the original length: below low_freq_factor all of
        # the stretching, above high_freq_factor none, linear between.
        turns = scaling["original_max_position_embeddings"] * inverse
        turns /= 2 * np.pi
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        kept = np.clip((turns - low) / (high - low), 0, 1)
        return inverse * (kept + (1 - kept) / factor), 1.0
    if kind == "yarn":
        length = scaling.get("original_max_position_embeddings",
                             config["max_position_embeddings"])

        def index(turns):
            return (dim * np.log(length / (turns * 2 * np.pi))
                    / (2 * np.log(theta)))

        first = max(np.floor(index(scaling.get("beta_fast") or 32)), 0)
        last = min(np.ceil(index(scaling.get("beta_slow") or 1)), dim - 1)
        if first == last:
            last += 0.001
        kept = 1 - np.clip((np.arange(dim // 2) - first) / (last - first), 0, 1)

        def sharpness(weight):
            return 1.0 if factor <= 1 else 0.1 * weight * np.log(factor) + 1

        attention = scaling.get("attention_factor")
        if attention is None:
            weight, whole = (scaling.get(k) for k in ("mscale",
                                                      "mscale_all_dim"))
            attention = (sharpness(weight) / sharpness(whole)
                         if weight and whole else sharpness(1))
        return inverse * (kept + (1 - kept) / factor), attention
    raise ValueError(f"no rotary scaling {kind}")


def rotate(x, cosines, sines):
    """x [batch, tokens, heads, size]; the tables [tokens, rotated / 2]."""
    half = cosines.shape[-1]
    a, b, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
    c, s = cosines[:, None], sines[:, None]
    return np.concatenate([a * c - b * s, b * c + a * s, rest], -1)


class Llama:
    def __init__(self, folder, dtype=np.float32):
        self.checkpoint = Checkpoint(folder, dtype)
        c = self.config = self.checkpoint.config
        self.dtype = dtype
        self.kind = c["architectures"][0]
        self.layers = c["num_hidden_layers"]
        self.heads = c["num_attention_heads"]
        self.kv_heads = c.get("num_key_value_heads") or self.heads
        self.size = c.get("head_dim") or c["hidden_size"] // self.heads
        self.eps = c.get("rms_norm_eps", 1e-6)
        self.act = c.get("hidden_act", "silu")
        self.tensors = {}

    def get(self, name):
        if name not in self.tensors:
            self.tensors[name] = self.checkpoint.tensor(name)
        return self.tensors[name]

    def linear(self, x, module):
        bias = module + ".bias"
        return linear(x, self.get(module + ".weight"),
                      self.get(bias) if bias in self.checkpoint else None)

    def norm(self, x, module):
        scale = self.get(module + ".weight")
        mean = np.square(x).mean(-1, keepdims=True, dtype=self.dtype)
        return x / np.sqrt(mean + self.dtype(self.eps)) * scale

    def window(self, layer):
        c = self.config
        kinds = c.get("layer_types")
        if kinds:
            slides = kinds[layer] == "sliding_attention"
        elif self.kind == "MistralForCausalLM":
            slides = True
        else:
            slides = (c.get("use_sliding_window", False)
                      and layer >= c.get("max_window_layers", self.layers))
        return c.get("sliding_window") if slides else None

    def rotates(self, layer):
        if self.kind != "SmolLM3ForCausalLM":
            return True
        given = self.config.get("no_rope_layers")
        if given:
            return bool(given[layer])
        return (layer + 1) % self.config.get("no_rope_layer_interval", 4) != 0

    def attention(self, x, layer, tables):
        batch, tokens, _ = x.shape
        path = f"model.layers.{layer}.self_attn."

        def project(name, heads):
            return self.linear(x, path + name).reshape(batch, tokens, heads,
                                                       self.size)

        q, k = project("q_proj", self.heads), project("k_proj", self.kv_heads)
        v = project("v_proj", self.kv_heads)
        if self.kind == "Qwen3ForCausalLM":
            q, k = self.norm(q, path + "q_norm"), self.norm(k, path + "k_norm")
        if self.rotates(layer):
            q, k = rotate(q, *tables), rotate(k, *tables)
        repeats = self.heads // self.kv_heads
        k, v = np.repeat(k, repeats, 2), np.repeat(v, repeats, 2)
        q, k, v = (t.transpose(0, 2, 1, 3) for t in (q, k, v))
        scores = q @ k.transpose(0, 1, 3, 2) / self.dtype(np.sqrt(self.size))
        row, column = np.indices((tokens, tokens))
        hidden = column > row
        window = self.window(layer)
        if window:
            hidden |= column <= row - window
        y = softmax(np.where(hidden, self.dtype(-np.inf), scores)) @ v
        y = y.transpose(0, 2, 1, 3).reshape(batch, tokens, -1)
        return self.linear(y, path + "o_proj")

    def mlp(self, x, layer):
        path = f"model.layers.{layer}.mlp."
        gate = activation(self.act, self.linear(x, path + "gate_proj"))
        return self.linear(gate * self.linear(x, path + "up_proj"),
                           path + "down_proj")

    def hidden(self, tokens):
        """Ids [batch, tokens] to what the head gets."""
        tokens = np.asarray(tokens)
        theta, share, scaling = rope_settings(self.config)
        inverse, factor = frequencies(self.config, int(self.size * share),
                                      theta, scaling)
        angles = np.arange(tokens.shape[1])[:, None] * inverse
        tables = [(f(angles) * factor).astype(self.dtype)
                  for f in (np.cos, np.sin)]
        x = self.get("model.embed_tokens.weight")[tokens]
        for i in range(self.layers):
            path = f"model.layers.{i}."
            x = x + self.attention(self.norm(x, path + "input_layernorm"), i,
                                   tables)
            x = x + self.mlp(self.norm(x, path + "post_attention_layernorm"), i)
        return self.norm(x, "model.norm")

    def head(self, x):
        tied = self.config.get("tie_word_embeddings",
                               self.kind == "SmolLM3ForCausalLM")
        name = "model.embed_tokens" if tied else "lm_head"
        return linear(x, self.get(name + ".weight"))


def logits(model, tokens, dtype=np.float32):
    """`model` is a Llama or a checkpoint folder."""
    if not isinstance(model, Llama):
        model = Llama(model, dtype)
    return model.head(model.hidden(tokens))


def greedy(model, tokens, count):
    """The ids that follow `tokens`, a list."""
    tokens = list(tokens)
    for _ in range(count):
        last = model.hidden([tokens])[:, -1]
        tokens.append(int(model.head(last)[0].argmax()))
    return tokens[-count:]


def perplexity(model, tokens, window=256, batch=8):
    """Over consecutive windows of `tokens`; a short last one is dropped."""
    count = len(tokens) // window
    windows = np.asarray(tokens[:count * window]).reshape(count, window)
    total = 0.0
    for i in range(0, count, batch):
        part = windows[i:i + batch]
        x = logits(model, part[:, :-1])
        top = x.max(-1, keepdims=True)
        sums = np.log(np.exp(x - top).sum(-1, dtype=np.float64)) + top[..., 0]
        picked = np.take_along_axis(x, part[:, 1:, None], -1)[..., 0]
        total += float((sums - picked).sum(dtype=np.float64))
    return float(np.exp(total / (count * (window - 1)))), count


def main():
    from tokenizers import Tokenizer
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--perplexity", metavar="FILE")
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("-n", type=int, default=64, help="tokens to generate")
    arguments = parser.parse_args()
    model = Llama(arguments.folder)
    tokenizer = Tokenizer.from_file(
        os.path.join(arguments.folder, "tokenizer.json"))
    for prompt in arguments.prompt:
        ids = tokenizer.encode(prompt, add_special_tokens=False).ids
        print(repr(tokenizer.decode(greedy(model, ids, arguments.n))))
    if arguments.perplexity:
        with open(arguments.perplexity, encoding="utf-8") as file:
            ids = tokenizer.encode(file.read(), add_special_tokens=False).ids
        value, count = perplexity(model, ids)
        print(f"perplexity {value:.4f} over {count} windows")


if __name__ == "__main__":
    main()
