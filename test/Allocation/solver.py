# REQUIRES: python
# RUN: %python %s %test_bin/test-allocation
"""Allocations against all there are, on small random problems: with one to three
budgets, couplings, losses over many orders of magnitude, budgets that cannot be
kept; the front of a sweep; what is no problem."""
import itertools
import json
import re
import subprocess
import sys

import numpy as np

from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
FORMATS = ["int2", "int3", "int4", "int8"]


def ask(problems):
    done = subprocess.run([sys.argv[1]], input=json.dumps(problems), text=True,
                          capture_output=True, check=True)
    return json.loads(done.stdout)


def make():
    count, budgets = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    items = []
    for _ in range(count):
        chosen = sorted(rng.choice(4, int(rng.integers(1, 5)), replace=False))
        size = 10 ** rng.uniform(0, 4)
        loss = 10 ** rng.uniform(-6, 0)
        items.append([{"name": FORMATS[f],
                       "loss": float(loss * rng.uniform(0.5, 2) / 4.0 ** f),
                       "costs": [float(size * (f + 1) * rng.uniform(0.9, 1.1))
                                 for _ in range(budgets)]} for f in chosen])
    couplings = []
    if count > 1 and rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            first, second = rng.choice(count, 2, replace=False)
            alike = rng.random() < 0.5
            couplings.append({
                "first": int(first), "second": int(second),
                "costs": [[[0.0 if alike and a["name"] == b["name"] else
                            float(rng.uniform(0, 1e3)) for _ in range(budgets)]
                           for b in items[second]] for a in items[first]]})
    most = [sum(max(c["costs"][b] for c in item) for item in items)
            for b in range(budgets)]
    limits = [float(m * rng.uniform(0.1, 1.1)) for m in most]
    return {"items": items, "limits": limits, "couplings": couplings}


def everything(problem):
    """(loss, costs) of all allocations."""
    for numbers in itertools.product(*(range(len(i)) for i in problem["items"])):
        chosen = [item[n] for item, n in zip(problem["items"], numbers)]
        costs = np.sum([c["costs"] for c in chosen], axis=0)
        for coupling in problem["couplings"]:
            costs = costs + coupling["costs"][numbers[coupling["first"]]][
                numbers[coupling["second"]]]
        yield sum(c["loss"] for c in chosen), costs


problems = [make() for _ in range(200)]
impossible = 0
for problem, got in zip(problems, ask(problems)):
    all_ = list(everything(problem))
    fits = [loss for loss, costs in all_ if (costs <= problem["limits"]).all()]
    if not fits:
        impossible += 1
        least = np.min([costs for _, costs in all_], axis=0)
        assert "cannot be kept" in got["error"], got
        named = re.match(r"a budget of \S+ unit(\d) cannot be kept: expected (\S+) to",
                         got["error"])
        alone = least > problem["limits"]
        assert bool(named) == alone.any(), (got, least)
        if named:
            assert np.isclose(float(named[2]), least[int(named[1])], rtol=1e-4)
        continue
    assert abs(got["loss"] - min(fits)) <= 1e-9 * min(fits), (got, min(fits))
    chosen = [item[c] for item, c in zip(problem["items"], got["choices"])]
    assert np.isclose(sum(c["loss"] for c in chosen), got["loss"], rtol=1e-12)
    assert (np.array(got["costs"]) <= problem["limits"]).all()
assert 5 < impossible < 150, impossible

# Fronts: each point is the best of its cost, and they descend in loss.
problems = [make() | {"limits": [0.0], "sweep": 12} for _ in range(20)]
for problem in problems:
    for part in sum(problem["items"], []):
        part["costs"] = part["costs"][:1]
    for coupling in problem["couplings"]:
        coupling["costs"] = [[costs[:1] for costs in row] for row in coupling["costs"]]
for problem, front in zip(problems, ask(problems)):
    all_ = [(loss, costs[0]) for loss, costs in everything(problem)]
    assert front[0]["costs"][0] <= min(c for _, c in all_) * (1 + 1e-12)
    best = min(loss for loss, _ in all_)
    assert np.isclose(front[-1]["loss"], best, rtol=1e-9)
    for point, after in zip(front, front[1:]):
        assert point["loss"] > after["loss"]
    for point in front:
        cost = point["costs"][0] * (1 + 1e-12)
        assert np.isclose(point["loss"], min(l for l, c in all_ if c <= cost),
                          rtol=1e-9)

# Tensors that are much alike: next to nothing above the least, which dynamic
# programming over whole costs finds.
alike = [[{"name": f"int{bits}", "loss": float(4.0 ** -bits * rng.uniform(0.9999, 1.0001)),
           "costs": [float(size * bits)]} for bits in (2, 3, 4, 8)]
         for size in (10, 13, 29) for _ in range(60)]
most = sum(int(item[-1]["costs"][0]) for item in alike)
least = np.full(most + 1, np.inf)
least[0] = 0
for item in alike:
    after = np.full(most + 1, np.inf)
    for choice in item:
        cost = int(choice["costs"][0])
        after[cost:] = np.minimum(after[cost:], least[:most + 1 - cost] + choice["loss"])
    least = after
limits = [int(share * most) for share in (0.28, 0.35, 0.5, 0.7, 0.9)]
for limit, got in zip(limits, ask([{"items": alike, "limits": [limit]}
                                   for limit in limits])):
    best = least[:limit + 1].min()
    assert best * (1 - 1e-9) <= got["loss"] <= best * (1 + 1e-3), (got["loss"], best)
    assert got["costs"][0] <= limit

bad = [{"items": [[]], "limits": [1.0]},
       {"items": [[{"name": "a", "loss": -1.0, "costs": [1.0]}]], "limits": [1.0]},
       {"items": [[{"name": "a", "loss": 1.0, "costs": []}]], "limits": [1.0]},
       {"items": [[{"name": "a", "loss": 1.0, "costs": [1.0]}]], "limits": [1.0],
        "couplings": [{"first": 0, "second": 1, "costs": [[[1.0]]]}]},
       {"items": [[{"name": "a", "loss": 1.0, "costs": [1.0]}]] * 2, "limits": [1.0],
        "couplings": [{"first": 0, "second": 1, "costs": []}]}]
for got, words in zip(ask(bad), ("no choice", "loss is negative", "a cost for each",
                                 "coupling of no two items",
                                 "coupling without all")):
    assert words in got["invalid"], got
