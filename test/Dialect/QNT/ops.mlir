// RUN: quant-opt %s --verify-roundtrip | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// Every number format, by each spelling that it has.
// CHECK-LABEL: @formats
func.func private @formats(
  // CHECK-SAME: !qnt.tensor<4x32, int1, per_tensor, scale f32>
  !qnt.tensor<4x32, int1, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, int2, per_tensor, scale f16>
  !qnt.tensor<4x32, int2, per_tensor, scale f16>,
  // CHECK-SAME: !qnt.tensor<4x32, int3, per_tensor, scale bf16>
  !qnt.tensor<4x32, int3, per_tensor, scale bf16>,
  // CHECK-SAME: !qnt.tensor<4x32, int8, per_tensor, scale f32, zero>
  !qnt.tensor<4x32, int8, per_tensor, scale f32, zero>,
  // CHECK-SAME: !qnt.tensor<4x32, uint7, per_tensor, scale f32, offset>
  !qnt.tensor<4x32, uint7, per_tensor, scale f32, offset>,
  // CHECK-SAME: !qnt.tensor<4x32, uint7, per_tensor, scale f32, zero>
  !qnt.tensor<4x32, uint7, per_tensor, scale f32, zero>,
  // CHECK-SAME: !qnt.tensor<4x32, e4m3, per_tensor, scale f32>
  !qnt.tensor<4x32, e4m3_fn, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, e4m3_ieee, per_tensor, scale f32>
  !qnt.tensor<4x32, e4m3_ieee, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, e5m2, per_tensor, scale f32>
  !qnt.tensor<4x32, e5m2_ieee, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, e2m1, per_tensor, scale f32>
  !qnt.tensor<4x32, e2m1, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, e3m2, per_tensor, scale f32>
  !qnt.tensor<4x32, e3m2_finite, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, nf4, per_tensor, scale f32>
  !qnt.tensor<4x32, nf4, per_tensor, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x32, f16, unscaled>
  !qnt.tensor<4x32, e5m10, unscaled>,
  // CHECK-SAME: !qnt.tensor<4x32, bf16, unscaled>
  !qnt.tensor<4x32, bf16, unscaled>,
  // CHECK-SAME: !qnt.tensor<4x32, f32, unscaled>
  !qnt.tensor<4x32, f32, unscaled>)

// CHECK-LABEL: @blocks
func.func private @blocks(
  // CHECK-SAME: !qnt.tensor<?x?x64, int8, per_row, scale f32>
  !qnt.tensor<?x?x64, int8, per_row, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x64, int4, per_channel, scale f32>
  !qnt.tensor<4x64, int4, per_channel, scale f32>,
  // CHECK-SAME: !qnt.tensor<4x64, int4, group<48>, scale f16, zero>
  !qnt.tensor<4x64, int4, group<48>, scale f16, zero>,
  // CHECK-SAME: !qnt.tensor<64, int4, group<16>, scale f16>
  !qnt.tensor<64, int4, group<16>, scale f16>)

// CHECK-LABEL: @layouts
func.func private @layouts(
  // CHECK-SAME: !qnt.tensor<4x64, int4, group<32>, scale f16, #qnt.panels<16>>
  !qnt.tensor<4x64, int4, group<32>, scale f16, #qnt.panels<16>>,
  // CHECK-SAME: !qnt.tensor<4x64, int4, group<32>, scale f16, zero, #qnt.panels<8, sums true>>
  !qnt.tensor<4x64, int4, group<32>, scale f16, zero, #qnt.panels<8, sums true>>,
  // CHECK-SAME: !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64>>
  !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64>>,
  // CHECK-SAME: !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64, sums = 32, excess = 128>>
  !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64, sums = 32, excess = 128>>)

// CHECK-LABEL: @attributes
func.func private @attributes() attributes {
  // CHECK-SAME: a = #qnt.format<int4>
  a = #qnt.format<int4>,
  // CHECK-SAME: b = #qnt.format<bf16>
  b = #qnt.format<e8m7>,
  // CHECK-SAME: c = #qnt.format<nf4>
  c = #qnt.format<nf4>,
  // CHECK-SAME: d = #qnt.block<group<32>>
  d = #qnt.block<group<32>>,
  // CHECK-SAME: e = #qnt.block<per_row>
  e = #qnt.block<per_row>,
  // CHECK-SAME: f = #qnt.strategy<kernel = "u4s8-vnni", rows = [1, 4, 12], panels = [4, 2, 1]>
  f = #qnt.strategy<kernel = "u4s8-vnni", rows = [1, 4, 12], panels = [4, 2, 1]>}

// CHECK-LABEL: @quantize
func.func @quantize(%x: tensor<?x64xf32>, %s: tensor<f32>, %z: tensor<f32>, %r: tensor<?xf32>) {
  // CHECK: qnt.quantize %{{.*}} : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  %0 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  // CHECK: qnt.quantize %{{.*}} clip mse : tensor<?x64xf32> -> !qnt.tensor<?x64, int4, group<32>, scale f16>
  %1 = qnt.quantize %x clip mse : tensor<?x64xf32> -> !qnt.tensor<?x64, int4, group<32>, scale f16>
  // CHECK: qnt.quantize %{{.*}} scale %{{.*}} : tensor<?x64xf32>, tensor<?xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64>>
  %2 = qnt.quantize %x scale %r : tensor<?x64xf32>, tensor<?xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 64>>
  // CHECK: qnt.quantize %{{.*}} scale %{{.*}} zero %{{.*}} : tensor<?x64xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>
  %3 = qnt.quantize %x scale %s zero %z : tensor<?x64xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>
  // CHECK: qnt.dequantize %{{.*}} : !qnt.tensor<?x64, int8, per_row, scale f32> -> tensor<?x64xbf16>
  %4 = qnt.dequantize %0 : !qnt.tensor<?x64, int8, per_row, scale f32> -> tensor<?x64xbf16>
  // CHECK: qnt.dim %{{.*}}, 0 : !qnt.tensor<?x64, int8, per_row, scale f32>
  %5 = qnt.dim %0, 0 : !qnt.tensor<?x64, int8, per_row, scale f32>
  // CHECK: qnt.observe %{{.*}} "layers.0.mlp" : tensor<?x64xf32>
  %6 = qnt.observe %x "layers.0.mlp" : tensor<?x64xf32>
  return
}

// CHECK-LABEL: @linear
func.func @linear(%x: tensor<?x?x64xf32>, %q: !qnt.tensor<?x?x64, int8, per_row, scale f32>,
                  %w: !qnt.tensor<32x64, int4, group<32>, scale f16>,
                  %b: tensor<32xf32>, %r: tensor<?x?x32xf32>) {
  // CHECK: %[[P:.*]] = qnt.pack %{{.*}} : !qnt.tensor<32x64, int4, group<32>, scale f16> -> !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  %p = qnt.pack %w : !qnt.tensor<32x64, int4, group<32>, scale f16> -> !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  // CHECK: qnt.linear %{{.*}}, %{{.*}} : tensor<?x?x64xf32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  %0 = qnt.linear %x, %w : tensor<?x?x64xf32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  // CHECK: qnt.linear %{{.*}}, %[[P]] epilogue [silu] : !qnt.tensor<?x?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  %1 = qnt.linear %q, %p epilogue [silu] : !qnt.tensor<?x?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  // CHECK: qnt.linear %{{.*}}, %[[P]] epilogue [bias, relu, mul, gelu, gelu_tanh, tanh, sigmoid, add](%{{.*}}, %{{.*}}, %{{.*}} : tensor<32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) strategy <kernel = "s8s8", rows = [1, 4], panels = [2, 1]> :
  %2 = qnt.linear %q, %p epilogue [bias, relu, mul, gelu, gelu_tanh, tanh, sigmoid, add](%b, %r, %r : tensor<32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) strategy <kernel = "s8s8", rows = [1, 4], panels = [2, 1]> : !qnt.tensor<?x?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  // CHECK: nn.add %{{.*}}, %{{.*}} : tensor<?x?x32xf32>, tensor<?x?x32xf32>
  %3 = nn.add %1, %2 : tensor<?x?x32xf32>, tensor<?x?x32xf32>
  return
}

// CHECK-LABEL: @embedding
func.func @embedding(%ids: tensor<?x?xi32>, %t: !qnt.tensor<100x64, int8, per_channel, scale f32>) -> tensor<?x?x64xf32> {
  // CHECK: qnt.embedding %{{.*}}, %{{.*}} : tensor<?x?xi32>, !qnt.tensor<100x64, int8, per_channel, scale f32>
  %0 = qnt.embedding %ids, %t : tensor<?x?xi32>, !qnt.tensor<100x64, int8, per_channel, scale f32>
  return %0 : tensor<?x?x64xf32>
}
