#!/usr/bin/env python3
"""A peer that runs work when told to, so that it takes turns with others. Prints what it is,
then, for each line it reads, the times of one run as JSON.

usage: peer.py llama FILE.gguf THREADS PROMPT STEPS
       peer.py onnxruntime MODEL.onnx THREADS INPUTS.npz
       peer.py openvino MODEL.onnx THREADS INPUTS.npz cnn|transformer
       peer.py iree MODULE.vmfb THREADS INPUTS.npz
"""
import json
import sys
import time

import numpy as np


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Llama:
    """llama.cpp by llama-cpp-python: tokens a second of a prompt, and of steps after it."""

    def __init__(self, path, threads, prompt, steps):
        import llama_cpp as api
        self.api, self.prompt, self.steps = api, int(prompt), int(steps)
        api.llama_backend_init()
        self.name = (f"llama-cpp-python {api.__version__}, "
                     + api.llama_print_system_info().decode().strip())
        self.model = api.llama_model_load_from_file(path.encode(),
                                                    api.llama_model_default_params())
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = 1024, 512, 512
        params.n_threads = params.n_threads_batch = int(threads)
        self.context = api.llama_init_from_model(self.model, params)

    def decode(self, count):
        tokens = (self.api.llama_token * count)(*range(1, count + 1))
        assert self.api.llama_decode(self.context,
                                     self.api.llama_batch_get_one(tokens, count)) == 0
        self.api.llama_synchronize(self.context)

    def run(self):
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        prefill = seconds_of(lambda: self.decode(self.prompt))
        steps = [seconds_of(lambda: self.decode(1)) for _ in range(self.steps)]
        return {"prefill": self.prompt / prefill, "decode": 1 / np.median(steps)}


class Calls:
    """Milliseconds of a call: the median of as many as take half a second."""

    def run(self):
        times = [seconds_of(self.call)]
        while sum(times) < 0.5:
            times.append(seconds_of(self.call))
        return {"ms": 1e3 * float(np.median(times))}


class ONNXRuntime(Calls):
    def __init__(self, path, threads, inputs):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        self.name = f"onnxruntime {onnxruntime.__version__}"
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.inputs = dict(np.load(inputs))

    def call(self):
        self.session.run(None, self.inputs)


class OpenVINO(Calls):
    """Quantised to int8 by NNCF, OpenVINO's own quantiser, from a float model."""

    def __init__(self, path, threads, inputs, kind):
        import nncf
        import openvino
        self.name = f"openvino {openvino.__version__}, nncf {nncf.__version__}"
        arrays = dict(np.load(inputs))
        core = openvino.Core()
        model = core.read_model(path)
        model.reshape({name: list(array.shape) for name, array in arrays.items()})
        model = nncf.quantize(
            model, nncf.Dataset([arrays]), subset_size=1,
            model_type=nncf.ModelType.TRANSFORMER if kind == "transformer" else None)
        compiled = core.compile_model(
            model, "CPU", {"INFERENCE_NUM_THREADS": int(threads), "NUM_STREAMS": 1,
                           "PERFORMANCE_HINT": "LATENCY"})
        self.request, self.inputs = compiled.create_infer_request(), arrays

    def call(self):
        self.request.infer(self.inputs)


class IREE(Calls):
    def __init__(self, path, threads, inputs):
        import iree.runtime as iree
        from importlib.metadata import version
        self.name = f"iree-base-runtime {version('iree-base-runtime')}"
        iree.flags.parse_flags(f"--task_topology_group_count={threads}")
        self.function = iree.load_vm_flatbuffer_file(path, driver="local-task")["main"]
        device = iree.get_device("local-task")
        self.inputs = [iree.asdevicearray(device, array) for array in dict(np.load(inputs)).values()]

    def call(self):
        # Returns when the product is complete; the result stays where it is.
        self.function(*self.inputs)


PEERS = {"llama": Llama, "onnxruntime": ONNXRuntime, "openvino": OpenVINO, "iree": IREE}


def main():
    # What libraries print is no answer.
    out, sys.stdout = sys.stdout, sys.stderr
    peer = PEERS[sys.argv[1]](*sys.argv[2:])
    peer.run()
    sys.stdout = out
    print(peer.name, flush=True)
    for _ in sys.stdin:
        print(json.dumps(peer.run()), flush=True)


if __name__ == "__main__":
    main()
