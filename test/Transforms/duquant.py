# REQUIRES: python
# RUN: rm -rf %t && mkdir %t && %python %s %t %test_bin/interpret
"""qnt-rotate kind=duquant: the matrices that numpy finds by the paper's
construction, features dealt to blocks back and forth, outliers spread, and a model
that computes what it computed."""
import pathlib
import re
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.linalg import block_diag

folder, interpret = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.append(str(pathlib.Path(__file__).parent.parent / "Interpreter/Inputs"))
from rotations import matrix, rotate
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32
K, N, ROWS = 96, 160, 500
save_file({"w": rng.standard_normal((N, K)).astype(F),
           "v": rng.standard_normal((K, N)).astype(F)}, folder / "model.st")

# Features that follow one another, an offset, and some channels of 50.
x = rng.standard_normal((ROWS, K)) @ (rng.standard_normal((K, K)) / K)
x += rng.standard_normal(K)
x[:, rng.choice(K, 4, replace=False)] *= 50
x = x.astype(F)
moment = x.T.astype(float) @ x / ROWS
TEXT = f"""module attributes {{qnt.params = "{folder}/model.st", qnt.statistics = "{folder}/STATISTICS",
    qnt.calibration = {{a = array<f32: 0.0, 1.0>}}}} {{
ml_program.global private @w(#ml_program.extern : tensor<{N}x{K}xf32>) : tensor<{N}x{K}xf32>
ml_program.global private @v(#ml_program.extern : tensor<{K}x{N}xf32>) : tensor<{K}x{N}xf32>
func.func @main(%x: tensor<?x{K}xf32> {{qnt.name = "x", qnt.dims = ["rows", ""]}}) -> tensor<?x{K}xf32> {{
  %w = ml_program.global_load_const @w : tensor<{N}x{K}xf32>
  %v = ml_program.global_load_const @v : tensor<{K}x{N}xf32>
  %a = nn.linear %x, %w : tensor<?x{K}xf32>, tensor<{N}x{K}xf32> loc("a")
  %r = nn.activation relu %a : tensor<?x{N}xf32>
  %b = nn.linear %r, %v : tensor<?x{N}xf32>, tensor<{K}x{N}xf32> loc("b")
  return %b : tensor<?x{K}xf32>
}}
}}
"""


def statistics(name, tensors, **metadata):
    save_file({f"statistics/{k}": np.ascontiguousarray(v.astype(F))
               for k, v in tensors.items()}, folder / name,
              {"format": "qnt-statistics-tensors", "version": "1"} | metadata)


hidden = np.maximum(x @ load_file(folder / "model.st")["w"].T, 0).astype(float)
channels = {"a/absmax": np.abs(x).max(0), "b/absmax": hidden.max(0)}
statistics("absmax.st", channels)
statistics("moment.st", channels | {
    "a/second_moment": moment, "b/second_moment": hidden.T @ hidden / ROWS})


def quant_opt(text, *options):
    return subprocess.run(["quant-opt", "-", *options], input=text,
                          capture_output=True, text=True)


def output(text):
    (folder / "in.mlir").write_text(text)
    np.savez(folder / "x.npz", x=x)
    subprocess.run([interpret, folder / "in.mlir", "main", folder / "x.npz",
                    folder / "y"], check=True)
    return np.load(folder / "y.0.npy").astype(float)


def crest(second):
    return second.diagonal().max() / second.diagonal().mean()


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2 ** 64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2 ** 64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2 ** 64
        yield z ^ (z >> 31)


def greedy(m, state):
    """DuQuant's rotation of one block: the best of the products of up to 64 steps
    E H Q E, E the exchange of the largest feature with the first, Q a signed
    permutation that leaves the first alone."""
    n, numbers = len(m), split_mix(state)
    best = product = np.eye(n)
    least, total = m.diagonal().max(), m.trace()
    for _ in range(64):
        if least * n <= 1.0001 * total:
            break
        order = np.arange(n)
        for i in range(n - 1, 1, -1):
            j = 1 + next(numbers) % i
            order[[i, j]] = order[[j, i]]
        sign = np.array([1] + [-1 if next(numbers) & 1 else 1
                               for _ in range(1, n)])
        exchange = np.eye(n)
        top = (product.T @ m @ product).diagonal().argmax()
        exchange[[0, top]] = exchange[[top, 0]]
        product = (product @ exchange @ (matrix(n) / np.sqrt(n))[:, order] * sign
                   @ exchange)
        largest = (product.T @ m @ product).diagonal().max()
        if largest < least:
            least, best = largest, product
    return best


def greedy_blocks(m, size, state):
    return np.stack([greedy(m[i:i + size, i:i + size], (state + i) % 2 ** 64)
                     for i in range(0, len(m), size)])


want = output(TEXT.replace("STATISTICS", "moment.st"))
for name, kind, block in (("moment.st", "duquant", 0), ("moment.st", "duquant", 32),
                          ("absmax.st", "duquant", 16),
                          ("moment.st", "duquant++", 16)):
    dual = kind == "duquant"
    rotation = f"--qnt-rotate=kind={kind} down block={block} seed={seed}"
    done = quant_opt(TEXT.replace("STATISTICS", name), rotation,
                     "--remark-policy=all", "--remarks-filter=qnt-rotate")
    assert done.returncode == 0, done.stderr[:2000]
    text = done.stdout
    assert "qnt.statistics" not in text and "qnt.calibration" not in text
    assert text.count("qnt.rotate") == (8 if dual else 4) and \
        text.count("nn.select_features") == (4 if dual else 0), text[:1000]
    got = output(text)
    error = np.abs(got - want).max() / np.abs(want).max()
    assert 0 < error <= 1e-4, (name, error)

    # What was made for the first layer, in the order of the text.
    size = block or 96
    matrices = [np.frombuffer(bytes.fromhex(h), F).reshape(-1, size, size)
                for h in re.findall(
                    rf'dense<"0x([0-9A-F]+)"> : tensor<{K // size}x{size}x'
                    rf'{size}xf32>', text)]
    m = np.diag(np.abs(x).max(0) ** 2) if name == "absmax.st" else moment
    m = m.astype(F).astype(float)
    r1 = matrices[0].astype(float)
    np.testing.assert_allclose(r1, greedy_blocks(m, size, seed), atol=1e-6)
    after = block_diag(*r1).T @ m @ block_diag(*r1)
    if dual:
        order = re.search(rf"dense<(?:\[([\d, ]+)\]|\"0x([0-9A-F]+)\")> : "
                          rf"tensor<{K}xi32>", text)
        order = np.array(eval(order[1])) if order[1] else np.frombuffer(
            bytes.fromhex(order[2]), np.int32)
        assert sorted(order) == list(range(K))
        dealt = after.astype(F).astype(float)[order][:, order]
        power = dealt.diagonal()
        # Each turn deals the next largest, in alternating directions.
        turns = power.reshape(-1, size).T.copy()
        turns[1::2] = turns[1::2, ::-1]
        assert (np.diff(turns.ravel()) <= 1e-6 * power.max()).all()
        r2 = matrices[1].astype(float)
        for r in r2:
            assert np.abs(r @ r.T - np.eye(size)).max() < 1e-6
        # Of independent channels, features of a block are alike after the first
        # rotation, and roundings say which is the largest.
        if name != "absmax.st":
            np.testing.assert_allclose(
                r2, greedy_blocks(dealt, size, ~seed % 2 ** 64), atol=1e-6)
        after = block_diag(*r2).T @ dealt @ block_diag(*r2)
    plain = rotate(rotate(m, size, 7).T, size, 7)
    # Messages give both.
    reported = re.search(r"outliers.*after=([\d.e+-]+), before=([\d.e+-]+), "
                         r"block=(\d+), site=a, statistic=(\w+)", done.stderr)
    assert int(reported[3]) == size and reported[4] == {
        "moment.st": "second_moment", "absmax.st": "absmax"}[name]
    np.testing.assert_allclose([float(reported[1]), float(reported[2])],
                               [crest(after), crest(m)], rtol=1e-3)
    print(f"{kind} {name} {size}: crest {crest(m):.2f}, Hadamard {crest(plain):.2f}, "
          f"now {crest(after):.2f}")
    assert crest(after) < crest(m) / 2

    again = quant_opt(TEXT.replace("STATISTICS", name), "--mlir-disable-threading",
                      rotation)
    assert again.stdout == text

for change, message in [
        ((f', qnt.statistics = "{folder}/STATISTICS"', ""),
         "kind=duquant: the module has no qnt.statistics; run qnt-calibrate"),
        (("STATISTICS", "model.st"), "expected a file of statistics"),
        (("STATISTICS", "none.st"), "none.st"),
        (('loc("b")', 'loc("c")'), "statistics/c/absmax")]:
    wrong = quant_opt(TEXT.replace(*change).replace("STATISTICS", "absmax.st"),
                      "--qnt-rotate=kind=duquant down")
    assert wrong.returncode == 1 and message in wrong.stderr, (message, wrong)
wrong = quant_opt(TEXT.replace("STATISTICS", "absmax.st"),
                  "--qnt-rotate=kind=duquant down block=60")
assert "expected a block of at least 2 features that divides 96" in wrong.stderr
wrong = quant_opt(TEXT, "--qnt-rotate=kind=other down")
assert "kind=other: expected hadamard, duquant or duquant++" in wrong.stderr
