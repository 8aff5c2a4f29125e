"""Windows on images, in numpy."""
import numpy as np


def pick(rng, options):
    return options[rng.integers(len(options))]


class Windows:
    """`image` is height and width; pads are above, left, below, right."""

    def __init__(self, image, kernel, strides=(1, 1), pads=(0, 0, 0, 0),
                 dilations=(1, 1)):
        self.image, self.kernel = tuple(image), tuple(kernel)
        self.strides, self.pads = tuple(strides), tuple(pads)
        self.dilations = tuple(dilations)
        self.output = tuple(
            (self.image[a] + self.pads[a] + self.pads[a + 2] -
             self.dilations[a] * (self.kernel[a] - 1) - 1) // self.strides[a]
            + 1 for a in (0, 1))

    @staticmethod
    def random(rng, pads=True):
        while True:
            kernel = pick(rng, [(1, 1), (3, 3), (3, 3), (5, 2), (2, 7), (4, 4)])
            windows = Windows(
                rng.integers(1, 20, 2).tolist(), kernel,
                pick(rng, [(1, 1), (1, 1), (2, 2), (1, 3)]),
                rng.integers(0, 3, 4).tolist() if pads and rng.random() < 0.7
                else (0, 0, 0, 0),
                pick(rng, [(1, 1), (1, 1), (1, 1), (2, 1), (1, 2)]))
            reach = [d * (k - 1) for d, k in
                     zip(windows.dilations, windows.kernel)]
            # Pads within the kernel, as pools of codes demand.
            if min(windows.output) > 0 and all(
                    p <= reach[i % 2] for i, p in enumerate(windows.pads)):
                return windows

    def text(self, kernel=False):
        join = lambda numbers: "[" + ", ".join(map(str, numbers)) + "]"
        text = f"kernel {join(self.kernel)} " if kernel else ""
        text += f"strides {join(self.strides)} "
        if any(self.pads):
            text += f"pads {join(self.pads)} "
        return text + f"dilations {join(self.dilations)}"

    def taps(self, x, outside):
        """[taps, B, OH, OW, C] of images [B, H, W, C]."""
        p = self.pads
        x = np.pad(x, ((0, 0), (p[0], p[2]), (p[1], p[3]), (0, 0)),
                   constant_values=outside)
        found = []
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                top, left = i * self.dilations[0], j * self.dilations[1]
                found.append(x[:, top::self.strides[0], left::self.strides[1]]
                             [:, :self.output[0], :self.output[1]])
        return np.stack(found)


def convolve(x, w, windows, groups, outside=0):
    """x [B, H, W, C], w [N, KH, KW, C / groups]."""
    taps = windows.taps(x, outside)
    n, depth = len(w), w.shape[3]
    parts = []
    for g in range(groups):
        part = w[g * n // groups:(g + 1) * n // groups]
        parts.append(np.einsum(
            "tbyxc,ntc->byxn", taps[..., g * depth:(g + 1) * depth],
            part.reshape(len(part), -1, depth), optimize=True))
    return np.concatenate(parts, -1)
