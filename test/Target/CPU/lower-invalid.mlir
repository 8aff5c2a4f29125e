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

// -----

!small = !nn.kv_cache<1 layers, 1 heads, 4, f16>
!large = !nn.kv_cache<1 layers, 1 heads, 4, f32>
func.func @first_cache(%x: tensor<4xf32>, %kv: !small) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @below {{the KV cache of entry point 'another_cache' is '!nn.kv_cache<1 layers, 1 heads, 4, f32>', but that of 'first_cache' is '!nn.kv_cache<1 layers, 1 heads, 4, f16>': a model has one}}
func.func @another_cache(%x: tensor<4xf32>, %kv: !large) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

!kv = !nn.kv_cache<1 layers, 1 heads, 4, f16>
// expected-error @below {{entry point 'two_caches' has two KV caches, expected one at most}}
func.func @two_caches(%x: tensor<4xf32>, %a: !kv, %b: !kv) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

!kv = !nn.kv_cache<1 layers, 1 heads, 4, f16>
func.func @cache_of_other_sequences(%x: tensor<?x?x4xf32> {qnt.dims = ["rows", "tokens", ""]}, %s: tensor<?xi32> {qnt.dims = ["rows"]}, %kv: !kv) -> tensor<?x?x4xf32> {
  // expected-error @below {{a KV cache holds one sequence, or as many as the dimension 'batch' of qnt.dims tells}}
  %y = nn.attention %x, %x, %x cache(%kv : !kv) layer 0 at(%s : tensor<?xi32>) heads 1 kv_heads 1 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

!kv = !nn.kv_cache<1 layers, 1 heads, 4, f16>
func.func @cache_of_two_sequences(%x: tensor<2x?x4xf32> {qnt.dims = ["", "tokens", ""]}, %s: tensor<2xi32>, %kv: !kv) -> tensor<2x?x4xf32> {
  // expected-error @below {{a KV cache holds one sequence, or as many as the dimension 'batch' of qnt.dims tells}}
  %y = nn.attention %x, %x, %x cache(%kv : !kv) layer 0 at(%s : tensor<2xi32>) heads 1 kv_heads 1 scale 1.0 : tensor<2x?x4xf32>, tensor<2x?x4xf32>, tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}
