"""The gradients of a whole model: compiled, against differences of a reference in
f64 and of the compiled loss."""
import pathlib
import re

import numpy as np

from gradients import call, log_softmax


def cross_entropy(logits, target):
    counts = target >= 0
    chosen = np.take_along_axis(log_softmax(logits),
                                np.maximum(target, 0)[..., None], -1)[..., 0]
    return float(-(chosen * counts).sum() / max(counts.sum(), 1))


class Gradients:
    """The function that nn-gradient adds, compiled twice: weights loaded, and
    weights as arguments."""

    def __init__(self, folder, model, options):
        self.folder, self.paths = pathlib.Path(folder), {}
        for kind in ("stored", "arguments"):
            path = self.folder / f"{kind}-code.so"
            module = self.folder / f"{kind}.mlir"
            arguments = "true" if kind == "arguments" else "false"
            call("quant-opt", model, "--nn-channels-last", "--nn-fold",
                 f"--nn-gradient=alone=true {options} "
                 f"weights-as-arguments={arguments}", "--cse", "-o", module)
            call("quant-opt", module, "--target=cpu", "-o", path)
            self.paths[kind] = path
        text = next(line for line in module.read_text().splitlines()
                    if "func.func @gradient(" in line)
        self.names = re.findall('qnt.name = "([^"]*)"', text.split(" -> ")[1])
        assert self.names[0] == "loss"

    def run(self, kind, inputs):
        """The loss, and gradients by name."""
        np.savez(self.folder / "in.npz", **inputs)
        outputs = []
        for i, name in enumerate(self.names):
            outputs += ["--output", f"{name}={self.folder}/out.{i}.npy"]
        call("quant-run", self.paths[kind], "--entry", "gradient", "--input",
             self.folder / "in.npz", *outputs)
        arrays = [np.load(self.folder / f"out.{i}.npy")
                  for i in range(len(self.names))]
        return float(arrays[0]), dict(zip(self.names[1:], arrays[1:]))


def check(gradients, rng, inputs, weights, reference, tolerance=1e-4, scale=1e-4):
    """`weights` by name, as f64; `reference` gives the loss for some. `tolerance` is of a
    weight's gradient, `scale` of steps, to be small where slopes jump."""
    loss, found = gradients.run("stored", inputs)
    assert set(found) == set(weights), sorted(found)
    wide = {k: weights[k].astype(np.float64) for k in found}
    exact = reference(wide)
    print(f"loss {loss:.6f}, in f64 {exact:.6f}")
    assert abs(loss - exact) <= 2e-5 * max(1, abs(exact)), (loss, exact)

    # With weights as arguments, sums are taken in another order.
    narrow = {k: v.astype(np.float32) for k, v in wide.items()}
    again, others = gradients.run("arguments", {**inputs, **narrow})
    assert abs(loss - again) <= 1e-5 * max(1, abs(loss)), (loss, again)
    norms = {k: np.linalg.norm(g.astype(np.float64)) for k, g in found.items()}
    for name, gradient in found.items():
        assert gradient.shape == wide[name].shape, name
        error = np.linalg.norm(gradient - others[name])
        assert error <= tolerance * norms[name], (name, error, norms[name])

    # Directions in which each weight counts as much as any other.
    smallest = min(np.sqrt((w ** 2).mean()) * norms[k] for k, w in wide.items())
    for trial in range(3):
        ways = {k: rng.standard_normal(w.shape) / norms[k]
                for k, w in wide.items()}
        slope = sum(float((found[k] * ways[k]).sum()) for k in wide)
        step = scale * smallest
        ends = [reference({k: w + sign * step * ways[k]
                           for k, w in wide.items()}) for sign in (1, -1)]
        measured = (ends[0] - ends[1]) / (2 * step)
        error = abs(slope - measured) / np.sqrt(len(wide))
        print(f"direction {trial}: {slope:.5f}, differences in f64 "
              f"{measured:.5f}, error {error:.1e} of a weight's norm")
        assert error <= tolerance, (slope, measured)

    # The compiled loss, in f32, along the gradient and a random way.
    total = np.sqrt(sum(n ** 2 for n in norms.values()))
    count = sum(w.size for w in wide.values())
    ways = {k: found[k] / total + rng.standard_normal(w.shape) / np.sqrt(count)
            for k, w in wide.items()}
    slope = sum(float((found[k] * ways[k]).sum()) for k in wide)
    step = 0.002 * abs(loss) / total
    ends = [gradients.run("arguments", {**inputs, **{
        k: (w + sign * step * ways[k]).astype(np.float32)
        for k, w in wide.items()}})[0] for sign in (1, -1)]
    measured = (ends[0] - ends[1]) / (2 * step)
    print(f"compiled loss: {slope:.5f}, differences {measured:.5f}")
    assert abs(slope - measured) <= 0.02 * abs(slope), (slope, measured)
    return found
