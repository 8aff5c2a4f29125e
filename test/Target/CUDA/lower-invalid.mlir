// RUN: quant-opt %s --qnt-lower-to-cuda --split-input-file --verify-diagnostics

!w = !qnt.tensor<32x64, int4, per_channel, scale f32>
func.func @layout(%x: tensor<?x64xf16> {qnt.dims = ["n", ""]}, %w: !w) -> tensor<?x32xf32> {
  // expected-error @below {{expected a materialised weight in #qnt.fragments}}
  %y = qnt.linear %x, %w : tensor<?x64xf16>, !w
  return %y : tensor<?x32xf32>
}

// -----

!w = !qnt.tensor<32x64, int4, per_channel, scale f32, #qnt.fragments<columns = 64, quad = 2>>
ml_program.global private @w(#ml_program.extern : !w) : !w
func.func @strategy(%x: tensor<?x64xf16> {qnt.dims = ["n", ""]}) -> tensor<?x32xf32> {
  %w = ml_program.global_load_const @w : !w
  // expected-error @below {{has no #qnt.block_strategy (run qnt-cuda-strategy)}}
  %y = qnt.linear %x, %w : tensor<?x64xf16>, !w
  return %y : tensor<?x32xf32>
}

// -----

func.func @op(%x: tensor<?x64xf32> {qnt.dims = ["n", ""]}, %y: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{has no lowering in the CUDA target}}
  %z = nn.matmul %x, %y : tensor<?x64xf32>, tensor<64x64xf32>
  return %z : tensor<?x64xf32>
}
