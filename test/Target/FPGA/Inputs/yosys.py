"""What Yosys makes of a design, module by module."""
import collections
import json
import pathlib
import re
import subprocess

# LUTs of a memory's primitive (UG953).
MEMORIES = {"RAM32X1S": 1, "RAM32X1D": 2, "RAM32M": 4, "RAM64X1S": 1, "RAM64X1D": 2,
            "RAM64M": 4, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4}


# Of Verilator, about cells that are not ours.
WARNINGS = ["UNOPTFLAT", "CASEOVERLAP", "UNDRIVEN"]


class Counts(collections.Counter):
    """dsp, lut, ff, half (block RAM of 18 Kib)."""

    @staticmethod
    def of(cells):
        counts = Counts()
        for name, count in cells.items():
            if re.fullmatch("LUT[1-6]|SRL16E|SRLC32E", name):
                counts["lut"] += count
            counts["lut"] += MEMORIES.get(name, 0) * count
            counts["ff"] += count * bool(re.fullmatch("FD[RSCP]E(_1)?", name))
            counts["dsp"] += count * (name == "DSP48E1")
            counts["half"] += count * {"RAMB18E1": 1, "RAMB36E1": 2}.get(name, 0)
        return counts


def run_yosys(folder, sources, top, family="xc7"):
    """Cells by type of each module."""
    subprocess.run(
        ["yosys", "-q", "-p", f"read_verilog -sv {' '.join(map(str, sources))}; synth_xilinx "
         f"-noiopad -noclkbuf -family {family} -top {top}; tee -q -o stat.json stat -json"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Yosys 0.23 has the hierarchy among it, which is no JSON.
    text = "\n".join(line for line in (folder / "stat.json").read_text().splitlines()
                     if not re.fullmatch(r'\s+[^"\s]+\s+\d+', line))
    return {name.lstrip("\\"): module["num_cells_by_type"] for name, module in
            json.loads(text)["modules"].items()}


def write_netlist(folder, design):
    """Writes what a design is made of in place of it, its cells by Yosys' models of them."""
    subprocess.run(
        ["yosys", "-q", "-p", f"read_verilog -sv {design}.v; synth_xilinx -noiopad -noclkbuf "
         f"-family xc7 -top {design}; write_verilog -noattr netlist.v; design -reset; "
         f"read_verilog netlist.v +/xilinx/cells_sim.v; hierarchy -top {design}; proc; flatten; "
         f"opt_clean; write_verilog -noattr {design}.v"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text = (folder / f"{design}.v").read_text()
    (folder / f"{design}.v").write_text(
        "".join(f"/* verilator lint_off {name} */\n" for name in WARNINGS) + text)


def total(modules, name):
    """Counts of a module with those in it."""
    counts = Counts.of(modules[name])
    for cell, count in modules[name].items():
        if cell.lstrip("\\") in modules:
            for key, number in total(modules, cell.lstrip("\\")).items():
                counts[key] += number * count
    return counts


def count_cells(folder, sources, top):
    """Counts of all."""
    return total(run_yosys(pathlib.Path(folder), sources, top), top)


def synthesize(folder, design):
    """Counts of each process by its name, of each FIFO by (words, bits of a word), and of
    all ("")."""
    modules = run_yosys(pathlib.Path(folder), [f"{design}.v"], design)
    found = {name.removeprefix(design + "_"): total(modules, name) for name in modules
             if name.startswith(design + "_")}
    found[""] = total(modules, design)
    return found
