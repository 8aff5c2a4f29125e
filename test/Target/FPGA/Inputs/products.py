"""Matrix-vector products with weights in a memory, and their input kept in another."""
import numpy as np

from designs import Design, pack


def dense(values):
    return f"dense<{np.asarray(values).tolist()}>"


def bits_of(count):
    return max(1, int(count - 1).bit_length())


def write_product(rng, vectors, k, n, pe, simd, clock):
    """Its text, weights [n, k] and multipliers [n]. The input of a vector is read with the first
    rows, and kept for the others."""
    weights = rng.integers(-128, 128, (n, k))
    multipliers = rng.integers(1, 1 << 12, n)
    folds, steps = n // pe, k // simd
    f, s, a = bits_of(folds), bits_of(steps), bits_of(folds * steps)
    # Word f * steps + s: of lane (i, r), row f * pe + r and input s * simd + i.
    words = weights.reshape(folds, pe, steps, simd).transpose(0, 2, 3, 1)
    words = words.reshape(folds * steps, simd, pe)
    tree, size, name = "", simd, "%products"
    while size > 1:
        half = size // 2
        for part, at in (("low", 0), ("high", half)):
            tree += (f"%{part}{half} = vector.extract_strided_slice {name} {{offsets = "
                     f"[{at}, 0], sizes = [{half}, {pe}], strides = [1, 1]}} : "
                     f"vector<{size}x{pe}xi24> to vector<{half}x{pe}xi24>\n")
        tree += (f"%sum{half} = arith.addi %low{half}, %high{half} : "
                 f"vector<{half}x{pe}xi24>\n")
        size, name = half, f"%sum{half}"
    x, y = f"!qflow.stream<{vectors}x{k}xui8, {simd}>", f"!qflow.stream<{vectors}x{n}xsi24, {pe}>"
    z = f"!qflow.stream<{vectors}x{n}xsi8, 1>"
    word = f"vector<{pe}xi24>"
    lane = "i24" if pe == 1 else word
    text = f"""
qflow.design @product(%x: {x} {{qflow.name = "x"}}) -> ({z} {{qflow.name = "z"}})
    attributes {{clock = {clock:.1f} : f64}} {{
  %y = qflow.process "dot"(%x) loops [{vectors}, {folds}, {steps}] initial [dense<0> : {word}, 0 : i{a}]
      : ({x}) -> {y} {{
  ^bb0(%in: {x}, %out: {y}, %vector: i{bits_of(vectors)}, %fold: i{f}, %step: i{s}, %sum: {word}, %at: i{a}):
    %first = arith.constant 0 : i{f}
    %none = arith.constant 0 : i{s}
    %last = arith.constant {steps - 1} : i{s}
    %one = arith.constant 1 : i{a}
    %end = arith.constant {folds * steps - 1} : i{a}
    %start = arith.constant 0 : i{a}
    %zero = arith.constant dense<0> : {word}
    %isNew = arith.cmpi eq, %fold, %first : i{f}
    %read = qflow.read %in if %isNew : {x}
    %fresh = vector.broadcast %read : {"i8" if simd == 1 else f"vector<{simd}xi8>"} to vector<{simd}xi8>
    %kept = qflow.memory distributed -> !qflow.memory<{steps} x vector<{simd}xi8>>
    %old = qflow.load %kept[%step] : !qflow.memory<{steps} x vector<{simd}xi8>>
    qflow.store %fresh to %kept[%step] if %isNew : !qflow.memory<{steps} x vector<{simd}xi8>>
    %codes = arith.select %isNew, %fresh, %old : vector<{simd}xi8>
    %rom = qflow.memory block contents {dense(words)} : tensor<{folds * steps}x{simd}x{pe}xi8> -> !qflow.memory<{folds * steps} x vector<{simd}x{pe}xi8>>
    %weights = qflow.load %rom[%at] : !qflow.memory<{folds * steps} x vector<{simd}x{pe}xi8>>
    %column = vector.shape_cast %codes : vector<{simd}xi8> to vector<{simd}x1xi8>
    %spread = vector.broadcast %column : vector<{simd}x1xi8> to vector<{simd}x{pe}xi8>
    %a = arith.extui %spread : vector<{simd}x{pe}xi8> to vector<{simd}x{pe}xi17>
    %b = arith.extsi %weights : vector<{simd}x{pe}xi8> to vector<{simd}x{pe}xi17>
    %exact = arith.muli %a, %b : vector<{simd}x{pe}xi17>
    %products = arith.extsi %exact : vector<{simd}x{pe}xi17> to vector<{simd}x{pe}xi24>
    {tree}
    %now = vector.shape_cast {name} : vector<1x{pe}xi24> to {word}
    %isFirst = arith.cmpi eq, %step, %none : i{s}
    %before = arith.select %isFirst, %zero, %sum : {word}
    %after = arith.addi %before, %now : {word}
    %isLast = arith.cmpi eq, %step, %last : i{s}
    {"%result = vector.extract %after[0] : i24 from vector<1xi24>" if pe == 1 else
     f"%result = vector.shape_cast %after : {word} to {word}"}
    qflow.write %result to %out if %isLast : {y}
    %isEnd = arith.cmpi eq, %at, %end : i{a}
    %more = arith.addi %at, %one : i{a}
    %next = arith.select %isEnd, %start, %more : i{a}
    qflow.next %after, %next : {word}, i{a}
  }}
  %late = qflow.fifo %y depth 4 : {y}
  %z = qflow.process "codes"(%late) loops [{vectors}, {folds}, {pe}] initial [dense<0> : {word}]
      : ({y}) -> {z} {{
  ^bb0(%in: {y}, %out: {z}, %vector: i{bits_of(vectors)}, %fold: i{f}, %row: i{bits_of(pe)}, %rest: {word}):
    %true = arith.constant true
    %none = arith.constant 0 : i{bits_of(pe)}
    %isNew = arith.cmpi eq, %row, %none : i{bits_of(pe)}
    %read = qflow.read %in if %isNew : {y}
    %fresh = vector.broadcast %read : {lane} to {word}
    %word = arith.select %isNew, %fresh, %rest : {word}
    %sum = vector.extract %word[0] : i24 from {word}
    {f"%tail = vector.extract_strided_slice %word {{offsets = [1], sizes = [{pe - 1}], strides = [1]}} : {word} to vector<{pe - 1}xi24>" if pe > 1 else ""}
    {"".join(f"%t{i} = vector.extract %tail[{i}] : i24 from vector<{pe - 1}xi24>" + chr(10) for i in range(pe - 1))}
    %gone = arith.constant 0 : i24
    %left = vector.from_elements {"".join(f"%t{i}, " for i in range(pe - 1))}%gone : {word}
    %rom = qflow.memory auto contents {dense(multipliers)} : tensor<{n}xi13> -> !qflow.memory<{n} x i13>
    {address(folds, pe, n)}
    %factor = qflow.load %rom[%address] : !qflow.memory<{n} x i13>
    %a = arith.extsi %sum : i24 to i40
    %b = arith.extui %factor : i13 to i40
    %scaled = arith.muli %a, %b : i40
    %half = arith.constant {1 << 20} : i40
    %shift = arith.constant 21 : i40
    %rounded = arith.addi %scaled, %half : i40
    %code = arith.shrsi %rounded, %shift : i40
    %low = arith.constant -128 : i40
    %high = arith.constant 127 : i40
    %above = arith.maxsi %code, %low : i40
    %clamped = arith.minsi %above, %high : i40
    %result = arith.trunci %clamped : i40 to i8
    qflow.write %result to %out if %true : {z}
    qflow.next %left : {word}
  }}
  qflow.output %z : {z}
}}
"""
    return text, weights, multipliers


def make_product(rng, vectors, k, n, pe, simd, clock):
    """Sums of products in one process, their codes in the next."""
    text, weights, multipliers = write_product(rng, vectors, k, n, pe, simd, clock)
    frames = 4
    x = rng.integers(0, 256, (frames, vectors, k))
    codes = np.clip((x @ weights.T * multipliers + (1 << 20)) >> 21, -128, 127)
    return Design("product", text, [("x", 8 * simd, vectors * k // simd)],
                  [("z", 8, vectors * n)], {"x": pack(x.ravel(), 8, simd)},
                  {"z": pack(codes.ravel(), 8, 1)},
                  period=vectors * (n // pe) * max(k // simd, pe))


def address(folds, pe, n):
    """fold * pe + row"""
    b = bits_of(n)
    def grow(name, bits):
        return (f"%{name}Wide = arith.extui %{name} : i{bits} to i{b}" if bits < b else
                f"%{name}Wide = arith.trunci %{name} : i{bits} to i{b}" if bits > b else
                f"%{name}Wide = arith.addi %{name}, %{name}No : i{b}\n")
    lines = []
    for name, count in (("fold", folds), ("row", pe)):
        lines.append(f"%{name}No = arith.constant 0 : i{bits_of(count)}")
        lines.append(grow(name, bits_of(count)))
    return "\n".join(lines + [f"%pe = arith.constant {pe} : i{b}" if pe < 1 << b else
                              f"%pe = arith.constant 0 : i{b}",
                              f"%base = arith.muli %foldWide, %pe : i{b}",
                              f"%address = arith.addi %base, %rowWide : i{b}"])
