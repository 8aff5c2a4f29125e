"""Graphs in MLIR that are compiled, run, and given to the interpreter. With QNT_ARM, the
program that test/Target/CPU/arm.test makes of run_entry.cpp, they are compiled for Arm's
processors and run in their emulator."""
import os
import struct
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

NAMES = {"float64": "f64", "float32": "f32", "float16": "f16",
         "bfloat16": "bf16", "bool": "i1", "int8": "i8", "int16": "i16",
         "int32": "i32", "int64": "i64", "uint8": "i8", "uint16": "i16",
         "uint32": "i32", "uint64": "i64"}
DTYPES = {"f64": np.float64, "f32": np.float32, "f16": np.float16,
          "bf16": ml_dtypes.bfloat16, "bool": np.bool_} | {
    f"{kind[0]}{bits}": np.dtype(f"{kind}{bits}")
    for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
ARM = os.environ.get("QNT_ARM")
NEEDED = {"avx512vnni": {"avx512f", "avx512cd", "avx512bw", "avx512dq",
                         "avx512vl", "avx512_vnni", "fma", "f16c", "bmi2"},
          "avxvnni": {"avx2", "fma", "f16c", "bmi2", "avx_vnni"},
          "avx2": {"avx2", "fma", "f16c", "bmi2"}, "portable": set()}


def runnable():
    """The instruction sets that this machine executes, or its emulator."""
    if ARM:
        return ["i8mm", "dotprod", "neon"]
    with open("/proc/cpuinfo") as file:
        line = next((l for l in file if l.startswith("flags")), "")
    return [isa for isa, needed in NEEDED.items()
            if needed <= set(line.split())]


def seeded():
    return np.random.default_rng(draw_seed())


def checked(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:400]}\n{done.stderr[:3000]}")
    return done


def tensor(shape, element="f32"):
    return f"tensor<{''.join(f'{n}x' for n in shape)}{element}>"


class Entry:
    """One public function. `dims` name the dimensions of inputs, numbers are
    static."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name
        self.arguments, self.lines, self.results = [], [], []
        self.probes, self.attributes = [], []

    def input(self, name, dims, element="f32", attributes=""):
        """`attributes` follow the name: ', qnt.dtype = "u8"'."""
        shape = ["?" if isinstance(d, str) else d for d in dims]
        names = ", ".join(f'"{d}"' if isinstance(d, str) else '""'
                          for d in dims)
        of = tensor(shape, element)
        self.arguments.append(f'%{name}: {of} {{qnt.name = "{name}", '
                              f'qnt.dims = [{names}]{attributes}}}')
        return f"%{name}", of

    def cache(self, of):
        self.arguments.append(f"%kv: {of}")
        return "%kv"

    def param(self, array):
        """A parameter of the store; its value and type."""
        name = f"p{len(self.graph.params)}"
        self.graph.params[name] = np.array(array, order="C")
        of = tensor(array.shape, NAMES[array.dtype.name])
        return self.op(f"ml_program.global_load_const @{name} : {of}"), of

    def coded(self, codes, of, scales, zeros=None):
        """A quantised parameter of type `of` as the store holds it; its value."""
        graph = self.graph
        name = f"q{len(graph.coded)}"
        graph.coded[name] = of
        bits = int(of.split(", ")[1].strip("uint"))
        graph.stored[f"{name}.codes"] = (codes & (2**bits - 1)).astype(np.uint8)
        graph.stored[f"{name}.scales"] = scales
        if zeros is not None:
            graph.stored[f"{name}.zeros"] = zeros
        return self.op(f"ml_program.global_load_const @{name} : {of}")

    def op(self, text, lines=None):
        lines = self.lines if lines is None else lines
        name = f"%{'probe' if lines is self.probes else 'op'}{len(lines)}"
        lines.append(f"{name} = {text}")
        return name

    def result(self, value, of, attributes=""):
        self.results.append((value, of))
        self.attributes.append(attributes)
        return len(self.results) - 1

    def text(self, probes=None):
        """The function, or with `probes` one that returns those instead."""
        results = self.results if probes is None else probes
        types = ", ".join(
            of + (f' {{qnt.name = "y{i}"{self.attributes[i]}}}'
                  if probes is None else "")
            for i, (_, of) in enumerate(results))
        lines = self.lines + (self.probes if probes is not None else [])
        return (f"func.func @{self.name}{'' if probes is None else '.probe'}"
                f"({', '.join(self.arguments)}) -> ({types}) {{\n  " +
                "\n  ".join(lines) + "\n  return " +
                ", ".join(v for v, _ in results) + " : " +
                ", ".join(of for _, of in results) + "\n}\n")


class Graph:
    def __init__(self, interpreter):
        self.interpreter = interpreter
        self.folder = tempfile.TemporaryDirectory()
        self.params, self.entries = {}, []
        # Types of quantised parameters, and the tensors that hold them.
        self.coded, self.stored = {}, {}

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def entry(self, name):
        self.entries.append(Entry(self, name))
        return self.entries[-1]

    def write(self, name, functions):
        text = f'module attributes {{qnt.params = "{self.path("in.st")}"}} {{\n'
        types = {param: tensor(array.shape, NAMES[array.dtype.name])
                 for param, array in self.params.items()}
        for param, of in (types | self.coded).items():
            text += (f"ml_program.global private @{param}(#ml_program.extern "
                     f": {of}) : {of}\n")
        with open(self.path(name), "w") as file:
            file.write(text + "".join(functions) + "}\n")

    def finish(self, probes={}, isas=None):
        """Writes the model and starts to compile it for every instruction
        set, or for `isas`. `probes` holds further results by entry, for the
        interpreter only."""
        save_file(self.params | self.stored, self.path("in.st"))
        functions = [entry.text() for entry in self.entries]
        self.write("model.mlir", functions)
        self.write("probe.mlir", functions + [
            e.text(probes[e.name]) for e in self.entries if e.name in probes])
        self.compiler = subprocess.Popen(
            ["quant-opt", self.path("model.mlir"),
             f"--target=cpu isa={','.join(isas or runnable())}",
             "-o", self.path("model.so")], stderr=subprocess.PIPE, text=True)

    def wait(self):
        errors = self.compiler.communicate()[1]
        if self.compiler.returncode:
            sys.exit(f"{errors[:3000]}")

    def save(self, name, inputs):
        """bf16, which .npy files cannot hold, as f32."""
        np.savez(self.path(name), **{
            key: array.astype(np.float32) if array.dtype.name == "bfloat16"
            else array for key, array in inputs.items()})

    def interpret(self, entry, inputs, count, cache=()):
        self.save("x.npz", inputs)
        out = self.path(entry + ".truth")
        checked([self.interpreter, self.path("probe.mlir"), entry,
                 self.path("x.npz"), out, *map(str, cache)])
        return [np.load(f"{out}.{i}.npy") for i in range(count)]

    def run(self, entry, isa, inputs, count, threads, context=0):
        """Between guard pages: what passes the end of a buffer fails."""
        if ARM:
            return self.emulate(entry, isa, inputs, threads, context)
        self.save("y.npz", inputs)
        checked([os.path.join(os.path.dirname(self.interpreter),
                              "run-guarded"), self.path("model.so"), entry, isa,
                 str(threads), str(context), self.path("y.npz"),
                 self.path("y")])
        return [np.load(self.path(f"y{i}.npy")) for i in range(count)]

    def emulate(self, entry, isa, inputs, threads, context):
        for name, array in inputs.items():
            with open(self.path(f"y.{name}"), "wb") as file:
                file.write(struct.pack(f"{array.ndim + 1}q", array.ndim, *array.shape))
                file.write(np.ascontiguousarray(array).tobytes())
        done = checked(["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", "max", ARM,
                        self.path("model.so"), entry, isa, str(threads), str(context),
                        self.path("y"), self.path("y")])
        results = []
        for i, dtype in enumerate(done.stdout.split()):
            with open(self.path(f"y{i}"), "rb") as file:
                rank, = struct.unpack("q", file.read(8))
                shape = struct.unpack(f"{rank}q", file.read(8 * rank))
                array = np.frombuffer(file.read(), DTYPES[dtype]).reshape(shape)
            results.append(array.astype(np.float32) if dtype == "bf16" else array)
        return results
