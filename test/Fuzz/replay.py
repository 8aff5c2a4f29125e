# RUN: python3 %s %test_bin %S
"""Fuzz targets on the corpus that fuzzing starts from, every file of which is
valid, and on the inputs of former findings. The seed is fresh: valid files must
be accepted whatever their numbers."""
import os
import subprocess
import sys
import tempfile

from seeding import draw_seed

programs, folder = sys.argv[1:]
seed = draw_seed()
failed = False
with tempfile.TemporaryDirectory() as corpus:
    subprocess.run([sys.executable, os.path.join(folder, "Inputs", "seeds.py"), corpus,
                    str(seed)], check=True)
    names = sorted(os.listdir(corpus))
    assert {"safetensors", "npy", "tokenizer"} <= set(names), names
    for name in names:
        command = [os.path.join(programs, "fuzz-" + name), "--accept",
                   os.path.join(corpus, name)]
        former = os.path.join(folder, "Inputs", name)
        if os.path.isdir(former):
            command.append(former)
        done = subprocess.run(command, capture_output=True, text=True)
        print(name + ":", done.stdout.strip())
        if done.returncode:
            failed = True
            print(f"exit status {done.returncode}:\n{done.stderr[-3000:]}")
sys.exit(failed)
