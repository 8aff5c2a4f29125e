# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s quant-opt %t
"""qnt-allocate's losses from gradients, of a language model, a classifier and a model
without logits, beside numpy's in f64: sums of squared gradients of labels, traces and
drawn labels within six standard errors, which are computed, too."""
import json
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, folder = sys.argv[1:]
seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32
FORMATS = ["int2", "int3", "int8"]
PROBES = 2
# Times that each sample is there: draws differ.
REPEAT = 12


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def decoded(weight, format_):
    """To nearest, one f32 scale for each row."""
    rows = weight.reshape(len(weight), -1)
    low = -2 ** (int(format_[3:]) - 1)
    scale = (np.abs(rows).max(1, keepdims=True) / F(-low - 1)).astype(F)
    codes = np.clip(np.rint(rows / scale), low, -low - 1).astype(F)
    return (codes * scale).reshape(weight.shape)


class Model:
    """Layers with silu between them. Samples are lists of rows: of the inputs of the
    first layer, one or, of a convolution, one for each pixel."""
    attributes, softmax_at_end = "", False

    def __init__(self, shapes):
        self.params = {name: (rng.standard_normal(shape) * rng.uniform(1, 2)
                              / np.sqrt(np.prod(shape[1:]))).astype(F)
                       for name, shape in shapes.items()}
        self.path = f"{folder}/{self.name}.mlir"
        self.samples = f"{folder}/{self.name}.npz"
        save_file(self.params, f"{folder}/{self.name}.safetensors")
        with open(self.path, "w") as file:
            file.write(self.module())

    def module(self):
        head = f'qnt.params = "{folder}/{self.name}.safetensors"{self.attributes}'
        lines = [f"module attributes {{{head}}} {{"]
        for name, array in self.params.items():
            lines.append(f"ml_program.global private @{name}(#ml_program.extern : "
                         f"{self.type(array)}) : {self.type(array)}")
        lines += self.body()
        return "\n".join(lines) + "\n}\n"

    @staticmethod
    def type(array):
        return f"tensor<{'x'.join(map(str, array.shape))}xf32>"

    def load(self):
        return [f"%w{n} = ml_program.global_load_const @{n} : {self.type(array)}"
                for n, array in self.params.items()]

    def linear(self, value, dims, names):
        """Lines of layers, with an activation before each but the first of all."""
        lines = []
        for name in names:
            n, k = self.params[name].shape
            if name != "a":
                lines.append(f"%s{name} = nn.activation silu {value} : "
                             f"tensor<{dims}{k}xf32>")
                value = f"%s{name}"
            lines.append(f"%{name} = nn.linear {value}, %w{name} : tensor<{dims}{k}xf32>,"
                         f' tensor<{n}x{k}xf32> loc("layer.{name}")')
            value = f"%{name}"
        return lines

    def jacobians(self, row):
        """What the model returns for a row [pixels, inputs], and its derivative by each
        weight, [outputs, elements]."""
        x, steps = row, []
        for name in self.params:
            weight = self.params[name].astype(float).reshape(len(self.params[name]), -1)
            if steps:
                x = x * sigmoid(x)
            if x.shape[1] != weight.shape[1]:
                x = x.reshape(1, -1)
            z = x @ weight.T
            steps.append((name, weight, x, z))
            x = z
        slope, found = np.eye(x.size)[:, None], {}
        for at in range(len(steps) - 1, -1, -1):
            name, weight, x, _ = steps[at]
            slope = slope.reshape(len(slope), len(x), len(weight))
            found[name] = (slope.transpose(0, 2, 1) @ x).reshape(len(slope), -1)
            if at:
                before = steps[at - 1][3]
                s = sigmoid(before)
                slope = (slope @ weight).reshape(len(slope), *before.shape)
                slope = slope * (s + before * s * (1 - s))
        return z.reshape(-1), found

    def curvature(self, y):
        """B, of B B^T = C."""
        root = np.sqrt(softmax(y))
        return np.diag(root) - np.outer(softmax(y), root)


class LanguageModel(Model):
    name = "language"
    attributes = ', qnt.model = {kind = "causal_lm"}'
    LENGTH = 6

    def __init__(self):
        # The head has the table; what that changes at the embedding is not its loss.
        super().__init__({"a": (64, 48), "b": (40, 64), "c": (48, 40), "table": (24, 48)})
        self.tokens = rng.integers(0, 24, (8, self.LENGTH)).astype(np.int32)
        np.savez(self.samples, tokens=np.repeat(self.tokens, REPEAT, 0))

    def body(self):
        return ['func.func @score(%tokens: tensor<?x?xi32> {qnt.name = "tokens", '
                'qnt.dims = ["batch", "tokens"]}) -> (tensor<?x?x24xf32> '
                '{qnt.name = "logits"}) {', *self.load(),
                "%x = nn.embedding %tokens, %wtable : tensor<?x?xi32>, tensor<24x48xf32>",
                *self.linear("%x", "?x?x", self.params),
                "return %table : tensor<?x?x24xf32>", "}"]

    def rows(self):
        return [[self.params["table"][[token]].astype(float) for token in window]
                for window in self.tokens]

    def slopes(self, sample, results):
        """c of each row that counts, with its share in what is drawn: all of it."""
        labels = self.tokens[sample][1:]
        return [[(1, softmax(y) - np.eye(24)[label])]
                for y, label in zip(results, labels)]


class Classifier(Model):
    name = "classifier"

    def __init__(self):
        super().__init__({"a": (8, 3, 3, 3), "b": (40, 128), "c": (32, 40), "d": (10, 32)})
        self.images = rng.standard_normal((24, 4, 4, 3)).astype(F)
        self.label(rng.integers(0, 10, 24))

    def label(self, labels):
        self.labels = labels
        np.savez(self.samples, image=np.repeat(self.images, REPEAT, 0),
                 **({} if labels is None else {"label": np.repeat(labels, REPEAT)}))

    def body(self):
        return ['func.func @main(%x: tensor<?x4x4x3xf32> {qnt.name = "image", '
                'qnt.dims = ["batch", "", "", ""]}) -> (tensor<?x10xf32> '
                '{qnt.name = "shares"}) {', *self.load(),
                "%i = nn.conv %x, %wa pads [1, 1, 1, 1] : tensor<?x4x4x3xf32>, "
                'tensor<8x3x3x3xf32> loc("layer.a")',
                "%f = tensor.collapse_shape %i [[0], [1, 2, 3]] : "
                "tensor<?x4x4x8xf32> into tensor<?x128xf32>",
                *self.linear("%f", "?x", list(self.params)[1:]),
                "%p = nn.softmax %d : tensor<?x10xf32>",
                "return %p : tensor<?x10xf32>", "}"]

    def rows(self):
        padded = np.pad(self.images.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)))
        views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        patches = views.transpose(0, 1, 2, 4, 5, 3).reshape(len(padded), 16, 27)
        return [[image] for image in patches]

    def slopes(self, sample, results):
        shares = softmax(results[0])
        labels = range(10) if self.labels is None else [self.labels[sample]]
        return [[(shares[k] if self.labels is None else 1, shares - np.eye(10)[k])
                 for k in labels]]


class Numbers(Model):
    name = "numbers"

    def __init__(self):
        super().__init__({"a": (64, 48), "b": (40, 64), "c": (32, 40), "d": (24, 32)})
        self.x = rng.standard_normal((24, 48)).astype(F)
        np.savez(self.samples, x=np.repeat(self.x, REPEAT, 0))

    def body(self):
        return ['func.func @main(%x: tensor<?x48xf32> {qnt.name = "x", qnt.dims = '
                '["rows", ""]}) -> (tensor<?x24xf32> {qnt.name = "y"}) {', *self.load(),
                *self.linear("%x", "?x", self.params), "return %d : tensor<?x24xf32>", "}"]

    def rows(self):
        return [[row[None]] for row in self.x.astype(float)]

    def curvature(self, y):
        return np.sqrt(2 / (y ** 2).sum()) * np.eye(len(y))

    def slopes(self, sample, results):
        return None


def allocate(model, options, path=None):
    return subprocess.run(
        [opt, path or model.path, f"--qnt-allocate=quantize=head=same bits=4 "
         f"formats={','.join(FORMATS)} samples={model.samples} count=1000 {options}"],
        capture_output=True, text=True)


def losses(model, options):
    path = f"{folder}/report.json"
    done = allocate(model, f"{options} report={path}")
    assert done.returncode == 0, done.stderr[:2000]
    return {(t["name"], c["format"]): c["loss"]
            for t in json.load(open(path))["tensors"] for c in t["choices"]}


def quadratic(matrix):
    """Mean and variance of s^T M s over signs s."""
    others = matrix - np.diag(np.diag(matrix))
    return np.trace(matrix), 2 * (others ** 2).sum()


def expect(model):
    """By metric, weight and format: mean and variance of the loss."""
    total = {}

    def add(metric, name, format_, mean, variance=0.0):
        known = total.get((metric, name, format_), (0, 0))
        total[metric, name, format_] = known[0] + mean, known[1] + variance

    count = counted = 0
    for sample, rows in enumerate(model.rows()):
        results, found = zip(*(model.jacobians(row) for row in rows))
        slopes = model.slopes(sample, results)
        count += len(rows)
        counted += len(rows if slopes is None else slopes)
        for name in model.params:
            signed = np.concatenate([model.curvature(y).T @ j[name]
                                     for y, j in zip(results, found)])
            trace, spread = quadratic(signed @ signed.T)
            for format_ in FORMATS:
                own = model.params[name]
                square = (decoded(own, format_).astype(float) - own).reshape(-1) ** 2
                half = square.mean() / 2
                add("trace", name, format_, half * trace, half ** 2 * spread / PROBES)
                if slopes is None:
                    add("fisher", name, format_,
                        *quadratic(signed * square / 2 @ signed.T))
                    continue
                # One row, or one slope of each.
                cases = [(share, ((sum(c @ j[name] for (_, c), j in zip(each, found)))
                                  ** 2 * square).sum() / 2)
                         for each in zip(*slopes) for share in [each[0][0]]]
                mean = sum(share * loss for share, loss in cases)
                add("fisher", name, format_, mean,
                    sum(share * (loss - mean) ** 2 for share, loss in cases))
    return {key: (mean / (count if key[0] == "trace" else counted),
                  variance / REPEAT / (count if key[0] == "trace" else counted) ** 2)
            for key, (mean, variance) in total.items()}


def check(model, metric, wanted):
    got = losses(model, f"metric={metric} probes={PROBES} seed={seed}")
    worst = 0
    for (name, format_), loss in got.items():
        mean, variance = wanted[metric, name, format_]
        error = abs(loss - mean)
        worst = max(worst, np.sqrt(variance) / mean)
        assert error <= 6 * np.sqrt(variance) + 1e-4 * mean, \
            (model.name, metric, name, format_, loss, mean, np.sqrt(variance))
    print(f"{model.name}, {metric}: standard errors up to {worst:.1%}")
    # Otherwise nothing much is tested.
    assert worst < 0.2
    return got


language, classifier, numbers = LanguageModel(), Classifier(), Numbers()
check(classifier, "fisher", expect(classifier))
classifier.label(None)
found = {}
for model in (language, classifier, numbers):
    expected = expect(model)
    for metric in ("fisher", "trace"):
        found[model.name, metric] = check(model, metric, expected)

# Weight after weight gives the same.
parts = losses(language, f"metric=fisher elements=3000 seed={seed}")
for key, loss in found["language", "fisher"].items():
    assert abs(parts[key] - loss) <= 1e-5 * loss, (key, loss, parts[key])

# What is kept of one metric stands beside what is of another.
cache = f"{folder}/losses.json"
first = {metric: losses(language, f"metric={metric} cache={cache}")
         for metric in ("fisher", "loss", "trace")}
kept = json.load(open(cache))["metrics"]
assert sorted(kept) == ["fisher", "loss", "trace"]
kept["fisher"]["losses"]["a"]["int8"] = 123.0
kept["trace"]["losses"]["b"]["trace"] *= 2
with open(cache, "w") as file:
    json.dump({"format": "qnt-sensitivity", "version": 2, "metrics": kept}, file)
for metric, changed in (("fisher", {("a", "int8"): 123.0}), ("loss", {}),
                        ("trace", {k: 2 * v for k, v in first["trace"].items()
                                   if k[0] == "b"})):
    again = losses(language, f"metric={metric} cache={cache}")
    wanted = {**first[metric], **changed}
    assert all(abs(again[k] - wanted[k]) <= 1e-12 * wanted[k] for k in wanted), metric
assert losses(language, f"metric=fisher cache={cache} key=other") == first["fisher"]
more = losses(language, f"metric=trace probes=3 cache={cache}")
assert more != first["trace"]


def refuses(model, options, *words, path=None):
    done = allocate(model, options, path)
    assert done.returncode == 1, options
    assert len(done.stderr.strip().splitlines()) == 1 or "error:" in done.stderr
    for word in words:
        assert word in done.stderr, (options, done.stderr)


refuses(language, "metric=trace probes=0", "probes", "above 0")
refuses(language, "metric=fisher samples=", "metric=fisher", "samples=FILE")
for metric in ("fisher", "trace"):
    path = f"{folder}/no-rule.mlir"
    with open(path, "w") as file:
        codes = "!qnt.tensor<?x32, int8, per_row, scale f32>"
        file.write(numbers.module().replace(
            "%sd =", f"%q = qnt.quantize %c : tensor<?x32xf32> -> {codes}\n%r = "
            f"qnt.dequantize %q : {codes} -> tensor<?x32xf32>\n%sd =").replace(
            "nn.activation silu %c", "nn.activation silu %r"))
    refuses(numbers, f"metric={metric}",
            "'qnt.dequantize' op has no rule for its gradient", path=path)
classifier.label(np.arange(24))
refuses(classifier, "metric=fisher", "'label'", "below 10", "got")
classifier.label(rng.standard_normal(24))
refuses(classifier, "metric=fisher", "'label'", "integers", "f64")
classifier.label(np.zeros(7, np.int32))
refuses(classifier, "metric=fisher", "'label'", f"must hold {24 * REPEAT}")
np.savez(language.samples, tokens=language.tokens[:, :1])
refuses(language, "metric=fisher", "no token that another one follows")
