"""What qnt.rotate multiplies with, from the literature: Sylvester's matrices
(scipy), Paley's constructions, SplitMix64."""
import numpy as np
from scipy.linalg import block_diag, hadamard


def is_prime(n):
    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))


def paley(n):
    """Paley's matrix of order n, by the first construction that there is."""
    first = is_prime(n - 1)
    q = n - 1 if first else n // 2 - 1
    squares = {i * i % q for i in range(1, q)}
    symbol = np.array([0] + [1 if i in squares else -1 for i in range(1, q)])
    index = np.arange(q)
    s = np.ones((q + 1, q + 1), int)
    s[0, 0] = 0
    s[1:, 0] = -1 if first else 1
    s[1:, 1:] = symbol[(index[:, None] - index) % q]
    if first:
        return s + np.eye(q + 1, dtype=int)
    return (np.kron(s, [[1, 1], [1, -1]]) +
            np.kron(np.eye(q + 1, dtype=int), [[1, -1], [-1, -1]]))


def dense_order(n):
    """The least of Paley's orders that leaves a power of two; 1 of these; None
    where there is none."""
    odd = n
    while odd % 2 == 0:
        odd //= 2
    if odd == 1:
        return 1
    for m in (4 * odd * 2 ** i for i in range(10)):
        q = m // 2 - 1
        if n % m == 0 and m <= 1024 and (
                is_prime(m - 1) or (q % 4 == 1 and is_prime(q))):
            return m
    return None


def matrix(n):
    """The Hadamard matrix of order n, or None."""
    dense = dense_order(n)
    if dense is None:
        return None
    rest = hadamard(n // dense)
    return rest if dense == 1 else np.kron(paley(dense), rest)


def signs(seed, first, count):
    if seed == 0:
        return np.ones(count)
    z = (seed + (np.arange(first, first + count, dtype=object) + 1)
         * 0x9E3779B97F4A7C15) % 2 ** 64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2 ** 64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2 ** 64
    return np.where((z ^ (z >> 31)) % 2 == 1, -1.0, 1.0)


def rotation(size, block, seed=0):
    """R of `size` features."""
    h = matrix(block) / np.sqrt(block)
    return signs(seed, 0, size)[:, None] * block_diag(*[h] * (size // block))


def rotate(x, block, seed=0, transposed=False):
    """x R, or x R^T, over the last dimension of x."""
    h = matrix(block) / np.sqrt(block)
    sign = signs(seed, 0, x.shape[-1])
    blocks = (x if transposed else x * sign).reshape(*x.shape[:-1], -1, block)
    y = (blocks @ (h.T if transposed else h)).reshape(x.shape)
    return y * sign if transposed else y


def random_rotations(rng, blocks, n):
    """Orthogonal matrices [blocks, n, n]."""
    return np.linalg.qr(rng.standard_normal((blocks, n, n)))[0]
