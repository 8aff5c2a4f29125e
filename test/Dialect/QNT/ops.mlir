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
  f = #qnt.strategy<kernel = "u4s8-vnni", rows = [1, 4, 12], panels = [4, 2, 1]>,
  // CHECK-SAME: g = #qnt.block_strategy<rows = [16, 128], blockM = [16, 128], blockN = [64, 128], warpsM = [1, 2], warpsN = [4, 4], stages = [4, 4], splits = [8, 1]>
  g = #qnt.block_strategy<rows = [16, 128], blockM = [16, 128], blockN = [64, 128], warpsM = [1, 2], warpsN = [4, 4], stages = [4, 4], splits = [8, 1]>}

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
  // CHECK: qnt.linear %{{.*}}, %[[P]] epilogue [bias, relu, mul, gelu, gelu_tanh, tanh, sigmoid, add](%{{.*}}, %{{.*}}, %{{.*}} : tensor<32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) strategy(#qnt.strategy<kernel = "s8s8", rows = [1, 4], panels = [2, 1]>) :
  %2 = qnt.linear %q, %p epilogue [bias, relu, mul, gelu, gelu_tanh, tanh, sigmoid, add](%b, %r, %r : tensor<32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) strategy(#qnt.strategy<kernel = "s8s8", rows = [1, 4], panels = [2, 1]>) : !qnt.tensor<?x?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
  // CHECK: nn.add %{{.*}}, %{{.*}} : tensor<?x?x32xf32>, tensor<?x?x32xf32>
  %3 = nn.add %1, %2 : tensor<?x?x32xf32>, tensor<?x?x32xf32>
  return
}

// CHECK-LABEL: @codes
func.func @codes(%q: !qnt.tensor<?x4x4x8, uint8, per_tensor, scale f32, zero>, %s: tensor<f32>, %z: tensor<f32>) {
  // CHECK: %[[C:.*]] = qnt.codes %{{.*}} : !qnt.tensor<?x4x4x8, uint8, per_tensor, scale f32, zero> -> tensor<?x4x4x8xi8>
  %c = qnt.codes %q : !qnt.tensor<?x4x4x8, uint8, per_tensor, scale f32, zero> -> tensor<?x4x4x8xi8>
  // CHECK: qnt.wrap %[[C]] scale %{{.*}} zero %{{.*}} : tensor<?x4x4x8xi8>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x4x4x8, uint8, per_tensor, scale f32, zero>
  %0 = qnt.wrap %c scale %s zero %z : tensor<?x4x4x8xi8>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x4x4x8, uint8, per_tensor, scale f32, zero>
  // CHECK: qnt.wrap %[[C]] scale %{{.*}} : tensor<?x4x4x8xi8>, tensor<f32> -> !qnt.tensor<?x4x4x8, int4, per_tensor, scale f32>
  %1 = qnt.wrap %c scale %s : tensor<?x4x4x8xi8>, tensor<f32> -> !qnt.tensor<?x4x4x8, int4, per_tensor, scale f32>
  return
}

!image = !qnt.tensor<?x9x9x8, uint8, per_tensor, scale f32, zero>
!smaller = !qnt.tensor<?x5x5x4, int8, per_tensor, scale f32>
!filters = !qnt.tensor<4x3x3x8, int8, per_channel, scale f32>

// CHECK-LABEL: @conv
func.func @conv(%x: !image, %f: tensor<?x9x9x8xf32>, %w: !filters, %b: tensor<4xf32>, %r: !smaller, %i: tensor<4xi32>, %s: tensor<f32>) {
  // CHECK: qnt.conv %{{.*}}, %{{.*}} : !qnt.tensor<?x9x9x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x8, int8, per_channel, scale f32> -> tensor<?x7x7x4xf32>
  %0 = qnt.conv %x, %w : !image, !filters -> tensor<?x7x7x4xf32>
  // CHECK: qnt.conv %{{.*}}, %{{.*}} strides [2, 2] pads [1, 1, 1, 1] epilogue [bias, add, relu, clamp, quantize](%{{.*}} : tensor<4xf32>, !qnt.tensor<?x5x5x4, int8, per_tensor, scale f32>, tensor<f32>, tensor<f32>, tensor<f32>) : {{.*}} -> !qnt.tensor<?x5x5x4, int8, per_tensor, scale f32>
  %1 = qnt.conv %x, %w strides [2, 2] pads [1, 1, 1, 1] epilogue [bias, add, relu, clamp, quantize](%b, %r, %s, %s, %s : tensor<4xf32>, !smaller, tensor<f32>, tensor<f32>, tensor<f32>) : !image, !filters -> !smaller
  // CHECK: qnt.conv %{{.*}}, %{{.*}} strides [2, 2] pads [1, 1, 1, 1] epilogue [int_bias, int_add, relu, requantize](%{{.*}} : tensor<4xi32>, !qnt.tensor<?x5x5x4, int8, per_tensor, scale f32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>) : {{.*}} -> !qnt.tensor<?x5x5x4, int8, per_tensor, scale f32>
  %2 = qnt.conv %x, %w strides [2, 2] pads [1, 1, 1, 1] epilogue [int_bias, int_add, relu, requantize](%i, %r, %i, %i, %i, %s : tensor<4xi32>, !smaller, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>) : !image, !filters -> !smaller
  // CHECK: qnt.conv %{{.*}}, %{{.*}} epilogue [int_bias, rescale](%{{.*}} : tensor<4xi32>, tensor<4xf32>) : {{.*}} -> tensor<?x7x7x4xf32>
  %3 = qnt.conv %x, %w epilogue [int_bias, rescale](%i, %b : tensor<4xi32>, tensor<4xf32>) : !image, !filters -> tensor<?x7x7x4xf32>
  // CHECK: qnt.conv %{{.*}}, %{{.*}} dilations [2, 2] : tensor<?x9x9x8xf32>, !qnt.tensor<4x3x3x8, int8, per_channel, scale f32> -> tensor<?x5x5x4xf32>
  %4 = qnt.conv %f, %w dilations [2, 2] : tensor<?x9x9x8xf32>, !filters -> tensor<?x5x5x4xf32>
  return
}

// CHECK-LABEL: @pools
func.func @pools(%x: !image, %s: tensor<f32>, %z: tensor<f32>) {
  // CHECK: qnt.max_pool %{{.*}} kernel [2, 2] strides [2, 2] pads [1, 0, 0, 1] : !qnt.tensor<?x9x9x8, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x5x5x8, uint8, per_tensor, scale f32, zero>
  %0 = qnt.max_pool %x kernel [2, 2] strides [2, 2] pads [1, 0, 0, 1] : !image -> !qnt.tensor<?x5x5x8, uint8, per_tensor, scale f32, zero>
  // CHECK: qnt.average_pool %{{.*}} kernel [9, 9] : !qnt.tensor<?x9x9x8, uint8, per_tensor, scale f32, zero> -> tensor<?x1x1x8xf32>
  %1 = qnt.average_pool %x kernel [9, 9] : !image -> tensor<?x1x1x8xf32>
  // CHECK: qnt.average_pool %{{.*}} kernel [3, 3] strides [3, 3] epilogue [relu, quantize](%{{.*}}, %{{.*}} : tensor<f32>, tensor<f32>) : {{.*}} -> !qnt.tensor<?x3x3x8, uint8, per_tensor, scale f32, zero>
  %2 = qnt.average_pool %x kernel [3, 3] strides [3, 3] epilogue [relu, quantize](%s, %z : tensor<f32>, tensor<f32>) : !image -> !qnt.tensor<?x3x3x8, uint8, per_tensor, scale f32, zero>
  return
}

// CHECK-LABEL: @linear_integers
func.func @linear_integers(%x: !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x64, int8, per_channel, scale f32>, %i: tensor<8xi32>, %s: tensor<f32>) {
  // CHECK: qnt.linear %{{.*}}, %{{.*}} epilogue [int_bias, requantize](%{{.*}} : tensor<8xi32>, tensor<8xi32>, tensor<8xi32>, tensor<f32>) : {{.*}}-> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  %0 = qnt.linear %x, %w epilogue [int_bias, requantize](%i, %i, %i, %s : tensor<8xi32>, tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x64, int8, per_channel, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// CHECK-LABEL: @patches
func.func @patches(%w: tensor<8x3x3x4xf32>, %b: tensor<8xf32>, %n: tensor<2x36x36xf32>, %m: tensor<72xf32>) {
  // CHECK: %[[Q:.*]] = qnt.quantize %{{.*}} moment %{{.*}} rounding gptq damp {{.*}} : tensor<8x3x3x4xf32> moment tensor<2x36x36xf32> -> !qnt.tensor<8x3x3x4, int4, per_channel, scale f32>
  %q = qnt.quantize %w moment %n rounding gptq damp 0.01 : tensor<8x3x3x4xf32> moment tensor<2x36x36xf32> -> !qnt.tensor<8x3x3x4, int4, per_channel, scale f32>
  // CHECK: qnt.correct_bias %{{.*}} weight %{{.*}} codes %[[Q]] mean %{{.*}} : tensor<8xf32>, tensor<8x3x3x4xf32>, !qnt.tensor<8x3x3x4, int4, per_channel, scale f32>, tensor<72xf32>
  %0 = qnt.correct_bias %b weight %w codes %q mean %m : tensor<8xf32>, tensor<8x3x3x4xf32>, !qnt.tensor<8x3x3x4, int4, per_channel, scale f32>, tensor<72xf32>
  return
}

// CHECK-LABEL: @rounds_once
func.func @rounds_once(%x: !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>, %i: tensor<8xi32>, %s: tensor<f32>) {
  // CHECK: qnt.dequantize_bias %{{.*}} scale %{{.*}} weight %{{.*}} : tensor<8xi32>, tensor<f32>, !qnt.tensor<8x64, int8, per_tensor, scale f32> -> tensor<8xf32>
  %b = qnt.dequantize_bias %i scale %s weight %w : tensor<8xi32>, tensor<f32>, !qnt.tensor<8x64, int8, per_tensor, scale f32> -> tensor<8xf32>
  // CHECK: %[[Y:.*]] = qnt.linear %{{.*}}, %{{.*}} epilogue [int_bias, relu, requantize_f32](%{{.*}} : tensor<8xi32>, tensor<f32>, tensor<f32>) : {{.*}}-> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  %0 = qnt.linear %x, %w epilogue [int_bias, relu, requantize_f32](%i, %s, %s : tensor<8xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x64, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  // CHECK: qnt.add %[[Y]], %[[Y]] scale %{{.*}} : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  %1 = qnt.add %0, %0 scale %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  // CHECK: qnt.add %{{.*}}, %{{.*}} scale %{{.*}} zero %{{.*}} : {{.*}}, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  %2 = qnt.add %0, %1 scale %s zero %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8, int8, per_tensor, scale f32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// CHECK-LABEL: @dyadic
func.func @dyadic(%w: !qnt.tensor<8x64, int8, per_channel, scale f32>, %b: tensor<8xf32>, %s: tensor<f32>) {
  // CHECK: %[[N:.*]] = qnt.scales %{{.*}} : !qnt.tensor<8x64, int8, per_channel, scale f32> -> tensor<8xf32>
  %n = qnt.scales %w : !qnt.tensor<8x64, int8, per_channel, scale f32> -> tensor<8xf32>
  // CHECK: qnt.quantize_bias %{{.*}} scale %[[N]] : tensor<8xf32>, tensor<8xf32> -> tensor<8xi32>
  %i = qnt.quantize_bias %b scale %n : tensor<8xf32>, tensor<8xf32> -> tensor<8xi32>
  // CHECK: qnt.dyadic_shift %[[N]] over %{{.*}} : tensor<8xf32>, tensor<f32> -> tensor<8xi32>
  %t = qnt.dyadic_shift %n over %s : tensor<8xf32>, tensor<f32> -> tensor<8xi32>
  // CHECK: %[[T:.*]] = qnt.dyadic_shift %[[N]] with %{{.*}} over %{{.*}} : tensor<8xf32>, tensor<f32>, tensor<f32> -> tensor<8xi32>
  %u = qnt.dyadic_shift %n with %s over %s : tensor<8xf32>, tensor<f32>, tensor<f32> -> tensor<8xi32>
  // CHECK: qnt.dyadic %[[N]] over %{{.*}} shift %[[T]] : tensor<8xf32>, tensor<f32>, tensor<8xi32>
  %m = qnt.dyadic %n over %s shift %u : tensor<8xf32>, tensor<f32>, tensor<8xi32>
  // CHECK: qnt.dyadic %{{.*}} over %{{.*}} shift %[[T]] : tensor<f32>, tensor<f32>, tensor<8xi32>
  %a = qnt.dyadic %s over %s shift %u : tensor<f32>, tensor<f32>, tensor<8xi32>
  return
}

// CHECK-LABEL: @embedding
func.func @embedding(%ids: tensor<?x?xi32>, %t: !qnt.tensor<100x64, int8, per_channel, scale f32>) -> tensor<?x?x64xf32> {
  // CHECK: qnt.embedding %{{.*}}, %{{.*}} : tensor<?x?xi32>, !qnt.tensor<100x64, int8, per_channel, scale f32>
  %0 = qnt.embedding %ids, %t : tensor<?x?xi32>, !qnt.tensor<100x64, int8, per_channel, scale f32>
  return %0 : tensor<?x?x64xf32>
}

// CHECK-LABEL: @rotate
func.func @rotate(%x: tensor<?x384xf32>, %w: tensor<64x384xf32>, %m: tensor<3x128x128xf32>) {
  // CHECK: qnt.rotate %{{.*}} hadamard <384, seed = 7> : tensor<?x384xf32>
  %0 = qnt.rotate %x hadamard <384, seed = 7> : tensor<?x384xf32>
  // CHECK: qnt.rotate %{{.*}} outputs transposed hadamard <64> : tensor<64x384xf32>
  %1 = qnt.rotate %w outputs transposed hadamard <64> : tensor<64x384xf32>
  // CHECK: qnt.rotate %{{.*}} by %{{.*}} : tensor<?x384xf32>, tensor<3x128x128xf32>
  %2 = qnt.rotate %x by %m : tensor<?x384xf32>, tensor<3x128x128xf32>
  return
}

// CHECK-LABEL: @second_moment
func.func @second_moment(%w: tensor<64x384xf32>, %m: tensor<384x384xf32>) {
  // CHECK: qnt.quantize %{{.*}} clip mse moment %{{.*}} rounding gptq act_order damp 1.000000e-02 : tensor<64x384xf32> moment tensor<384x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  %0 = qnt.quantize %w clip mse moment %m rounding gptq act_order damp 0.01 : tensor<64x384xf32> moment tensor<384x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  // CHECK: qnt.quantize %{{.*}} clip output moment %{{.*}} : tensor<64x384xf32> moment tensor<384x384xf32> ->
  %1 = qnt.quantize %w clip output moment %m : tensor<64x384xf32> moment tensor<384x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  // CHECK: qnt.quantize %{{.*}} clip hqq : tensor<64x384xf32> -> !qnt.tensor<64x384, uint4, group<32>, scale f16, offset>
  %2 = qnt.quantize %w clip hqq : tensor<64x384xf32> -> !qnt.tensor<64x384, uint4, group<32>, scale f16, offset>
  // CHECK: %{{.*}}, %{{.*}} = qnt.low_rank %{{.*}} : tensor<64x384xf32> -> tensor<64x8xf32>, tensor<8x384xf32>
  %l, %r = qnt.low_rank %w : tensor<64x384xf32> -> tensor<64x8xf32>, tensor<8x384xf32>
  // CHECK: %{{.*}}, %{{.*}} = qnt.low_rank %{{.*}} moment %{{.*}} : tensor<64x384xf32> moment tensor<384x384xf32> -> tensor<64x8xf32>, tensor<8x384xf32>
  %a, %b = qnt.low_rank %w moment %m : tensor<64x384xf32> moment tensor<384x384xf32> -> tensor<64x8xf32>, tensor<8x384xf32>
  return
}

// CHECK-LABEL: @floats
func.func @floats(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>) {
  // CHECK: qnt.quantize %{{.*}} : tensor<?x64xf32> -> !qnt.tensor<?x64, e2m1, group<16>, scale f8E4M3FN>
  %0 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e2m1, group<16>, scale f8E4M3FN>
  // CHECK: qnt.quantize %{{.*}} clip mse : tensor<8x64xf32> -> !qnt.tensor<8x64, e2m1, group<32>, scale f8E8M0FNU>
  %1 = qnt.quantize %w clip mse : tensor<8x64xf32> -> !qnt.tensor<8x64, e2m1, group<32>, scale f8E8M0FNU>
  // CHECK: qnt.linear %{{.*}}, %{{.*}} : !qnt.tensor<?x64, e2m1, group<16>, scale f8E4M3FN>, !qnt.tensor<8x64, e2m1, group<32>, scale f8E8M0FNU>
  %2 = qnt.linear %0, %1 : !qnt.tensor<?x64, e2m1, group<16>, scale f8E4M3FN>, !qnt.tensor<8x64, e2m1, group<32>, scale f8E8M0FNU>
  %3 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e4m3, per_row, scale f32>
  %4 = qnt.quantize %w : tensor<8x64xf32> -> !qnt.tensor<8x64, e4m3, per_channel, scale f32>
  // CHECK: qnt.linear %{{.*}}, %{{.*}} : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<8x64, e4m3, per_channel, scale f32>
  %5 = qnt.linear %3, %4 : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<8x64, e4m3, per_channel, scale f32>
  return
}
