# REQUIRES: python
# RUN: %python %s quant-opt
# Types and attributes cut, repeated and mixed up: parsed or refused with an
# error, never a crash; what parses prints in a form that parses to itself.
import random
import re
import subprocess
import sys

from seeding import draw_seed

seed = draw_seed()
rng = random.Random(seed)
valid = [
    "!qnt.tensor<384x384, int4, group<32>, scale f16>",
    "!qnt.tensor<?x384, uint8, per_row, scale f32, zero>",
    "!qnt.tensor<64x384, uint4, group<32>, scale f32, offset>",
    "!qnt.tensor<?x?x64, int8, per_tensor, scale bf16, #qnt.rows<pad = 64, sums = 32>>",
    "!qnt.tensor<4x64, e4m3_ieee, per_channel, scale f32>",
    "!qnt.tensor<4x64, nf4, group<64>, scale f16, #qnt.panels<16, sums true>>",
    "!qnt.tensor<4x64, bf16, unscaled>",
    "!nn.kv_cache<6 layers, 2 heads, 64, f16>",
    "#qnt.format<e3m2>", "#qnt.block<group<16>>", "#qnt.panels<16>",
    "#qnt.rows<pad = 64, sums = 32, excess = 128>",
    '#qnt.strategy<kernel = "k", rows = [1, 4], panels = [2, 1]>',
    "#qnt.block_strategy<rows = [16], blockM = [16], blockN = [64], "
    "warpsM = [1], warpsN = [4], stages = [4], splits = [1]>",
    "#nn.rope_scaling<kind = yarn, factor = 4.0, lowFrequency = 1.0, "
    "highFrequency = 32.0, original = 4096, attention = 1.1>",
]
tokens = sorted({t for v in valid for t in re.findall(r"\w+|[^\w\s]", v)} | {
    "", "-1", "0", "4294967296", "9223372036854775808", "18446744073709551617",
    "99999999999999999999999", "int0", "int9", "e99999999999m1", "e8m23_finite",
    "f64", "i32", "inf", "nan", "1.0e999", '"', "tensor<4xf32>", "[", "]", "{",
    "}", "*", "?", "()", "!qnt.tensor<4x64, f32, unscaled>", "#qnt.", "!qnt.",
    "unit", "\\00", "é"})


def mutate(text):
    parts = re.findall(r"\w+|[^\w\s]|\s+", text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        match rng.randrange(5):
            case 0:
                del parts[at]
            case 1:
                parts[at] = rng.choice(tokens)
            case 2:
                parts.insert(at, rng.choice(tokens))
            case 3:
                parts.insert(at, parts[rng.randrange(len(parts))])
            case 4:
                parts = parts[:at + 1]
        if not parts:
            break
    return "".join(parts)


def run(lines, *flags):
    text = "\n// -----\n".join(lines)
    done = subprocess.run([sys.argv[1], "--split-input-file", *flags, "-"],
                          input=text.encode(), capture_output=True, timeout=300)
    if done.returncode not in (0, 1):
        if len(lines) == 1:
            sys.exit(f"exit status {done.returncode} on:\n{text}\n"
                     + done.stderr.decode(errors="replace")[-2000:])
        for line in lines:
            run([line], *flags)
        sys.exit(f"exit status {done.returncode}, on no line alone")
    return done.stdout.decode(), done.stderr.decode(errors="replace")


lines = []
for number in range(600):
    base = rng.choice(valid)
    text = mutate(base)
    lines.append(f"func.func private @f{number}() attributes {{a = {text}}}")
lines += [f"func.func private @valid{i}() attributes {{a = {v}}}"
          for i, v in enumerate(valid)]
parsed, errors = run(lines)
functions = [line.strip() for line in parsed.splitlines() if "func.func" in line]
assert sum("@valid" in f for f in functions) == len(valid), functions
again, _ = run(functions)
assert [line.strip() for line in again.splitlines() if "func.func" in line] == functions
# Whatever is refused is refused with a reason at its place. MLIR's lexer complains of a lone
# full stop, which its parser then skips, in types of any dialect.
SKIPPED = "expected three consecutive dots for an ellipsis"
reported = {}
for number, message in re.findall(r"<stdin>:(\d+):\d+: error: (.*)", errors):
    reported.setdefault(int(number), set()).add(message)
for index, line in enumerate(lines):
    name = re.search(r"@\w+", line).group()
    known = any(name + "(" in f for f in functions)
    messages = reported.get(2 * index + 1, set())
    assert not messages - {SKIPPED} if known else messages, (line, messages)
print(len(lines), "inputs,", len(functions), "parsed")
