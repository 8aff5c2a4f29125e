// RUN: quant-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: @mul_by_one
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @mul_by_one(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %0 = nn.mul %x, %one : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @mul_by_two
// CHECK: nn.mul
func.func @mul_by_two(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %two = arith.constant dense<[1.0, 1.0, 1.0, 2.0]> : tensor<4xf32>
  %0 = nn.mul %x, %two : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// A zero times infinity or NaN is no zero.
// CHECK-LABEL: @mul_by_zero
// CHECK: nn.mul
func.func @mul_by_zero(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %0 = nn.mul %x, %zero : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @add_zero
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xbf16>)
// CHECK-NEXT: return %[[X]]
func.func @add_zero(%x: tensor<?x4xbf16>) -> tensor<?x4xbf16> {
  %zero = arith.constant dense<0.0> : tensor<bf16>
  %0 = nn.add %x, %zero : tensor<?x4xbf16>, tensor<bf16>
  return %0 : tensor<?x4xbf16>
}

// -----

// CHECK-LABEL: @add_one
// CHECK: nn.add
func.func @add_one(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %0 = nn.add %x, %one : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @relu_twice
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = nn.activation relu %[[X]]
// CHECK-NEXT: return %[[Y]]
func.func @relu_twice(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = nn.activation relu %x : tensor<?x4xf32>
  %1 = nn.activation relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @tanh_twice
// CHECK-COUNT-2: nn.activation tanh
func.func @tanh_twice(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = nn.activation tanh %x : tensor<?x4xf32>
  %1 = nn.activation tanh %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// Attention that writes a cache stays, though nobody reads its result.
// CHECK-LABEL: @effects
// CHECK-NEXT: nn.attention
// CHECK-SAME: cache
// CHECK-NEXT: return
func.func @effects(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>, %kv: !nn.kv_cache<1 layers, 1 heads, 8, f16>) {
  %0 = nn.attention %q, %q, %q heads 1 kv_heads 1 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  %1 = nn.attention %q, %q, %q cache(%kv : !nn.kv_cache<1 layers, 1 heads, 8, f16>) layer 0 at(%n : tensor<?xi32>) heads 1 kv_heads 1 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}
