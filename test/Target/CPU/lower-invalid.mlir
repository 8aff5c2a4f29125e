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
  // expected-error @below {{has no #qnt.strategy (run qnt-cpu-strategy)}}
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

func.func @half_layer(%x: tensor<4x32xf16>) -> tensor<4x32xf16> {
  // expected-error @below {{is lowered of f32, got 'tensor<4x32xf16>'}}
  %y = nn.activation relu %x : tensor<4x32xf16>
  return %y : tensor<4x32xf16>
}

// -----

func.func @padding_of_two(%x: tensor<4xf32>, %v: tensor<2xf32>) -> tensor<6xf32> {
  %c0 = arith.constant 0 : index
  %p = tensor.extract %v[%c0] : tensor<2xf32>
  // expected-error @below {{expected a padding that is a constant or the one element of a tensor}}
  %y = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %p : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %y : tensor<6xf32>
}

// -----

func.func @rows_of_unknown_length(%x: tensor<2x4x?xf32> {qnt.dims = ["", "", "n"]}) -> tensor<2x?xf32> {
  // expected-error @below {{is lowered where the last dimension is known}}
  %y = nn.select_rows %x : tensor<2x4x?xf32>
  return %y : tensor<2x?xf32>
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

// -----

#id = affine_map<(i) -> (i)>
func.func @body_op(%x: tensor<4xi32>) -> tensor<4xi32> {
  %e = tensor.empty() : tensor<4xi32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xi32>) outs(%e : tensor<4xi32>) {
  ^bb0(%a: i32, %o: i32):
    // expected-error @below {{has no lowering in the CPU target in the body of a linalg op}}
    %low, %high = arith.mulsi_extended %a, %a : i32
    linalg.yield %low : i32
  } -> tensor<4xi32>
  return %y : tensor<4xi32>
}

// -----

func.func @element_outside_of_a_body(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @below {{has no lowering in the CPU target}}
  %s = tensor.extract %x[%c0] : tensor<4xf32>
  %y = linalg.fill ins(%s : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @map_of_a_sum(%x: tensor<4xf32>, %w: tensor<2xf32>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  // expected-error @below {{expected indexing maps of loops and 0, got affine_map<(d0, d1) -> (d0 + d1)>}}
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i + j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : tensor<4xf32>, tensor<2xf32>) outs(%e : tensor<3xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// A graph's dimension may be 0, for which these agree; an encoder's is positive.
module attributes {qnt.model = {kind = "encoder"}} {
func.func @reshape_to_more(%x: tensor<?x4xf32> {qnt.dims = ["n", ""]}) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c5 = arith.constant 5 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %s = tensor.from_elements %n, %c5 : tensor<2xindex>
  // expected-error @below {{has shapes that cannot agree at run time}}
  %y = tensor.reshape %x(%s) : (tensor<?x4xf32>, tensor<2xindex>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
}

// -----

func.func @shape_from_values(%x: tensor<8xf32>, %i: tensor<1xi64>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %v = tensor.extract %i[%c0] : tensor<1xi64>
  %n = arith.index_cast %v : i64 to index
  // expected-error @below {{has a dynamic shape that the target cannot follow}}
  %y = tensor.extract_slice %x[0] [%n] [1] : tensor<8xf32> to tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// expected-error @below {{argument 0 of entry point 'dtype' is 'tensor<4xi8>', which qnt.dtype "u16" does not fit}}
func.func @dtype(%x: tensor<4xi8> {qnt.name = "x", qnt.dtype = "u16"}) -> tensor<4xi8> {
  return %x : tensor<4xi8>
}

// -----

func.func @outputs(%x: tensor<64x8xf32>) -> tensor<64x8xf32> {
  // expected-error @+1 {{'qnt.rotate' op is lowered of the features of f32 rows, by f32 matrices, got 'tensor<64x8xf32>'}}
  %y = qnt.rotate %x outputs hadamard <64> : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// -----

func.func @doubles(%x: tensor<3x8xf32>, %m: tensor<2x4x4xf64>) -> tensor<3x8xf32> {
  // expected-error @+1 {{'qnt.rotate' op is lowered of the features of f32 rows, by f32 matrices, got 'tensor<3x8xf32>'}}
  %y = qnt.rotate %x by %m : tensor<3x8xf32>, tensor<2x4x4xf64>
  return %y : tensor<3x8xf32>
}

// -----

func.func @indices(%x: tensor<3x8xf32>, %i: tensor<2xi32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{'nn.select_features' op is lowered of a known number of f32 features and constant indices, got 'tensor<3x8xf32>'}}
  %y = nn.select_features %x, %i : tensor<3x8xf32>, tensor<2xi32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @beyond(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  %i = arith.constant dense<[7, 8]> : tensor<2xi32>
  // expected-error @+1 {{'nn.select_features' op expected indices from 0 to 7, got 8}}
  %y = nn.select_features %x, %i : tensor<3x8xf32>, tensor<2xi32>
  return %y : tensor<3x2xf32>
}
