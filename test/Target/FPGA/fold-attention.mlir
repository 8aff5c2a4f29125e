// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=400},qnt-fpga-size-fifos))' --verify-diagnostics | FileCheck %s

// Each unit has the fewest lanes that are fast enough; others of its streams have one.
// CHECK-LABEL: qflow.design @attention(
// CHECK-SAME: %[[Q:.*]]: !qflow.stream<6x32xsi8, 1>, %[[K:.*]]: !qflow.stream<6x16xsi8, 1>, %[[V:.*]]: !qflow.stream<6x16xsi8, 1>) -> !qflow.stream<6x32xsi17, 1>
qflow.design @attention(%q: !qflow.stream<6x32xsi8, 1>, %k: !qflow.stream<6x16xsi8, 1>, %v: !qflow.stream<6x16xsi8, 1>) -> !qflow.stream<6x32xsi17, 1> {
  // 6 x 4 x 6 scores of 8 products.
  // CHECK: %[[Q4:.*]] = qflow.width %[[Q]] : !qflow.stream<6x32xsi8, 1> -> !qflow.stream<6x32xsi8, 4>
  // CHECK: %[[S:.*]] = qflow.scores {{.*}} : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
  %s = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 1>, !qflow.stream<6x16xsi8, 1> -> !qflow.stream<6x4x6xsi20, 1>
  // 25 x 6 are few enough; a row waits while only the last one is given.
  // CHECK: %[[SF:.*]] = qflow.fifo %[[S]] depth 6
  // CHECK: %[[P:.*]], %[[L:.*]] = qflow.exponentials %[[SF]] {{.*}} : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  %p, %l = qflow.exponentials %s multiplier 300 shift 12 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  // Weights of a row wait while those before are used again.
  // CHECK: %[[PO:.*]] = qflow.fifo %[[P]] depth 6
  // CHECK: %[[PF:.*]] = qflow.fifo %[[PO]] depth 6
  // CHECK: %[[O:.*]] = qflow.mix %[[PF]], {{.*}} : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x32xsi19, 4>
  %o = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 1> -> !qflow.stream<6x32xsi19, 1>
  // CHECK: %[[O1:.*]] = qflow.width %[[O]] : !qflow.stream<6x32xsi19, 4> -> !qflow.stream<6x32xsi19, 1>
  // CHECK: %[[LF:.*]] = qflow.fifo %[[L]]
  // CHECK: qflow.divide %[[O1]], %[[LF]] heads 4 : !qflow.stream<6x32xsi19, 1>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 1>
  %d = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi19, 1>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 1>
  qflow.output %d : !qflow.stream<6x32xsi17, 1>
}

// -----

// A row more than there are is read or given; half a head is what lanes divide.
// CHECK-LABEL: qflow.design @rows(
qflow.design @rows(%x: !qflow.stream<6x128xsi16, 1>) -> !qflow.stream<6x128xsi38, 1> {
  // CHECK: qflow.normalize {{.*}} : !qflow.stream<6x128xsi16, 4> -> !qflow.stream<6x128xsi18, 4>
  %n = qflow.normalize %x zero 0 stabilizer 1 : !qflow.stream<6x128xsi16, 1> -> !qflow.stream<6x128xsi18, 1>
  // CHECK: qflow.rope {{.*}} : !qflow.stream<6x128xsi18, 2> -> !qflow.stream<6x128xsi38, 2>
  %r = qflow.rope %n zero 0 table dense<9> : tensor<6x4xi16> heads 32 : !qflow.stream<6x128xsi18, 1> -> !qflow.stream<6x128xsi38, 1>
  qflow.output %r : !qflow.stream<6x128xsi38, 1>
}

// -----

// Of two ways from a fork, one has a norm with the row that waits before it, the one
// that it has and the one that waits behind it: four rows of 64 words, and what is under
// way in five units and FIFOs.
// CHECK-LABEL: qflow.design @residual(
qflow.design @residual(%x: !qflow.stream<6x64xsi16, 1>) -> !qflow.stream<6x64xsi35, 1> {
  // CHECK: %[[F:.*]]:2 = qflow.fork
  %a, %b = qflow.fork %x : !qflow.stream<6x64xsi16, 1> -> 2
  // CHECK: qflow.fifo %{{.*}} depth 32 : !qflow.stream<6x64xsi16, 2>
  // CHECK: qflow.normalize
  // CHECK: qflow.fifo %{{.*}} depth 32 : !qflow.stream<6x64xsi18, 2>
  %n = qflow.normalize %a zero 0 stabilizer 1 : !qflow.stream<6x64xsi16, 1> -> !qflow.stream<6x64xsi18, 1>
  // CHECK: qflow.fifo %[[F]]#1 depth 306 : !qflow.stream<6x64xsi16, 1>
  // CHECK: qflow.multiply
  %y = qflow.multiply %n, %b zeros [0, 0] : !qflow.stream<6x64xsi18, 1>, !qflow.stream<6x64xsi16, 1> -> !qflow.stream<6x64xsi35, 1>
  qflow.output %y : !qflow.stream<6x64xsi35, 1>
}

// -----

qflow.design @slow(%q: !qflow.stream<16x16xsi8, 1>, %k: !qflow.stream<16x8xsi8, 1>) -> !qflow.stream<16x2x16xsi20, 1> {
  // expected-error @+1 {{needs at least 512 cycles a frame, expected at most 400}}
  %s = qflow.scores %q, %k heads 2 kv_heads 1 : !qflow.stream<16x16xsi8, 1>, !qflow.stream<16x8xsi8, 1> -> !qflow.stream<16x2x16xsi20, 1>
  qflow.output %s : !qflow.stream<16x2x16xsi20, 1>
}
