"""Functions of one op in IR, and what they compute in numpy."""
import pathlib
import subprocess

import numpy as np
from safetensors.numpy import save_file


def tensor(shape, element="f32"):
    return "tensor<" + "".join(f"{n}x" for n in shape) + element + ">"


class Value:
    def __init__(self, name, shape, element="f32"):
        self.name, self.shape, self.element = name, tuple(shape), element

    @property
    def type(self):
        return tensor(self.shape, self.element)


class Case:
    """A function @name. Tensors that are differentiated are parameters, which
    linear layers take as they are; to be activations of dynamic shape they are
    added to an input of zeros. `compute` gets the parameters, as f64."""

    def __init__(self, name, rng):
        self.name, self.rng = name, rng
        self.lines, self.parameters, self.inputs = [], {}, {}
        self.arguments, self.count, self.globals = [], 0, []
        self.compute, self.result, self.loss = None, None, "cotangent"

    def emit(self, text, shape, element="f32"):
        self.count += 1
        value = Value(f"%v{self.count}", shape, element)
        self.lines.append(f"{value.name} = {text}")
        return value

    def argument(self, name, array, dims, element="f32"):
        """`dims` name dynamic dimensions; None where they are static."""
        self.inputs[name] = array
        shape = ["?" if d else n for d, n in zip(dims, array.shape)]
        value = Value(f"%{name}", shape, element)
        names = ", ".join(f'"{d or ""}"' for d in dims)
        self.arguments.append(
            f'{value.name}: {value.type} {{qnt.name = "{name}", '
            f"qnt.dims = [{names}]}}")
        return value

    def parameter(self, array):
        array = np.ascontiguousarray(array, np.float32)
        name = f"{self.name}.p{len(self.parameters)}"
        self.parameters[name] = array
        type = tensor(array.shape)
        self.globals.append(
            f'ml_program.global private @"{name}"(#ml_program.extern : {type}) '
            f": {type}")
        return self.emit(f'ml_program.global_load_const @"{name}" : {type}',
                         array.shape)

    def activation(self, array, dims=None):
        """The parameter as something computed; the first dimensions are
        dynamic, with the names `dims`."""
        value = self.parameter(array)
        dims = list(dims or []) + [None] * (array.ndim - len(dims or []))
        zeros = self.argument(f"x{len(self.inputs)}",
                              np.zeros(array.shape, np.float32), dims)
        if zeros.type != value.type:
            value = self.emit(f"tensor.cast {value.name} : {value.type} to "
                              f"{zeros.type}", zeros.shape)
        return self.emit(f"nn.add {zeros.name}, {value.name} : {zeros.type}, "
                         f"{value.type}", zeros.shape)

    def finish(self, result, compute, loss="cotangent", target=None):
        """`target`: what the loss compares with; chosen at random for a
        cotangent."""
        self.result, self.compute, self.loss = result, compute, loss
        y = compute(*self.wide())
        if target is None:
            target = self.rng.standard_normal(y.shape).astype(np.float32)
        self.target = target

    def wide(self):
        return [p.astype(np.float64) for p in self.parameters.values()]

    @property
    def text(self):
        body = "\n    ".join(self.lines)
        return "\n".join(self.globals) + (
            f"\n  func.func @{self.name}({', '.join(self.arguments)}) -> "
            f'({self.result.type} {{qnt.name = "y"}}) {{\n    {body}\n    '
            f"return {self.result.name} : {self.result.type}\n  }}\n")

    @property
    def option(self):
        return (f"--nn-gradient=entry={self.name} name={self.name}_gradient "
                f"loss={self.loss} wrt=^{self.name}[.]p")

    def scalar(self, parameters):
        """The loss, by its definition."""
        y, target = self.compute(*parameters), self.target
        if self.loss == "cotangent":
            return float((y * target).sum())
        if self.loss == "squared_error":
            return float(((y - target) ** 2).mean() / 2)
        logs = log_softmax(y)
        if self.loss == "kl":
            wanted = log_softmax(target.astype(np.float64))
            return float((np.exp(wanted) * (wanted - logs)).sum(-1).mean())
        counts = target >= 0
        chosen = np.take_along_axis(
            logs, np.maximum(target, 0)[..., None], -1)[..., 0]
        return float(-(chosen * counts).sum() / max(counts.sum(), 1))

    def differences(self, step=1e-5):
        """Central differences of each number of each parameter, in f64."""
        values, result = self.wide(), []
        for value in values:
            slope = np.zeros(value.shape)
            for place in np.ndindex(value.shape):
                kept = value[place]
                ends = []
                for sign in (1, -1):
                    value[place] = kept + sign * step
                    ends.append(self.scalar(values))
                value[place] = kept
                slope[place] = (ends[0] - ends[1]) / (2 * step)
            result.append(slope)
        return result

    def all_inputs(self):
        name = "cotangent" if self.loss == "cotangent" else "target"
        return {**self.inputs, name: self.target}


def away(x, *kinks):
    """No number near one where a slope jumps."""
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.02, np.float32(kink + 0.05), x)
    return x.astype(np.float32)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def call(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def write(folder, cases):
    """The module of all cases, with its parameters beside it."""
    store = pathlib.Path(folder) / "cases.safetensors"
    save_file({k: v for c in cases for k, v in c.parameters.items()}, store)
    path = pathlib.Path(folder) / "cases.mlir"
    path.write_text(f'module attributes {{qnt.params = "{store}"}} {{\n'
                    + "\n".join(c.text for c in cases) + "}\n")
    return path


def measure(folder, interpret, cases):
    """Compiles the gradients of all cases; compares them, on the CPU target and in
    the interpreter, with differences."""
    source, module = write(folder, cases), folder / "gradients.mlir"
    call("quant-opt", source, *(c.option for c in cases), "-o", module)
    call("quant-opt", module, "--target=cpu", "-o", folder / "gradients.so")
    # Sums of f32 against f64: what ten steps of rounding may do to the largest.
    tolerance = 2e-5
    worst = {"CPU": 0.0, "interpreter": 0.0}
    for c in cases:
        entry = f"{c.name}_gradient"
        np.savez(folder / "in.npz", **c.all_inputs())
        names = ["loss", *c.parameters]
        outputs = []
        for i, name in enumerate(names):
            outputs += ["--output", f"{name}={folder}/CPU.{i}.npy"]
        call("quant-run", folder / "gradients.so", "--entry", entry, "--input",
             folder / "in.npz", *outputs)
        call(interpret, module, entry, folder / "in.npz", folder / "interpreter")
        expected = [np.array(c.scalar(c.wide())), *c.differences()]
        for kind in worst:
            for i, (name, wanted) in enumerate(zip(names, expected)):
                got = np.load(folder / f"{kind}.{i}.npy")
                assert got.shape == wanted.shape, (name, got.shape, wanted.shape)
                error = np.abs(got - wanted).max() / max(1, np.abs(wanted).max())
                assert error <= tolerance, (kind, name, error, got, wanted)
                worst[kind] = max(worst[kind], error)
    print(len(cases), "cases, largest relative errors", worst)
