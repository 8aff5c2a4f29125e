// RUN: quant-opt %s --qnt-cuda-layout --qnt-cuda-strategy=chip=sm_80 --split-input-file --verify-diagnostics

func.func @bytes(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, e4m3, per_channel, scale f32>) -> tensor<?x32xf32> {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e4m3, per_row, scale f32>
  // expected-error @below {{on sm_80: the chip has no products of floats of 8 bits}}
  %0 = qnt.linear %xq, %w : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<32x64, e4m3, per_channel, scale f32>
  return %0 : tensor<?x32xf32>
}

// -----

func.func @blocks(%x: tensor<?x64xf32>, %w: !qnt.tensor<32x64, e2m1, group<32>, scale f8E8M0FNU>) -> tensor<?x32xf32> {
  %xq = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x64, e2m1, group<32>, scale f8E8M0FNU>
  // expected-error @below {{on sm_80: the chip has no products of blocks with scales of 8 bits}}
  %0 = qnt.linear %xq, %w : !qnt.tensor<?x64, e2m1, group<32>, scale f8E8M0FNU>, !qnt.tensor<32x64, e2m1, group<32>, scale f8E8M0FNU>
  return %0 : tensor<?x32xf32>
}
