"""Runs that take turns, so that what else a machine does falls on all of them."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from tools import ROOT

PEERS = pathlib.Path(os.environ.get("QNT_PEERS", ROOT / ".venv-peers"))


def take_turns(runs, rounds):
    """What each of `runs`, functions by name, gives in each round."""
    results = {name: [] for name in runs}
    for turn in range(rounds):
        for name in list(runs) if turn % 2 == 0 else reversed(runs):
            results[name].append(runs[name]())
    return results


def summarize(values):
    """Median and spread, (largest - smallest) / median."""
    median = statistics.median(values)
    return median, (max(values) - min(values)) / median


def summarize_ratios(numerators, denominators):
    """Of round by round ratios the median, the lowest and the highest."""
    values = [a / b for a, b in zip(numerators, denominators)]
    return statistics.median(values), min(values), max(values)


def heading(text):
    print(f"\n{text}\n\n| work | threads | figure | median (lowest to highest) | must reach |\n"
          "|---|---|---|---|---|", flush=True)


def line(work, threads, figure, values, target):
    median, low, high = values
    print(f"| {work} | {threads} | {figure} | {median:.2f} ({low:.2f} to {high:.2f}) | {target} |",
          flush=True)


def shares(results):
    """Median, lowest and highest."""
    return summarize(results)[0], min(results), max(results)


def show_times(times, width=14):
    for name, values in times.items():
        median, spread = summarize(values)
        print(f"  {name:{width}} {median:8.3f} ms  (spread {spread:4.0%})")


def show_ratio(times, slow, fast):
    median, low, high = summarize_ratios(times[slow], times[fast])
    print(f"  {slow} / {fast}: {median:.2f} ({low:.2f} to {high:.2f})")


def open_session(path, threads):
    """ONNX Runtime's of the model, on the CPU."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def time_session(session, feeds, seconds=1.0):
    """Median milliseconds of a call over about `seconds`."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        session.run(None, feeds)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


class Peer:
    """peer.py in the environment that `.ci/setup peers` made, waiting for its turns."""

    def __init__(self, *args):
        python = PEERS / "bin/python"
        if not python.exists():
            sys.exit(f"no {PEERS}: run .ci/setup peers")
        self.process = subprocess.Popen(
            [python, ROOT / "test/Bench/peer.py", *map(str, args)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.name = self.process.stdout.readline().strip()
        if not self.name:
            sys.exit(f"{' '.join(map(str, args))}: the peer did not start")

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
