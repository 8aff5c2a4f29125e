// RUN: quant-opt %s --split-input-file --verify-diagnostics --qnt-rotate="residual values down"
// RUN: not quant-opt %s --split-input-file --qnt-rotate="fallback=maybe" 2>&1 | FileCheck %s --check-prefix=FALLBACK
// FALLBACK: error: {{.*}}qnt-rotate: fallback=maybe: expected none or online
// RUN: not quant-opt %s --split-input-file --qnt-rotate="block=-4" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: {{.*}}qnt-rotate: block=-4: expected at least 0
// RUN: not quant-opt %s --split-input-file --qnt-rotate="residual block=32 fallback=online" 2>&1 | FileCheck %s --check-prefix=BLOCK
// BLOCK: error: {{.*}}qnt-rotate: block=32: expected a divisor of 16 features that has a Hadamard matrix

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>
ml_program.global private @g(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>

func.func private @layer_norm(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %g = ml_program.global_load_const @g : tensor<16xf32>
  %y = nn.linear %x, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'nn.layer_norm' is a layer norm, which subtracts the mean of the features: expected fallback=online, which rotates the inputs of layers}}
  %n = nn.layer_norm %s, %g, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  return
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>
ml_program.global private @g(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>

func.func private @factors(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %g = ml_program.global_load_const @g : tensor<16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'nn.rms_norm' is a norm with a factor for each feature (nn-fold=norms folds those whose users are linear layers): expected fallback=online}}
  %n = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  %y = nn.linear %n, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

func.func private @activation(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %y = nn.linear %x, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'nn.activation' reads the stream: expected fallback=online}}
  %a = nn.activation relu %s : tensor<?x16xf32>
  return
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

func.func private @unknown(%x: tensor<?x16xf32>) -> tensor<?x16xf32>
func.func private @call(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'func.call' writes to the stream: expected fallback=online}}
  %u = call @unknown(%x) : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %y = nn.linear %u, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %u, %y : tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

// expected-error @+1 {{qnt-rotate: residual: 'func.func' takes the stream as an argument of entry point 'argument': expected fallback=online}}
func.func @argument(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %y = nn.linear %x, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

func.func @returned(%i: tensor<?xi32>) -> tensor<?x16xf32> {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %x = nn.embedding %i, %w : tensor<?xi32>, tensor<16x16xf32>
  %y = nn.linear %x, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'func.return' returns the stream from entry point 'returned': expected fallback=online}}
  return %s : tensor<?x16xf32>
}

// -----

// A number for each token, and a slice of the features.
ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

func.func private @features(%x: tensor<?x16xf32>) {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %y = nn.linear %x, %w : tensor<?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %y : tensor<?x16xf32>, tensor<?x16xf32>
  // expected-error @+1 {{qnt-rotate: residual: 'tensor.extract_slice' reads the stream: expected fallback=online}}
  %f = tensor.extract_slice %s[0, 2] [1, 8] [1, 1] : tensor<?x16xf32> to tensor<1x8xf32>
  return
}

// -----

// expected-error @+1 {{qnt-rotate: residual: no layer reads from a sum}}
module {
}

// -----

ml_program.global private @w(#ml_program.extern : tensor<16x16xf32>) : tensor<16x16xf32>

func.func private @values(%i: tensor<?x?xi32>) -> tensor<?x?x16xf32> {
  %w = ml_program.global_load_const @w : tensor<16x16xf32>
  %x = nn.embedding %i, %w : tensor<?x?xi32>, tensor<16x16xf32>
  %v = nn.linear %x, %w : tensor<?x?x16xf32>, tensor<16x16xf32>
  %p = nn.linear %x, %w : tensor<?x?x16xf32>, tensor<16x16xf32>
  // expected-error @+1 {{qnt-rotate: values: 'nn.attention' takes or gives numbers that 'nn.activation' uses too, expected linear layers around it: expected fallback=online}}
  %a = nn.attention %p, %p, %v heads 4 kv_heads 4 scale 0.5 : tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  %r = nn.activation relu %v : tensor<?x?x16xf32>
  %o = nn.linear %a, %w : tensor<?x?x16xf32>, tensor<16x16xf32>
  %s = nn.add %x, %o : tensor<?x?x16xf32>, tensor<?x?x16xf32>
  %y = nn.linear %s, %w : tensor<?x?x16xf32>, tensor<16x16xf32>
  return %y : tensor<?x?x16xf32>
}

// -----

ml_program.global private @t(#ml_program.extern : tensor<9x7xf32>) : tensor<9x7xf32>
ml_program.global private @w(#ml_program.extern : tensor<4x7xf32>) : tensor<4x7xf32>
ml_program.global private @v(#ml_program.extern : tensor<7x7xf32>) : tensor<7x7xf32>

func.func @odd(%i: tensor<?xi32>) -> tensor<?x4xf32> {
  %t = ml_program.global_load_const @t : tensor<9x7xf32>
  %x = nn.embedding %i, %t : tensor<?xi32>, tensor<9x7xf32>
  %v = ml_program.global_load_const @v : tensor<7x7xf32>
  // expected-error @+1 {{qnt-rotate: no Hadamard matrix is known of an order that divides 7 features}}
  %y = nn.linear %x, %v : tensor<?x7xf32>, tensor<7x7xf32>
  %s = nn.add %x, %y : tensor<?x7xf32>, tensor<?x7xf32>
  %w = ml_program.global_load_const @w : tensor<4x7xf32>
  %z = nn.linear %s, %w : tensor<?x7xf32>, tensor<4x7xf32>
  return %z : tensor<?x4xf32>
}
