// RUN: quant-opt %s --verify-roundtrip | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// CHECK-LABEL: @linear
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>) {
  // CHECK: nn.linear %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<4x8xf32>
  %0 = nn.linear %x, %w : tensor<?x8xf32>, tensor<4x8xf32>
  // CHECK: nn.linear %{{.*}}, %{{.*}} bias %{{.*}} : tensor<?x8xf32>, tensor<4x8xf32>, tensor<4xf32>
  %1 = nn.linear %x, %w bias %b : tensor<?x8xf32>, tensor<4x8xf32>, tensor<4xf32>
  return
}

// CHECK-LABEL: @conv
func.func @conv(%x: tensor<?x9x?x8xf32>, %w: tensor<4x3x2x8xf32>, %d: tensor<16x3x3x1xf32>, %b: tensor<4xf32>) {
  // CHECK: nn.conv %{{.*}}, %{{.*}} : tensor<?x9x?x8xf32>, tensor<4x3x2x8xf32>
  %0 = nn.conv %x, %w : tensor<?x9x?x8xf32>, tensor<4x3x2x8xf32>
  // CHECK: nn.conv %{{.*}}, %{{.*}} bias %{{.*}} strides [2, 1] pads [1, 0, 2, 3] dilations [1, 2] : tensor<?x9x?x8xf32>, tensor<4x3x2x8xf32>, tensor<4xf32>
  %1 = nn.conv %x, %w bias %b strides [2, 1] pads [1, 0, 2, 3] dilations [1, 2] : tensor<?x9x?x8xf32>, tensor<4x3x2x8xf32>, tensor<4xf32>
  // CHECK: nn.conv %{{.*}}, %{{.*}} groups 8 : tensor<?x9x?x8xf32>, tensor<16x3x3x1xf32>
  %2 = nn.conv %x, %d groups 8 : tensor<?x9x?x8xf32>, tensor<16x3x3x1xf32>
  // CHECK: nn.pool max %{{.*}} kernel [2, 2] strides [2, 2] : tensor<?x5x?x4xf32>
  %3 = nn.pool max %1 kernel [2, 2] strides [2, 2] : tensor<?x5x?x4xf32>
  // CHECK: nn.pool average %{{.*}} kernel [3, 3] pads [1, 1, 1, 1] dilations [2, 1] count_pads : tensor<?x5x?x4xf32>
  %4 = nn.pool average %1 kernel [3, 3] pads [1, 1, 1, 1] dilations [2, 1] count_pads : tensor<?x5x?x4xf32>
  return
}

// CHECK-LABEL: @lookups
func.func @lookups(%ids: tensor<?x?xi32>, %table: tensor<10x8xbf16>,
                   %start: tensor<?xi32>, %x: tensor<?x?x8xf32>) {
  // CHECK: nn.embedding %{{.*}}, %{{.*}} : tensor<?x?xi32>, tensor<10x8xbf16>
  %0 = nn.embedding %ids, %table : tensor<?x?xi32>, tensor<10x8xbf16>
  // CHECK: nn.activation tanh %{{.*}} : tensor<?x?x8xbf16>
  %1 = nn.activation tanh %0 : tensor<?x?x8xbf16>
  // CHECK: nn.position_ids %{{.*}} : tensor<?x?xi32>
  %2 = nn.position_ids %ids : tensor<?x?xi32>
  // CHECK: nn.position_ids %{{.*}} from %{{.*}} : tensor<?x?xi32>, tensor<?xi32>
  %3 = nn.position_ids %ids from %start : tensor<?x?xi32>, tensor<?xi32>
  // CHECK: nn.select_rows %{{.*}} : tensor<?x?x8xf32>
  %4 = nn.select_rows %x : tensor<?x?x8xf32>
  // CHECK: nn.select_rows %{{.*}} at %{{.*}} : tensor<?x?x8xf32>, tensor<?xi32>
  %5 = nn.select_rows %x at %start : tensor<?x?x8xf32>, tensor<?xi32>
  // CHECK: nn.mean_pool %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<?xi32>
  %6 = nn.mean_pool %x, %start : tensor<?x?x8xf32>, tensor<?xi32>
  // CHECK: nn.add %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>
  %7 = nn.add %5, %6 : tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// CHECK-LABEL: @elementwise
func.func @elementwise(%x: tensor<?x?x8xf32>, %v: tensor<8xf32>, %s: tensor<f32>) {
  // CHECK: nn.add %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<8xf32>
  %0 = nn.add %x, %v : tensor<?x?x8xf32>, tensor<8xf32>
  // CHECK: nn.mul %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<f32>
  %1 = nn.mul %x, %s : tensor<?x?x8xf32>, tensor<f32>
  // CHECK: nn.activation relu
  %2 = nn.activation relu %x : tensor<?x?x8xf32>
  // CHECK: nn.activation gelu %
  %3 = nn.activation gelu %x : tensor<?x?x8xf32>
  // CHECK: nn.activation gelu_tanh
  %4 = nn.activation gelu_tanh %x : tensor<?x?x8xf32>
  // CHECK: nn.activation silu
  %5 = nn.activation silu %x : tensor<?x?x8xf32>
  // CHECK: nn.activation sigmoid
  %6 = nn.activation sigmoid %x : tensor<?x?x8xf32>
  return
}

// CHECK-LABEL: @scale_rows
func.func @scale_rows(%w: tensor<4x3x3x8xf32>, %s: tensor<4xf32>) {
  // CHECK: nn.scale_rows %{{.*}} by %{{.*}} : tensor<4x3x3x8xf32>, tensor<4xf32>
  %0 = nn.scale_rows %w by %s : tensor<4x3x3x8xf32>, tensor<4xf32>
  return
}

// CHECK-LABEL: @norms
func.func @norms(%x: tensor<?x8xf32>, %g: tensor<8xf32>, %h: tensor<4xf32>) {
  // CHECK: nn.rms_norm %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<?x8xf32>, tensor<8xf32>
  %0 = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  // CHECK: nn.rms_norm %{{.*}}, %{{.*}} groups 2 eps 9.9999999999999995E-7 : tensor<?x8xf32>, tensor<4xf32>
  %1 = nn.rms_norm %x, %h groups 2 eps 1.0e-6 : tensor<?x8xf32>, tensor<4xf32>
  // CHECK: nn.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 9.9999999999999998E-13 : tensor<?x8xf32>, tensor<8xf32>
  %2 = nn.layer_norm %x, %g, %g eps 1.0e-12 : tensor<?x8xf32>, tensor<8xf32>
  // CHECK: nn.l2_normalize %{{.*}} : tensor<?x8xf32>
  %3 = nn.l2_normalize %x : tensor<?x8xf32>
  return
}

// CHECK-LABEL: @rope
func.func @rope(%p: tensor<?x?xi32>, %q: tensor<?x?x16xf32>) {
  // CHECK: %[[T:.*]] = nn.rope_table %{{.*}} dim 4 theta 1.000000e+04 : tensor<?x?xi32>
  %0 = nn.rope_table %p dim 4 theta 1.0e4 : tensor<?x?xi32>
  // CHECK: scaling <kind = linear, factor = 2.000000e+00
  %1 = nn.rope_table %p scaling <kind = linear, factor = 2.0, lowFrequency = 0.0, highFrequency = 0.0, original = 0, attention = 1.0> dim 4 theta 1.0e4 : tensor<?x?xi32>
  // CHECK: scaling <kind = llama3, factor = 8.000000e+00, lowFrequency = 1.000000e+00, highFrequency = 4.000000e+00, original = 8192, attention = 1.000000e+00>
  %2 = nn.rope_table %p scaling #nn.rope_scaling<kind = llama3, factor = 8.0, lowFrequency = 1.0, highFrequency = 4.0, original = 8192, attention = 1.0> dim 4 theta 5.0e5 : tensor<?x?xi32>
  // CHECK: scaling <kind = yarn
  %3 = nn.rope_table %p scaling <kind = yarn, factor = 4.0, lowFrequency = 1.0, highFrequency = 32.0, original = 4096, attention = 1.138> dim 4 theta 1.0e4 : tensor<?x?xi32>
  // CHECK: scaling <kind = none
  %4 = nn.rope_table %p scaling <kind = none, factor = 0.0, lowFrequency = 0.0, highFrequency = 0.0, original = 0, attention = 0.0> dim 4 theta 1.0e4 : tensor<?x?xi32>
  // CHECK: nn.rope %{{.*}}, %[[T]] heads 4 : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  %5 = nn.rope %q, %0 heads 4 : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  // CHECK: nn.rope %{{.*}}, %[[T]] heads 2 interleaved : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  %6 = nn.rope %q, %0 heads 2 interleaved : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: @clamp
func.func @clamp(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: nn.clamp %{{.*}} low 0.000000e+00 high 6.000000e+00 : tensor<?x4xf32>
  %0 = nn.clamp %x low 0.0 high 6.0 : tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: @attention
// CHECK-SAME: !nn.kv_cache<6 layers, 2 heads, 8, f16>
// CHECK-SAME: !nn.kv_cache<1 layers, 4 heads, 4, f32>
func.func @attention(%q: tensor<?x?x32xf32>, %k: tensor<?x?x16xf32>, %n: tensor<?xi32>,
                     %kv: !nn.kv_cache<6 layers, 2 heads, 8, f16>,
                     %other: !nn.kv_cache<1 layers, 4 heads, 4, f32>) {
  // CHECK: nn.attention %{{.*}}, %{{.*}}, %{{.*}} heads 4 kv_heads 2 scale 5.000000e-01 : tensor<?x?x32xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  %0 = nn.attention %q, %k, %k heads 4 kv_heads 2 scale 0.5 : tensor<?x?x32xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  // CHECK: lengths(%{{.*}} : tensor<?xi32>) heads 4 kv_heads 2 scale 5.000000e-01 causal window 64 :
  %1 = nn.attention %q, %k, %k lengths(%n : tensor<?xi32>) heads 4 kv_heads 2 scale 0.5 causal window 64 : tensor<?x?x32xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  // CHECK: cache(%{{.*}} : !nn.kv_cache<6 layers, 2 heads, 8, f16>) layer 5 at(%{{.*}} : tensor<?xi32>) heads 4
  %2 = nn.attention %q, %k, %k cache(%kv : !nn.kv_cache<6 layers, 2 heads, 8, f16>) layer 5 at(%n : tensor<?xi32>) heads 4 kv_heads 2 scale 0.5 : tensor<?x?x32xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  return
}

// CHECK-LABEL: @matmul
func.func @matmul(%q: tensor<?x12x?x64xf32>, %v: tensor<12x?x64xf32>) -> tensor<?x12x?x64xf32> {
  // CHECK: nn.matmul %{{.*}}, %{{.*}} transposed : tensor<?x12x?x64xf32>, tensor<12x?x64xf32>
  %s = nn.matmul %q, %v transposed : tensor<?x12x?x64xf32>, tensor<12x?x64xf32>
  // CHECK: nn.softmax %{{.*}} : tensor<?x12x?x?xf32>
  %p = nn.softmax %s : tensor<?x12x?x?xf32>
  // CHECK: nn.matmul %{{.*}}, %{{.*}} : tensor<?x12x?x?xf32>, tensor<12x?x64xf32>
  %y = nn.matmul %p, %v : tensor<?x12x?x?xf32>, tensor<12x?x64xf32>
  return %y : tensor<?x12x?x64xf32>
}

// CHECK-LABEL: @select_features
func.func @select_features(%x: tensor<?x?x8xf32>, %i: tensor<3xi32>) -> tensor<?x?x3xf32> {
  // CHECK: nn.select_features %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<3xi32>
  %s = nn.select_features %x, %i : tensor<?x?x8xf32>, tensor<3xi32>
  return %s : tensor<?x?x3xf32>
}

// CHECK: func.func private @cache(!nn.kv_cache<2 layers, 2 heads, 4, i8>, !nn.kv_cache<2 layers, 2 heads, 4, i4>)
func.func private @cache(!nn.kv_cache<2 layers, 2 heads, 4, i8>, !nn.kv_cache<2 layers, 2 heads, 4, i4>)
