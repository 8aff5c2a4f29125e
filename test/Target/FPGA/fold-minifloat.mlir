// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{part=xc7a35t cycles=20000}))' | FileCheck %s
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=20000}))' | FileCheck %s --check-prefix=STORED

// Codes of 8 bits take less memory than integers of 19.
// CHECK-LABEL: qflow.design @wide(
// CHECK: qflow.dot {{.*}} minifloat [4, 3]
// STORED-LABEL: qflow.design @wide(
// STORED: qflow.dot {{.*}} minifloat [4, 3]
qflow.design @wide(%x: !qflow.stream<64x24xui8, 1>) -> !qflow.stream<64x12xsi33, 1> {
  %y = qflow.dot %x weights dense<229376> : tensor<12x24xi19> minifloat [4, 3] : !qflow.stream<64x24xui8, 1> -> !qflow.stream<64x12xsi33, 1>
  qflow.output %y : !qflow.stream<64x12xsi33, 1>
}

// -----

// One bit less than integers is not worth a decoder.
// CHECK-LABEL: qflow.design @small(
// CHECK-NOT: minifloat
// CHECK: qflow.output
// STORED-LABEL: qflow.design @small(
// STORED: qflow.dot {{.*}} minifloat [2, 1]
qflow.design @small(%x: !qflow.stream<64x24xui8, 1>) -> !qflow.stream<64x12xsi18, 1> {
  %y = qflow.dot %x weights dense<12> : tensor<12x24xi5> minifloat [2, 1] : !qflow.stream<64x24xui8, 1> -> !qflow.stream<64x12xsi18, 1>
  qflow.output %y : !qflow.stream<64x12xsi18, 1>
}
