// RUN: quant-opt --qnt-interpret %s -split-input-file -verify-diagnostics

func.func @not_equal() {
  %a = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>
  %b = arith.constant dense<[[1, 2], [5, 6]]> : tensor<2x2xi32>
  // expected-error@+1 {{does not hold at [1, 0]: got 3, expected 5; 2 of 4 elements differ}}
  qcheck.expect_eq %a, %b : tensor<2x2xi32>
  return
}

// -----

func.func @not_close() {
  %a = arith.constant dense<[1.0, 1.5]> : tensor<2xf32>
  %b = arith.constant dense<[1.0, 1.25]> : tensor<2xf32>
  qcheck.expect_close %a, %b rtol 0.25 : tensor<2xf32>
  // expected-error@+1 {{does not hold at [1]: got 1.5, expected 1.25; 1 of 2 elements differ}}
  qcheck.expect_close %a, %b atol 0.125 rtol 0.0625 : tensor<2xf32>
  return
}

// -----

func.func @nan_is_not_close() {
  %a = arith.constant dense<[0x7FC00000]> : tensor<1xf32>
  %b = arith.constant dense<[0.0]> : tensor<1xf32>
  // expected-error@+1 {{does not hold at [0]: got nan, expected 0}}
  qcheck.expect_close %a, %b atol 1.0e9 : tensor<1xf32>
  return
}

// -----

// expected-error@+1 {{expected a function without arguments}}
module {
  func.func @only_with_arguments(%x: tensor<2xf32>) {
    return
  }
}

// -----

func.func @unknown_op() {
  %c = arith.constant true
  // expected-error@+1 {{'cf.assert' op is not known to the interpreter}}
  cf.assert %c, "never"
  return
}

// -----

func.func @id_outside_table() {
  %i = arith.constant dense<[0, 3]> : tensor<2xi32>
  %t = arith.constant dense<1.0> : tensor<3x4xf32>
  // expected-error@+1 {{expected indices from 0 to 2, got 3 at 1}}
  %e = nn.embedding %i, %t : tensor<2xi32>, tensor<3x4xf32>
  return
}

// -----

func.func @shapes_differ_at_run_time() {
  %a = arith.constant dense<1.0> : tensor<3xf32>
  %b = arith.constant dense<1.0> : tensor<2xf32>
  %x = tensor.cast %a : tensor<3xf32> to tensor<?xf32>
  %y = tensor.cast %b : tensor<2xf32> to tensor<?xf32>
  // expected-error@+1 {{expected the shape [2] to be a suffix of [3]}}
  %z = nn.add %x, %y : tensor<?xf32>, tensor<?xf32>
  return
}

// -----

func.func @cast_that_does_not_hold() {
  %a = arith.constant dense<1.0> : tensor<3xf32>
  %x = tensor.cast %a : tensor<3xf32> to tensor<?xf32>
  // expected-error@+1 {{gave a tensor of shape [3] of f32, expected 'tensor<2xf32>'}}
  %y = tensor.cast %x : tensor<?xf32> to tensor<2xf32>
  return
}

// -----

func.func @cache_overflow(%kv: !nn.kv_cache<1 layers, 1 heads, 2, f32>) {
  %x = arith.constant dense<1.0> : tensor<1x3x2xf32>
  %s = arith.constant dense<62> : tensor<1xi32>
  // expected-error@+1 {{writes positions 62 to 64 of a cache of 64}}
  %y = nn.attention %x, %x, %x cache(%kv : !nn.kv_cache<1 layers, 1 heads, 2, f32>) layer 0 at(%s : tensor<1xi32>)
      heads 1 kv_heads 1 scale 1.0 : tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>
  return
}

// -----

func.func @endless() {
  func.call @recursive() : () -> ()
  return
}

// expected-error@+1 {{calls are nested more than 256 deep}}
func.func private @recursive() {
  func.call @recursive() : () -> ()
  return
}

// -----

ml_program.global private @weight(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
func.func @no_store() {
  // expected-error@+1 {{loads parameter 'weight', but the module has no qnt.params}}
  %w = ml_program.global_load_const @weight : tensor<2xf32>
  return
}

// -----

// expected-error@+1 {{does-not-exist.safetensors}}
module attributes {qnt.params = "does-not-exist.safetensors"} {
  func.func @missing_store() {
    return
  }
}

// -----

func.func @gather_outside() {
  %t = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = arith.constant dense<[1, 2]> : tensor<2xindex>
  %e = tensor.empty() : tensor<2xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%i : tensor<2xindex>) outs(%e : tensor<2xf32>) {
  ^bb0(%n: index, %o: f32):
    // expected-error@+1 {{reads index 2 of dimension 0, which has size 2}}
    %v = tensor.extract %t[%n] : tensor<2xf32>
    linalg.yield %v : f32
  } -> tensor<2xf32>
  return
}

// -----

func.func @loops_differ() {
  %a = arith.constant dense<1.0> : tensor<2xf32>
  %x = tensor.cast %a : tensor<2xf32> to tensor<?xf32>
  %e = tensor.empty() : tensor<3xf32>
  // expected-error@+1 {{expected dimension 0 of operand 1 to be 2 as in other operands, got 3}}
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<3xf32>) {
  ^bb0(%n: f32, %o: f32):
    linalg.yield %n : f32
  } -> tensor<3xf32>
  return
}

// -----

func.func @map_of_a_sum() {
  %a = arith.constant dense<1.0> : tensor<4xf32>
  %w = arith.constant dense<1.0> : tensor<2xf32>
  %e = tensor.empty() : tensor<3xf32>
  // expected-error@+1 {{expected indexing maps of loops and constants, got affine_map<(d0, d1) -> (d0 + d1)>}}
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i + j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%a, %w : tensor<4xf32>, tensor<2xf32>) outs(%e : tensor<3xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<3xf32>
  return
}

// -----

func.func @slice_outside() {
  %a = arith.constant dense<1.0> : tensor<4xf32>
  %x = tensor.cast %a : tensor<4xf32> to tensor<?xf32>
  // expected-error@+1 {{takes 3 elements from 0 by 2 of dimension 0, which has size 4}}
  %y = tensor.extract_slice %x[0] [3] [2] : tensor<?xf32> to tensor<3xf32>
  return
}

// -----

func.func @reshape_to_more() {
  %a = arith.constant dense<1.0> : tensor<4xf32>
  %s = arith.constant dense<[3, 2]> : tensor<2xi64>
  %x = tensor.cast %a : tensor<4xf32> to tensor<?xf32>
  // expected-error@+1 {{expected a shape of 4 elements, got [3, 2]}}
  %y = tensor.reshape %x(%s) : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @body_op() {
  %a = arith.constant dense<1> : tensor<4xi32>
  %e = tensor.empty() : tensor<4xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xi32>) outs(%e : tensor<4xi32>) {
  ^bb0(%p: i32, %o: i32):
    // expected-error@+1 {{is not known to the interpreter in the body of a linalg op}}
    %low, %high = arith.mulsi_extended %p, %p : i32
    linalg.yield %low : i32
  } -> tensor<4xi32>
  return
}

// -----

ml_program.global private @"statistics/s/mean"(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
func.func @statistic() {
  // expected-error@+1 {{loads the statistic 'statistics/s/mean', which parameters are made of: expected the module after qnt-materialize-params}}
  %w = ml_program.global_load_const @"statistics/s/mean" : tensor<2xf32>
  return
}

// -----

func.func @moment() {
  %w = arith.constant dense<1.0> : tensor<3x2xf32>
  %m = arith.constant dense<1.0> : tensor<2x2xf32>
  // expected-error@+1 {{chooses codes by a second moment: expected the module after qnt-materialize-params}}
  %q = qnt.quantize %w moment %m rounding gptq damp 0.01 : tensor<3x2xf32> moment tensor<2x2xf32> -> !qnt.tensor<3x2, int4, per_channel, scale f32>
  return
}
