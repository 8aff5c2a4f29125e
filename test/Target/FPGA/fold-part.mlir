// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{part=xc7a35t cycles=3000}))' --verify-diagnostics | FileCheck %s

// Two bits a weight: fewer LUTs than the sums of products that DSPs make.
// CHECK-LABEL: qflow.design @narrow(
// CHECK: qflow.dot {{.*}} in_luts : !qflow.stream<64x24xui8, 4> -> !qflow.stream<64x12xsi14, 2>
qflow.design @narrow(%x: !qflow.stream<64x24xui8, 1>) -> !qflow.stream<64x12xsi14, 1> {
  %y = qflow.dot %x weights dense<1> : tensor<12x24xi2> : !qflow.stream<64x24xui8, 1> -> !qflow.stream<64x12xsi14, 1>
  qflow.output %y : !qflow.stream<64x12xsi14, 1>
}

// -----

// Twice 64 products at once, too wide to share any: of 90 DSPs there are enough
// for one of them.
// CHECK-LABEL: qflow.design @wide(
// CHECK-COUNT-1: in_luts
// CHECK-NOT: in_luts
// CHECK: qflow.output
qflow.design @wide(%x: !qflow.stream<150x32xui16, 1>, %z: !qflow.stream<150x32xui16, 1>) -> (!qflow.stream<150x32xsi29, 1>, !qflow.stream<150x32xsi28, 1>) {
  %y = qflow.dot %x weights dense<77> : tensor<32x32xi8> : !qflow.stream<150x32xui16, 1> -> !qflow.stream<150x32xsi29, 1>
  %u = qflow.dot %z weights dense<33> : tensor<32x32xi7> : !qflow.stream<150x32xui16, 1> -> !qflow.stream<150x32xsi28, 1>
  qflow.output %y, %u : !qflow.stream<150x32xsi29, 1>, !qflow.stream<150x32xsi28, 1>
}

// -----

// Of bytes, two rows share a product.
// CHECK-LABEL: qflow.design @bytes(
// CHECK-NOT: in_luts
// CHECK: shared 2
// CHECK-NOT: in_luts
// CHECK: qflow.output
qflow.design @bytes(%x: !qflow.stream<150x32xui8, 1>, %z: !qflow.stream<150x32xui8, 1>) -> (!qflow.stream<150x32xsi21, 1>, !qflow.stream<150x32xsi20, 1>) {
  %y = qflow.dot %x weights dense<77> : tensor<32x32xi8> : !qflow.stream<150x32xui8, 1> -> !qflow.stream<150x32xsi21, 1>
  %u = qflow.dot %z weights dense<33> : tensor<32x32xi7> : !qflow.stream<150x32xui8, 1> -> !qflow.stream<150x32xsi20, 1>
  qflow.output %y, %u : !qflow.stream<150x32xsi21, 1>, !qflow.stream<150x32xsi20, 1>
}

// -----

// Of many rows ternary products are looked up: each table is filled for all of them.
// CHECK-LABEL: qflow.design @tables(
// CHECK: qflow.dot {{.*}} in_tables : !qflow.stream<16x96xui8, 24> -> !qflow.stream<16x256xsi16, 8>
qflow.design @tables(%x: !qflow.stream<16x96xui8, 1>) -> !qflow.stream<16x256xsi16, 1> {
  %y = qflow.dot %x weights dense<1> : tensor<256x96xi2> : !qflow.stream<16x96xui8, 1> -> !qflow.stream<16x256xsi16, 1>
  qflow.output %y : !qflow.stream<16x256xsi16, 1>
}

// -----

// Weights of 2 bits that are not ternary have none.
// CHECK-LABEL: qflow.design @quaternary(
// CHECK-NOT: in_tables
// CHECK: qflow.output
qflow.design @quaternary(%x: !qflow.stream<16x96xui8, 1>) -> !qflow.stream<16x256xsi17, 1> {
  %y = qflow.dot %x weights dense<-2> : tensor<256x96xi2> : !qflow.stream<16x96xui8, 1> -> !qflow.stream<16x256xsi17, 1>
  qflow.output %y : !qflow.stream<16x256xsi17, 1>
}

// -----

// Of 90 DSPs there are not enough for products of their own: each makes four.
// CHECK-LABEL: qflow.design @pairs(
// CHECK: qflow.dot {{.*}} shared 2 vectors 2 : !qflow.stream<144x144xui4, 16> -> !qflow.stream<144x32xsi16, 8>
qflow.design @pairs(%x: !qflow.stream<144x144xui4, 1>) -> !qflow.stream<144x32xsi16, 1> {
  %y = qflow.dot %x weights dense<-7> : tensor<32x144xi4> : !qflow.stream<144x144xui4, 1> -> !qflow.stream<144x32xsi16, 1>
  qflow.output %y : !qflow.stream<144x32xsi16, 1>
}

// -----

// Four codes take less by thresholds than by any product.
// CHECK-LABEL: qflow.design @few(
// CHECK: qflow.requantize {{.*}} clamp [0, 3] by_thresholds
qflow.design @few(%x: !qflow.stream<64x8xsi14, 1>) -> !qflow.stream<64x8xui2, 1> {
  %y = qflow.requantize %x multipliers dense<[1234567891, 1234567893, 1234567895, 1234567897, 1234567899, 1234567901, 1234567903, 1234567905]> : tensor<8xi64> offsets dense<1099511627776> : tensor<8xi64> shifts dense<41> : tensor<8xi64> clamp [0, 3] : !qflow.stream<64x8xsi14, 1> -> !qflow.stream<64x8xui2, 1>
  qflow.output %y : !qflow.stream<64x8xui2, 1>
}

// -----

// Channels by themselves are multiplied where it takes less, too.
// CHECK-LABEL: qflow.design @channels(
// CHECK: qflow.depthwise {{.*}} in_luts : {{.*}}ui8
// CHECK: qflow.depthwise
// CHECK-NOT: in_luts
// CHECK-SAME: ui16
qflow.design @channels(%x: !qflow.stream<17x17x8xui8, 1>, %z: !qflow.stream<17x17x8xui16, 1>) -> (!qflow.stream<16x16x8xsi11, 1>, !qflow.stream<16x16x8xsi26, 1>) {
  %v = qflow.window %x by_channel kernel [2, 2] outside 0 : !qflow.stream<17x17x8xui8, 1> -> !qflow.stream<16x16x8x4xui8, 1>
  %w = qflow.window %z by_channel kernel [2, 2] outside 0 : !qflow.stream<17x17x8xui16, 1> -> !qflow.stream<16x16x8x4xui16, 1>
  %y = qflow.depthwise %v weights dense<1> : tensor<8x4xi2> : !qflow.stream<16x16x8x4xui8, 1> -> !qflow.stream<16x16x8xsi11, 1>
  %u = qflow.depthwise %w weights dense<[[77, 5, 9, 3], [7, 5, 9, 33], [77, 45, 9, 3], [7, 5, 9, 3], [7, 55, 9, 3], [77, 5, 9, 3], [7, 5, 99, 3], [77, 5, 9, 31]]> : tensor<8x4xi8> : !qflow.stream<16x16x8x4xui16, 1> -> !qflow.stream<16x16x8xsi26, 1>
  qflow.output %y, %u : !qflow.stream<16x16x8xsi11, 1>, !qflow.stream<16x16x8xsi26, 1>
}

// -----

// A matrix of constants at once, where a memory of weights had four cycles.
// CHECK-LABEL: qflow.design @constants(
// CHECK: qflow.dot {{.*}} -> !qflow.stream<750x16xsi11, 16>
qflow.design @constants(%x: !qflow.stream<750x16xui4, 1>) -> !qflow.stream<750x16xsi11, 1> {
  %y = qflow.dot %x weights dense<"0xFC0201FBFE0702000302FA02F9070600FD01FCFC040001060100FF0306FBFC03FB060701FF04F90305FAFB0502F9FD05F90606FD0002040707FF040507FFFF0405020007FB07FEFAF9FB00FCFD03FF050306FDFF0106FF02FE0102FF02FC07FE030707F906FD020304FB0406FE01070202FA0403FC030602FDFDFAFA00060300FAFE05FAFF07FBF9FDFF05FF06FAF9020205F9FF0402FE010707FD01FCF9FDF9FAFA0201F9FCFFFD02FDFB04F906FEFEFEFB0706FFFF000601FF0306020301FA020501FDFF030404FC07FDFFFD01FD01FEF905FF02FEF9FF020203FBF90303FE00FE0307FE0204FD0400F902F903F9FEFD0300FD0202FEFBFEFBFE05FE0602FD"> : tensor<16x16xi8> : !qflow.stream<750x16xui4, 1> -> !qflow.stream<750x16xsi11, 1>
  qflow.output %y : !qflow.stream<750x16xsi11, 1>
}

// -----

// expected-error-re @+1 {{does not fit xc7a35t: a frame in 3000 cycles takes about {{[0-9]+}} DSPs, {{[0-9]+}} LUTs and {{[0-9.]+}} block RAMs at the least, expected at most 90, 16640 and 50}}
qflow.design @large(%x: !qflow.stream<1x1024xui8, 1>) -> !qflow.stream<1x512xsi26, 1> {
  %y = qflow.dot %x weights dense<77> : tensor<512x1024xi8> : !qflow.stream<1x1024xui8, 1> -> !qflow.stream<1x512xsi26, 1>
  qflow.output %y : !qflow.stream<1x512xsi26, 1>
}

// -----

// expected-error @+1 {{needs at least 3001 cycles a frame, expected at most 3000}}
qflow.design @slow(%x: !qflow.stream<3001x2xui8, 1>) -> !qflow.stream<3001x2xsi16, 1> {
  %y = qflow.dot %x weights dense<7> : tensor<2x2xi4> : !qflow.stream<3001x2xui8, 1> -> !qflow.stream<3001x2xsi16, 1>
  qflow.output %y : !qflow.stream<3001x2xsi16, 1>
}
