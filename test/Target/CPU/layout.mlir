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
