// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-lower-units))' | FileCheck %s

// Of a vector each cycle: x0 + 2 x1 is made once, the second row is 4 times that less that, 7 x3
// is 8 x3 - x3.
// CHECK-LABEL: qflow.design @matrix(
// CHECK-COUNT-5: {qflow.shared_sum}
// CHECK-NOT: {qflow.shared_sum}
// CHECK-NOT: arith.muli
// CHECK: vector.from_elements
qflow.design @matrix(%x: !qflow.stream<3x4xui4, 4>) -> (!qflow.stream<3x4xsi9, 4>) {
  %y = qflow.dot %x weights dense<[[1, 2, 0, 0], [3, 6, 1, 0], [-1, -2, 0, 7], [0, 0, 0, 0]]> : tensor<4x4xi4> : !qflow.stream<3x4xui4, 4> -> !qflow.stream<3x4xsi9, 4>
  qflow.output %y : !qflow.stream<3x4xsi9, 4>
}

// -----

// Rows that are others' multiples, or less than zero, take nothing more.
// CHECK-LABEL: qflow.design @multiples(
// CHECK: arith.addi {{.*}} {qflow.shared_sum} : i5
// CHECK: arith.subi %c0{{.*}}, {{.*}} {qflow.shared_sum} : i7
// CHECK-NOT: {qflow.shared_sum}
// CHECK: vector.from_elements
qflow.design @multiples(%x: !qflow.stream<3x2xui4, 2>) -> (!qflow.stream<3x3xsi7, 3>) {
  %y = qflow.dot %x weights dense<[[1, 1], [2, 2], [-2, -2]]> : tensor<3x2xi4> : !qflow.stream<3x2xui4, 2> -> !qflow.stream<3x3xsi7, 3>
  qflow.output %y : !qflow.stream<3x3xsi7, 3>
}
