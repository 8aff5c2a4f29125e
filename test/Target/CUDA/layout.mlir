// RUN: quant-opt %s --qnt-cuda-layout --split-input-file --verify-diagnostics | FileCheck %s
// RUN: quant-opt %s --qnt-cuda-layout --qnt-cuda-strategy=chip=sm_90a --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=TILES
// RUN: not quant-opt %s --qnt-cuda-strategy=chip=sm_75 --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: unknown chip 'sm_75', expected one of sm_80, sm_90a, sm_100a, sm_120a

// Codes are signed bytes with the sums that zero points need; what two layers
// take alike is quantised once, and floats are rounded to f16 once.
// CHECK-LABEL: func @kinds
// CHECK-DAG:     qnt.pack {{.*}} -> !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.fragments<columns = 64, quad = 4>>
// CHECK-DAG:     qnt.quantize %[[X:.*]] : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 16>>
// CHECK-DAG:     qnt.quantize %[[X]] : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32, #qnt.rows<pad = 16, sums = 32>>
// CHECK-DAG:     %[[H:.*]] = arith.truncf %[[X]] : tensor<?x64xf32> to tensor<?x64xf16>
// CHECK-DAG:     qnt.linear %[[H]], {{.*}} : tensor<?x64xf16>, !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.fragments<columns = 64, quad = 2>>
// CHECK-NOT:     arith.truncf
// TILES-LABEL: func @kinds
// TILES-COUNT-4: qnt.linear {{.*}} strategy(#qnt.block_strategy<rows = [{{.*}}1024], blockM = [16, {{.*}}], {{.*}} splits = [{{.*}}1]>)
func.func @kinds(%x: tensor<?x64xf32>, %a: !qnt.tensor<32x64, int4, group<32>, scale f16>, %b: !qnt.tensor<32x64, uint4, group<32>, scale f16, zero>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  %0 = qnt.linear %xq, %a : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  %1 = qnt.linear %xq, %b : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, uint4, group<32>, scale f16, zero>
  %2 = qnt.linear %x, %a : tensor<?x64xf32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  %3 = qnt.linear %x, %a : tensor<?x64xf32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  return %0, %1, %2, %3 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

func.func @floats(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, f32, unscaled>) -> tensor<?x32xf32> {
  // expected-error @below {{the CUDA target multiplies weights of up to 16 bits, got '!qnt.tensor<32x64, f32, unscaled>'}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<32x64, f32, unscaled>
  return %0 : tensor<?x32xf32>
}

// -----

func.func @odd(%x: tensor<?x60xf32>, %w: !qnt.tensor<32x60, int4, per_channel, scale f16>) -> tensor<?x32xf32> {
  // expected-error @below {{rows of floats whose length is a multiple of 8}}
  %0 = qnt.linear %x, %w : tensor<?x60xf32>, !qnt.tensor<32x60, int4, per_channel, scale f16>
  return %0 : tensor<?x32xf32>
}

// -----

func.func @group(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, int4, group<16>, scale f16>) -> tensor<?x32xf32> {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  // expected-error @below {{the CUDA target has no kernel for}}
  %0 = qnt.linear %xq, %w : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<16>, scale f16>
  return %0 : tensor<?x32xf32>
}

// -----

// CHECK-LABEL: func @small_floats
// CHECK-DAG:     qnt.pack {{.*}} -> !qnt.tensor<32x64, e4m3, per_channel, scale f32, #qnt.fragments<columns = 64, quad = 4>>
// CHECK-DAG:     qnt.quantize {{.*}} -> !qnt.tensor<?x64, e4m3, per_row, scale f32, #qnt.rows<pad = 16>>
// TILES-LABEL: func @small_floats
// TILES: qnt.linear {{.*}} strategy(#qnt.block_strategy<rows = [{{.*}}1024], blockM = [16, {{.*}}]
func.func @small_floats(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, e4m3, per_channel, scale f32>) -> tensor<?x32xf32> {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e4m3, per_row, scale f32>
  %0 = qnt.linear %xq, %w : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<32x64, e4m3, per_channel, scale f32>
  return %0 : tensor<?x32xf32>
}

// -----

func.func @mixed(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, e2m1, group<16>, scale f8E4M3FN>) -> tensor<?x32xf32> {
  // expected-error @below {{expected activations of the weight's own format for scales of 8 bits}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<32x64, e2m1, group<16>, scale f8E4M3FN>
  return %0 : tensor<?x32xf32>
}
