// RUN: quant-opt %s --verify-roundtrip | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// CHECK-LABEL: qflow.design @streams
// CHECK-SAME: (%[[X:.*]]: !qflow.stream<8x8x16xui8, 4> {qflow.name = "image"})
// CHECK-SAME: -> (!qflow.stream<8x8x16xui8, 16>, !qflow.stream<8x8x16xui8, 1>)
// CHECK-SAME: attributes {clock = 1.000000e+02 : f64, part = "xc7z020"}
qflow.design @streams(%x: !qflow.stream<8x8x16xui8, 4> {qflow.name = "image"})
    -> (!qflow.stream<8x8x16xui8, 16>, !qflow.stream<8x8x16xui8, 1>)
    attributes {part = "xc7z020", clock = 1.0e+02 : f64} {
  // CHECK: %[[C:.*]]:2 = qflow.fork %[[X]] : !qflow.stream<8x8x16xui8, 4> -> 2
  %a, %b = qflow.fork %x : !qflow.stream<8x8x16xui8, 4> -> 2
  // CHECK: %[[A:.*]] = qflow.width %[[C]]#0 : !qflow.stream<8x8x16xui8, 4> -> !qflow.stream<8x8x16xui8, 16>
  %wide = qflow.width %a : !qflow.stream<8x8x16xui8, 4> -> !qflow.stream<8x8x16xui8, 16>
  // CHECK: %[[F:.*]] = qflow.fifo %[[C]]#1 depth 64 : !qflow.stream<8x8x16xui8, 4>
  %late = qflow.fifo %b depth 64 : !qflow.stream<8x8x16xui8, 4>
  // CHECK: %[[B:.*]] = qflow.width %[[F]]
  %narrow = qflow.width %late : !qflow.stream<8x8x16xui8, 4> -> !qflow.stream<8x8x16xui8, 1>
  // CHECK: qflow.output %[[A]], %[[B]] : !qflow.stream<8x8x16xui8, 16>, !qflow.stream<8x8x16xui8, 1>
  qflow.output %wide, %narrow : !qflow.stream<8x8x16xui8, 16>, !qflow.stream<8x8x16xui8, 1>
}

// Sums of rows of 8 numbers; one word of several lanes, and signed ones.
// CHECK-LABEL: qflow.design @sums
qflow.design @sums(%x: !qflow.stream<16x8xui8, 2>) -> !qflow.stream<16x1xsi12, 1> {
  // CHECK: qflow.process "sum"(%{{.*}}) loops [16, 4] initial [0 : i12, dense<0> : vector<2xi8>] : (!qflow.stream<16x8xui8, 2>) -> !qflow.stream<16x1xsi12, 1> {
  %y = qflow.process "sum"(%x) loops [16, 4] initial [0 : i12, dense<0> : vector<2xi8>]
      : (!qflow.stream<16x8xui8, 2>) -> !qflow.stream<16x1xsi12, 1> {
  // CHECK-NEXT: ^bb0(%[[IN:.*]]: !qflow.stream<16x8xui8, 2>, %[[OUT:.*]]: !qflow.stream<16x1xsi12, 1>, %{{.*}}: i4, %[[STEP:.*]]: i2, %[[SUM:.*]]: i12, %{{.*}}: vector<2xi8>):
  ^bb0(%in: !qflow.stream<16x8xui8, 2>, %out: !qflow.stream<16x1xsi12, 1>, %row: i4, %step: i2, %sum: i12, %last: vector<2xi8>):
    %true = arith.constant true
    %zero = arith.constant 0 : i12
    %c0 = arith.constant 0 : i2
    %c3 = arith.constant 3 : i2
    // CHECK: %[[W:.*]] = qflow.read %[[IN]] if %{{.*}} : !qflow.stream<16x8xui8, 2>
    %word = qflow.read %in if %true : !qflow.stream<16x8xui8, 2>
    // CHECK: %[[R:.*]] = qflow.memory block contents dense<{{.*}}> : tensor<4x2xi8> -> !qflow.memory<4 x vector<2xi8>>
    %rom = qflow.memory block contents dense<[[1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xi8> -> !qflow.memory<4 x vector<2xi8>>
    // CHECK: qflow.load %[[R]][%[[STEP]]] : !qflow.memory<4 x vector<2xi8>>
    %weight = qflow.load %rom[%step] : !qflow.memory<4 x vector<2xi8>>
    // CHECK: %[[RAM:.*]] = qflow.memory auto -> !qflow.memory<4 x vector<2xi8>>
    %ram = qflow.memory auto -> !qflow.memory<4 x vector<2xi8>>
    // CHECK: qflow.store %[[W]] to %[[RAM]][%[[STEP]]] if %{{.*}} : !qflow.memory<4 x vector<2xi8>>
    qflow.store %word to %ram[%step] if %true : !qflow.memory<4 x vector<2xi8>>
    %product = arith.muli %word, %weight : vector<2xi8>
    %sum8 = vector.reduction <add>, %product : vector<2xi8> into i8
    %number = arith.extui %sum8 : i8 to i12
    %isFirst = arith.cmpi eq, %step, %c0 : i2
    %before = arith.select %isFirst, %zero, %sum : i12
    %after = arith.addi %before, %number : i12
    %isLast = arith.cmpi eq, %step, %c3 : i2
    // CHECK: qflow.write %{{.*}} to %[[OUT]] if %{{.*}} : !qflow.stream<16x1xsi12, 1>
    qflow.write %after to %out if %isLast : !qflow.stream<16x1xsi12, 1>
    // CHECK: qflow.next %{{.*}}, %{{.*}} : i12, vector<2xi8>
    qflow.next %after, %word : i12, vector<2xi8>
  }
  qflow.output %y : !qflow.stream<16x1xsi12, 1>
}

// CHECK-LABEL: qflow.design @units
qflow.design @units(%x: !qflow.stream<8x8x4xui8, 2>) -> !qflow.stream<3x3x6xui4, 1> {
  // CHECK: %[[W:.*]] = qflow.window %{{.*}} kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] outside 7 : !qflow.stream<8x8x4xui8, 2> -> !qflow.stream<4x4x36xui8, 2>
  %w = qflow.window %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] outside 7 : !qflow.stream<8x8x4xui8, 2> -> !qflow.stream<4x4x36xui8, 2>
  // CHECK: %[[Y:.*]] = qflow.dot %[[W]] weights dense<-1> : tensor<6x36xi2> bias dense<5> : tensor<6xi4> : !qflow.stream<4x4x36xui8, 2> -> !qflow.stream<4x4x6xsi15, 3>
  %y = qflow.dot %w weights dense<-1> : tensor<6x36xi2> bias dense<5> : tensor<6xi4> : !qflow.stream<4x4x36xui8, 2> -> !qflow.stream<4x4x6xsi15, 3>
  // CHECK: %[[A:.*]]:2 = qflow.fork %[[Y]]
  %a, %b = qflow.fork %y : !qflow.stream<4x4x6xsi15, 3> -> 2
  // CHECK: %[[C:.*]] = qflow.requantize %[[A]]#0 multipliers dense<-3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [0, 255] : !qflow.stream<4x4x6xsi15, 3> -> !qflow.stream<4x4x6xui8, 3>
  %c = qflow.requantize %a multipliers dense<-3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [0, 255] : !qflow.stream<4x4x6xsi15, 3> -> !qflow.stream<4x4x6xui8, 3>
  // CHECK: %[[D:.*]] = qflow.requantize %[[A]]#1 multipliers dense<3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [-8, 7] add %[[C]] factors dense<1> : tensor<6xi64> : !qflow.stream<4x4x6xui8, 3> : !qflow.stream<4x4x6xsi15, 3> -> !qflow.stream<4x4x6xsi4, 3>
  %d = qflow.requantize %b multipliers dense<3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [-8, 7] add %c factors dense<1> : tensor<6xi64> : !qflow.stream<4x4x6xui8, 3> : !qflow.stream<4x4x6xsi15, 3> -> !qflow.stream<4x4x6xsi4, 3>
  // CHECK: qflow.window %[[D]] by_channel kernel [2, 2] outside 0 : !qflow.stream<4x4x6xsi4, 3> -> !qflow.stream<3x3x2x12xsi4, 3>
  %v = qflow.window %d by_channel kernel [2, 2] outside 0 : !qflow.stream<4x4x6xsi4, 3> -> !qflow.stream<3x3x2x12xsi4, 3>
  // CHECK: qflow.pool max %{{.*}} : !qflow.stream<3x3x2x12xsi4, 3> -> !qflow.stream<3x3x6xsi4, 3>
  %p = qflow.pool max %v : !qflow.stream<3x3x2x12xsi4, 3> -> !qflow.stream<3x3x6xsi4, 3>
  // CHECK: qflow.lookup %{{.*}} table dense<3> : tensor<16xi4> : !qflow.stream<3x3x6xsi4, 3> -> !qflow.stream<3x3x6xui4, 3>
  %t = qflow.lookup %p table dense<3> : tensor<16xi4> : !qflow.stream<3x3x6xsi4, 3> -> !qflow.stream<3x3x6xui4, 3>
  // CHECK: qflow.slice %{{.*}} offsets [0, 1, 3] strides [2, 1, 1] : !qflow.stream<3x3x6xui4, 3> -> !qflow.stream<2x2x3xui4, 3>
  %s = qflow.slice %t offsets [0, 1, 3] strides [2, 1, 1] : !qflow.stream<3x3x6xui4, 3> -> !qflow.stream<2x2x3xui4, 3>
  // CHECK: qflow.pad %{{.*}} low [1, 0, 3] outside 15 : !qflow.stream<2x2x3xui4, 3> -> !qflow.stream<3x3x6xui4, 3>
  %q = qflow.pad %s low [1, 0, 3] outside 15 : !qflow.stream<2x2x3xui4, 3> -> !qflow.stream<3x3x6xui4, 3>
  %z = qflow.width %q : !qflow.stream<3x3x6xui4, 3> -> !qflow.stream<3x3x6xui4, 1>
  qflow.output %z : !qflow.stream<3x3x6xui4, 1>
}

// Weights from memory, and what is made of them.
// CHECK-LABEL: qflow.design @memory
qflow.design @memory(%x: !qflow.stream<3x8xui8, 4>) -> !qflow.stream<3x4xsi8, 2> {
  // CHECK: %[[W:.*]] = qflow.fetch "weights0" contents dense<1> : tensor<2x2x8xi4> port 64 burst 16 ahead 32 : !qflow.stream<2x2x8xsi4, 8>
  %w = qflow.fetch "weights0" contents dense<1> : tensor<2x2x8xi4> port 64 burst 16 ahead 32 : !qflow.stream<2x2x8xsi4, 8>
  // CHECK: %[[Y:.*]] = qflow.tiled_dot %{{.*}}, %[[W]] bias dense<5> : tensor<4xi4> in_luts : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 8> -> !qflow.stream<2x3x2xsi15, 2>
  %y = qflow.tiled_dot %x, %w bias dense<5> : tensor<4xi4> in_luts : !qflow.stream<3x8xui8, 4>, !qflow.stream<2x2x8xsi4, 8> -> !qflow.stream<2x3x2xsi15, 2>
  // CHECK: %[[C:.*]] = qflow.requantize %[[Y]] {{.*}} clamp [-128, 127] tiled : !qflow.stream<2x3x2xsi15, 2> -> !qflow.stream<2x3x2xsi8, 2>
  %c = qflow.requantize %y multipliers dense<77> : tensor<4xi64> offsets dense<512> : tensor<4xi64> shifts dense<10> : tensor<4xi64> clamp [-128, 127] tiled : !qflow.stream<2x3x2xsi15, 2> -> !qflow.stream<2x3x2xsi8, 2>
  // CHECK: qflow.reorder %[[C]] permutation [1, 0, 2] : !qflow.stream<2x3x2xsi8, 2> -> !qflow.stream<3x4xsi8, 2>
  %z = qflow.reorder %c permutation [1, 0, 2] : !qflow.stream<2x3x2xsi8, 2> -> !qflow.stream<3x4xsi8, 2>
  qflow.output %z : !qflow.stream<3x4xsi8, 2>
}

// CHECK-LABEL: qflow.design @port
qflow.design @port(%x: !qflow.stream<8xui8, 4>) -> !qflow.stream<4xsi15, 2> {
  // CHECK: qflow.dot %{{.*}} weights dense<1> : tensor<4x8xi4> port 128 : !qflow.stream<8xui8, 4> -> !qflow.stream<4xsi15, 2>
  %y = qflow.dot %x weights dense<1> : tensor<4x8xi4> port 128 : !qflow.stream<8xui8, 4> -> !qflow.stream<4xsi15, 2>
  qflow.output %y : !qflow.stream<4xsi15, 2>
}

// CHECK-LABEL: qflow.design @stored(
qflow.design @stored(%x: !qflow.stream<4x8xui4, 2>) -> !qflow.stream<4x6xsi14, 2> {
  // CHECK: qflow.dot %{{.*}} weights dense<-12> : tensor<6x8xi5> minifloat [2, 1] in_luts : !qflow.stream<4x8xui4, 2> -> !qflow.stream<4x6xsi14, 2>
  %y = qflow.dot %x weights dense<-12> : tensor<6x8xi5> minifloat [2, 1] in_luts : !qflow.stream<4x8xui4, 2> -> !qflow.stream<4x6xsi14, 2>
  qflow.output %y : !qflow.stream<4x6xsi14, 2>
}

// CHECK-LABEL: qflow.design @pairs(
qflow.design @pairs(%x: !qflow.stream<4x8xui4, 2>) -> !qflow.stream<4x6xsi14, 2> {
  // CHECK: qflow.dot %{{.*}} weights dense<-7> : tensor<6x8xi4> shared 2 vectors 2 : !qflow.stream<4x8xui4, 2> -> !qflow.stream<4x6xsi14, 2>
  %y = qflow.dot %x weights dense<-7> : tensor<6x8xi4> shared 2 vectors 2 : !qflow.stream<4x8xui4, 2> -> !qflow.stream<4x6xsi14, 2>
  qflow.output %y : !qflow.stream<4x6xsi14, 2>
}

// CHECK-LABEL: qflow.design @ways(
qflow.design @ways(%x: !qflow.stream<4x8xui8, 2>) -> !qflow.stream<4x6xui4, 6> {
  // CHECK: qflow.dot %{{.*}} weights dense<-3> : tensor<6x8xi4> shared 2 : !qflow.stream<4x8xui8, 2> -> !qflow.stream<4x6xsi14, 6>
  %y = qflow.dot %x weights dense<-3> : tensor<6x8xi4> shared 2 : !qflow.stream<4x8xui8, 2> -> !qflow.stream<4x6xsi14, 6>
  // CHECK: qflow.requantize %{{.*}} clamp [0, 15] by_thresholds : !qflow.stream<4x6xsi14, 6> -> !qflow.stream<4x6xui4, 6>
  %c = qflow.requantize %y multipliers dense<3> : tensor<6xi64> offsets dense<64> : tensor<6xi64> shifts dense<7> : tensor<6xi64> clamp [0, 15] by_thresholds : !qflow.stream<4x6xsi14, 6> -> !qflow.stream<4x6xui4, 6>
  qflow.output %c : !qflow.stream<4x6xui4, 6>
}
