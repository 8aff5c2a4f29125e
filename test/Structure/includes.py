# RUN: python3 %s %source
"""Who may include whom: the table of docs/architecture.md, checked on every
source of the compiler. Support is for everyone.
"""
import os
import pathlib
import re
import sys

ALLOWED = {
    "Support": set(),
    "Runtime": set(),
    "dialects": set(),
    "Params": set(),
    "Tokenize": set(),
    "Allocation": set(),
    "Analysis": {"dialects"},
    # Importers evaluate what is constant.
    "Import": {"dialects", "Interpreter", "Params", "Tokenize"},
    "Interpreter": {"dialects", "Params"},
    "Transforms": {"dialects", "Allocation", "Analysis", "Params"},
    # Targets write what the runtime reads: qnt/Runtime/Module.h.
    "Target/Common": {"dialects", "Runtime"},
    "Target/CPU": {"dialects", "Target/Common"},
    "Target/CUDA": {"dialects", "Runtime", "Target/Common"},
    # Weights are part of the hardware; what fits a part is an allocation.
    "Target/FPGA": {"dialects", "Allocation", "Params"},
    # Kernels of the GPU, by the CPU's code generation.
    "Emulator": {"dialects", "Target/CPU"},
    "Pipelines": {"dialects", "Analysis", "Import", "Interpreter", "Params",
                  "Runtime", "Target/Common", "Target/CPU", "Target/CUDA",
                  "Target/FPGA", "Tokenize", "Transforms"},
    "Plugin": {"Pipelines", "dialects"},
    "tools": {"Pipelines", "Runtime", "Tokenize"},
}
# Parts that work without the compiler.
PLAIN = {"Support", "Runtime", "Params", "Tokenize", "Allocation"}
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)


def part_of(path):
    """The part of QNT that a file or an include path belongs to."""
    if path.endswith("qnt/InitAll.h"):
        return "Pipelines"
    match = re.match(r"(?:lib|include/qnt|qnt)/(Target/\w+|\w+)/", path)
    if match:
        return "dialects" if match[1] == "Dialect" else match[1]
    match = re.match(r"(dialects|tools)/", path)
    return match[1] if match else None


def check(name, text):
    """The violations of one file, given by its path in the tree."""
    part = part_of(name)
    if part not in ALLOWED:
        return [f"{name}: '{part}' has no line in the table"]
    errors = []
    for include in INCLUDE.findall(text):
        if include.startswith("../"):
            include = os.path.normpath(f"{os.path.dirname(name)}/{include}")
        if part in PLAIN and re.match(r"(mlir|llvm)(-c)?/", include):
            errors.append(f"{name}: {part} sees no LLVM, but includes {include}")
        other = part_of(include)
        if other and other not in ALLOWED[part] | {part, "Support"}:
            errors.append(f"{name}: {part} may not include {include}")
    return errors


def main():
    root = pathlib.Path(sys.argv[1])
    # The check itself must be able to fail.
    assert check("lib/Transforms/X.cpp", '#include "qnt/Target/CPU/ISA.h"\n')
    assert check("lib/Import/A/X.cpp", '#include "../../Transforms/Y.h"\n')
    assert not check("lib/Import/A/X.cpp", '#include "../B/Y.h"\n')
    assert check("lib/Runtime/X.cpp", '#include "mlir/IR/Value.h"\n')
    assert check("lib/New/X.cpp", "")
    assert not check("tools/t/X.cpp", '#include "qnt/InitAll.h"\n')
    errors, count = [], 0
    for folder in ("dialects", "include", "lib", "tools"):
        for path in sorted((root / folder).rglob("*")):
            # lib/cmake holds the upstream headers that are compiled once.
            if path.suffix in {".cpp", ".h", ".c"} and "cmake" not in path.parts:
                count += 1
                errors += check(path.relative_to(root).as_posix(),
                                path.read_text(encoding="utf-8"))
    assert count > 100, count
    sys.exit("\n".join(errors) or None)


main()
