// RUN: quant-opt %s --qnt-lower-to-cpu=isa=portable --split-input-file --verify-diagnostics

!w = !qnt.tensor<16x32, int4, per_channel, scale f32>
func.func @weight_without_layout(%x: tensor<?x32xf32> {qnt.dims = ["n", ""]}, %w: !w) -> tensor<?x16xf32> {
  // expected-error @below {{expected a materialised weight in a packed layout}}
  %y = qnt.linear %x, %w : tensor<?x32xf32>, !w
  return %y : tensor<?x16xf32>
}

// -----

!w = !qnt.tensor<16x32, int4, per_channel, scale f32, #qnt.panels<16>>
ml_program.global private @w(#ml_program.extern : !w) : !w
func.func @no_strategy(%x: tensor<?x32xf32> {qnt.dims = ["n", ""]}) -> tensor<?x16xf32> {
  %w = ml_program.global_load_const @w : !w
  // expected-error @below {{has no strategy (run qnt-cpu-strategy)}}
  %y = qnt.linear %x, %w : tensor<?x32xf32>, !w
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @below {{argument 0 of entry point 'unnamed_dimension' has a dynamic dimension without a name in qnt.dims}}
func.func @unnamed_dimension(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %y = nn.activation relu %x : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @no_kernel(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  // expected-error @below {{has no lowering in the CPU target}}
  %y = arith.negf %x : tensor<4x32xf32>
  return %y : tensor<4x32xf32>
}

// -----

func.func @broadcast_of_a_matrix(%x: tensor<?x4x32xf32> {qnt.dims = ["n", "", ""]}, %y: tensor<4x32xf32>) -> tensor<?x4x32xf32> {
  // expected-error @below {{the CPU target broadcasts vectors over rows only}}
  %z = nn.add %x, %y : tensor<?x4x32xf32>, tensor<4x32xf32>
  return %z : tensor<?x4x32xf32>
}

// -----

// expected-error @below {{recursive calls have no lowering}}
func.func @recursive(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  %y = call @recursive(%x) : (tensor<4x32xf32>) -> tensor<4x32xf32>
  return %y : tensor<4x32xf32>
}
