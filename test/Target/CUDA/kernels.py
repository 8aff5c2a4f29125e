# RUN: %python %s %test_bin/cuda-kernels %nvdisasm %t
# REQUIRES: python, ptxas, nvdisasm
"""Kernels of every kind and bucket are assembled for every chip: nothing spills,
registers and shared memory fit (cuda-kernels sees to that), and the instructions
that each kernel is built on are in its machine code.
"""
import collections
import re
import subprocess
import sys

tool, disassembler, out = sys.argv[1:]
# By the beginning of a kernel's name: what it must have, and must not.
SPILLS = {"LDL", "STL"}
EXPECTED = {
    "linear_wgmma_s8": ({"IGMMA", "UTMALDG", "UBLKCP", "SYNCS"}, SPILLS),
    "linear_wgmma_u8": ({"IGMMA", "UTMALDG", "UBLKCP", "SYNCS"}, SPILLS),
    "linear_wgmma_e4m3e4m3": ({"QGMMA", "UTMALDG", "UBLKCP", "SYNCS"}, SPILLS),
    "linear_wgmma_f16": ({"HGMMA", "UTMALDG", "UBLKCP", "SYNCS"},
                         SPILLS | {"I2F"}),
    "linear_tcgen05_s8": ({"UTCIMMA", "UTCBAR", "STTM", "LDTM", "UTMALDG", "UBLKCP",
                           "SYNCS"}, SPILLS),
    "linear_tcgen05_u8": ({"UTCIMMA", "UTCBAR", "STTM", "LDTM", "UTMALDG", "UBLKCP",
                           "SYNCS"}, SPILLS),
    "linear_tcgen05_f16": ({"UTCHMMA", "UTCBAR", "STTM", "LDTM", "UTMALDG", "UBLKCP",
                            "SYNCS"}, SPILLS | {"I2F"}),
    **{f"linear_tcgen05_{kind}": ({product, "UTCBAR", "STTM", "LDTM", "UTMALDG", "UBLKCP",
                                   "SYNCS"}, SPILLS)
       for kind, product in (("e4m3e4m3", "UTCQMMA"), ("nvfp4", "UTCOMMA"),
                             ("mxfp4", "UTCOMMA"))},
    "linear_s8": ({"IMMA", "LDGSTS", "LDSM"}, SPILLS),
    "linear_nvfp4": ({"OMMA", "LDGSTS", "LDSM"}, SPILLS),
    "linear_mxfp4": ({"OMMA", "LDGSTS", "LDSM"}, SPILLS),
    "linear_e4m3e4m3": ({"LDGSTS", "LDSM"}, SPILLS),
    "linear_f16": ({"HMMA", "LDGSTS", "LDSM"}, SPILLS | {"I2F"}),
    "quantize_rows": ({"SHFL"}, SPILLS),
    "rows": ({"SHFL"}, SPILLS),
    "rotate_4096_by": ({"FFMA", "LDS"}, SPILLS),
    "rotate": ({"SHFL", "LDS"}, SPILLS),
    "softmax": ({"SHFL", "MUFU"}, SPILLS),
    "attention_tiles": ({"HMMA", "LDSM", "MUFU", "SHFL"}, SPILLS),
    "attention_columns": ({"HMMA", "MUFU", "SHFL"}, SPILLS | {"I2F"}),
    "attention_rows": ({"FFMA", "MUFU", "SHFL"}, SPILLS | {"I2F"}),
    "": ({"STG"}, SPILLS),
}
failures = []
for chip in ("sm_80", "sm_90a", "sm_100a", "sm_120a"):
    run = subprocess.run([tool, chip, f"{out}.{chip}"], text=True,
                         stdout=subprocess.PIPE)
    print(run.stdout)
    if run.returncode:
        failures.append(f"{chip}: cuda-kernels fails")
        continue
    text = subprocess.run([disassembler, "-c", f"{out}.{chip}.cubin"],
                          text=True, stdout=subprocess.PIPE, check=True).stdout
    found, kernel = collections.defaultdict(set), None
    for line in text.splitlines():
        if start := re.match(r"\.section\s+\.text\.([\w$]+)", line.strip()):
            kernel = start[1]
        elif code := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+\s+)?(\w+)",
                              line):
            found[kernel].add(code[1])
    kernels = re.findall(rf"^{chip} (\w+):", run.stdout, re.M)
    if not kernels or set(kernels) != set(found):
        failures.append(f"{chip}: kernels {kernels}, found {list(found)}")
    for name, codes in found.items():
        must, mustNot = next(want for begin, want in EXPECTED.items()
                             if name.startswith(begin))
        if missing := must - codes:
            failures.append(f"{chip} {name}: has no {missing}")
        if wrong := mustNot & codes:
            failures.append(f"{chip} {name}: has {wrong}")
sys.exit("\n".join(failures) or None)
