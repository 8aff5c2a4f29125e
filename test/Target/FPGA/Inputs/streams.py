"""Forks and changes of width: each frame comes out as it went in."""
from designs import Design, pack

WIDTHS = {"a": 1, "b": 12, "c": 3}


def stream(lanes):
    return f"!qflow.stream<6x12xsi7, {lanes}>"


def make_streams(rng):
    """Frames of 72 numbers, three a word, through three chains."""
    outs = ", ".join(f'{stream(lanes)} {{qflow.name = "{name}"}}'
                     for name, lanes in WIDTHS.items())
    # In LUTs and in block RAM, in one column and in several.
    depths = rng.integers([2, 65], [300, 700])
    text = f"""
qflow.design @streams(%x: {stream(3)} {{qflow.name = "x"}}) -> ({outs}) {{
  %one, %two, %three = qflow.fork %x : {stream(3)} -> 3
  %a = qflow.width %one : {stream(3)} -> {stream(1)}
  %wide = qflow.width %two : {stream(3)} -> {stream(6)}
  %wider = qflow.width %wide : {stream(6)} -> {stream(12)}
  %b = qflow.fifo %wider depth {depths[0]} : {stream(12)}
  %deep = qflow.fifo %three depth {depths[1]} : {stream(3)}
  %thin = qflow.width %deep : {stream(3)} -> {stream(1)}
  %same = qflow.width %thin : {stream(1)} -> {stream(1)}
  %c = qflow.width %same : {stream(1)} -> {stream(3)}
  qflow.output %a, %b, %c : {", ".join(map(stream, WIDTHS.values()))}
}}
"""
    x = rng.integers(-64, 64, 5 * 6 * 12)
    return Design("streams", text, [("x", 21, 24)],
                  [(name, 7 * lanes, 72 // lanes) for name, lanes in WIDTHS.items()],
                  {"x": pack(x, 7, 3)},
                  {name: pack(x, 7, lanes) for name, lanes in WIDTHS.items()}, period=72)
