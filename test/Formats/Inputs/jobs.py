"""Runs test-formats on a list of jobs."""
import os
import subprocess
import tempfile

import numpy as np


class Jobs:
    """Collects jobs, runs them in one process, hands out their results."""

    def __init__(self, program):
        self.program, self.lines, self.count = program, [], 0
        self.folder = tempfile.TemporaryDirectory()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def add(self, command, what, words=None):
        """Returns a function that gives the result's bytes after run()."""
        self.count += 1
        fields = [command, what]
        if words is not None:
            fields.append(self.path(f"{self.count}.in"))
            with open(fields[-1], "wb") as file:
                for part in words:
                    file.write(np.ascontiguousarray(part).tobytes())
        fields.append(self.path(f"{self.count}.out"))
        self.lines.append("\t".join(fields))
        return lambda path=fields[-1]: open(path, "rb").read()

    def run(self):
        with open(self.path("jobs"), "w") as file:
            file.write("\n".join(self.lines) + "\n")
        subprocess.run([self.program, self.path("jobs")], check=True)
