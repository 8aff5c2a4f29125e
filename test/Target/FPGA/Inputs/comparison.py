"""Models of integers beside the interpreter, as C++ and as Verilog wherever streams wait."""
import json

from csim import CSimulation
from designs import pack
from integers import fold, interpret, read_streams, run
from rtl import Simulation

FRAMES = 3


def compare(rng, seed, build, here, cycles, part=None):
    """Of stored.mlir in `here`, folded into so many cycles, for a part or any: what the
    interpreter gives of random codes is what both designs give, and frames come as often as the
    report says. The codes and the numbers that they give."""
    fold(build, here, cycles, part=part)
    run(build / "test/bin/emit-design", here / "design.mlir", here)
    source, result = read_streams(here / "design.mlir")
    codes, numbers = source.draw(rng, FRAMES)
    # The design has images channels last, the model first.
    images = numbers if numbers.ndim == 2 else numbers.transpose(0, 3, 1, 2)
    want = interpret(build, here, images)
    given = {"in0": pack(codes.ravel(), source.bits, source.lanes)}
    compiled = CSimulation(here, "model", [("in0", source.word_bits, source.words)],
                           [("out0", result.word_bits, result.words)])
    assert (result.decode(compiled.run(given)["out0"]) == want).all(), here
    simulation = Simulation(here, "model", [("in0", source.word_bits, FRAMES * source.words)],
                            [("out0", result.word_bits, FRAMES * result.words)])
    for stalls in (0, 4, 12):
        got = simulation.run(given, stalls, seed=1 + seed % 1000000 + stalls)["out0"]
        assert (result.decode([word for _, word in got]) == want).all(), (here, stalls)
        if stalls == 0:
            ends = [cycle for cycle, _ in got][result.words - 1::result.words]
            formula = json.loads((here / "report.json").read_text())["cycles"]
            # What holds the first frame up, before streams are full, makes it late.
            assert ends[-1] - ends[-2] == formula >= ends[1] - ends[0], (here, ends, formula)
    return codes, want
