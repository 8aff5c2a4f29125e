# REQUIRES: python
# RUN: %python %s %test_bin/support-test %t
"""Atomic files and the progress bar."""
import os
import pty
import re
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import folder, path, program, refuse, run, write

# Written whole, replaced, with nothing left beside it.
out = path("out.txt")
for text in ("", "first", "second", "x" * 100000):
    run("write", out, text)
    assert open(out).read() == text
assert os.listdir(folder) == ["out.txt"]
refuse(["write", path("absent/out"), "x"], path("absent/out"), "No such file")
refuse(["write", folder, "x"], folder, "it is a folder")
refuse(["write", path("out.txt/x"), "x"], path("out.txt/x"), "Not a directory")
# A link at the temporary name leads nowhere: what it points to is left alone.
write("victim", b"safe")
os.symlink("victim", path("linked.qnt-tmp"))
refuse(["write", path("linked"), "x"], path("linked"), "symbolic links")
assert open(path("victim")).read() == "safe"

# Nothing on stderr when that is a pipe.
piped = subprocess.run([program, "progress", "5", "20"], capture_output=True)
assert piped.returncode == 0 and piped.stderr == b"" and piped.stdout == b""


def on_terminal(term, *args):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([program, "progress", *args], stderr=theirs,
                               env={"TERM": term})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


assert on_terminal("dumb", "5", "20") == ""
# 60 steps of 20 ms by two threads: about six redraws, one line each, removed.
shown = on_terminal("xterm", "60", "20")
frames = shown.split("\r")
print(frames)
assert frames[0] == "" and frames[-1] == "\x1b[K" and "\n" not in shown
frames = [re.fullmatch(r"calibrate \[(=*)>? *\] +(\d+)%  (\d+)/60(  (\d+)s left"
                       r"|)\x1b\[K", frame) for frame in frames[1:-1]]
assert all(frames) and 2 <= len(frames) <= 14, frames
counts = [int(frame[3]) for frame in frames]
assert counts == sorted(counts) and counts[0] == 0 and counts[-1] > 20, counts
for frame in frames:
    assert int(frame[2]) == int(frame[3]) * 100 // 60
    assert (frame[5] is None) == (int(frame[3]) in (0, 60))
    assert len(frame[0]) <= 79 + 3
