"""Random text in several scripts, and the dialogue with test-tokenize."""
import json
import random
import subprocess
import sys

# Letters by script. The ranges hold characters that Unicode 8 knows: the
# reference's tables of punctuation and marks are that old.
SCRIPTS = {
    "latin": [(0x61, 0x7A), (0x61, 0x7A), (0x41, 0x5A), (0xC0, 0x17F)],
    "vietnamese": [(0x1EA0, 0x1EF9), (0x61, 0x7A)],
    "greek": [(0x391, 0x3A1), (0x3A3, 0x3CE), (0x1F00, 0x1F07)],
    "cyrillic": [(0x400, 0x45F)],
    "arabic": [(0x621, 0x64A), (0x64B, 0x652), (0x660, 0x669)],
    "hebrew": [(0x5D0, 0x5EA), (0x5B0, 0x5B9)],
    "devanagari": [(0x905, 0x939), (0x93E, 0x94D), (0x966, 0x96F)],
    "thai": [(0xE01, 0xE3A), (0xE40, 0xE4E)],
    "chinese": [(0x4E00, 0x9FA5)],
    "japanese": [(0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x4FFF)],
    "korean": [(0xAC00, 0xD7A3), (0x1100, 0x1112), (0x1161, 0x1175)],
    "wide": [(0xFF01, 0xFF5E), (0x2460, 0x2473), (0x2160, 0x216B)],
}
WORDS = """the of and a to in is was he she it's we've they're I'm don't can't
you'll we'd international quantization naïve café Zürich Straße résumé
Москва привет κόσμος سلام שלום नमस्ते สวัสดี 世界 日本語 한국어 ﬁnance ½ ² ™ İstanbul
l'été TODAY'S I'M Ångström""".split()
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "👨🏿‍🚀", "1️⃣", "🤷‍♀️"]
SPACES = [" ", " ", " ", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0",
          "\u3000", "\u2003", "\u200b", "\u2028", "\u0085", "\u200d", "\ufeff"]
CODE = ["for (int i = 0; i < n; ++i) {", "\tx[i] += y*2;", "def f(x): return x",
        "{'a': [1, 2.5e-3, None]}", "<div class=\"x\">&amp;</div>", "a_b->c::d",
        "https://example.org/a?b=c&d=%20", "# ## ###", "$ ls -la | grep '^d'"]
MARKS = list(".,;:!?…-–—()[]{}\"'“”«»¿¡。、？！،؟।@#$%^&*_+=|\\/<>~`€£") + [
    "...", "?!", " .", " ,", "\u2581", "##", "</s>", "<unk>", "<0x41>"]
CONTROL = ["\x00", "\x01", "\x0b", "\x0c", "\x1b", "\x7f", "\x9f", "\ufffd",
           "\u200e", "\ue000"]


def word(rng, script):
    out = []
    for _ in range(rng.randint(1, 9)):
        low, high = rng.choice(SCRIPTS[script])
        out.append(chr(rng.randint(low, high)))
        if rng.random() < 0.06:  # combining marks, some of them stacked
            out += [chr(rng.randint(0x300, 0x33F))
                    for _ in range(rng.randint(1, 2))]
    return "".join(out)


def line(rng):
    scripts = rng.sample(sorted(SCRIPTS), rng.randint(1, 3))
    out = []
    if rng.random() < 0.15:
        out.append(rng.choice(SPACES))
    for _ in range(rng.randint(1, 14)):
        kind = rng.random()
        if kind < 0.30:
            out.append(rng.choice(WORDS))
        elif kind < 0.62:
            out.append(word(rng, rng.choice(scripts)))
        elif kind < 0.70:
            out.append(str(rng.randint(0, 10 ** rng.randint(1, 12))))
        elif kind < 0.75:
            out.append(rng.choice(EMOJI))
        elif kind < 0.79:
            out.append(rng.choice(CODE))
        elif kind < 0.94:
            out.append(rng.choice(MARKS))
        elif kind < 0.97:
            out.append(rng.choice(CONTROL))
        if rng.random() < 0.8:
            out.append(rng.choice(SPACES))
    return "".join(out)


def lines(seed, count):
    rng = random.Random(seed)
    # The same seed must give the same text everywhere.
    return ["", " ", "a", "\n"] + [line(rng) for _ in range(count - 4)]


def ask(program, mode, arguments, requests):
    """The replies of test-tokenize, one for each request."""
    run = subprocess.run([program, mode, *arguments],
                         input="\n".join(map(json.dumps, requests)) + "\n",
                         capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{mode} {arguments}: exit {run.returncode}: {run.stderr}")
    replies = [json.loads(l) for l in run.stdout.split("\n") if l]
    assert len(replies) == len(requests), "a reply is missing"
    return replies


class Comparison:
    """Counts and shows differences; `finish` fails if there are any."""

    def __init__(self, seed):
        self.seed, self.checked, self.wrong = seed, 0, 0
        print("seed", seed)

    def equal(self, what, given, ours, reference):
        self.checked += 1
        if ours == reference:
            return
        self.wrong += 1
        if self.wrong <= 10:
            print(f"{what}: {given!r}\n  ours {ours!r}\n  want {reference!r}")

    def finish(self):
        print(f"{self.checked} comparisons, {self.wrong} differences")
        sys.exit(1 if self.wrong or not self.checked else 0)
