"""Random numbers of tests. lit puts this folder on the path of modules."""
import os
import secrets


def draw_seed():
    """QNT_SEED, which `.ci/test` derives from the sources, else a fresh one; below 2^30.
    Printed, so that what failed can be run again."""
    seed = int(os.environ.get("QNT_SEED") or secrets.randbits(30))
    print("seed", seed)
    return seed
