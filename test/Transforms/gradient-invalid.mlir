// RUN: quant-opt %s --split-input-file --verify-diagnostics --nn-gradient="entry=main wrt=w"

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>

func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32>
  %q = qnt.quantize %y : tensor<?x4xf32> -> !qnt.tensor<?x4, int8, per_row, scale f32>
  // expected-error @+1 {{'qnt.dequantize' op has no rule for its gradient}}
  %z = qnt.dequantize %q : !qnt.tensor<?x4, int8, per_row, scale f32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
#map = affine_map<(a, b) -> (a, b)>

func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<2x4xf32>, tensor<4x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %z = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    // expected-error @+1 {{'math.round' op has no rule for its gradient}}
    %r = math.round %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// -----

// Integers that floats become have no slope, and would stop the sweep unseen.
ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
#map = affine_map<(a, b) -> (a, b)>

func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<2x4xf32>, tensor<4x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %z = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = arith.fptosi %a : f32 to i32
    // expected-error @+1 {{'arith.sitofp' op has no rule for its gradient}}
    %r = arith.sitofp %i : i32 to f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
#in = affine_map<(a, b) -> (a, b)>
#out = affine_map<(a, b) -> (a)>

func.func @main(%x: tensor<2x4xf32>) -> tensor<2xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<2x4xf32>, tensor<4x4xf32>
  %n = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2xf32>
  %f = linalg.fill ins(%n : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  // expected-error @+1 {{'linalg.generic' op has no rule for its gradient: expected numbers of each point, or sums of such}}
  %z = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]}
      ins(%y : tensor<2x4xf32>) outs(%f : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  return %z : tensor<2xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
#map = affine_map<(a, b) -> (a, b)>

func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<2x4xf32>, tensor<4x4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  // expected-error @+1 {{'linalg.generic' op has no rule for its gradient: its body reads a tensor that depends on the weights}}
  %z = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<2x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %r = tensor.extract %y[%i, %j] : tensor<2x4xf32>
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x1x1x4xf32>) : tensor<4x1x1x4xf32>

func.func @main(%x: tensor<?x?x8x4xf32>) -> tensor<?x?x8x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x1x1x4xf32>
  // expected-error @+1 {{'nn.conv' op has a rule for its gradient where only the batch is dynamic, got 'tensor<?x?x8x4xf32>'}}
  %y = nn.conv %x, %w : tensor<?x?x8x4xf32>, tensor<4x1x1x4xf32>
  return %y : tensor<?x?x8x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>

func.func @main(%x: tensor<1x3x4xf32>, %p: tensor<?xi32>, %kv: !nn.kv_cache<1 layers, 1 heads, 4, f16>) -> tensor<1x3x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %c = nn.linear %x, %w : tensor<1x3x4xf32>, tensor<4x4xf32>
  %s = tensor.cast %p : tensor<?xi32> to tensor<1xi32>
  // expected-error @-1 {{'tensor.cast' op tells where a cache starts: expected an argument of the entry point}}
  %y = nn.attention %c, %c, %c cache(%kv : !nn.kv_cache<1 layers, 1 heads, 4, f16>) layer 0 at(%s : tensor<1xi32>)
      heads 1 kv_heads 1 scale 0.5 : tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>

func.func @main(%x: tensor<1x3x4xf32>, %p: tensor<1xi32>, %kv: !nn.kv_cache<1 layers, 1 heads, 4, f16>) -> tensor<1x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %l = nn.linear %x, %w : tensor<1x3x4xf32>, tensor<4x4xf32>
  %y = nn.attention %l, %l, %l cache(%kv : !nn.kv_cache<1 layers, 1 heads, 4, f16>) layer 0 at(%p : tensor<1xi32>)
      heads 1 kv_heads 1 scale 0.5 : tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>
  // expected-error @+1 {{'nn.select_rows' op depends on where a cache starts, which gradients leave out}}
  %r = nn.select_rows %y at %p : tensor<1x3x4xf32>, tensor<1xi32>
  return %r : tensor<1x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xbf16>) : tensor<4x4xbf16>

// expected-error @+1 {{nn-gradient: parameter 'w': expected a tensor of f32, got 'tensor<4x4xbf16>'}}
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xbf16>
  %y = nn.linear %x, %w : tensor<?x4xf32>, tensor<4x4xbf16>
  return %y : tensor<?x4xf32>
}

// -----

// expected-error @+1 {{nn-gradient: wrt=w: finds no parameter of the entry point}}
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>

// expected-error @+1 {{nn-gradient: loss=cotangent: expected an output that is a tensor of f32 with rows, got 'tensor<?xi32>'}}
func.func @main(%x: tensor<?xi32>, %y: tensor<?x4xf32>) -> tensor<?xi32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %z = nn.linear %y, %w : tensor<?x4xf32>, tensor<4x4xf32>
  return %x : tensor<?xi32>
}
