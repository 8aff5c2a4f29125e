// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{cycles=4}))' --verify-diagnostics
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{part=xc7z45}))' 2>&1 | FileCheck %s --check-prefix=PART
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{part=xc7z045 clock=0}))' 2>&1 | FileCheck %s --check-prefix=CLOCK
// RUN: not quant-opt %s --split-input-file --pass-pipeline='builtin.module(qflow.design(qnt-fpga-fold{part=xczu3eg}))' 2>&1 | FileCheck %s --check-prefix=ULTRASCALE

// ULTRASCALE: part 'xczu3eg' is of an UltraScale family, of whose DSPs, of 27 by 18 bits, and URAM designs are not made yet, expected one of xc7a35t, {{.*}}, xc7z045{{$}}
// PART: unknown part 'xc7z45', expected one of xc7a35t, {{.*}}, xc7z045; the nearest is 'xc7z045'
// CLOCK: expected a positive clock, and a share of LUTs above 0 and at most 1
// expected-error @+1 {{needs at least 8 cycles a frame, expected at most 4}}
qflow.design @wide(%x: !qflow.stream<8x1024xui8, 1>) -> !qflow.stream<8x1024xui8, 1> {
  qflow.output %x : !qflow.stream<8x1024xui8, 1>
}

// -----

// Rows and inputs that are multiplied at once divide those that there are.
// expected-error @+1 {{expected lanes that divide the last dimension, 12, got 5}}
qflow.design @rows(%x: !qflow.stream<16xui8, 4>) -> !qflow.stream<12xsi20, 5> {
}

// -----

// expected-error @+1 {{expected lanes that divide the last dimension, 16, got 3}}
qflow.design @inputs(%x: !qflow.stream<16xui8, 3>) -> !qflow.stream<12xsi20, 4> {
}

// -----

// expected-error @+1 {{expected words of at most 4096 bits, got 8192}}
qflow.design @words(%x: !qflow.stream<2048xui8, 1024>) {
}

// -----

qflow.design @weights(%x: !qflow.stream<2x128xsi8, 64>) -> !qflow.stream<2x64xsi22, 32> {
  // expected-error @+1 {{multiplies 64 inputs with 32 rows at once, 16384 bits of weights, expected at most 4096}}
  %y = qflow.dot %x weights dense<1> : tensor<64x128xi8> : !qflow.stream<2x128xsi8, 64> -> !qflow.stream<2x64xsi22, 32>
  qflow.output %y : !qflow.stream<2x64xsi22, 32>
}

// -----

qflow.design @multipliers(%x: !qflow.stream<2x1024xsi8, 512>) -> !qflow.stream<2x1024xsi8, 512> {
  // expected-error @+1 {{makes 512 of 1024 channels at once, 19456 bits of numbers of theirs, expected at most 4096}}
  %y = qflow.requantize %x multipliers dense<1000000000> : tensor<1024xi64> offsets dense<0> : tensor<1024xi64> shifts dense<30> : tensor<1024xi64> clamp [-128, 127] : !qflow.stream<2x1024xsi8, 512> -> !qflow.stream<2x1024xsi8, 512>
  qflow.output %y : !qflow.stream<2x1024xsi8, 512>
}

// -----

// 1024 channels at once would do in 4 cycles, but their multipliers are one word.
qflow.design @folded(%x: !qflow.stream<2x2048xsi4, 1>) -> !qflow.stream<2x2048xsi4, 1> {
  // expected-error @+1 {{needs at least 64 cycles a frame, expected at most 4}}
  %y = qflow.requantize %x multipliers dense<1000000000> : tensor<2048xi64> offsets dense<0> : tensor<2048xi64> shifts dense<30> : tensor<2048xi64> clamp [-8, 7] : !qflow.stream<2x2048xsi4, 1> -> !qflow.stream<2x2048xsi4, 1>
  qflow.output %y : !qflow.stream<2x2048xsi4, 1>
}

// -----

qflow.design @table_weights(%x: !qflow.stream<6xui8, 3>) -> !qflow.stream<2xsi12, 1> {
  // expected-error @+1 {{multiplies in tables, expected weights of -1, 0 and 1}}
  %y = qflow.dot %x weights dense<-2> : tensor<2x6xi2> in_tables : !qflow.stream<6xui8, 3> -> !qflow.stream<2xsi12, 1>
  qflow.output %y : !qflow.stream<2xsi12, 1>
}

// -----

qflow.design @table_codes(%x: !qflow.stream<64xui8, 32>) -> !qflow.stream<256xsi15, 128> {
  // expected-error @+1 {{reads 7040 bits of tables' codes at once, expected at most 4096}}
  %y = qflow.dot %x weights dense<1> : tensor<256x64xi1> in_tables : !qflow.stream<64xui8, 32> -> !qflow.stream<256xsi15, 128>
  qflow.output %y : !qflow.stream<256xsi15, 128>
}

// -----

qflow.design @table_luts(%x: !qflow.stream<6xui8, 3>) -> !qflow.stream<2xsi12, 1> {
  // expected-error @+1 {{multiplies in tables, expected no in_luts}}
  %y = qflow.dot %x weights dense<1> : tensor<2x6xi2> in_luts in_tables : !qflow.stream<6xui8, 3> -> !qflow.stream<2xsi12, 1>
  qflow.output %y : !qflow.stream<2xsi12, 1>
}

// -----

qflow.design @table_minifloat(%x: !qflow.stream<6xui8, 3>) -> !qflow.stream<2xsi12, 1> {
  // expected-error @+1 {{multiplies in tables, expected no minifloat}}
  %y = qflow.dot %x weights dense<1> : tensor<2x6xi2> minifloat [2, 1] in_tables : !qflow.stream<6xui8, 3> -> !qflow.stream<2xsi12, 1>
  qflow.output %y : !qflow.stream<2xsi12, 1>
}

// -----

qflow.design @table_shared(%x: !qflow.stream<6xui8, 3>) -> !qflow.stream<2xsi12, 2> {
  // expected-error @+1 {{multiplies in tables, expected no shared}}
  %y = qflow.dot %x weights dense<1> : tensor<2x6xi2> in_tables shared 2 : !qflow.stream<6xui8, 3> -> !qflow.stream<2xsi12, 2>
  qflow.output %y : !qflow.stream<2xsi12, 2>
}

// -----

qflow.design @table_vectors(%x: !qflow.stream<2x6xui4, 1>) -> !qflow.stream<2x2xsi8, 1> {
  // expected-error @+1 {{multiplies in tables, expected no vectors}}
  %y = qflow.dot %x weights dense<1> : tensor<2x6xi2> in_tables vectors 2 : !qflow.stream<2x6xui4, 1> -> !qflow.stream<2x2xsi8, 1>
  qflow.output %y : !qflow.stream<2x2xsi8, 1>
}

// -----

qflow.design @table_port(%x: !qflow.stream<6xui8, 3>) -> !qflow.stream<2xsi12, 1> {
  // expected-error @+1 {{multiplies in tables, expected no port}}
  %y = qflow.dot %x weights dense<1> : tensor<2x6xi2> in_tables port 64 : !qflow.stream<6xui8, 3> -> !qflow.stream<2xsi12, 1>
  qflow.output %y : !qflow.stream<2xsi12, 1>
}
