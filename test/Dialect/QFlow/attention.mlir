// RUN: quant-opt %s --verify-roundtrip | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// CHECK-LABEL: qflow.design @rows
qflow.design @rows(%x: !qflow.stream<6x32xsi16, 2>, %g: !qflow.stream<6x32xui8, 4>, %u: !qflow.stream<6x32xsi8, 4>)
    -> (!qflow.stream<6x32xsi18, 2>, !qflow.stream<6x32xsi17, 4>) {
  // CHECK: qflow.normalize %{{.*}} zero -3 stabilizer 25 : !qflow.stream<6x32xsi16, 2> -> !qflow.stream<6x32xsi18, 2>
  %n = qflow.normalize %x zero -3 stabilizer 25 : !qflow.stream<6x32xsi16, 2> -> !qflow.stream<6x32xsi18, 2>
  // CHECK: qflow.multiply %{{.*}}, %{{.*}} zeros [7, -1] : !qflow.stream<6x32xui8, 4>, !qflow.stream<6x32xsi8, 4> -> !qflow.stream<6x32xsi17, 4>
  %m = qflow.multiply %g, %u zeros [7, -1] : !qflow.stream<6x32xui8, 4>, !qflow.stream<6x32xsi8, 4> -> !qflow.stream<6x32xsi17, 4>
  qflow.output %n, %m : !qflow.stream<6x32xsi18, 2>, !qflow.stream<6x32xsi17, 4>
}

// CHECK-LABEL: qflow.design @attention
qflow.design @attention(%x: !qflow.stream<6x32xsi16, 2>, %q: !qflow.stream<6x32xsi8, 4>, %k: !qflow.stream<6x16xsi8, 4>, %v: !qflow.stream<6x16xsi8, 2>)
    -> (!qflow.stream<6x32xsi32, 2>, !qflow.stream<6x32xsi17, 2>) {
  // CHECK: qflow.rope %{{.*}} zero 0 table dense<100> : tensor<6x8xi16> heads 4 : !qflow.stream<6x32xsi16, 2> -> !qflow.stream<6x32xsi32, 2>
  %r = qflow.rope %x zero 0 table dense<100> : tensor<6x8xi16> heads 4 : !qflow.stream<6x32xsi16, 2> -> !qflow.stream<6x32xsi32, 2>
  // CHECK: %[[S:.*]] = qflow.scores %{{.*}}, %{{.*}} heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
  %s = qflow.scores %q, %k heads 4 kv_heads 2 : !qflow.stream<6x32xsi8, 4>, !qflow.stream<6x16xsi8, 4> -> !qflow.stream<6x4x6xsi20, 1>
  // CHECK: %[[P:.*]], %[[L:.*]] = qflow.exponentials %[[S]] multiplier 300 shift 12 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  %p, %l = qflow.exponentials %s multiplier 300 shift 12 : !qflow.stream<6x4x6xsi20, 1> -> !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x4xui11, 1>
  // CHECK: %[[O:.*]] = qflow.mix %[[P]], %{{.*}} heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 2> -> !qflow.stream<6x32xsi19, 2>
  %o = qflow.mix %p, %v heads 4 kv_heads 2 : !qflow.stream<6x4x6xui8, 1>, !qflow.stream<6x16xsi8, 2> -> !qflow.stream<6x32xsi19, 2>
  // CHECK: qflow.divide %[[O]], %[[L]] heads 4 : !qflow.stream<6x32xsi19, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 2>
  %d = qflow.divide %o, %l heads 4 : !qflow.stream<6x32xsi19, 2>, !qflow.stream<6x4xui11, 1> -> !qflow.stream<6x32xsi17, 2>
  qflow.output %r, %d : !qflow.stream<6x32xsi32, 2>, !qflow.stream<6x32xsi17, 2>
}
