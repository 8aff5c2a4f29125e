#!/usr/bin/env python3
"""What Vitis HLS found of this design (csynth.xml), stage by stage beside the estimate of
report.json. Written after UG1399; it has not been run on a report of Vitis here.

usage: python3 vitis_report.py [SOLUTION]

SOLUTION is the folder of the solution that run_vitis.tcl makes, vitis/solution unless given.
Cycles are those between frames. Vitis counts block RAMs of 18 Kib, the estimate of 36.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET

PERFORMANCE = "PerformanceEstimates"
LATENCY = f"{PERFORMANCE}/SummaryOfOverallLatency"
RESOURCES = "AreaEstimates/Resources"


def read_number(root, path):
    """None where a report has no such entry, or says that it is not known ("undef")."""
    text = root.findtext(path)
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def read_report(path):
    """Cycles between frames, clock in ns, resources of one module."""
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        sys.exit(f"{path}: {error}")
    if root.find(PERFORMANCE) is None or root.find(RESOURCES) is None:
        sys.exit(f"{path}: expected a report of synthesis, with {PERFORMANCE} and {RESOURCES}")
    dsps = read_number(root, f"{RESOURCES}/DSP")
    if dsps is None:
        # Before 2021.
        dsps = read_number(root, f"{RESOURCES}/DSP48E")
    block_rams = read_number(root, f"{RESOURCES}/BRAM_18K")
    return {"cycles": read_number(root, f"{LATENCY}/Interval-max"),
            "target": read_number(root, "UserAssignments/TargetClockPeriod"),
            "clock": read_number(root,
                                 f"{PERFORMANCE}/SummaryOfTimingAnalysis/EstimatedClockPeriod"),
            "dsp": dsps, "lut": read_number(root, f"{RESOURCES}/LUT"),
            "bram36": None if block_rams is None else block_rams / 2,
            "ff": read_number(root, f"{RESOURCES}/FF"),
            "uram": read_number(root, f"{RESOURCES}/URAM")}


def show(number):
    return "?" if number is None else f"{number:g}"


COLUMNS = ("cycles", "dsp", "lut", "bram36")


def compare(name, ours, theirs):
    """A row: ours, theirs and their ratio for each column."""
    row = [name]
    for column in COLUMNS:
        mine, found = ours.get(column), theirs[column]
        ratio = f"{found / mine:.2f}" if mine and found is not None else ""
        row += [show(mine), show(found), ratio]
    return row


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(*sys.argv[1:] or [here / "vitis/solution"]) / "syn/report"
    ours = json.loads((here.parent / "report.json").read_text())
    top = next((path for path in (folder / f"{ours['design']}_csynth.xml", folder / "csynth.xml")
                if path.exists()), None)
    if top is None:
        sys.exit(f"{folder} has no {ours['design']}_csynth.xml: run vitis_hls -f run_vitis.tcl "
                 "first, or name the folder of the solution")
    whole = read_report(top)
    print(f"{ours['design']}: clock {show(whole['clock'])} ns of {show(whole['target'])}, "
          f"{show(whole['ff'])} flip-flops, {show(whole['uram'])} URAMs")
    rows = [["", *(f"{column}{what}" for column in COLUMNS for what in ("", " Vitis", " ratio"))],
            compare("whole design", ours["total"] | {"cycles": ours["cycles"]}, whole)]
    missing = []
    for stage in ours["stages"]:
        if stage["kind"] in ("fifo", "memory"):
            continue
        kind = "do_fetch_" if stage["kind"] == "fetch" else "do_"
        path = folder / f"{kind}{stage['name']}_csynth.xml"
        if path.exists():
            rows.append(compare(stage["name"], stage, read_report(path)))
        else:
            missing.append(stage["name"])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
    if missing:
        print(f"{len(missing)} stages without a report of their own: {', '.join(missing)}")


if __name__ == "__main__":
    main()
