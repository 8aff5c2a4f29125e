# REQUIRES: python
# RUN: %python %s %test_bin/test-tokenize %S/Inputs
# Tokenisers trained here against the HuggingFace tokenizers package.
import sys

program, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from compare import compare
from models import stages, trained
from texts import Comparison, lines

comparison = Comparison(31)
training = lines(comparison.seed + 1, 600)
texts = lines(comparison.seed, 1000)
texts += [t[:9] + "<s> <mask>café" + t + "</s>  quant<|end|> x" for t in texts[:40]]
for name, source in trained(training):
    # The variants differ in one option: a part of the lines tells.
    main = name in ("gpt2", "llama3", "qwen2", "llama2 bytes", "bert cased",
                    "unigram", "unigram nmt_nfkc")
    compare(comparison, program, name, source,
            texts if main else texts[::6] + texts[1000:])
for name, source in stages(training):
    compare(comparison, program, name, source, texts[:80])
comparison.finish()
