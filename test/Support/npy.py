# REQUIRES: python
# RUN: %python %s %test_bin/support-test %t
"""numpy's files, read and written; malformed ones refused."""
import json
import os
import struct
import sys
import zipfile

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import path, refuse, run, seed, write

rng = np.random.default_rng(seed)
TYPES = {"f16": "f2", "f32": "f4", "f64": "f8", "i8": "i1", "u8": "u1",
         "i16": "i2", "i32": "i4", "i64": "i8", "bool": "?",
         "u16": "u2", "u32": "u4", "u64": "u8"}


def random_array(kind, shape):
    if kind == "?":
        return rng.integers(0, 2, shape).astype(bool)
    if kind[0] == "f":
        return (rng.standard_normal(shape) * 1e4).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and \
        a.tobytes() == b.tobytes()


arrays, kinds = {}, {}
for name, kind in TYPES.items():
    for i, shape in enumerate(((), (0,), (1,), (7,), (3, 0, 2), (2, 3, 5))):
        array = np.asarray(random_array(kind, shape))
        with open(path("in.npy"), "wb") as file:
            np.lib.format.write_array(file, array, (1 + i % 3, 0))
        key = f"{name}_{i}"
        arrays[key], kinds[key] = array, name
        if kind[0] == "f":
            refuse(["npy", path("in.npy"), path("")], "integers", name)
        else:
            assert run("npy", path("in.npy"), path("")).strip() == name
            ints = np.fromfile(path("ints"), np.int64)
            assert same(ints, array.astype(np.int64).reshape(-1))
        assert same(np.load(path("copy.npy")), array), (name, shape)
        with np.errstate(over="ignore"):
            want = array.astype(np.float32).reshape(-1)
        assert same(np.fromfile(path("floats"), np.float32), want), key

# One column is in Fortran order as well; a byte has no order.
np.save(path("in.npy"), np.asfortranarray(np.ones((5, 1), "i4")))
run("npy", path("in.npy"), path(""))
np.save(path("in.npy"), np.ones(3, ">i1"))
run("npy", path("in.npy"), path(""))

# Archives.
for save in (np.savez, np.savez_compressed):
    save(path("all.npz"), **arrays)
    found = json.loads(run("npz", path("all.npz"), path("")))
    assert found == [[key, kinds[key], list(arrays[key].shape)]
                     for key in sorted(arrays)], found
    for i, key in enumerate(sorted(arrays)):
        assert open(path(str(i)), "rb").read() == arrays[key].tobytes(), key
np.savez(path("none.npz"))
assert json.loads(run("npz", path("none.npz"), path(""))) == []


def npy(header, data=b"", version=1, length=None):
    text = header.encode()
    size = len(text) if length is None else length
    return (b"\x93NUMPY" + bytes([version, 0]) +
            struct.pack("<H" if version == 1 else "<I", size) + text + data)


def bad(content, *parts):
    refuse(["npy", write("bad.npy", content), path("")], path("bad.npy"),
           *parts)


def saved(array):
    np.save(path("in.npy"), array)
    return open(path("in.npy"), "rb").read()


good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
run("npy", write("good.npy", npy(good.replace("f4", "i4"), bytes(8))), path(""))
bad(b"", "does not start")
bad(b"PK\3\4", "does not start")
bad(npy(good)[:9], "truncated")
bad(npy(good, version=2)[:11], "truncated")
bad(npy(good, length=500), "truncated", "500")
bad(npy(good, version=2, length=2**32 - 1), "truncated")
bad(npy(good, version=4), "version 4")
bad(npy(good, bytes(7)), "7 bytes of data", "take 8")
bad(npy(good, bytes(9)), "9 bytes of data", "take 8")
bad(saved(np.asfortranarray(np.ones((2, 3)))), "Fortran order")
bad(saved(np.ones(3, ">f4")), "big endian")
bad(saved(np.ones(3, "c8")), "unsupported dtype '<c8'")
bad(saved(np.array(["ab"])), "unsupported dtype '<U2'")
bad(saved(np.array([None])), "unsupported dtype '|O'")
bad(saved(np.zeros(2, [("a", "i4"), ("b", "f4")])), "records")
for old, new, why in (
        ("(2,)", "(9223372036854775808,)", "dimension is too large"),
        ("(2,)", "(4611686018427387904,)", "absurdly large"),
        ("(2,)", "(1099511627776, 1099511627776, 0)", "absurdly large"),
        ("(2,)", "(-2,)", "tuple of integers"),
        ("(2,)", "(2 3)", "expected ')'"),
        ("(2,)", "[2]", "expected '('"), ("False", "0", "fortran_order"),
        ("'descr': '<f4', ", "", "must have descr"), ("<f4", "", "dtype ''"),
        ("descr", "desc", "key 'desc' is unknown"), ("}", "} x", "follows"),
        ("}", "", "expected"), ("{", "", "expected '{'"),
        ("'descr'", "'descr", "expected ':'"), ("\n", "\0", "follows")):
    bad(npy(good.replace(old, new), bytes(8)), why)
refuse(["npy", path("absent.npy"), path("")], path("absent.npy"),
       "No such file")
refuse(["npy", path("good.npy"), path("absent")], path("absent/copy.npy"),
       "No such file")


# Archives that are none.
def bad_npz(content, *parts):
    refuse(["npz", write("bad.npz", content), path("")], path("bad.npz"),
           *parts)


def zipped(entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path("in.npz"), "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return open(path("in.npz"), "rb").read()


content = saved(np.arange(1000, dtype="i4"))
bad_npz(b"", "no .npz file")
bad_npz(content, "no .npz file")
bad_npz(zipped([("x.npy", content)])[:-30], "no .npz file")
bad_npz(zipped([("x.txt", b"")]), "'x.txt'", "no .npy file")
bad_npz(zipped([("x.npy", content[:-1])]), "array 'x.npy'", "take 4000")
damaged = bytearray(zipped([("x.npy", content)]))
damaged[2000] ^= 1
bad_npz(bytes(damaged), "array 'x.npy'", "cannot be read", "CRC")
deflated = bytearray(zipped([("x.npy", content)], zipfile.ZIP_DEFLATED))
deflated[200:220] = bytes(20)
bad_npz(bytes(deflated), "array 'x.npy'", "cannot be read")
huge = bytearray(zipped([("x.npy", content)]))
directory = huge.rfind(b"PK\1\2")
huge[directory + 24:directory + 28] = struct.pack("<I", 2**32 - 2)
bad_npz(bytes(huge), "array 'x.npy'")
refuse(["npz", path("absent.npz"), path("")], path("absent.npz"),
       "No such file")

# Random changes end in an error or in an array.
np.savez_compressed(path("small.npz"), a=np.arange(20.0),
                    b=np.ones((3, 4), "i1"))
for name, count in (("good.npy", 500), ("small.npz", 100)):
    refused = int(run("mutate", path(name), seed, count, path("mutant")))
    print(name, "mutations refused", refused)
    assert 0 < refused <= count
