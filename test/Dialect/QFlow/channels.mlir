// RUN: quant-opt %s | quant-opt | FileCheck %s

// CHECK-LABEL: qflow.design @channels
qflow.design @channels(%x: !qflow.stream<4x4x3x18xui8, 2>, %z: !qflow.stream<4x4x4xsi13, 4>) -> !qflow.stream<4x4x16xsi13, 4> {
  // CHECK: %[[Y:.*]] = qflow.depthwise %{{.*}} weights dense<-1> : tensor<12x9xi4> bias dense<5> : tensor<12xi4> in_luts : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x12xsi13, 4>
  %y = qflow.depthwise %x weights dense<-1> : tensor<12x9xi4> bias dense<5> : tensor<12xi4> in_luts : !qflow.stream<4x4x3x18xui8, 2> -> !qflow.stream<4x4x12xsi13, 4>
  // CHECK: qflow.concat %[[Y]], %{{.*}} : !qflow.stream<4x4x12xsi13, 4>, !qflow.stream<4x4x4xsi13, 4> -> !qflow.stream<4x4x16xsi13, 4>
  %c = qflow.concat %y, %z : !qflow.stream<4x4x12xsi13, 4>, !qflow.stream<4x4x4xsi13, 4> -> !qflow.stream<4x4x16xsi13, 4>
  qflow.output %c : !qflow.stream<4x4x16xsi13, 4>
}
