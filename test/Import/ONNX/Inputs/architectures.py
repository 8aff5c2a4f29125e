"""Small transformers as torch 2.1 exports those of the library transformers 4.44.
Each function saves a model and returns how many linear layers it has."""
import numpy as np
from onnx import TensorProto as T

from exporter import END, LOWEST, Exporter


def bert(m, opset=16, sdpa=False, layers=2, width=32, heads=4):
    """Ids, mask, types of any batch and length up to 64."""
    e = Exporter(m)
    head = width // heads
    tokens = e.dim("input_ids", 1)
    positions = e.slice(np.arange(64)[None], 0, tokens, 1)
    x = e.Add(e.Gather(e.weight(50, width), "input_ids"),
              e.Gather(e.weight(2, width), "token_type_ids"))
    x = e.Add(x, e.Gather(e.weight(64, width), positions))
    x = e.layer_norm(x, width, opset, 1e-12)
    if sdpa:
        sizes = e.dim("attention_mask", 0), 1, tokens, e.dim("attention_mask",
                                                             1)
    mask = e.Unsqueeze(e.Unsqueeze("attention_mask", np.array([1])),
                       np.array([2]))
    if sdpa:
        mask = e.Sub(np.float32(1), e.float(e.expand(mask, *sizes)))
        mask = e.Where(e.bool(e.bool(mask)), LOWEST, mask)
    else:
        mask = e.Mul(e.Sub(np.float32(1), e.float(mask)), LOWEST)
    for _ in range(layers):
        if sdpa:
            sizes = e.dim(x, 0), e.dim(x, 1)
            q = e.heads(e.linear(x, width, width), heads, head)
            k = e.split(e.linear(x, width, width), heads, head)
            v = e.heads(e.linear(x, width, width), heads, head)
            y = e.scaled_dot_product(q, k, v, [0, 2, 3, 1], lambda: mask)
            y = e.reshape(e.Transpose(y, perm=[0, 2, 1, 3]), *sizes, width)
        else:
            q = e.linear(x, width, width)
            k = e.split(e.linear(x, width, width), heads, head)
            v = e.heads(e.linear(x, width, width), heads, head)
            q = e.heads(q, heads, head)
            scores = e.MatMul(q, e.Transpose(k, perm=[0, 2, 3, 1]))
            scores = e.Add(e.Div(scores, np.float32(head ** 0.5)), mask)
            y = e.merge(e.MatMul(e.Softmax(scores, axis=-1), v), width)
        x = e.layer_norm(e.Add(e.linear(y, width, width), x), width, opset,
                         1e-12)
        y = e.linear(e.gelu(e.linear(x, width, 2 * width)), 2 * width, width)
        x = e.layer_norm(e.Add(y, x), width, opset, 1e-12)
    first = e.Gather(x, np.array(0), axis=1)
    pooled = e.Tanh(e.Gemm(first, e.weight(width, width), m.floats(width),
                           transB=1))
    dims = ["batch_size", "sequence_length"]
    e.save({n: (dims, T.INT64) for n in
            ("input_ids", "attention_mask", "token_type_ids")},
           {"last_hidden_state": x, "pooler_output": pooled}, opset)
    return 6 * layers + 1


def vit(m, image=("batch_size", 3, 32, 32), opset=17, layers=2, width=32,
        heads=4):
    """Patches of 8 x 8, a class token."""
    e = Exporter(m)
    head = width // heads
    batch = e.dim("pixel_values", 0)
    x = e.Conv("pixel_values", m.floats(width, 3, 8, 8) / 14, m.floats(width),
               kernel_shape=[8, 8], strides=[8, 8])
    # Tensor.flatten(2)
    x = e.Reshape(x, e.Concat(e.Slice(e.Shape(x), np.array([0]), np.array([2]),
                                      np.array([0])), np.array([-1]), axis=0))
    x = e.Transpose(x, perm=[0, 2, 1])
    first = e.expand(m.floats(1, 1, width), batch, -1, -1)
    x = e.Add(e.Concat(first, x, axis=1), m.floats(1, 17, width) / 4)
    for _ in range(layers):
        y = e.layer_norm(x, width, opset, 1e-12)
        q = e.linear(y, width, width)
        k = e.split(e.linear(y, width, width), heads, head)
        v = e.heads(e.linear(y, width, width), heads, head)
        q = e.heads(q, heads, head)
        y = e.merge(e.scaled_dot_product(q, k, v, [0, 2, 3, 1]), width)
        x = e.Add(e.linear(y, width, width), x)
        y = e.layer_norm(x, width, opset, 1e-12)
        y = e.gelu(e.linear(y, width, 2 * width))
        x = e.Add(e.linear(y, 2 * width, width), x)
    x = e.layer_norm(x, width, opset, 1e-12)
    x = e.Gather(x, np.array(0), axis=1)
    logits = e.Gemm(x, e.weight(10, width), m.floats(10), transB=1)
    e.save({"pixel_values": list(image)}, {"logits": logits}, opset)
    return 6 * layers + 1


def save_decoder(e, logits, caches, heads, width, positions, opset):
    """Inputs and outputs with past and present keys and values, as optimum
    names them. `caches`: present keys and values of each layer."""
    tokens = ["batch_size", "sequence_length"]
    past = ["batch_size", heads, "past_sequence_length", width]
    names = [f"{i}.{part}" for i in range(len(caches) // 2)
             for part in ("key", "value")]
    inputs = {"input_ids": (tokens, T.INT64), "attention_mask": (
        ["batch_size", "past_sequence_length + sequence_length"], T.INT64)}
    if positions:
        inputs["position_ids"] = (tokens, T.INT64)
    inputs |= {f"past_key_values.{name}": past for name in names}
    outputs = {f"present.{name}": y for name, y in zip(names, caches)}
    e.save(inputs, {"logits": logits} | outputs, opset)


def gpt2(m, opset=14, layers=2, width=32, heads=4):
    """Conv1D layers, a table of causal masks, positions counted from the cache;
    past and present keys and values."""
    e = Exporter(m)
    head = width // heads

    def conv1d(x, inputs, outputs):
        sizes = e.dim(x, 0), e.dim(x, 1)
        flat = e.reshape(x, -1, e.size(x, -1))
        y = e.Gemm(flat, e.weight(inputs, outputs), m.floats(outputs) / 4)
        return e.reshape(y, *sizes, outputs)

    tokens = e.dim("input_ids", 1)
    ids = e.reshape("input_ids", -1, tokens)
    batch = e.dim(ids, 0)
    past = e.size("past_key_values.0.key", -2)
    positions = e.range(past, e.Add(tokens, past))
    positions = e.Unsqueeze(positions, np.array([0]))
    x = e.Add(e.Gather(e.weight(50, width), ids),
              e.Gather(e.weight(64, width), positions))
    mask = e.reshape("attention_mask", batch, -1)
    mask = e.Unsqueeze(e.Unsqueeze(mask, np.array([1])), np.array([2]))
    mask = e.Mul(e.Sub(np.float32(1), e.float(mask)), LOWEST)
    last = e.size(x, -1)
    table = np.tri(64, dtype=bool)[None, None]
    caches = []
    for i in range(layers):
        qkv = conv1d(e.layer_norm(x, width, opset), width, 3 * width)
        parts = e.op("Split", qkv, np.array([width] * 3), count=3, axis=2)
        q, k, v = (e.heads(part, heads, head) for part in parts)
        k = e.Concat(f"past_key_values.{i}.key", k, axis=-2)
        v = e.Concat(f"past_key_values.{i}.value", v, axis=-2)
        caches += [k, v]
        scores = e.MatMul(q, e.Transpose(k, perm=[0, 1, 3, 2]))
        root = e.Pow(e.float(e.size(v, -1)), np.float32(0.5))
        root = e.Add(e.full(np.float32(0), np.zeros(0, np.int64)), root)
        scores = e.Div(scores, root)
        queries, keys = e.size(q, -2), e.size(k, -2)
        causal = e.slice(table, e.Sub(keys, queries), keys, 2)
        causal = e.slice(causal, 0, keys, 3)
        scores = e.Add(e.Where(causal, e.float(scores), LOWEST), mask)
        y = e.MatMul(e.float(e.Softmax(scores, axis=-1)), v)
        x = e.Add(conv1d(e.merge(y, width), width, width), x)
        y = conv1d(e.layer_norm(x, width, opset), width, 4 * width)
        x = e.Add(x, conv1d(e.gelu_tanh(y), 4 * width, width))
    x = e.layer_norm(x, width, opset)
    x = e.reshape(x, -1, tokens, last)
    logits = e.MatMul(x, e.weight(width, 50))
    save_decoder(e, logits, caches, heads, head, False, opset)
    return 4 * layers + 1


def rotate_half(e, x):
    """The halves are cut where the shape says."""
    half = e.long(e.long(e.Div(e.dim(x, 3), np.array(2))))
    first = e.slice(x, 0, half, 3)
    second = e.Neg(e.Slice(x, e.wrap(half), END, np.array([3]), np.array([1])))
    return e.Concat(second, first, axis=-1)


def rope_of_frequencies(e, positions, width):
    """Cosines and sines; angles are a product of positions and frequencies."""
    frequencies = (1e4 ** -(np.arange(0, width, 2) / width)).astype(np.float32)
    frequencies = e.expand(frequencies[None, :, None], e.dim(positions, 0), -1,
                           1)
    row = e.float(e.Unsqueeze(positions, np.array([1])))
    frequencies, row = e.float(frequencies), e.float(row)
    angles = e.Transpose(e.MatMul(frequencies, row), perm=[0, 2, 1])
    angles = e.Concat(angles, angles, axis=-1)
    tables = e.Cos(angles), e.Sin(angles)
    tables = [e.Mul(table, np.float32(1)) for table in tables]
    return [e.float(table) for table in tables]


def assign(e, target, value, end):
    """target[:, :, :, :end] = value: coordinates of elements, and ScatterND."""
    ranges = [e.range(np.array(0), e.dim(target, i)) for i in range(4)]
    ranges[3] = e.slice(ranges[3], 0, end, 0)
    ranges[:3] = [e.Reshape(ranges[i], np.array([-1] + [1] * (3 - i)))
                  for i in range(3)]
    total = e.Add(ranges[0], ranges[1])
    for part in ranges[2:]:
        total = e.Add(total, part)
    shape = e.Shape(total)
    parts = [e.Unsqueeze(e.expand_as(part, shape), np.array([-1]))
             for part in ranges]
    indices = e.Concat(*parts, axis=-1)
    rest = e.Slice(e.Shape(target), np.array([4]), END, np.array([0]))
    value = e.Reshape(value, e.Concat(shape, rest, axis=0))
    return e.ScatterND(target, indices, value)


def causal_mask(e, x, tokens, positions):
    """LlamaModel._update_causal_mask (4.44): above a diagonal, where places of
    tokens are before those of keys; then padding, assigned in place."""
    keys = e.dim("attention_mask", 1)
    batch = e.dim(x, 0)
    mask = e.Trilu(e.full(LOWEST, e.shape(tokens, keys)), np.array(1), upper=1)
    places = e.range(np.array(0), keys)
    after = e.Greater(places, e.Reshape(positions, np.array([-1, 1])))
    mask = e.Mul(mask, e.float(after))
    mask = e.Unsqueeze(e.Unsqueeze(mask, np.array([0])), np.array([1]))
    mask = e.expand(mask, batch, 1, -1, -1)
    cut = e.slice(mask, 0, keys, 3)
    padding = e.Unsqueeze(e.Unsqueeze("attention_mask", np.array([1])),
                          np.array([2]))
    padded = e.Equal(e.Add(cut, e.float(padding)), np.float32(0))
    cut = e.slice(mask, 0, keys, 3)
    filled = e.Where(e.bool(padded), LOWEST, cut)
    filled = e.Expand(filled, e.Shape(e.slice(mask, 0, keys, 3)))
    return assign(e, mask, filled, keys)


def llama(m, sdpa, layers=2, width=32, heads=4, groups=2):
    """Grouped queries, rotary positions, past and present keys and values."""
    e = Exporter(m)
    head = width // heads
    x = e.Gather(e.weight(50, width), "input_ids")
    past = e.dim("past_key_values.0.key", 2)
    tokens = e.dim(x, 1)
    positions = e.range(past, e.Add(past, tokens))
    mask = causal_mask(e, x, tokens, positions)
    tables = rope_of_frequencies(e, "position_ids", head)

    def rotate(y):
        return e.Add(e.Mul(y, tables[0]), e.Mul(rotate_half(e, y), tables[1]))

    def repeat(y):
        """repeat_kv: every key head serves heads / groups queries."""
        batch, count, rows, columns = (e.dim(y, i) for i in range(4))
        each = heads // groups
        y = e.expand(e.Unsqueeze(y, np.array([2])), batch, count, each, rows,
                     columns)
        return e.reshape(y, batch, e.Mul(count, np.array(each)), rows, columns)

    caches = []
    for i in range(layers):
        y, x = e.rms_norm(x, width)
        sizes = e.dim(y, 0), e.dim(y, 1)
        parts = [e.linear(y, width, width, False)]
        parts += [e.linear(y, width, groups * head, False) for _ in range(2)]
        q = e.Transpose(e.reshape(parts[0], *sizes, heads, head),
                        perm=[0, 2, 1, 3])
        shapes = [e.shape(*sizes, groups, head) for _ in range(2)]
        k, v = (e.Transpose(e.Reshape(part, shape), perm=[0, 2, 1, 3])
                for part, shape in zip(parts[1:], shapes))
        if i == 0:
            tables = [e.Unsqueeze(table, np.array([1])) for table in tables]
        q, k = rotate(q), rotate(k)
        k = e.Concat(f"past_key_values.{i}.key", k, axis=-2)
        v = e.Concat(f"past_key_values.{i}.value", v, axis=-2)
        caches += [k, v]
        keys, values = repeat(k), repeat(v)

        def cut():
            return e.slice(mask, 0, e.dim(keys, 2), 3)

        if sdpa:
            y = e.scaled_dot_product(q, keys, values, [0, 1, 3, 2], cut)
        else:
            scores = e.MatMul(q, e.Transpose(keys, perm=[0, 1, 3, 2]))
            scores = e.Div(scores, np.float32(head ** 0.5))
            scores = e.Add(scores, cut())
            y = e.MatMul(e.float(e.float(e.Softmax(scores, axis=-1))), values)
        y = e.reshape(e.Transpose(y, perm=[0, 2, 1, 3]), *sizes,
                      width if sdpa else -1)
        x = e.Add(x, e.linear(y, width, width, False))
        y, x = e.rms_norm(x, width)
        gate = e.linear(y, width, 2 * width, False)
        gate = e.Mul(gate, e.Sigmoid(gate))
        up = e.linear(y, width, 2 * width, False)
        x = e.Add(x, e.linear(e.Mul(gate, up), 2 * width, width, False))
    y, _ = e.rms_norm(x, width)
    logits = e.float(e.linear(y, width, 50, False))
    save_decoder(e, logits, caches, groups, head, True, 17)
    return 7 * layers + 1
