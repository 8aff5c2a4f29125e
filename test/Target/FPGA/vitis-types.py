# REQUIRES: python, vitis-types
# RUN: %python %s %test_bin/emit-design %t
"""Designs as C++ with Vitis' own integers and streams, beside Python's; and what ap_int.h
of lib/Target/FPGA/Simulation has computes the same."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from all_designs import make_all  # noqa: E402
from csim import CLANG, GCC, SOURCES, check_designs, find_ap_types  # noqa: E402
from designs import make_random  # noqa: E402

emit, folder = sys.argv[1:]
seed, rng = make_random()
check_designs(make_all(rng), emit, folder, vitis_types=True)

source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs/ap_types.cpp")
checksums = set()
for compiler, headers in ((CLANG, SOURCES), (GCC, find_ap_types())):
    subprocess.run([*compiler, "-I", headers, source, "-o", f"{folder}/types"], check=True)
    checksums.add(subprocess.run([f"{folder}/types", str(seed)], check=True,
                                 stdout=subprocess.PIPE).stdout)
assert len(checksums) == 1, checksums
