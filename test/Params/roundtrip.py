# REQUIRES: python
# RUN: %python %s %test_bin/params-test %t
"""What safetensors writes, we read; what we write, safetensors reads."""
import hashlib
import json
import os
import sys

import ml_dtypes
import numpy as np
import safetensors
from safetensors.numpy import save_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import folder, path, raw, run, seed, write

rng = np.random.default_rng(seed)
DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16,
          "BF16": ml_dtypes.bfloat16, "I64": np.int64, "I32": np.int32,
          "I16": np.int16, "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_,
          "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2}
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


def random_tensors():
    tensors = {}
    for dtype, kind in DTYPES.items():
        for shape in ((), (0, 3), (1,), (5, 7), (2, 3, 4, 5),
                      (int(rng.integers(1, 3000)),)):
            size = int(np.prod(shape)) * np.dtype(kind).itemsize
            data = rng.integers(0, 256, size, dtype=np.uint8)
            if dtype == "BOOL":
                data &= 1
            name = f"{dtype.lower()}.{'x'.join(map(str, shape)) or 'scalar'}"
            tensors[name] = (dtype, shape, data.tobytes())
    # More than any buffer between us and the disk.
    big = rng.standard_normal((700, 1000)).astype(np.float32)
    tensors["big \"ü\" \\ name"] = ("F32", big.shape, big.tobytes())
    return tensors


def file_of(tensors, metadata=None):
    """Written by hand: the package has no names for all the dtypes."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return raw(header, data)


def check_listing(store, tensors, aligned=False):
    """Our reader's names, shapes, bytes and floats are `tensors`."""
    result = run("list", store, folder)
    assert result.returncode == 0, result.stderr
    listing = json.loads(result.stdout)
    assert [t["name"] for t in listing["tensors"]] == \
        sorted(tensors, key=str.encode)
    assert listing["bytes"] == sum(len(t[2]) for t in tensors.values())
    for i, found in enumerate(listing["tensors"]):
        dtype, shape, content = tensors[found["name"]]
        assert found["dtype"] == dtype and found["shape"] == list(shape), found
        assert not aligned or found["aligned"] or not content, found
        assert open(path(f"{i}.bin"), "rb").read() == content, found
        if dtype in FLOATS:
            with np.errstate(all="ignore"):
                want = np.frombuffer(content, DTYPES[dtype]).astype(np.float32)
            got = np.fromfile(path(f"{i}.f32"), np.float32)
            same = (got.view(np.uint32) == want.view(np.uint32))
            same |= np.isnan(got) & np.isnan(want)
            assert same.all(), (found, got[~same], want[~same])
    return listing


def sha256(name):
    return hashlib.sha256(open(name, "rb").read()).hexdigest()


# One file, and a folder that holds it.
tensors = random_tensors()
metadata = {"format": "pt", "note": "ü \" \\"}
one = write("model.safetensors", file_of(tensors, metadata))
for store in (one, folder):
    listing = check_listing(store, tensors)
    assert listing["path"] == one and listing["metadata"] == metadata
    assert listing["sha256"] == sha256(one)

# What the Python package writes, with its own order and padding.
simple = {name: np.frombuffer(t[2], DTYPES[t[0]]).reshape(t[1])
          for name, t in tensors.items()
          if not t[0].startswith(("BF", "F8"))}
save_file(simple, path("package.safetensors"), {"by": "package"})
listing = check_listing(path("package.safetensors"),
                        {name: tensors[name] for name in simple})
assert listing["metadata"] == {"by": "package"}

# Our copy: read by the package and by us. Padding is all that is added.
copied = run("copy", one, path("copy.safetensors"), seed)
assert copied.returncode == 0, copied.stderr
copied = json.loads(copied.stdout)
assert copied["size"] == os.path.getsize(path("copy.safetensors"))
assert copied["sha256"] == sha256(path("copy.safetensors"))
listing = check_listing(path("copy.safetensors"), tensors, aligned=True)
assert listing["metadata"] == metadata
with open(path("copy.safetensors"), "rb") as file:
    reread = dict(safetensors.deserialize(file.read()))
assert safetensors.safe_open(path("copy.safetensors"),
                             "np").metadata() == metadata
for name, (dtype, shape, content) in tensors.items():
    info = reread.pop(name)
    assert (info["dtype"], tuple(info["shape"]),
            bytes(info["data"])) == (dtype, shape, content), name
assert all(name.startswith("__pad__.") and len(info["data"]) < 64
           for name, info in reread.items()), reread.keys()
assert run("copy", one, path("again.safetensors"), seed).returncode == 0
assert sha256(path("again.safetensors")) == copied["sha256"]

# No tensors at all.
write("none.safetensors", raw({}))
check_listing(path("none.safetensors"), {})
assert run("copy", path("none.safetensors"), path("none2.safetensors"),
           1).returncode == 0
assert safetensors.deserialize(open(path("none2.safetensors"),
                                    "rb").read()) == []

# Shards: by index file and by folder. A tensor that the index does not name is
# no part of the store.
os.makedirs(path("sharded"), exist_ok=True)
names = list(tensors)
rng.shuffle(names)
weight_map, parts = {}, []
for i, part in enumerate(np.array_split(names, 3)):
    shard = f"model-{i + 1:05}-of-00003.safetensors"
    content = {name: tensors[name] for name in map(str, part)}
    weight_map.update({name: shard for name in content})
    content["unlisted"] = ("U8", (1,), b"x")
    parts.append(sha256(write(f"sharded/{shard}",
                              file_of(content, {"shard": str(i)}))))
write("sharded/model.safetensors.index.json",
      json.dumps({"metadata": {"total_size": 1},
                  "weight_map": weight_map}).encode())
for store in (path("sharded"), path("sharded/model.safetensors.index.json")):
    listing = check_listing(store, tensors)
    assert listing["metadata"] == {"shard": "0"}
    assert listing["sha256"] == \
        hashlib.sha256("".join(parts).encode()).hexdigest()

# Streaming through 64 MB keeps a few tensors resident, not the file.
blocks = {f"b{i:02}": ("U8", (4 << 20,), bytes([i]) * (4 << 20))
          for i in range(16)}
write("large.safetensors", file_of(blocks))
total, growth = map(
    int, run("stream", path("large.safetensors")).stdout.split())
assert total == sum(i * (4 << 20) for i in range(16)), total
assert growth < 20 << 10, growth
for name in ("large", "package", "copy", "again"):
    os.remove(path(name + ".safetensors"))
