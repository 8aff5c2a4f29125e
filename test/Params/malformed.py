# REQUIRES: python
# RUN: %python %s %test_bin/params-test %t
"""Every malformed file gives one line naming the file and the tensor."""
import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import check_error, path, raw, run, seed, write


def entry(begin=0, end=8, shape=(2,), dtype="F32", **more):
    return {"dtype": dtype, "shape": list(shape),
            "data_offsets": [begin, end], **more}


def refuse(content, *parts, name="bad.safetensors"):
    check_error(run("list", write(name, content), path(".")), path(name),
                *parts)


good = {"w.a": entry(), "w.b": entry(8, 16)}
assert run("list", write("good.safetensors", raw(good, bytes(16))),
           path(".")).returncode == 0

# The frame.
whole = raw(good, bytes(16))
for size in (0, 1, 7):
    refuse(whole[:size], "truncated", f"{size} bytes")
refuse(whole[:8], "truncated", "header")
refuse(whole[:40], "truncated", "header")
refuse(whole[:-1], "tensor 'w.b'", "pass the end")
refuse(raw(good, bytes(16), length=100_000_001), "header would have 100000001")
refuse(raw(good, bytes(16), length=2**64 - 1), "header would have")
refuse(raw(good, bytes(16), length=2**63 + 9), "header would have")

# Its JSON.
refuse(raw(b""), "does not start with '{'")
refuse(raw(b" {}"), "does not start with '{'")
refuse(raw(b"[]"), "does not start with '{'")
refuse(raw(b'{"w.a": '), "line 1, column 8")
refuse(raw(b'{"a":1,\n "b" 2}'), "line 2, column 6")
refuse(raw(b'{"\xff": 1}'), "UTF-8")
refuse(raw(b'{"a": {"shape": [1e999]}}'), "too large")
refuse(raw(b'{"a":' + b"[" * 10**6), "levels deep")
refuse(raw(b'{"w.a":%s,"w.a":%s}' % ((json.dumps(entry()).encode(),) * 2),
           bytes(8)), "'w.a' appears twice")
refuse(raw(b'{"w.a":{"dtype":"F32","dtype":"F32"}}'), "'dtype' appears twice")
refuse(raw({"a\nb\x7f\x1b": 3}), "tensor 'a?b??'")
refuse(raw({"é" * 10**6: 3}), "ééé...")
refuse(raw(b'{"' + b"x" * 10**6), "missing closing quote")
refuse(raw({"__metadata__": 3}), "'__metadata__'", "object")
refuse(raw({"__metadata__": {"n": 3}}), "'__metadata__'", "'n'", "string")

# A tensor.
for bad in (None, 3, [], "x"):
    refuse(raw({"w.a": bad}), "tensor 'w.a'", "object")
refuse(raw({"w.a": {}}), "tensor 'w.a'", "'dtype'")
refuse(raw({"w.a": entry(dtype=4)}), "tensor 'w.a'", "'dtype'")
refuse(raw({"w.a": entry(dtype="F31")}, bytes(8)), "tensor 'w.a'",
       "unknown dtype 'F31'", "BF16")
for shape in (3, [-1], [1.0], ["2"], [[2]], [2**63], [2**64], [None]):
    refuse(raw({"w.a": {**entry(), "shape": shape}}, bytes(8)),
           "tensor 'w.a'", "'shape'", "integers")
for shape in ([2**62], [2**40, 2**40], [2**63 - 1, 3], [2**40, 2**40, 0],
              [0, 2**40, 2**40]):
    refuse(raw({"w.a": entry(0, 0, shape)}), "tensor 'w.a'", "absurdly large")
for offsets in (0, [0], [0, 4, 8], [8, 0], [-8, 0], ["0", "8"], [0, 8.0],
                [0, 2**64]):
    refuse(raw({"w.a": {**entry(), "data_offsets": offsets}}, bytes(8)),
           "tensor 'w.a'", "'data_offsets'")
refuse(raw({"w.a": {"dtype": "F32", "shape": [2]}}, bytes(8)), "tensor 'w.a'",
       "'data_offsets'")
refuse(raw({"w.a": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8)),
       "tensor 'w.a'", "'shape'")
refuse(raw({"w.a": entry(shape=(3,))}, bytes(8)), "tensor 'w.a'",
       "hold 8 bytes", "[3] of F32 takes 12")
refuse(raw({"w.a": entry(shape=())}, bytes(8)), "tensor 'w.a'",
       "[] of F32 takes 4")
refuse(raw({"w.a": entry(), "w.b": entry(2**62, 2**62 + 8)}, bytes(16)),
       "tensor 'w.b'", "pass the end of the data, which has 16")

# All of them together.
refuse(raw({"w.a": entry(), "w.b": entry(4, 12)}, bytes(12)), "tensor 'w.b'",
       "overlap", "'w.a'")
refuse(raw({"w.a": entry(), "w.b": entry()}, bytes(8)), "tensor 'w.b'",
       "overlap", "'w.a'")
refuse(raw({"w.a": entry(), "w.b": entry(4, 4, (0,))}, bytes(8)),
       "tensor 'w.b'", "overlap")
refuse(raw({"w.a": entry(), "w.b": entry(12, 20)}, bytes(20)), "tensor 'w.b'",
       "hole of 4 bytes")
refuse(raw({"w.a": entry(4, 12)}, bytes(12)), "tensor 'w.a'", "hole of 4")
refuse(raw(good, bytes(19)), "3 bytes follow")

# What was asked for.
good = path("good.safetensors")
check_error(run("get", good, "w.A"), good, "no tensor 'w.A'", "nearest",
            "'w.a'")
check_error(run("get", write("none.safetensors", raw({})), "w"),
            "no tensor 'w'")
for first, count in ((-1, 1), (0, 3), (2, 1), (3, 0), (2**62, 1)):
    check_error(run("floats", good, "w.a", first, count),
                "tensor 'w.a'", "it has 2")
ints = write("ints.safetensors", raw({"n": entry(dtype="I64", shape=[1])},
                                     bytes(8)))
check_error(run("floats", ints, "n", 0, 1), "tensor 'n'",
            "expected floats, got I64")

# Files that are not there, or no files.
check_error(run("get", path("absent"), "w"), path("absent"), "No such file")
os.makedirs(path("empty"), exist_ok=True)
check_error(run("get", path("empty"), "w"), path("empty"), "model.safetensors",
            "model.safetensors.index.json")
check_error(run("get", "/dev/null", "w"), "/dev/null", "not a regular file")
os.makedirs(path("dir/model.safetensors"), exist_ok=True)
check_error(run("get", path("dir"), "w"), "not a regular file")


# Shards.
def refuse_index(content, *parts):
    name = write("sharded/model.safetensors.index.json",
                 content if isinstance(content, bytes)
                 else json.dumps(content).encode())
    check_error(run("get", path("sharded"), "w.a"), *parts)
    check_error(run("get", name, "w.a"), *parts)


os.makedirs(path("sharded"), exist_ok=True)
index = path("sharded/model.safetensors.index.json")
write("sharded/1.safetensors", raw({"w.a": entry()}, bytes(8)))
write("sharded/2.safetensors", raw({"w.b": entry()}, bytes(7)))
refuse_index(b'{\n"weight_map": x}', index, "line 2, column 15")
refuse_index([], index, "object", "an array")
refuse_index({}, index, "'weight_map' is missing")
refuse_index({"weight_map": []}, index, "'weight_map'", "object")
refuse_index({"weight_map": {"w.a": 3}}, index, "'w.a'", "string")
for file in ("../1.safetensors", "/1.safetensors", "", "..", "a\0b"):
    refuse_index({"weight_map": {"w.a": file}}, index, "tensor 'w.a'",
                 "no plain file name")
refuse_index(b'{"weight_map": {"w.a": "1.safetensors", "w.a": "x"}}', index,
             "'w.a' appears twice")
refuse_index({"weight_map": {"w.a": "1.safetensors", "w.c": "3.safetensors"}},
             path("sharded/3.safetensors"), "shard is missing", "'w.c'")
refuse_index({"weight_map": {"w.a": "1.safetensors", "w.c": "1.safetensors"}},
             path("sharded/1.safetensors"), "no tensor 'w.c'")
refuse_index({"weight_map": {"w.a": "1.safetensors", "w.b": "2.safetensors"}},
             path("sharded/2.safetensors"), "tensor 'w.b'", "pass the end")

# 500 random changes of a valid file: an error, or tensors that can be read.
rich = {"__metadata__": {"k": "v"}, "f": entry(),
        "h": entry(8, 14, (3,), "F16"), "e": entry(14, 14, (0, 4), "BF16"),
        "q": entry(14, 20, (2, 3), "F8_E4M3"), "n": entry(20, 36, (2,), "I64"),
        "d": entry(36, 52, (1, 2, 1), "F64"), "t": entry(52, 55, (3,), "BOOL")}
valid = write("rich.safetensors", raw(rich, bytes(range(55))))
result = run("mutate", valid, seed, 500)
assert result.returncode == 0, (seed, result.returncode, result.stderr)
refused, accepted = map(int, result.stdout.split()[:2])
print("mutations refused", refused, "accepted", accepted)
assert refused + accepted == 500 and refused > 250 and accepted > 0
