// RUN: quant-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: @dequantize_f32
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>)
// CHECK-NEXT: return %[[X]]
func.func @dequantize_f32(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, f32, unscaled>
  %1 = qnt.dequantize %0 : !qnt.tensor<?x64, f32, unscaled> -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// CHECK-LABEL: @dequantize_bf16
// CHECK: qnt.quantize
// CHECK: qnt.dequantize
func.func @dequantize_bf16(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, bf16, unscaled>
  %1 = qnt.dequantize %0 : !qnt.tensor<?x64, bf16, unscaled> -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// CHECK-LABEL: @static_dim
// CHECK-NEXT: %[[C:.*]] = arith.constant 64 : index
// CHECK-NEXT: return %[[C]]
func.func @static_dim(%q: !qnt.tensor<?x64, int8, per_row, scale f32>) -> index {
  %0 = qnt.dim %q, 1 : !qnt.tensor<?x64, int8, per_row, scale f32>
  return %0 : index
}

// -----

// CHECK-LABEL: @dynamic_dim
// CHECK: qnt.dim
func.func @dynamic_dim(%q: !qnt.tensor<?x64, int8, per_row, scale f32>) -> index {
  %0 = qnt.dim %q, 0 : !qnt.tensor<?x64, int8, per_row, scale f32>
  return %0 : index
}

// -----

// CHECK-LABEL: @dim_of_quantize
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>)
// CHECK: %[[C:.*]] = arith.constant 0 : index
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %[[C]]
// CHECK: return %[[D]]
func.func @dim_of_quantize(%x: tensor<?x64xf32>) -> index {
  %q = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  %0 = qnt.dim %q, 0 : !qnt.tensor<?x64, int8, per_row, scale f32>
  return %0 : index
}

// -----

// What watches stays.
// CHECK-LABEL: @observe
// CHECK: qnt.observe
func.func @observe(%x: tensor<?x64xf32>) {
  %0 = qnt.observe %x "site" : tensor<?x64xf32>
  return
}

// -----

// CHECK-LABEL: @codes_of_wrap
// CHECK-SAME: (%[[C:.*]]: tensor<?x64xi8>
// CHECK-NEXT: return %[[C]]
func.func @codes_of_wrap(%c: tensor<?x64xi8>, %s: tensor<f32>) -> tensor<?x64xi8> {
  %0 = qnt.wrap %c scale %s : tensor<?x64xi8>, tensor<f32> -> !qnt.tensor<?x64, int8, per_tensor, scale f32>
  %1 = qnt.codes %0 : !qnt.tensor<?x64, int8, per_tensor, scale f32> -> tensor<?x64xi8>
  return %1 : tensor<?x64xi8>
}

// -----

// Integers of another width are others.
// CHECK-LABEL: @codes_of_wrap_wider
// CHECK: qnt.codes
func.func @codes_of_wrap_wider(%c: tensor<?x64xi8>, %s: tensor<f32>) -> tensor<?x64xi16> {
  %0 = qnt.wrap %c scale %s : tensor<?x64xi8>, tensor<f32> -> !qnt.tensor<?x64, int8, per_tensor, scale f32>
  %1 = qnt.codes %0 : !qnt.tensor<?x64, int8, per_tensor, scale f32> -> tensor<?x64xi16>
  return %1 : tensor<?x64xi16>
}
