# REQUIRES: python
# RUN: %python %s %test_bin/params-test %t
"""An output file is whole or absent, whatever happens to its writer."""
import os
import shutil
import stat
import subprocess
import sys

import safetensors

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import check_error, folder, path, program, run, write

out = path("out.safetensors")
SIZE = 4 << 20


def fresh():
    shutil.rmtree(folder)
    os.makedirs(folder)


def stall():
    """A writer that has written half of the file."""
    process = subprocess.Popen([program, "stall", out, str(SIZE)], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout.readline() == "half\n", process.stderr.read()
    return process


def order(process, what):
    message = process.communicate(what)[1]
    assert process.returncode == 0, message


def is_whole():
    with open(out, "rb") as file:
        (name, info), = safetensors.deserialize(file.read())
    return name == "x" and bytes(info["data"]) == bytes([7]) * SIZE


# Nothing under the final name before the end; nothing at all when dropped.
fresh()
process = stall()
assert not os.path.exists(out)
order(process, "drop")
assert os.listdir(folder) == []
order(stall(), "finish")
assert os.listdir(folder) == ["out.safetensors"] and is_whole()
umask = os.umask(0)
os.umask(umask)
assert stat.S_IMODE(os.stat(out).st_mode) == 0o666 & ~umask

# A file that was there stays until the new one is whole.
old = open(write("out.safetensors", b"old"), "rb")
process = stall()
assert open(out, "rb").read() == b"old"
order(process, "drop")
assert os.listdir(folder) == ["out.safetensors"]
order(stall(), "finish")
assert is_whole() and old.read() == b"old"

# kill -9 leaves no file under the final name, nor one in the next writer's way.
fresh()
process = stall()
process.kill()
process.communicate()
assert not os.path.exists(out) and len(os.listdir(folder)) == 1
order(stall(), "drop")
assert os.listdir(folder) == []
process = stall()
process.kill()
process.communicate()
order(stall(), "finish")
assert os.listdir(folder) == ["out.safetensors"] and is_whole()

# Two writers of one file: the second says so and the first is not disturbed.
fresh()
process = stall()
check_error(run("stall", out, SIZE), out, "another process is writing it")
order(process, "finish")
assert is_whole()

# Where nothing can be written.
fresh()
absent = path("absent/out.safetensors")
check_error(run("stall", absent, 8), absent, "No such file or directory")
write("file", b"")
check_error(run("stall", path("file/out"), 8), "file/out", "Not a directory")
check_error(run("stall", folder, 8), folder, "it is a folder")
check_error(run("stall", "/dev/null", 8), "/dev/null", "not a regular file")
check_error(run("stall", "", 8), "the file name is empty")
long = path("x" * 300)
check_error(run("stall", long, 8), long, "File name too long")
assert os.listdir(folder) == ["file"]
if os.geteuid() != 0:
    os.chmod(folder, 0o555)
    check_error(run("stall", out, 8), out, "Permission denied")
    os.chmod(folder, 0o755)

# A full disk and a read-only one: file systems in a mount namespace of their
# own, which goes with the process.
def in_tmpfs(options, *args):
    """Runs params-test with the folder on a 1 MB disk, then lists it."""
    script = (f'mount -t tmpfs -o size=1m{options} tmpfs "$0" && '
              '{ "$@"; status=$?; ls -A "$0"; exit $status; }')
    return subprocess.run(["unshare", "-m", "sh", "-c", script, folder,
                           program, *map(str, args)],
                          capture_output=True, text=True, input="finish")


if (shutil.which("unshare") and
        in_tmpfs("", "stall", out, 100000).returncode == 0):
    result = in_tmpfs("", "stall", out, SIZE)
    check_error(result, out, "No space left on device", "bytes are needed")
    # Not even half of it was written, and nothing is left.
    assert result.stdout == "", result.stdout
    check_error(in_tmpfs(",ro", "stall", out, 8), out, "Read-only file system")
else:
    print("skipped: full disk (no mounts here)")

# Wrong use names the tensor.
fresh()
for kind, parts in {
        "twice": ("'a'", "declared twice"), "reserved": ("'__metadata__'",),
        "padding": ("'__pad__.0'", "reserved"), "utf8": ("UTF-8",),
        "negative": ("'b'", "[-1]"), "overflow": ("'b'", "impossible"),
        "sum": ("'b'", "impossible"),
        "much": ("'a'", "more bytes", "takes 16", "17"),
        "little": ("'b'", "incomplete", "takes 3 bytes", "2 were written"),
        "after": ("1 bytes", "after the last tensor")}.items():
    check_error(run("misuse", kind, out), out, *parts)
    assert os.listdir(folder) == [], kind
assert run("misuse", "none", out).returncode == 0
