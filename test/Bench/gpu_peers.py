"""cuBLASLt's products by ctypes (cublasLt.h, library_types.h)."""
import ctypes as c

BF16, F32, I8, I32, E4M3 = 14, 0, 3, 10, 28
COMPUTE_F32, COMPUTE_I32 = 68, 72
TRANSPOSE_A, WORKSPACE_BYTES = 3, 1
WORKSPACE = 64 << 20
# Of elements: type, bytes; of results: type, bytes; of sums and of scales.
KINDS = {"bf16": (BF16, 2, BF16, 2, COMPUTE_F32, F32),
         "int8": (I8, 1, I32, 4, COMPUTE_I32, I32),
         "fp8": (E4M3, 1, BF16, 2, COMPUTE_F32, F32)}


class Result(c.Structure):
    """cublasLtMatmulHeuristicResult_t."""
    _fields_ = [("algorithm", c.c_uint64 * 8), ("workspace", c.c_size_t),
                ("state", c.c_int), ("waves", c.c_float), ("reserved", c.c_int * 4)]


class Products:
    def __init__(self, driver):
        self.driver = driver
        for name in ("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"):
            try:
                self.lib = c.CDLL(name)
                break
            except OSError:
                continue
        else:
            raise RuntimeError("no cuBLASLt")
        self.handle = c.c_void_p()
        self.call("cublasLtCreate", c.byref(self.handle))
        self.workspace = driver.allocate(WORKSPACE)

    def call(self, name, *args):
        if status := getattr(self.lib, name)(*args):
            raise RuntimeError(f"{name}: cuBLAS status {status}")

    def layout(self, kind, rows, columns):
        made = c.c_void_p()
        self.call("cublasLtMatrixLayoutCreate", c.byref(made), kind, c.c_uint64(rows),
                  c.c_uint64(columns), c.c_int64(rows))
        return made

    def time(self, kind, m, n, k, runs):
        """Seconds of x [m, k] times w [n, k] transposed, of each run."""
        element, size, result, result_size, compute, scale = KINDS[kind]
        product = c.c_void_p()
        self.call("cublasLtMatmulDescCreate", c.byref(product), compute, scale)
        self.call("cublasLtMatmulDescSetAttribute", product, TRANSPOSE_A,
                  c.byref(c.c_int32(1)), c.c_size_t(4))
        layouts = [self.layout(element, k, n), self.layout(element, k, m)]
        layouts += [self.layout(result, n, m)] * 2
        preference = c.c_void_p()
        self.call("cublasLtMatmulPreferenceCreate", c.byref(preference))
        self.call("cublasLtMatmulPreferenceSetAttribute", preference, WORKSPACE_BYTES,
                  c.byref(c.c_size_t(WORKSPACE)), c.c_size_t(8))
        found, count = Result(), c.c_int()
        self.call("cublasLtMatmulAlgoGetHeuristic", self.handle, product, *layouts, preference,
                  1, c.byref(found), c.byref(count))
        if not count.value:
            raise RuntimeError(f"cuBLASLt has no {kind} product of {m} x {n} x {k}")
        w, x, y = (self.driver.fill_random(s) for s in
                   (n * k * size, m * k * size, m * n * result_size))
        number = c.c_int32 if scale == I32 else c.c_float
        one, zero = number(1), number(0)

        def multiply():
            self.call("cublasLtMatmul", self.handle, product, c.byref(one), c.c_void_p(w),
                      layouts[0], c.c_void_p(x), layouts[1], c.byref(zero), c.c_void_p(y),
                      layouts[2], c.c_void_p(y), layouts[3], c.byref(found.algorithm),
                      c.c_void_p(self.workspace), c.c_size_t(WORKSPACE), None)

        seconds = self.driver.time(multiply, runs)
        for address in (w, x, y):
            self.driver.call("cuMemFree_v2", c.c_uint64(address))
        return seconds
