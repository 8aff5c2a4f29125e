// RUN: quant-opt %s --canonicalize --cse | FileCheck %s

// What moves words stays, though nothing else uses it.
// CHECK-LABEL: qflow.design @stays
// CHECK: qflow.process
// CHECK: qflow.read
// CHECK: qflow.write
// CHECK: qflow.fifo
qflow.design @stays(%x: !qflow.stream<4x2xui8, 1>) -> !qflow.stream<4x2xui8, 1> {
  %y = qflow.process "copy"(%x) loops [8] : (!qflow.stream<4x2xui8, 1>) -> !qflow.stream<4x2xui8, 1> {
  ^bb0(%in: !qflow.stream<4x2xui8, 1>, %out: !qflow.stream<4x2xui8, 1>, %i: i3):
    %true = arith.constant true
    %w = qflow.read %in if %true : !qflow.stream<4x2xui8, 1>
    qflow.write %w to %out if %true : !qflow.stream<4x2xui8, 1>
    qflow.next
  }
  %z = qflow.fifo %y depth 2 : !qflow.stream<4x2xui8, 1>
  qflow.output %z : !qflow.stream<4x2xui8, 1>
}
