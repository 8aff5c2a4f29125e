# REQUIRES: python
# RUN: %python %s %test_bin/emit-design %t
"""Designs as C++, by clang's integers, beside Python's."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from all_designs import make_all  # noqa: E402
from csim import check_designs  # noqa: E402
from designs import make_random  # noqa: E402

emit, folder = sys.argv[1:]
seed, rng = make_random()
check_designs(make_all(rng), emit, folder)
