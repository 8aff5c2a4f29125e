// RUN: quant-opt %s --split-input-file --verify-diagnostics

func.func @normalize_c1(%x: !qnt.tensor<?x8, int8, per_row, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per_tensor without offsets, whose last dimension is static}}
  %0 = qnt.normalize %x stabilizer 0 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_row, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @normalize_c1_shape(%x: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [?, 8], got}}
  %0 = qnt.normalize %x stabilizer 0 epilogue [rescale](%s : tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32> -> tensor<?x4xf32>
  return
}

// -----

func.func @normalize_c2(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a stabilizer from 0 to 2^48, got -1}}
  %0 = qnt.normalize %x stabilizer -1 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @normalize_c2_sum(%x: !qnt.tensor<?x65537, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{has sums of squares beyond 2^48}}
  %0 = qnt.normalize %x stabilizer 0 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x65537, int16, per_tensor, scale f32> -> !qnt.tensor<?x65537, int8, per_tensor, scale f32>
  return
}

// -----

func.func @normalize_c3(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected epilogue steps of integers that end in requantize or rescale}}
  %0 = qnt.normalize %x stabilizer 0 : !qnt.tensor<?x8, int16, per_tensor, scale f32> -> tensor<?x8xf32>
  return
}

// -----

func.func @normalize_c3_float(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected epilogue steps of integers that end in requantize or rescale}}
  %0 = qnt.normalize %x stabilizer 0 epilogue [requantize_f32](%s : tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @normalize_c3_gelu(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{epilogue step gelu has no place there in integer arithmetic}}
  %0 = qnt.normalize %x stabilizer 0 epilogue [gelu, requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @rope_c1(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %t: tensor<?x1xi16>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected heads of an even number of features, got 8 heads}}
  %0 = qnt.rope %x, %t heads 8 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32>, tensor<?x1xi16> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @rope_c2(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %t: tensor<?x8xi16>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [?, 4], got}}
  %0 = qnt.rope %x, %t heads 2 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32>, tensor<?x8xi16> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c1(%q: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [?, 4], got}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 9 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x8, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c1_result(%q: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [?, 8], got}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 9 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x4, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c2(%q: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected rows of codes of at most 8 bits without zero points, got}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 9 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c2_zeros(%q: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected rows of codes of at most 8 bits without zero points, got}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 9 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c3(%q: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected kv_heads that divide heads, and heads that divide the features, got 4 heads and 3}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 3 multiplier 9 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c4(%q: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a multiplier from 1 to 65535 and a shift from 1 to 62, got 65536 and 9}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 65536 shift 9 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @attention_c4_shift(%q: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %k: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %v: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a multiplier from 1 to 65535 and a shift from 1 to 62, got 9 and 0}}
  %0 = qnt.attention %q, %k, %v heads 4 kv_heads 2 multiplier 9 shift 0 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @multiply_c1(%a: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %b: !qnt.tensor<?x4, int8, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [?, 8], got}}
  %0 = qnt.multiply %a, %b epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @multiply_c1_block(%a: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %b: !qnt.tensor<?x8, int8, per_row, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per_tensor without offsets}}
  %0 = qnt.multiply %a, %b epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x8, int8, per_row, scale f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @lookup_c1(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{of at most 8 bits as input, got}}
  %0 = qnt.lookup %x table dense<0> : tensor<65536xi16> scale %s : !qnt.tensor<?x8, int16, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @lookup_c2(%x: !qnt.tensor<?x8, int2, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a shape of [4], got}}
  %0 = qnt.lookup %x table dense<0> : tensor<8xi16> scale %s : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @lookup_c2_range(%x: !qnt.tensor<?x8, int2, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected entries that are numbers of int8, got 128}}
  %0 = qnt.lookup %x table dense<[0, 1, 2, 128]> : tensor<4xi16> scale %s : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @lookup_c3(%x: !qnt.tensor<?x8, int2, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a zero operand exactly when the result has zero points}}
  %0 = qnt.lookup %x table dense<0> : tensor<4xi16> scale %s : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @linear_wide(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %w: !qnt.tensor<4x8, int4, per_channel, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integers of at most 8 bits, got}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x8, int16, per_tensor, scale f32>, !qnt.tensor<4x8, int4, per_channel, scale f32>
  return
}

// -----

func.func @pool_wide(%x: !qnt.tensor<?x8x8x4, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integers of at most 8 bits, got}}
  %0 = qnt.max_pool %x kernel [2, 2] : !qnt.tensor<?x8x8x4, int16, per_tensor, scale f32> -> !qnt.tensor<?x7x7x4, int16, per_tensor, scale f32>
  return
}

// -----

func.func @add_wide(%x: !qnt.tensor<?x8, int16, per_tensor, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integers of at most 8 bits, got}}
  %0 = qnt.add %x, %x scale %s : !qnt.tensor<?x8, int16, per_tensor, scale f32>, !qnt.tensor<?x8, int16, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

// expected-error @+1 {{expected integers of at most 8 bits, or of 16 per_tensor without zero points, offsets and layout, got int16}}
func.func private @wide_weights(!qnt.tensor<4x32, int16, per_channel, scale f32>)
