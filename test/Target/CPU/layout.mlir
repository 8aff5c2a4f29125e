// RUN: quant-opt %s --qnt-cpu-layout --split-input-file --verify-diagnostics | FileCheck %s

// Codes below 8 bits are stored unsigned: they want signed activations, with
// sums over the weight's groups for what they have in excess.
// CHECK-LABEL: func @int4
// CHECK:         %[[X:.*]] = qnt.quantize %arg0 : tensor<?x96xf32> -> !qnt.tensor<?x96, int8, per_row, scale f32, #qnt.rows<pad = 64, sums = 32>>
// CHECK-NOT:     qnt.quantize
// CHECK:         %[[W:.*]] = qnt.pack %arg1 : {{.*}} -> !qnt.tensor<8x96, int4, group<32>, scale f16, #qnt.panels<16>>
// CHECK:         qnt.linear %[[X]], %[[W]]
func.func @int4(%x: tensor<?x96xf32>, %w: !qnt.tensor<8x96, int4, group<32>, scale f16>) -> tensor<?x8xf32> {
  %xq = qnt.quantize %x : tensor<?x96xf32> -> !qnt.tensor<?x96, int8, per_row, scale f32>
  %y = qnt.linear %xq, %w : !qnt.tensor<?x96, int8, per_row, scale f32>, !qnt.tensor<8x96, int4, group<32>, scale f16>
  return %y : tensor<?x8xf32>
}

// -----

// Signed bytes want unsigned activations, and their column sums for the zero
// point. Without groups, activations are not summed. Padding serves whole groups.
// CHECK-LABEL: func @int8
// CHECK:         qnt.quantize %arg0 : tensor<?x96xf32> -> !qnt.tensor<?x96, int8, per_row, scale f32, #qnt.rows<pad = 64, excess = 128>>
// CHECK:         qnt.pack %arg1 : {{.*}} -> !qnt.tensor<8x96, int8, per_channel, scale f32, #qnt.panels<16, sums true>>
// CHECK:         qnt.quantize %arg0 : tensor<?x96xf32> -> !qnt.tensor<?x96, uint8, per_row, scale f32, zero, #qnt.rows<pad = 192>>
// CHECK:         qnt.pack %arg2 : {{.*}} -> !qnt.tensor<8x96, int8, group<48>, scale f32, #qnt.panels<16, sums true>>
func.func @int8(%x: tensor<?x96xf32>, %w: !qnt.tensor<8x96, int8, per_channel, scale f32>,
                %v: !qnt.tensor<8x96, int8, group<48>, scale f32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %xq = qnt.quantize %x : tensor<?x96xf32> -> !qnt.tensor<?x96, int8, per_row, scale f32>
  %y = qnt.linear %xq, %w : !qnt.tensor<?x96, int8, per_row, scale f32>, !qnt.tensor<8x96, int8, per_channel, scale f32>
  %xu = qnt.quantize %x : tensor<?x96xf32> -> !qnt.tensor<?x96, uint8, per_row, scale f32, zero>
  %z = qnt.linear %xu, %v : !qnt.tensor<?x96, uint8, per_row, scale f32, zero>, !qnt.tensor<8x96, int8, group<48>, scale f32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Consumers that want one layout share it; others get a quantisation each.
// CHECK-LABEL: func @consumers
// CHECK:         qnt.quantize %arg0 {{.*}}#qnt.rows<pad = 64, sums = 64>>
// CHECK:         qnt.quantize %arg0 {{.*}}#qnt.rows<pad = 64, excess = 128>>
// CHECK-NOT:     qnt.quantize
func.func @consumers(%x: tensor<?x64xf32>, %a: !qnt.tensor<8x64, int4, per_channel, scale f32>,
                     %b: !qnt.tensor<8x64, int6, per_channel, scale f32>, %c: !qnt.tensor<8x64, int8, per_channel, scale f32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  %0 = qnt.linear %xq, %a : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, int4, per_channel, scale f32>
  %1 = qnt.linear %xq, %b : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, int6, per_channel, scale f32>
  %2 = qnt.linear %xq, %c : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, int8, per_channel, scale f32>
  return %0, %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

func.func @input_from_elsewhere(%x: !qnt.tensor<?x64, int8, per_row, scale f32>, %w: !qnt.tensor<8x64, int4, per_channel, scale f32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected the input to come from a qnt.quantize in the same function, got '!qnt.tensor<?x64, int8, per_row, scale f32>'}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, int4, per_channel, scale f32>
  return %0 : tensor<?x8xf32>
}

// -----

// Images get a halo as wide as the largest pads of their readers, and pixels of 4, 8 or
// a multiple of 16 bytes; taps of neighbouring pixels without gaps make one run.
// Groups begin panels of their own, depthwise filters are words of all columns.
// CHECK-LABEL: func @images
// CHECK:         %[[X:.*]] = qnt.quantize %arg0 {{.*}} -> !qnt.tensor<?x8x8x3, uint8, per_tensor, scale f32, zero, #qnt.image<channels = 4, halo = [1, 1, 1, 1]>>
// CHECK:         qnt.pack %arg1 : {{.*}} #qnt.filters<columns = 16, channels = 4, taps = 3>>
// CHECK:         %[[Y:.*]] = qnt.conv %[[X]], {{.*}} -> !qnt.tensor<?x8x8x24, uint8, per_tensor, scale f32, zero, #qnt.image<channels = 32, halo = [0, 2, 0, 0]>>
// CHECK:         qnt.pack %arg2 : {{.*}} #qnt.filters<columns = 16, channels = 12, features = 8>>
// CHECK:         qnt.conv %[[Y]]
// CHECK:         qnt.pack %arg3 : {{.*}} #qnt.filters<columns = 16, channels = 1, taps = 6>>
// CHECK:         qnt.conv %[[Y]]
!c3 = !qnt.tensor<?x8x8x3, uint8, per_tensor, scale f32, zero>
!c24 = !qnt.tensor<?x8x8x24, uint8, per_tensor, scale f32, zero>
func.func @images(%x: tensor<?x8x8x3xf32>, %a: !qnt.tensor<24x3x3x3, int8, per_channel, scale f32>,
                  %b: !qnt.tensor<16x1x1x12, int4, per_channel, scale f32>, %c: !qnt.tensor<24x2x3x1, int8, per_channel, scale f32>,
                  %s: tensor<f32>, %z: tensor<f32>) -> (tensor<?x8x8x16xf32>, tensor<?x7x8x24xf32>) {
  %xq = qnt.quantize %x scale %s zero %z : tensor<?x8x8x3xf32>, tensor<f32>, tensor<f32> -> !c3
  %y = qnt.conv %xq, %a pads [1, 1, 1, 1] epilogue [quantize](%s, %z : tensor<f32>, tensor<f32>) : !c3, !qnt.tensor<24x3x3x3, int8, per_channel, scale f32> -> !c24
  %0 = qnt.conv %y, %b groups 2 : !c24, !qnt.tensor<16x1x1x12, int4, per_channel, scale f32> -> tensor<?x8x8x16xf32>
  %1 = qnt.conv %y, %c pads [0, 2, 0, 0] groups 24 : !c24, !qnt.tensor<24x2x3x1, int8, per_channel, scale f32> -> tensor<?x7x8x24xf32>
  return %0, %1 : tensor<?x8x8x16xf32>, tensor<?x7x8x24xf32>
}

// -----

// A linear layer on codes of one scale reads them so; groups of weights want rows,
// made of the same codes.
// CHECK-LABEL: func @linear_on_codes
// CHECK:         %[[Y:.*]] = qnt.linear {{.*}} epilogue [quantize]{{.*}} -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero, #qnt.image<channels = 64, halo = [0, 0, 0, 0]>>
// CHECK:         %[[F:.*]] = qnt.dequantize %[[Y]]
// CHECK:         qnt.quantize %[[F]] scale %arg3 zero %arg4 {{.*}} #qnt.rows<
func.func @linear_on_codes(%x: tensor<?x64xf32>, %a: !qnt.tensor<64x64, int8, per_channel, scale f32>,
                           %b: !qnt.tensor<8x64, int8, group<32>, scale f32>, %s: tensor<f32>, %z: tensor<f32>) -> tensor<?x8xf32> {
  %xq = qnt.quantize %x scale %s zero %z : tensor<?x64xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>
  %y = qnt.linear %xq, %a epilogue [quantize](%s, %z : tensor<f32>, tensor<f32>) : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<64x64, int8, per_channel, scale f32> -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>
  %0 = qnt.linear %y, %b : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x64, int8, group<32>, scale f32>
  return %0 : tensor<?x8xf32>
}

// -----

func.func @dynamic_image(%x: tensor<?x?x8x3xf32>, %w: !qnt.tensor<4x1x1x3, f32, unscaled>) -> tensor<?x?x8x4xf32> {
  // expected-error @below {{the CPU target has no lowering for images of dynamic height or width}}
  %0 = qnt.conv %x, %w : tensor<?x?x8x3xf32>, !qnt.tensor<4x1x1x3, f32, unscaled> -> tensor<?x?x8x4xf32>
  return %0 : tensor<?x?x8x4xf32>
}

// -----

func.func @weight_of_one_bit(%x: tensor<?x8x8x3xf32>, %w: !qnt.tensor<4x1x1x3, int1, per_channel, scale f32>, %s: tensor<f32>) -> tensor<?x8x8x4xf32> {
  %xq = qnt.quantize %x scale %s : tensor<?x8x8x3xf32>, tensor<f32> -> !qnt.tensor<?x8x8x3, int8, per_tensor, scale f32>
  // expected-error @below {{the CPU target has no lowering for quantised images by a weight that is not of integers of 2 bits or more}}
  %0 = qnt.conv %xq, %w : !qnt.tensor<?x8x8x3, int8, per_tensor, scale f32>, !qnt.tensor<4x1x1x3, int1, per_channel, scale f32> -> tensor<?x8x8x4xf32>
  return %0 : tensor<?x8x8x4xf32>
}

// -----

func.func @codes_from_elsewhere(%x: !qnt.tensor<?x8x8x4, int8, per_tensor, scale f32>) -> !qnt.tensor<?x4x4x4, int8, per_tensor, scale f32> {
  // expected-error @below {{expected codes that are made in the same function, with a given scale, got}}
  %0 = qnt.max_pool %x kernel [2, 2] strides [2, 2] : !qnt.tensor<?x8x8x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x4x4x4, int8, per_tensor, scale f32>
  return %0 : !qnt.tensor<?x4x4x4, int8, per_tensor, scale f32>
}

// -----

func.func @codes_of_floats(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, e4m3, per_channel, scale f32>) -> tensor<?x8xf32> {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e4m3, per_row, scale f32>
  // expected-error @below {{the CPU target multiplies codes of integers, and weights whose scales have 16 or 32 bits}}
  %0 = qnt.linear %xq, %w : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<8x64, e4m3, per_channel, scale f32>
  return %0 : tensor<?x8xf32>
}

// -----

func.func @small_scales(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, e2m1, group<16>, scale f8E4M3FN>) -> tensor<?x8xf32> {
  // expected-error @below {{the CPU target multiplies codes of integers, and weights whose scales have 16 or 32 bits}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<8x64, e2m1, group<16>, scale f8E4M3FN>
  return %0 : tensor<?x8xf32>
}

// -----

!x = !qnt.tensor<?x64, int8, per_tensor, scale f32>
func.func @integer_layer(%a: tensor<?x64xf32>, %s: tensor<f32>, %m: tensor<64xi32>, %h: tensor<64xi32>) -> !x {
  %x = qnt.quantize %a scale %s : tensor<?x64xf32>, tensor<f32> -> !x
  // expected-error @below {{has no lowering in the CPU target}}
  %0 = qnt.multiply %x, %x epilogue [requantize](%m, %h, %s : tensor<64xi32>, tensor<64xi32>, tensor<f32>) : !x, !x -> !x
  return %0 : !x
}
