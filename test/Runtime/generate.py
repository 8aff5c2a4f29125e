# REQUIRES: python
# RUN: %python %s %build/test/Runtime/models
"""Generated text against numpy: greedy, batched, stopped, sampled."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import fails, result, rng, run
from reference import BOS, EOS, LanguageModel, log_softmax

models = sys.argv[1]
lm = models + "/lm.so"
model = LanguageModel(models + "/lm.safetensors")


def prompt():
    return "".join(rng.choices("abcdefgh ", k=rng.randrange(1, 30)))


def ids(text):
    return [BOS, *text.encode()]


# One prompt, and several of different length at once.
texts = [prompt() for _ in range(4)]
want = [model.greedy(ids(text), 20, EOS) for text in texts]
for tokens in want:
    if tokens[-1] == EOS:
        tokens.pop()
args = [word for text in texts for word in ("--prompt", text)]
for options in [], ["--threads", 3], ["--isa", "portable"], ["--mmap"]:
    got = result(lm, *args, "-n", 20, *options)
    assert got["token_ids"] == want, (got, want)
got = result(lm, "--prompt", texts[0], "-n", 20)
assert got["token_ids"] == want[:1]
assert got["new_tokens"] == len(want[0])
assert got["prompt_tokens"] == len(ids(texts[0]))
plain = bytes(token for token in want[0] if token != BOS)
assert got["texts"] == [plain.decode("utf-8", "replace")]

# Streamed bytes are the same text.
done = run(lm, "--prompt", texts[0], "-n", 20)
assert done.stdout.decode() == got["texts"][0] + "\n", done

# The context ends a text: one more token than there is room to write.
got = result(lm, "--prompt", "abc", "-n", 20, "--context", 8, "--ignore-eos")
assert got["token_ids"] == [model.greedy(ids("abc"), 5)]
fails("the prompt has 5 tokens, but the context holds 4", lm, "--prompt",
      "abcd", "--context", 4)
fails("--context 321 is more than the model's 320", lm, "--prompt", "a",
      "--context", 321)

# Sampling: the first token's frequencies over many sequences.
text = prompt()
count = 400
p = np.exp(log_softmax(model.logits(ids(text))[-1] / 1.3))
many = ["--prompt", text] * count
base = rng.randrange(1 << 20)
common = [lm, *many, "-n", 1, "--ignore-eos", "--temperature", 1.3]
got = result(*common, "--seed", base)["token_ids"]
assert got == result(*common, "--seed", base)["token_ids"]
assert got != result(*common, "--seed", base + count)["token_ids"]


def check(got, p):
    """Chi-square of ten groups of tokens of about equal probability."""
    cumulative = np.cumsum(p) - p / 2
    group = np.minimum((cumulative * 10).astype(int), 9)
    seen = np.bincount(group[[row[0] for row in got]], minlength=10)
    want = np.bincount(group, weights=p, minlength=10) * count
    used = want > 0
    chi = ((seen[used] - want[used]) ** 2 / want[used]).sum()
    assert seen[~used].sum() == 0 and chi < 45, (chi, seen, want)


check(got, p)
best = np.argsort(-p)
top = np.zeros_like(p)
top[best[:3]] = p[best[:3]] / p[best[:3]].sum()
check(result(*common, "--seed", base, "--top-k", 3)["token_ids"], top)
kept = best[: int(np.searchsorted(np.cumsum(p[best]), 0.7)) + 1]
nucleus = np.zeros_like(p)
nucleus[kept] = p[kept] / p[kept].sum()
check(result(*common, "--seed", base, "--top-p", 0.7)["token_ids"], nucleus)
assert result(lm, "--prompt", text, "-n", 20, "--temperature", 2, "--top-k",
              1)["token_ids"] == result(lm, "--prompt", text, "-n",
                                        20)["token_ids"]

# A chat is its template, rendered; no other special tokens.
turns = "<s>[system]be brief\n[user]why?\n[assistant]"
plain = [BOS, *turns[3:].encode()]
got = result(lm, "--chat", "--system", "be brief", "--prompt", "why?", "-n", 9,
             "--ignore-eos")
assert got["prompt_tokens"] == len(plain), got
assert got["token_ids"] == [model.greedy(plain, 9)]
