# REQUIRES: python, shared
# RUN: rm -rf %t && %python %S/../Bench/qdq.py --models %shared/models \
# RUN:   --data %shared/data --folder %t --program %test_bin/qnt-onnx-cases \
# RUN:   --images 4
"""Models of ONNX Runtime's quantiser: the codes of every layer agree (see
test/Bench/qdq.py)."""
