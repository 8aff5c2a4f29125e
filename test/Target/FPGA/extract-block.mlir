// RUN: split-file %s %t
// RUN: quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=block tokens=2})" | FileCheck %s
// RUN: not quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=blok tokens=2})" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=block})" 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: not quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=floats tokens=2})" 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: not quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=rows tokens=2})" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not quant-opt %t/model.mlir --pass-pipeline="builtin.module(qnt-fpga-extract-block{block=late tokens=2})" 2>&1 | FileCheck %s --check-prefix=START
// NAME:   block=blok: no function of the model has this name; the nearest is 'block'
// TOKENS: block=block: expected tokens=N, how many a frame has, got 0
// FLOATS: 'nn.rope' op takes a table of positions in floats, expected arithmetic in integers (arithmetic=integer)
// ROWS:   argument 0: expected [batch, tokens, features] or a table of rotary embeddings, got 'tensor<?x8xf32>'
// START:  expected positions from 0 on for late: nn.position_ids without a start

// cos 1 and sin 1 in 14 fractional bits, of position 1; position 0 has 1 and 0.
// CHECK-NOT:   func
// CHECK:       func.func @block(%[[X:.*]]: tensor<1x2x4xf32> {qnt.name = "x"}) -> tensor<1x2x4xf32> {
// CHECK:         %[[Q:.*]] = qnt.quantize %[[X]] scale %{{.*}} : tensor<1x2x4xf32>, tensor<f32> -> !qnt.tensor<1x2x4, int16, per_tensor, scale f32>
// CHECK:         %[[T:.*]] = arith.constant dense<{{\[\[\[}}16384, 0], [8852, 13787]]]> : tensor<1x2x2xi16>
// CHECK:         qnt.rope %[[Q]], %[[T]] heads 2 {{.*}} : !qnt.tensor<1x2x4, int16, per_tensor, scale f32>, tensor<1x2x2xi16> -> tensor<1x2x4xf32>
// CHECK-NOT:   func

//--- model.mlir
!codes = !qnt.tensor<?x?x4, int16, per_tensor, scale f32>
!turns = !qnt.tensor<?x?x2, int16, per_tensor, scale f32>
func.func private @block(%x: tensor<?x?x4xf32>, %table: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  %s = arith.constant dense<0.01> : tensor<f32>
  %step = arith.constant dense<6.103515625e-05> : tensor<f32>
  %scales = arith.constant dense<0.01> : tensor<4xf32>
  %q = qnt.quantize %x scale %s : tensor<?x?x4xf32>, tensor<f32> -> !codes
  %t = qnt.quantize %table scale %step : tensor<?x?x2xf32>, tensor<f32> -> !turns
  %i = qnt.codes %t : !turns -> tensor<?x?x2xi16>
  %r = qnt.rope %q, %i heads 2 epilogue [rescale](%scales : tensor<4xf32>) : !codes, tensor<?x?x2xi16> -> tensor<?x?x4xf32>
  return %r : tensor<?x?x4xf32>
}
func.func private @floats(%x: tensor<?x?x4xf32>, %table: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  %r = nn.rope %x, %table heads 2 : tensor<?x?x4xf32>, tensor<?x?x2xf32>
  return %r : tensor<?x?x4xf32>
}
func.func private @late(%x: tensor<?x?x4xf32>, %table: tensor<?x?x2xf32>) -> tensor<?x?x4xf32> {
  return %x : tensor<?x?x4xf32>
}
func.func private @rows(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
func.func @main(%tokens: tensor<?x?xi32>, %start: tensor<?xi32>, %x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %p = nn.position_ids %tokens : tensor<?x?xi32>
  %t = nn.rope_table %p dim 2 theta 10000.0 : tensor<?x?xi32>
  %0 = call @block(%x, %t) : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %1 = call @block(%0, %t) : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %2 = call @floats(%1, %t) : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %q = nn.position_ids %tokens from %start : tensor<?x?xi32>, tensor<?xi32>
  %u = nn.rope_table %q dim 2 theta 10000.0 : tensor<?x?xi32>
  %3 = call @late(%2, %u) : (tensor<?x?x4xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %3 : tensor<?x?x4xf32>
}
