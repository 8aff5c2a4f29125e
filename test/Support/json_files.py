# REQUIRES: python
# RUN: %python %s %test_bin/support-test %t
"""JSON files: errors with a place, typed fields."""
import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import path, refuse, run, write


def bad(content, *parts, keys="keep"):
    refuse(["json", write("bad.json", content), keys], path("bad.json"), *parts)


value = {"b": True, "i": -5, "big": 2**63 - 1, "over": 2**63, "f": 1.5,
         "e": 1e3, "s": "ü", "n": None, "o": {"k": [1]}, "li": [1, 2],
         "ls": ["a"], "mixed": [1, "a"], "four": 4, "ten": 10, "none": []}
good = write("good.json", json.dumps(value).encode())
assert json.loads(run("json", good, "refuse")) == value

bad(b"", "line 1, column 1")
bad(b'{"a": 1,\n  "b": 2,\n  c: 3}', "line 3, column 3")
bad(b'{"a": [1, 2}', "line 1, column 12")
bad(b'{"a": 1} x', "line 1, column 10")
bad(b'{"a": "\xff"}', "line 1", "UTF-8")
bad(b'{"a": 1e999}', "too large")
bad(b"[" * 1000 + b"]" * 1000, "levels deep")
bad(b"[" * 10**6, "levels deep")
bad(b'{"a": 1, "b": {"c": 2, "c": 3}}', "'c' appears twice", keys="refuse")
twice = write("twice.json", b'{"a": 1, "a": 2}')
assert json.loads(run("json", twice, "keep")) == {"a": 2}
same = write("same.json", b'{"a": {"k": 1}, "b": {"k": 1, "c": [{"k": 2}]}}')
run("json", same, "refuse")
refuse(["json", path("absent.json"), "keep"], path("absent.json"),
       "No such file")
refuse(["json", path(""), "keep"], path(""), "not a regular file")

for kind, key in (("bool", "b"), ("int", "i"), ("int", "big"), ("float", "f"),
                  ("float", "i"), ("float", "e"), ("string", "s"),
                  ("object", "o"), ("ints", "li"), ("ints", "none"),
                  ("strings", "ls"), ("1to9", "four")):
    for form in (kind, kind + "?"):
        assert json.loads(run("field", good, form, key)) == value[key], key
for kind in ("bool", "int", "float", "string", "object", "ints"):
    for key in ("n", "absent"):
        assert json.loads(run("field", good, kind + "?", key)) == "none"
        refuse(["field", good, kind, key], good, f"'{key}' is missing")
assert run("field", good, "1to9?", "absent").strip() == "-1"
for kind, key, expected, got in (
        ("bool", "i", "a boolean", "an integer"),
        ("int", "f", "an integer", "a number with"),
        ("int", "e", "an integer", "a number with"),
        ("int", "s", "an integer", "a string"),
        ("int", "b", "an integer", "a boolean"),
        ("int", "over", "an integer", "2^63"),
        ("float", "s", "a number", "a string"),
        ("string", "li", "a string", "an array"),
        ("object", "li", "an object", "an array"),
        ("ints", "o", "an array, each element an integer", "an object"),
        ("ints", "mixed", "an array, each element an integer",
         "one with a string"),
        ("strings", "mixed", "an array, each element a string",
         "one with an integer")):
    for form in (kind, kind + "?"):
        refuse(["field", good, form, key], good, f"'{key}'", expected, got)
for form in ("1to9", "1to9?"):
    for key in ("i", "ten"):
        refuse(["field", good, form, key], good, f"'{key}'", "between 1 and 9",
               str(value[key]))
refuse(["field", write("list.json", b"[]"), "int", "a"], "list.json", "object",
       "an array")
