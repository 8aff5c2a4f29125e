"""Running params-test, and safetensors files made by hand."""
import json
import os
import struct
import shutil
import subprocess
import sys

from seeding import draw_seed

program, folder = sys.argv[1:3]
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
seed = draw_seed()


def path(name):
    return os.path.join(folder, name)


def run(*args, **options):
    return subprocess.run([program, *map(str, args)], capture_output=True,
                          text=True, **options)


def check_error(result, *parts):
    """The program failed with one clear line that holds all of `parts`."""
    message = result.stderr
    print(message, end="")
    assert result.returncode == 1, (result.returncode, parts)
    assert message.startswith("error: ") and message.count("\n") == 1, message
    for part in parts:
        assert part in message, (part, message)


def raw(header, data=b"", length=None):
    """The bytes of a safetensors file; `header` may be malformed text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    return struct.pack("<Q", size) + text + data


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content)
    return path(name)
