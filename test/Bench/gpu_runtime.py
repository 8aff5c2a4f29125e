"""The GPU and compiled models by ctypes: nothing but Python's library, libcuda.so.1 and
libqnt_runtime.so is needed where a GPU is."""
import array
import ctypes as c
import json
import os
import statistics

F32, I32 = 0, 7


class Driver:
    """The CUDA driver, on the primary context of the first GPU."""

    def __init__(self):
        self.lib = c.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        device, context = c.c_int(), c.c_void_p()
        self.call("cuDeviceGet", c.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", c.byref(context), device)
        self.call("cuCtxSetCurrent", context)
        name = c.create_string_buffer(128)
        self.call("cuDeviceGetName", name, 128, device)
        self.name = name.value.decode()
        # Larger than any second-level cache.
        self.scratch_bytes = 256 << 20 if self.name != "emulated" else 1 << 16
        self.scratch = self.allocate(self.scratch_bytes)

    def call(self, name, *args):
        if result := getattr(self.lib, name)(*args):
            raise RuntimeError(f"{name}: CUDA error {result}")

    def allocate(self, size):
        address = c.c_uint64()
        self.call("cuMemAlloc_v2", c.byref(address), c.c_size_t(size))
        return address.value

    def fill_random(self, size):
        """Memory of random bytes."""
        address, block = self.allocate(size), os.urandom(min(size, 1 << 20))
        for at in range(0, size, len(block)):
            self.call("cuMemcpyHtoDAsync_v2", c.c_uint64(address + at), block,
                      c.c_size_t(min(len(block), size - at)), None)
        self.synchronize()
        return address

    def flush(self):
        """Nothing of what was used before is in the second-level cache after it."""
        self.call("cuMemsetD8Async", c.c_uint64(self.scratch), c.c_ubyte(1),
                  c.c_size_t(self.scratch_bytes), None)
        self.synchronize()

    def synchronize(self):
        self.call("cuStreamSynchronize", None)

    def time(self, work, runs):
        """Seconds of `work` on the default stream, of each run."""
        events = [c.c_void_p() for _ in range(2)]
        for event in events:
            self.call("cuEventCreate", c.byref(event), 0)
        seconds = []
        for run in range(runs + 3):
            self.flush()
            self.call("cuEventRecord", events[0], None)
            work()
            self.call("cuEventRecord", events[1], None)
            self.synchronize()
            milliseconds = c.c_float()
            self.call("cuEventElapsedTime", c.byref(milliseconds), *events)
            seconds.append(1e-3 * milliseconds.value)
        return seconds[3:]


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("dtype", c.c_int), ("rank", c.c_int32),
                ("shape", c.POINTER(c.c_int64)), ("strides", c.POINTER(c.c_int64))]


class Memory(c.Structure):
    _fields_ = [("kv", c.c_void_p), ("kv_bytes", c.c_int64), ("max_length", c.c_int64),
                ("arena", c.c_void_p), ("arena_bytes", c.c_int64)]


def make_tensor(data, dtype, shape):
    tensor = Tensor(data.buffer_info()[0], dtype, len(shape),
                    (c.c_int64 * len(shape))(*shape), None)
    tensor.keeps = data
    return tensor


def make_floats(count):
    """Numbers between -1 and 1, of which some repeat."""
    block = [x / 32768 for x in array.array("h", os.urandom(2 * min(count, 1 << 16)))]
    return array.array("f", (block * (count // len(block) + 1))[:count])


class Model:
    """A compiled model."""
    TIMER = c.CFUNCTYPE(None, c.c_void_p, c.c_int64, c.c_double)

    def __init__(self, runtime, path):
        self.lib = c.CDLL(str(runtime))
        for name, result in (("qnt_last_error", c.c_char_p), ("qnt_manifest", c.c_char_p),
                             ("qnt_kv_bytes", c.c_int64), ("qnt_allocate", c.c_void_p),
                             ("qnt_find_entry", c.c_int64)):
            getattr(self.lib, name).restype = result
        self.handle = c.c_void_p()
        self.check(self.lib.qnt_open(str(path).encode(), None, c.byref(self.handle)))
        self.manifest = json.loads(self.lib.qnt_manifest(self.handle))
        self.timer = self.TIMER(self.add_time)
        self.seconds = []

    def check(self, status):
        if status:
            raise RuntimeError(self.lib.qnt_last_error().decode())

    def add_time(self, _, op, seconds):
        self.seconds.append((self.manifest["ops"][op]["op"], seconds))

    def close(self):
        self.lib.qnt_close(self.handle)

    def make_cache(self, length):
        size = self.lib.qnt_kv_bytes(self.handle, c.c_int64(1), c.c_int64(length))
        kv = self.lib.qnt_allocate(self.handle, c.c_int64(size))
        if not kv:
            raise RuntimeError(self.lib.qnt_last_error().decode())
        return Memory(kv, size, length, None, 0)

    def run(self, entry, inputs, outputs, memory=None):
        index = self.lib.qnt_find_entry(self.handle, entry.encode())
        self.check(self.lib.qnt_run(
            self.handle, c.c_int64(index), (Tensor * len(inputs))(*inputs),
            c.c_int64(len(inputs)), (Tensor * len(outputs))(*outputs),
            c.c_int64(len(outputs)), memory and c.byref(memory)))

    def time(self, driver, runs, *call):
        """Median seconds of all operations of each kind."""
        self.lib.qnt_set_op_timer(self.handle, self.timer, None)
        totals = {}
        for number in range(runs + 3):
            self.seconds.clear()
            driver.flush()
            self.run(*call)
            sums = {}
            for op, seconds in self.seconds:
                sums[op] = sums.get(op, 0) + seconds
            for op, seconds in sums.items() if number >= 3 else ():
                totals.setdefault(op, []).append(seconds)
        self.lib.qnt_set_op_timer(self.handle, c.cast(None, self.TIMER), None)
        return {op: statistics.median(times) for op, times in totals.items()}
