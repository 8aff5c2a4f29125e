# REQUIRES: python, shared
# RUN: rm -rf %t && mkdir %t
# RUN: env QNT_BUILD=%build %python %s %t
"""ResNet-20 and ResNet-8 from ONNX on a few images: accuracy of the float models,
quantised ones close to it, integer arithmetic equal to the interpreter."""
import os
import pathlib
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "Bench"))
import cifar

args = cifar.parse(["--limit", "400", "--exact", "24", "--samples", "32"])
base = {}
for name, recipe, top1, equal in cifar.measure(args, pathlib.Path(sys.argv[1])):
    print(name, recipe, top1, equal)
    base.setdefault(name, top1)
    # Of 400 images, one is a quarter of a point.
    assert abs(top1 - base[name]) <= (3 if "W4" in recipe else 1.5), recipe
    assert equal is None or equal[0] == equal[1], equal
assert base["resnet20"] > 75 and base["resnet8"] > 70, base
