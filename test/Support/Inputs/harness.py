"""Running support-test."""
import os
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


def run(*args):
    """The program's output; it must succeed."""
    result = subprocess.run([program, *map(str, args)], capture_output=True,
                            text=True)
    assert result.returncode == 0, (args, result.returncode, result.stderr)
    return result.stdout


def refuse(args, *parts):
    """The program fails with one clear line that holds all of `parts`."""
    result = subprocess.run([program, *map(str, args)], capture_output=True,
                            text=True)
    message = result.stderr
    print(message, end="")
    assert result.returncode == 1, (args, result.returncode, message)
    assert message.startswith("error: ") and message.count("\n") == 1, message
    for part in parts:
        assert part in message, (part, message)


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content)
    return path(name)
