# REQUIRES: git
# RUN: python3 %s %source
"""No tracked file names a place on one machine only, and every source file of
C++ says under which licence it stands.
"""
import re
import subprocess
import sys

root = sys.argv[1]
# Spelled so that this file does not contain them.
PLACES = re.compile(rb"(?<![\w.}%/-])/(?:" + b"|".join([b"wo" + b"rk", b"ro" + b"ot", b"ho" + b"me"]) + rb")/\w")
LICENCE = b"SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"

listed = subprocess.run(
    ["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z"],
    check=True, capture_output=True).stdout.split(b"\0")
files = [name.decode() for name in listed if name]
assert len(files) > 100, len(files)
assert PLACES.search(b"cd /" + b"work/here") and not PLACES.search(b"net/work/here")

errors = []
for name in files:
    if name.endswith(".safetensors"):
        continue
    try:
        with open(f"{root}/{name}", "rb") as file:
            text = file.read()
    except FileNotFoundError:  # removed but not committed
        continue
    for place in PLACES.findall(text):
        errors.append(f"{name}: {place.decode()}")
    if name.endswith((".cpp", ".h", ".td")) and LICENCE not in text[:600]:
        errors.append(f"{name}: no licence identifier at the top")
sys.exit("\n".join(errors) or None)
