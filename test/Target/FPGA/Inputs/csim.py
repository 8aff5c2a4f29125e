"""C++ designs run on the CPU: words in, words out."""
import importlib.util
import pathlib
import re
import subprocess

from vitis import lint

# Designs are compiled with what reads memory that nothing was assigned to reading
# rubbish, and with what C++ does not define ending the run. (Rubbish of one bit is none.)
CLANG = ["clang++-22", "-std=c++17", "-O1", "-ftrivial-auto-var-init=pattern",
         "-fsanitize=undefined", "-fno-sanitize-recover=all", "-fno-sanitize=bool", "-Wall",
         "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused"]
# The types that Vitis has, from hls4ml's package, know GCC.
GCC = ["g++", "-std=c++17", "-O1", "-ftrivial-auto-var-init=pattern", "-w"]
SOURCES = pathlib.Path(__file__).resolve().parents[4] / "lib/Target/FPGA/Simulation"


def find_ap_types():
    """The folder with Vitis' ap_int.h."""
    package = pathlib.Path(importlib.util.find_spec("hls4ml").origin).parent
    return package / "templates/vivado/ap_types"


def find_memories(header):
    """What a design reads from memory: [(name, bits of a word)]."""
    return [(name, int(bits)) for bits, name in
            re.findall(r"const ap_uint<(\d+)> \*(\w+)", header)]


def main(design, inputs, outputs, memories):
    """Reads words of each stream, a hexadecimal number a line, and of memories those of
    NAME.hex, calls the design for as many frames as there are words for, and writes what it
    gives. Streams are (name, bits, words of a frame)."""
    ports = [name for name, _, _ in inputs + outputs] + [f"{name}.data()" for name, _ in memories]
    lines = [f"""std::vector<ap_uint<{bits}>> {name};
  {{
    std::ifstream file("{name}.hex");
    std::string word;
    while (file >> word)
      {name}.push_back(ap_uint<{bits}>(word.c_str(), 16));
  }}""" for name, bits in memories]
    lines += [f"hls::stream<ap_uint<{bits}>> {name};" for name, bits, _ in inputs + outputs]
    for name, bits, _ in inputs:
        lines.append(f"""{{
    std::ifstream file("{name}.in");
    std::string word;
    while (file >> word)
      {name}.write(ap_uint<{bits}>(word.c_str(), 16));
  }}""")
    name, bits, words = inputs[0]
    lines.append(f"while (!{name}.empty()) {design}({', '.join(ports)});")
    for name, bits, _ in outputs:
        lines.append(f"""{{
    std::ofstream file("{name}.out");
    while (!{name}.empty()) {{
      const ap_uint<{(bits + 3) // 4 * 4}> word = {name}.read();
      for (int digit = {(bits + 3) // 4 - 1}; digit >= 0; --digit)
        file << "0123456789abcdef"[word.range(digit * 4 + 3, digit * 4).to_int()];
      file << "\\n";
    }}
  }}""")
    body = "\n  ".join(lines)
    return f"""#include "{design}.h"
#include <fstream>
#include <string>
#include <vector>
int main() {{
  {body}
}}
"""


class CSimulation:
    """A design's files in `folder`, which Vitis would take, compiled for streams of these words
    a frame."""

    def __init__(self, folder, design, inputs, outputs, vitis_types=False):
        self.folder, self.inputs, self.outputs = pathlib.Path(folder), inputs, outputs
        assert not lint(folder, design), lint(folder, design)
        memories = find_memories((self.folder / f"{design}.h").read_text())
        (self.folder / "main.cpp").write_text(main(design, inputs, outputs, memories))
        compiler, headers = (GCC, find_ap_types()) if vitis_types else (CLANG, SOURCES)
        done = subprocess.run(
            [*compiler, "-I", headers, "main.cpp", f"{design}.cpp", "-o", "csim"],
            cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def run(self, words):
        """By stream names, lists of integers in, and out."""
        for name, _, _ in self.inputs:
            (self.folder / f"{name}.in").write_text(
                "".join(f"{word:x}\n" for word in words[name]))
        done = subprocess.run(["./csim"], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return {name: [int(word, 16) for word in
                       (self.folder / f"{name}.out").read_text().split()]
                for name, _, _ in self.outputs}


def check_designs(designs, tool, folder, vitis_types=False):
    """What each gives is what it has to."""
    for number, design in enumerate(designs):
        here = f"{folder}/{number}"
        design.emit(tool, here)
        simulation = CSimulation(here, design.name, design.inputs, design.outputs, vitis_types)
        got = simulation.run(design.given)
        assert got == design.wanted, (number, got, design.wanted)
