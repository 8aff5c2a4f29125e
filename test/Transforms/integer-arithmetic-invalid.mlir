// RUN: quant-opt %s --qnt-integer-arithmetic --split-input-file --verify-diagnostics

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
func.func @silu(%x: tensor<?x8x8x4xf32>) -> !image {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<0.5> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %s : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  // expected-error @+1 {{in integer arithmetic: epilogue step silu computes in floats, expected bias, add, relu, clamp and quantize alone}}
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [silu, quantize](%s, %s : tensor<f32>, tensor<f32>) : !image, !filters -> !image
  return %c : !image
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
func.func @between(%x: tensor<?x8x8x4xf32>) -> !image {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<0.5> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %s : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] : !image, !filters -> tensor<?x8x8x4xf32>
  // expected-error @+1 {{computes floats between codes, for qnt.quantize, which integer arithmetic cannot}}
  %d = nn.activation gelu %c : tensor<?x8x8x4xf32>
  %e = qnt.quantize %d scale %s zero %s : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  return %e : !image
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
func.func @kept(%x: tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32> {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<0.5> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %s : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  // expected-error @+1 {{computes floats between codes, for nn.conv}}
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] : !image, !filters -> tensor<?x8x8x4xf32>
  %d = nn.conv %c, %w0 pads [1, 1, 1, 1] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return %d : tensor<?x8x8x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
func.func @narrow(%x: tensor<?x8x8x4xf32>) -> !image {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<1.0> : tensor<f32>
  %z = arith.constant dense<0.0> : tensor<f32>
  %six = arith.constant dense<6.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  // expected-error @+1 {{in integer arithmetic: the clamp to [0.000000e+00, 6.000000e+00] is narrower than the codes' range}}
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [clamp, quantize](%z, %six, %s, %z : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  return %c : !image
}

// -----

!rows = !qnt.tensor<?x4, uint8, per_tensor, scale f32, zero>
!weight = !qnt.tensor<4x4, int8, per_channel, scale f32, offset>
ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
func.func @offsets(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w0 = ml_program.global_load_const @w : tensor<4x4xf32>
  %w = qnt.quantize %w0 : tensor<4x4xf32> -> !weight
  %s = arith.constant dense<1.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %s : tensor<?x4xf32>, tensor<f32>, tensor<f32> -> !rows
  // expected-error @+1 {{in integer arithmetic: expected a parameter as weight, with a scale for each channel and no offsets}}
  %c = qnt.linear %q, %w : !rows, !weight
  return %c : tensor<?x4xf32>
}

// -----

!rows = !qnt.tensor<?x4, int8, per_row, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>
func.func @tokens(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w0 = ml_program.global_load_const @w : tensor<4x4xf32>
  %w = qnt.quantize %w0 : tensor<4x4xf32> -> !qnt.tensor<4x4, int8, per_channel, scale f32>
  %q = qnt.quantize %x : tensor<?x4xf32> -> !rows
  // expected-error @+1 {{in integer arithmetic: expected an input quantised per tensor}}
  %c = qnt.linear %q, %w : !rows, !qnt.tensor<4x4, int8, per_channel, scale f32>
  return %c : tensor<?x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
func.func @argument(%x: !image) -> tensor<?x6x6x4xf32> {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  // expected-error @+1 {{in integer arithmetic: expected an input whose scale is known when compiling}}
  %c = qnt.conv %x, %w : !image, !filters -> tensor<?x6x6x4xf32>
  return %c : tensor<?x6x6x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
func.func @rounded(%x: tensor<?x8x8x4xf32>) -> !image {
  %s = arith.constant dense<1.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %s : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  // expected-error @+1 {{in integer arithmetic: multiplies by an f32 scale, expected to run before qnt-round-once}}
  %c = qnt.add %q, %q scale %s zero %s : !image, !image, tensor<f32>, tensor<f32> -> !image
  %p = qnt.average_pool %c kernel [1, 1] epilogue [quantize](%s, %s : tensor<f32>, tensor<f32>) : !image -> !image
  return %p : !image
}
