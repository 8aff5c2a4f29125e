// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=36}))' --verify-diagnostics | FileCheck %s

// A product of 36 vectors needs all of a vector at once, a window as many lanes.
// CHECK-LABEL: qflow.design @image(
// CHECK-SAME: %[[X:.*]]: !qflow.stream<6x6x4xui8, 4>) -> !qflow.stream<6x6x6xui8, 6>
qflow.design @image(%x: !qflow.stream<6x6x4xui8, 1>) -> !qflow.stream<6x6x6xui8, 1> {
  // CHECK: %[[Y:.*]] = qflow.dot %[[X]] {{.*}} !qflow.stream<6x6x4xui8, 4> -> !qflow.stream<6x6x6xsi14, 6>
  %y = qflow.dot %x weights dense<3> : tensor<6x4xi4> : !qflow.stream<6x6x4xui8, 1> -> !qflow.stream<6x6x6xsi14, 1>
  // CHECK: qflow.requantize %[[Y]] {{.*}} !qflow.stream<6x6x6xsi14, 6> -> !qflow.stream<6x6x6xui8, 6>
  %z = qflow.requantize %y multipliers dense<3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [0, 255] : !qflow.stream<6x6x6xsi14, 1> -> !qflow.stream<6x6x6xui8, 1>
  qflow.output %z : !qflow.stream<6x6x6xui8, 1>
}

// -----

// Of foldings with as many multipliers, that with the fewest sums; words of other
// lanes at the rate of the narrower side.
// CHECK-LABEL: qflow.design @vectors(
// CHECK-SAME: %[[X:.*]]: !qflow.stream<24xui8, 1>)
qflow.design @vectors(%x: !qflow.stream<24xui8, 1>) -> !qflow.stream<12xsi14, 1> {
  // CHECK: %[[W:.*]] = qflow.width %[[X]] : !qflow.stream<24xui8, 1> -> !qflow.stream<24xui8, 8>
  // CHECK: qflow.dot %[[W]] {{.*}} !qflow.stream<24xui8, 8> -> !qflow.stream<12xsi14, 1>
  %y = qflow.dot %x weights dense<1> : tensor<12x24xi2> : !qflow.stream<24xui8, 1> -> !qflow.stream<12xsi14, 1>
  qflow.output %y : !qflow.stream<12xsi14, 1>
}

// -----

qflow.design @slow(%x: !qflow.stream<4x4x1xui8, 1>) -> !qflow.stream<4x4x1xsi13, 1> {
  %w = qflow.window %x kernel [3, 3] pads [1, 1, 1, 1] outside 0 : !qflow.stream<4x4x1xui8, 1> -> !qflow.stream<4x4x9xui8, 1>
  // expected-error @+1 {{has no folding of at most 36 cycles a frame: 16 vectors of 9 inputs, of which 1 or a divisor of that are multiplied at once}}
  %y = qflow.dot %w weights dense<1> : tensor<1x9xi2> : !qflow.stream<4x4x9xui8, 1> -> !qflow.stream<4x4x1xsi13, 1>
  qflow.output %y : !qflow.stream<4x4x1xsi13, 1>
}

// -----

// expected-error @+1 {{needs at least 64 cycles a frame, expected at most 36}}
qflow.design @pixels(%x: !qflow.stream<8x8x1xui8, 1>) -> !qflow.stream<8x8x1xui8, 1> {
  qflow.output %x : !qflow.stream<8x8x1xui8, 1>
}

// -----

// Four channels at once, two sums of each. Words of what is joined are of one input.
// CHECK-LABEL: qflow.design @channels(
// CHECK: %[[W:.*]] = qflow.window %{{.*}} by_channel {{.*}} !qflow.stream<3x3x8xui8, 4> -> !qflow.stream<2x2x2x16xui8, 4>
// CHECK: qflow.depthwise %[[W]] {{.*}} !qflow.stream<2x2x2x16xui8, 4> -> !qflow.stream<2x2x16xsi11, 8>
// CHECK: qflow.concat {{.*}} !qflow.stream<2x2x16xsi11, 4>, !qflow.stream<2x2x8xsi11, 4> -> !qflow.stream<2x2x24xsi11, 4>
qflow.design @channels(%x: !qflow.stream<3x3x8xui8, 1>, %z: !qflow.stream<2x2x8xsi11, 1>) -> !qflow.stream<2x2x24xsi11, 1> {
  %w = qflow.window %x by_channel kernel [2, 2] outside 0 : !qflow.stream<3x3x8xui8, 1> -> !qflow.stream<2x2x8x4xui8, 1>
  %y = qflow.depthwise %w weights dense<1> : tensor<16x4xi2> : !qflow.stream<2x2x8x4xui8, 1> -> !qflow.stream<2x2x16xsi11, 2>
  %n = qflow.width %y : !qflow.stream<2x2x16xsi11, 2> -> !qflow.stream<2x2x16xsi11, 1>
  %c = qflow.concat %n, %z : !qflow.stream<2x2x16xsi11, 1>, !qflow.stream<2x2x8xsi11, 1> -> !qflow.stream<2x2x24xsi11, 1>
  qflow.output %c : !qflow.stream<2x2x24xsi11, 1>
}

// -----

qflow.design @slow_channels(%x: !qflow.stream<6x6x1xui8, 1>) -> !qflow.stream<5x5x1xsi11, 1> {
  %w = qflow.window %x by_channel kernel [2, 2] outside 0 : !qflow.stream<6x6x1xui8, 1> -> !qflow.stream<5x5x1x4xui8, 1>
  // expected-error @+1 {{needs at least 100 cycles a frame, expected at most 36}}
  %y = qflow.depthwise %w weights dense<1> : tensor<1x4xi2> : !qflow.stream<5x5x1x4xui8, 1> -> !qflow.stream<5x5x1xsi11, 1>
  qflow.output %y : !qflow.stream<5x5x1xsi11, 1>
}
