#!/usr/bin/env python3
"""Chosen formats beside uniform ones, greedy ones and random ones of the same size, and
what the sum of losses predicts beside what is measured.

  tinylm    KL to f32 on shared/data/english_heldout.txt, per channel; tinylm-g64: in
            groups of 64
  minilm    1 - cosine to f32 of embeddings of the same text's lines
  resnet20  KL to f32 of the scores of shared/data/cifar10_test_2000.npz

For each number of bits: formats chosen by each metric; the least of RANDOM random
allocations; greedy, which goes on from the coarsest format with whatever takes most
squared weight error away for a bit; and, of uniform formats, log KL interpolated
between those with fewer and more bits. --metrics-only leaves all but the first out.
Then Spearman's correlation of predicted and measured over --pairs random allocations
of --pair-bits; and, over all weights and formats, of the losses by each metric and
those by the first.

usage: allocate.py [--models NAME,...] [--metrics NAME,...] [--metrics-only]
                   [--formats F,...] [--bits B,...] [--limit N] [--random N] [--pairs N]
                   [--pair-bits B] [--seed N]
"""
import argparse
import json
import pathlib
import tempfile

import numpy as np
from scipy.stats import spearmanr

from cifar import MODELS as IMAGES
from tools import (ROOT, compile_model, find_minilm, machine, need_shared,
                   run_json)

METRICS = ["loss", "fisher", "trace", "output", "weight"]
TEXT = need_shared("data/english_heldout.txt")


class TinyLM:
    source = ROOT / "test/Inputs/tinylm"
    passes = []
    calib = f"calib={need_shared('data/english_calib.txt')} samples=64"

    def __init__(self, group):
        self.base = f"group={group} method=mse"
        self.name = f"tinylm, {f'groups of {group}' if group else 'per channel'}"

    def measure(self, model, reference, limit):
        return run_json(model, "--compare", reference, "--text", TEXT, "--limit",
                        limit)["kl"]


class MiniLM(TinyLM):
    source = None

    def __init__(self):
        self.base, self.name = "method=mse", "minilm, per channel"
        self.source = find_minilm()

    def measure(self, model, reference, limit):
        return 1 - run_json(model, "--compare", reference, "--text", TEXT, "--limit",
                            limit)["cosine"]


class ResNet20:
    name, base = "resnet20, per channel", "method=mse"
    source = need_shared("models/resnet20_cifar10.onnx")
    passes = [f"--preprocess={IMAGES['resnet20']}"]
    calib = f"calib={need_shared('data/cifar10_calib_512.npz')} samples=128"

    def scores(self, model):
        out = model.with_suffix(".npy")
        run_json(model, "--eval", f"top1={need_shared('data/cifar10_test_2000.npz')}",
                 "--output", out)
        return np.load(out).astype(float)

    def measure(self, model, reference, limit):
        def log_softmax(x):
            x = x - x.max(1, keepdims=True)
            return x - np.log(np.exp(x).sum(1, keepdims=True))
        own, got = map(log_softmax, (self.scores(reference), self.scores(model)))
        return (np.exp(own) * (own - got)).sum(1).mean()


MODELS = {"tinylm-g64": lambda: TinyLM(64), "tinylm": lambda: TinyLM(0),
          "minilm": MiniLM, "resnet20": ResNet20}


class Bench:
    def __init__(self, model, folder, args):
        self.model, self.folder, self.args = model, folder, args
        self.formats = args.formats
        self.rng = np.random.default_rng(args.seed)
        self.reference = folder / "f32.so"
        compile_model(model.source, self.reference, None, *model.passes)
        self.metrics = args.metrics
        self.reports = {m: self.choose(m, args.bits[0])[1] for m in self.metrics}
        tensors = self.reports[self.metrics[0]]["tensors"]
        self.names = [t["name"] for t in tensors]
        self.sizes = np.array([np.prod(t["shape"]) for t in tensors], float)
        self.cost = np.array([[c["bits"] for c in t["choices"]] for t in tensors])
        self.cost /= self.sizes.sum()

    def losses(self, metric):
        """[tensors, formats]"""
        return np.array([[c["loss"] for c in t["choices"]]
                         for t in self.reports[metric]["tensors"]])

    def choose(self, metric, bits):
        path, report = self.folder / f"{metric}.so", self.folder / "report.json"
        compile_model(self.model.source, path,
                      f"bits={bits} formats={','.join(self.formats)} sensitivity={metric} "
                      f"{self.model.base} {self.model.calib}", *self.model.passes,
                      f"--report={report}")
        return path, json.load(open(report))

    def measure(self, path):
        return self.model.measure(path, self.reference, self.args.limit)

    def measure_choice(self, choice):
        """Of formats by their numbers, compiled as a user would who wrote them down."""
        path, file = self.folder / "m.so", self.folder / "by-hand.json"
        formats = {n: self.formats[c] for n, c in zip(self.names, choice)}
        file.write_text(json.dumps({"allocation": formats}))
        # Columns apart are chosen by second moments.
        calib = self.model.calib if any("+" in f for f in self.formats) else ""
        compile_model(self.model.source, path,
                      f"allocation={file} {self.model.base} {calib}", *self.model.passes)
        return self.measure(path)

    def bits(self, choice):
        return self.cost[np.arange(len(choice)), choice].sum()

    def draw(self, bits):
        """A random allocation of at most `bits`, and 0.05 less at least."""
        while True:
            choice = self.rng.integers(0, len(self.formats), len(self.names))
            for _ in range(20 * len(choice)):
                excess = self.bits(choice) - bits
                if -0.05 <= excess <= 0:
                    return choice
                tensor = self.rng.integers(len(choice))
                choice[tensor] = np.clip(choice[tensor] - int(np.sign(excess)), 0,
                                         len(self.formats) - 1)

    def greedy(self, bits):
        errors = np.array([[10 ** (-c["sqnr_db"] / 10) for c in t["choices"]]
                           for t in self.reports[self.metrics[0]]["tensors"]])
        choice = np.zeros(len(self.names), int)
        while True:
            best, gain = None, 0
            for tensor, now in enumerate(choice):
                if now + 1 == len(self.formats):
                    continue
                more = self.cost[tensor, now + 1] - self.cost[tensor, now]
                less = errors[tensor, now] - errors[tensor, now + 1]
                if self.bits(choice) + more <= bits and less / more > gain:
                    best, gain = tensor, less / more
            if best is None:
                return choice
            choice[best] += 1

    def baselines(self, bits):
        row = [np.exp(np.interp(bits, [b for b, _ in self.uniform],
                                np.log([k for _, k in self.uniform])))]
        row.append(self.measure_choice(self.greedy(bits)))
        row.append(min((self.measure_choice(self.draw(bits))
                        for _ in range(self.args.random)), default=np.nan))
        return row

    def run(self):
        print(f"\n{self.model.name}")
        columns = [f"by {m}" for m in self.metrics]
        if not self.args.metrics_only:
            columns += ["interpolated", "greedy", f"best of {self.args.random} random"]
            self.uniform = []
            for number, format_ in enumerate(self.formats):
                choice = np.full(len(self.names), number)
                self.uniform.append((self.bits(choice), self.measure_choice(choice)))
            print("uniform: " + ", ".join(f"{f} {b:.2f} bits {k:.5f}" for f, (b, k)
                                          in zip(self.formats, self.uniform)))
        print(f"\n| bits | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for bits in self.args.bits:
            row = [self.measure(self.choose(metric, bits)[0]) for metric in self.metrics]
            if not self.args.metrics_only:
                row += self.baselines(bits)
            print(f"| {bits} | " + " | ".join(f"{k:.5f}" for k in row) + " |", flush=True)
        if self.args.pairs:
            drawn = [self.draw(self.args.pair_bits) for _ in range(self.args.pairs)]
            measured = [self.measure_choice(choice) for choice in drawn]
            found = {m: spearmanr([self.losses(m)[np.arange(len(c)), c].sum()
                                   for c in drawn], measured)[0] for m in self.metrics}
            print(f"\nSpearman, {self.args.pairs} random allocations of "
                  f"{self.args.pair_bits} bits: "
                  + ", ".join(f"{m} {r:.3f}" for m, r in found.items()), flush=True)
        first = self.losses(self.metrics[0])
        for metric in self.metrics[1:]:
            losses = self.losses(metric)
            within = [spearmanr(losses[:, f], first[:, f])[0]
                      for f in range(len(self.formats))]
            print(f"{metric} and {self.metrics[0]}: Spearman of all weights and formats "
                  f"{spearmanr(losses.ravel(), first.ravel())[0]:.3f}; of weights in "
                  + ", ".join(f"{f} {r:.3f}" for f, r in zip(self.formats, within))
                  + f"; sums by {metric} / by {self.metrics[0]} "
                  + ", ".join(f"{f} {r:.3f}" for f, r in
                              zip(self.formats, losses.sum(0) / first.sum(0))), flush=True)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--metrics", default=METRICS,
                        type=lambda text: text.split(","))
    parser.add_argument("--metrics-only", action="store_true")
    parser.add_argument("--formats", default="int2,int3,int4,int8",
                        type=lambda text: text.split(","), help="coarsest first")
    parser.add_argument("--bits", default="2.5,3,3.5,4.5",
                        type=lambda text: [float(b) for b in text.split(",")])
    parser.add_argument("--limit", type=int, default=16,
                        help="windows or lines to measure on")
    parser.add_argument("--random", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--pair-bits", type=float, default=3.5)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse()
    print(machine())
    for name in args.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            Bench(MODELS[name](), pathlib.Path(folder), args).run()


if __name__ == "__main__":
    main()
