# RUN: %python %s %source quant-opt
# REQUIRES: python
# Every ```mlir block of the documentation and of the dialects' descriptions
# parses. Blocks may be functions, or ops on values that they do not define (the
# type of each is taken from the parser's complaint), or types and attributes.
import os
import re
import subprocess
import sys

source, program = sys.argv[1:]


def parse(text):
    done = subprocess.run([program, "-", "--allow-unregistered-dialect"],
                          input=text.encode(), capture_output=True)
    return done.returncode == 0, done.stderr.decode()


def complete(block):
    """The block as a module, but for the types of the values it lacks."""
    lines = block.splitlines()
    if all(re.match(r"[!#]", line) for line in lines if line):
        return "\n".join(f'"test.example"() {{a = {line}}} : () -> ()'
                         for line in lines if line), []
    if "func.func" in block or "qflow.design" in block:
        return block, []
    defined = {name for line in lines
               if (match := re.match(r"\s*(%[\w, %]+?) = ", line))
               for name in re.findall(r"%\w+", match.group(1))}
    for arguments in re.findall(r"\^bb\d+\((.*)\):", block):
        defined |= set(re.findall(r"(%\w+):", arguments))
    used = dict.fromkeys(re.findall(r"%\w+", block))
    return block, [name for name in used if name not in defined]


def check(block):
    body, missing = complete(block)
    types = dict.fromkeys(missing, "none")
    for _ in range(len(missing) + 1):
        definitions = "".join(f'{name} = "test.value"() : () -> {type}\n'
                              for name, type in types.items())
        ok, errors = parse(definitions + body)
        # What stands within another op is shown without it.
        if ok or "op expects parent op" in errors:
            return None
        match = re.search(r"use of value '(%\w+)' expects different type than "
                          r"prior uses: '(.*)' vs 'none'", errors)
        if not match:
            return errors
        types[match.group(1)] = match.group(2)
    return errors


files, blocks, failures = 0, 0, []
for top, kind in [("docs", ".md"), ("dialects", ".td"), ("README.md", ".md")]:
    top = os.path.join(source, top)
    paths = [top] if os.path.isfile(top) else sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(top)
        for name in names if name.endswith(kind))
    for path in paths:
        files += 1
        text = open(path).read()
        for match in re.finditer(r"^( *)```mlir\n(.*?)^ *```", text, re.M | re.S):
            blocks += 1
            indent = len(match.group(1))
            block = "\n".join(line[indent:] for line in match.group(2).splitlines())
            errors = check(block)
            if errors:
                line = text[:match.start()].count("\n") + 1
                failures.append(f"{os.path.relpath(path, source)}:{line}:\n"
                                f"{block}\n{errors}")
print("\n".join(failures))
print(blocks, "examples in", files, "files")
sys.exit(bool(failures) or blocks < 15)
