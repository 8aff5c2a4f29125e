// REQUIRES: python
// RUN: %python -c "import random, sys; print(open(sys.argv[1]).read().replace('dense<3> : tensor<1024x1024xi4>', 'dense<\"0x' + bytes(b & 7 for b in random.Random(1).randbytes(1 << 20)).hex() + '\"> : tensor<1024x1024xi4>'))" %s > %t.mlir
// RUN: quant-opt %t.mlir --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=70000 part=xc7z010 weights=auto}))' | FileCheck %s
// RUN: not quant-opt %t.mlir --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=70000 part=xc7z010}))' 2>&1 | FileCheck %s --check-prefix=CHIP

// The larger matrix has 3 Mbit, of drawn weights (bits that all have alike take none), the part
// 2.1 in block RAM.
// CHIP: does not fit xc7z010
// CHECK-LABEL: qflow.design @two(
// CHECK-COUNT-1: qflow.fetch "weights0" {{.*}} tensor<{{.*}}xi4> port 64
// CHECK: qflow.tiled_dot
// CHECK: qflow.dot {{.*}} tensor<16x1024xi4>
// CHECK-NOT: qflow.fetch
qflow.design @two(%x: !qflow.stream<1024xui8, 1>) -> !qflow.stream<16xsi20, 1> {
  %y = qflow.dot %x weights dense<3> : tensor<1024x1024xi4> : !qflow.stream<1024xui8, 1> -> !qflow.stream<1024xsi21, 1>
  %z = qflow.requantize %y multipliers dense<3> : tensor<1024xi64> offsets dense<64> : tensor<1024xi64> shifts dense<7> : tensor<1024xi64> clamp [0, 255] : !qflow.stream<1024xsi21, 1> -> !qflow.stream<1024xui8, 1>
  %w = qflow.dot %z weights dense<1> : tensor<16x1024xi4> : !qflow.stream<1024xui8, 1> -> !qflow.stream<16xsi20, 1>
  qflow.output %w : !qflow.stream<16xsi20, 1>
}
