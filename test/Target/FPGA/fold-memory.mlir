// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=112 weights=dram least=0 port=32},qnt-fpga-size-fifos))' | FileCheck %s
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=112 weights=dram}))' | FileCheck %s --check-prefix=SMALL
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=112 weights=sd}))' 2>&1 | FileCheck %s --check-prefix=WHERE
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=112 weights=auto}))' 2>&1 | FileCheck %s --check-prefix=PART
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=112 weights=dram port=40}))' 2>&1 | FileCheck %s --check-prefix=PORT
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=8 weights=dram least=0 port=32}))' 2>&1 | FileCheck %s --check-prefix=SLOW

// WHERE: expected weights in chip, dram or auto, got 'sd'
// PART: expected a part, whose block RAM weights=auto compares with
// PORT: expected a port of a power of two bits from 32 to 1024, got 40
// A port gives a word a cycle.
// SLOW: has no folding of at most 8 cycles a frame

// Codes of tiles are put in order, not sums.
// CHECK-LABEL: qflow.design @vectors(
// CHECK: %[[M:.*]] = qflow.fetch "weights0" contents {{.*}} port 32 burst 64 ahead 512
// CHECK: %[[X:.*]] = qflow.fifo %{{.*}} depth 8
// CHECK: qflow.tiled_dot %[[X]], %{{.*}} -> !qflow.stream<[[TILES:[0-9]+]]x4x[[ROWS:[0-9]+]]xsi17, [[ROWS]]>
// CHECK: qflow.requantize {{.*}} tiled : !qflow.stream<[[TILES]]x4x[[ROWS]]xsi17, {{.*}} -> !qflow.stream<[[TILES]]x4x[[ROWS]]xui8
// CHECK: qflow.fifo
// CHECK: qflow.reorder %{{.*}} permutation [1, 0, 2] : !qflow.stream<[[TILES]]x4x[[ROWS]]xui8, {{.*}} -> !qflow.stream<4x12xui8
// SMALL-LABEL: qflow.design @vectors(
// SMALL-NOT: qflow.fetch
qflow.design @vectors(%x: !qflow.stream<4x24xui8, 1>) -> !qflow.stream<4x12xui8, 1> {
  %y = qflow.dot %x weights dense<3> : tensor<12x24xi4> : !qflow.stream<4x24xui8, 1> -> !qflow.stream<4x12xsi17, 1>
  %z = qflow.requantize %y multipliers dense<3> : tensor<12xi64> offsets dense<64> : tensor<12xi64> shifts dense<7> : tensor<12xi64> clamp [0, 255] : !qflow.stream<4x12xsi17, 1> -> !qflow.stream<4x12xui8, 1>
  qflow.output %z : !qflow.stream<4x12xui8, 1>
}
