// RUN: quant-opt %s --split-input-file --verify-diagnostics

// Functions are named after the op, type or attribute and the constraint of its
// description. Constraints of formats speak of names: no other name is known.

// expected-error @+1 {{unknown number format 'int9'}}
func.func private @int_c1(!qnt.tensor<4x32, int9, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'e9m2'}}
func.func private @float_c1(!qnt.tensor<4x32, e9m2, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'e5m0_ieee'}}
func.func private @float_c2(!qnt.tensor<4x32, e5m0_ieee, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'e8m1_finite'}}
func.func private @float_c3(!qnt.tensor<4x32, e8m1_finite, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'e1m0_fn'}}
func.func private @float_c4(!qnt.tensor<4x32, e1m0_fn, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'nf5'}}
func.func private @table(!qnt.tensor<4x32, nf5, per_tensor, scale f32>)

// -----

// expected-error @+1 {{unknown number format 'int04'}}
func.func private @format() attributes {a = #qnt.format<int04>}

// -----

// expected-error @+1 {{expected a group of a positive multiple of 16, got 24}}
func.func private @block_c1(!qnt.tensor<4x32, int8, group<24>, scale f32>)

// -----

// expected-error @+1 {{expected a group of a positive multiple of 16, got 0}}
func.func private @block_c1_zero() attributes {a = #qnt.block<group<0>>}

// -----

// expected-error @+1 {{expected unscaled, per_tensor, per_channel, per_row or group<n>, got per_column}}
func.func private @block_kind(!qnt.tensor<4x32, int8, per_column, scale f32>)

// -----

// expected-error @+1 {{expected a positive number of columns, got 0}}
func.func private @panels_c1(!qnt.tensor<4x32, int8, per_tensor, scale f32, #qnt.panels<0>>)

// -----

// expected-error @+1 {{expected a positive padding and sums of at least 0, got 0 and 0}}
func.func private @rows_c1(!qnt.tensor<4x32, int8, per_tensor, scale f32, #qnt.rows<pad = 0>>)

// -----

// expected-error @+1 {{expected positive columns, channels and taps and features of at least 0}}
func.func private @filters_c1(!qnt.tensor<4x1x1x32, int8, per_tensor, scale f32, #qnt.filters<columns = 16, channels = 32, taps = 0>>)

// -----

// expected-error @+1 {{expected positive channels and a halo of four numbers that are not negative}}
func.func private @image_c1(!qnt.tensor<4x2x2x32, int8, per_tensor, scale f32, #qnt.image<channels = 32, halo = [0, 0, 0, -1]>>)

// -----

// expected-error @+1 {{expected positive lines, pixels, panels and block}}
func.func private @conv_strategy_c1() attributes {s = #qnt.conv_strategy<kernel = "dot4", lines = 1, pixels = 0, panels = 1, block = 1>}

// -----

// expected-error @+1 {{expected integers per_tensor that fit the channels in #qnt.image<channels = 16, halo = [0, 0, 0, 0]>}}
func.func private @tensor_c6_image(!qnt.tensor<?x2x2x32, int8, per_tensor, scale f32, #qnt.image<channels = 16, halo = [0, 0, 0, 0]>>)

// -----

// expected-error @+1 {{expected a static tensor of rank 4 or 2 without groups, a format of up to 8, 16 or 32 bits and a shape that fits in #qnt.filters<columns = 16, channels = 32>}}
func.func private @tensor_c6_filters(!qnt.tensor<4x32, int8, group<16>, scale f32, #qnt.filters<columns = 16, channels = 32>>)

// -----

// expected-error @+1 {{expected zero points or none in #qnt.filters<columns = 16, channels = 32>, got offsets}}
func.func private @tensor_c6_filters_offset(!qnt.tensor<4x32, uint8, per_channel, scale f32, offset, #qnt.filters<columns = 16, channels = 32>>)

// -----

// expected-error @+1 {{expected rows that increase from 1 and as many positive panels}}
func.func private @strategy_c1() attributes {a = #qnt.strategy<kernel = "k", rows = [1, 4, 4], panels = [1, 1, 1]>}

// -----

// expected-error @+1 {{expected rows that increase from 1 and as many positive panels}}
func.func private @strategy_c1_length() attributes {a = #qnt.strategy<kernel = "k", rows = [1, 4], panels = [1]>}

// -----

// expected-error @+1 {{expected rows that increase from 1 and as many positive panels}}
func.func private @strategy_c1_first() attributes {a = #qnt.strategy<kernel = "k", rows = [2], panels = [1]>}

// -----

// expected-error @+1 {{expected rows that increase and as many positive numbers of everything else}}
func.func private @block_strategy_c1() attributes {a = #qnt.block_strategy<rows = [16, 16], blockM = [16, 16], blockN = [64, 64], warpsM = [1, 1], warpsN = [4, 4], stages = [4, 4], splits = [1, 1]>}

// -----

// expected-error @+1 {{expected rows that increase and as many positive numbers of everything else}}
func.func private @block_strategy_c1_length() attributes {a = #qnt.block_strategy<rows = [16, 32], blockM = [16, 32], blockN = [64, 64], warpsM = [1, 1], warpsN = [4, 4], stages = [4], splits = [1, 1]>}

// -----

// expected-error @+1 {{expected rows that increase and as many positive numbers of everything else}}
func.func private @block_strategy_c1_positive() attributes {a = #qnt.block_strategy<rows = [16], blockM = [16], blockN = [64], warpsM = [1], warpsN = [4], stages = [4], splits = [0]>}

// -----

// expected-error @+1 {{expected a quantised tensor of rank at least 1}}
func.func private @tensor_c1(!qnt.tensor<, int8, per_tensor, scale f32>)

// -----

// expected-error @+1 {{format int8 needs a scaled block}}
func.func private @tensor_c2(!qnt.tensor<4x32, int8, unscaled>)

// -----

// expected-error @+1 {{format bf16 has no scale, expected unscaled}}
func.func private @tensor_c2_unscaled(!qnt.tensor<4x32, bf16, per_tensor, scale f32>)

// -----

// expected-error @+1 {{expected f16, bf16 or f32 scales for scaled blocks only}}
func.func private @tensor_c3(!qnt.tensor<4x32, int8, per_tensor, scale f64>)

// -----

// expected-error @+1 {{expected f16, bf16 or f32 scales for scaled blocks only}}
func.func private @tensor_c3_missing(!qnt.tensor<4x32, int8, per_tensor>)

// -----

// expected-error @+1 {{expected f16, bf16 or f32 scales for scaled blocks only}}
func.func private @tensor_c3_unscaled(!qnt.tensor<4x32, f16, unscaled, scale f32>)

// -----

// expected-error @+1 {{expected scales of 8 bits for groups without zero points or offsets only}}
func.func private @tensor_c3_small(!qnt.tensor<4x32, e4m3, per_channel, scale f8E4M3FN>)

// -----

// expected-error @+1 {{expected scales of 8 bits for groups without zero points or offsets only}}
func.func private @tensor_c3_small_zero(!qnt.tensor<4x32, uint4, group<16>, scale f8E8M0FNU, zero>)

// -----

// expected-error @+1 {{expected scales of 16 or 32 bits in #qnt.panels<16>}}
func.func private @tensor_c6_small(!qnt.tensor<4x32, e2m1, group<16>, scale f8E4M3FN, #qnt.panels<16>>)

// -----

// expected-error @+1 {{zero points need an integer format with scales}}
func.func private @tensor_c4(!qnt.tensor<4x32, e4m3, per_tensor, scale f32, zero>)

// -----

// expected-error @+1 {{offsets need an integer format with scales}}
func.func private @tensor_c4_offset(!qnt.tensor<4x32, e4m3, per_tensor, scale f32, offset>)

// -----

// expected-error @+1 {{got offsets}}
func.func private @tensor_c6_rows_offset(!qnt.tensor<4x32, uint8, per_row, scale f32, offset, #qnt.rows<pad = 64>>)

// -----

// expected-error @+1 {{per_channel needs rank 2 or more}}
func.func private @tensor_c5(!qnt.tensor<32, int8, per_channel, scale f32>)

// -----

// expected-error @+1 {{expected a layout, got "panels"}}
func.func private @tensor_c6(!qnt.tensor<4x32, int8, per_tensor, scale f32, "panels">)

// -----

// expected-error @+1 {{expected a static tensor of rank 2 and a format of up to 8, 16 or 32 bits in #qnt.panels<16>}}
func.func private @tensor_c6_dynamic(!qnt.tensor<?x32, int8, per_tensor, scale f32, #qnt.panels<16>>)

// -----

// expected-error @+1 {{expected a static tensor of rank 2 and a format of up to 8, 16 or 32 bits in #qnt.panels<16>}}
func.func private @tensor_c6_bits(!qnt.tensor<4x32, e4m7, per_tensor, scale f32, #qnt.panels<16>>)

// -----

// expected-error @+1 {{expected '>' after the layout}}
func.func private @tensor_layouts(!qnt.tensor<4x32, int8, per_tensor, scale f32, #qnt.panels<16>, #qnt.panels<8>>)

// -----

// expected-error @+1 {{unknown type '!qnt.vector'}}
func.func private @type(!qnt.vector<4>)

// -----

// expected-error @+1 {{unknown attribute '#qnt.column'}}
func.func private @attribute() attributes {a = #qnt.column<4>}

// -----

func.func @quantize_c1(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{expected one shape, got 'tensor<?x64xf32>' and '!qnt.tensor<?x32, int8, per_row, scale f32>'}}
  %0 = qnt.quantize %x : tensor<?x64xf32> -> !qnt.tensor<?x32, int8, per_row, scale f32>
  return
}

// -----

func.func @quantize_c2(%x: tensor<?x64xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a zero operand exactly when there is a scale operand and the type has zero points}}
  %0 = qnt.quantize %x scale %s : tensor<?x64xf32>, tensor<f32> -> !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @quantize_c3(%x: tensor<?x64xf32>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected f32 scales and zero points of the shape of the type's scales, got 'tensor<64xf32>'}}
  %0 = qnt.quantize %x scale %s : tensor<?x64xf32>, tensor<64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  return
}

// -----

func.func @quantize_c3_type(%x: tensor<?x64xf32>, %s: tensor<f16>) {
  // expected-error @+1 {{expected f32 scales and zero points}}
  %0 = qnt.quantize %x scale %s : tensor<?x64xf32>, tensor<f16> -> !qnt.tensor<?x64, int8, per_tensor, scale f16>
  return
}

// -----

func.func @quantize_c4(%x: tensor<32x64xf32>) {
  // expected-error @+1 {{expected a result without a packed layout}}
  %0 = qnt.quantize %x : tensor<32x64xf32> -> !qnt.tensor<32x64, int8, per_row, scale f32, #qnt.panels<16>>
  return
}

// -----

func.func @dequantize_c1(%q: !qnt.tensor<?x64, int8, per_row, scale f32>) {
  // expected-error @+1 {{expected one shape, got '!qnt.tensor<?x64, int8, per_row, scale f32>' and 'tensor<64x?xf32>'}}
  %0 = qnt.dequantize %q : !qnt.tensor<?x64, int8, per_row, scale f32> -> tensor<64x?xf32>
  return
}

// -----

func.func @dim_c1(%q: !qnt.tensor<?x64, int8, per_row, scale f32>) {
  // expected-error @+1 {{expected a dimension below 2, got 2}}
  %0 = qnt.dim %q, 2 : !qnt.tensor<?x64, int8, per_row, scale f32>
  return
}

// -----

func.func @dim_c1_negative(%q: !qnt.tensor<?x64, int8, per_row, scale f32>) {
  // expected-error @+1 {{expected a dimension below 2, got -1}}
  %0 = qnt.dim %q, -1 : !qnt.tensor<?x64, int8, per_row, scale f32>
  return
}

// -----

func.func @pack_c1(%w: !qnt.tensor<32x64, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected types that differ only in layout}}
  %0 = qnt.pack %w : !qnt.tensor<32x64, int8, per_channel, scale f32> -> !qnt.tensor<32x64, int4, per_channel, scale f32, #qnt.panels<16>>
  return
}

// -----

func.func @pack_c2(%w: !qnt.tensor<32x64, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected a layout on the result only}}
  %0 = qnt.pack %w : !qnt.tensor<32x64, int8, per_channel, scale f32> -> !qnt.tensor<32x64, int8, per_channel, scale f32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x64xf32>, %w: !qnt.tensor<64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected an input of rank at least 1 and a weight of rank 2}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c1_dynamic(%x: tensor<?x64xf32>, %w: !qnt.tensor<?x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected an input of rank at least 1 and a static weight of rank 2, got 'tensor<?x64xf32>' and '!qnt.tensor<?x64, int8, per_tensor, scale f32>'}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<?x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c1_features(%x: tensor<?x32xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected 64 input features, got 'tensor<?x32xf32>'}}
  %0 = qnt.linear %x, %w : tensor<?x32xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c2_offset(%x: !qnt.tensor<?x64, uint8, per_row, scale f32, offset>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides (or weights of small floats with scales) and an input quantised per row or per tensor without offsets}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, uint8, per_row, scale f32, offset>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c2(%x: !qnt.tensor<?x64, int8, group<32>, scale f32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides (or weights of small floats with scales) and an input quantised per row or per tensor}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, int8, group<32>, scale f32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c2_floats(%x: !qnt.tensor<?x64, e4m3, per_row, scale f32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{or scaled floats on both sides}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c2_unscaled(%x: !qnt.tensor<?x64, e4m3, per_row, scale f32>, %w: !qnt.tensor<8x64, bf16, unscaled>) {
  // expected-error @+1 {{or scaled floats on both sides}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, e4m3, per_row, scale f32>, !qnt.tensor<8x64, bf16, unscaled>
  return
}

// -----

func.func @quantize_c8_scale(%x: tensor<4x32xf32>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{expected scales of 8 bits to be found from their blocks alone}}
  %0 = qnt.quantize %x scale %s : tensor<4x32xf32>, tensor<4x2xf32> -> !qnt.tensor<4x32, e2m1, group<16>, scale f8E4M3FN>
  return
}

// -----

func.func @quantize_c8_moment(%x: tensor<4x32xf32>, %m: tensor<32x32xf32>) {
  // expected-error @+1 {{expected scales of 8 bits to be found from their blocks alone}}
  %0 = qnt.quantize %x moment %m rounding gptq : tensor<4x32xf32> moment tensor<32x32xf32> -> !qnt.tensor<4x32, e2m1, group<32>, scale f8E8M0FNU>
  return
}

// -----

func.func @linear_c2_integers(%x: !qnt.tensor<?x64, int8, per_row, scale f32>, %w: !qnt.tensor<8x64, nf4, per_tensor, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, nf4, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected an operand for epilogue step bias}}
  %0 = qnt.linear %x, %w epilogue [bias] : tensor<?x64xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c3_more(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{has more operands than epilogue steps take}}
  %0 = qnt.linear %x, %w epilogue [relu](%b : tensor<8xf32>) : tensor<?x64xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c3_shape(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{for epilogue step add, got 'tensor<8xf32>'}}
  %0 = qnt.linear %x, %w epilogue [add](%b : tensor<8xf32>) : tensor<?x64xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xf32>, %w: !qnt.tensor<8x64, int8, per_row, scale f32>) {
  // expected-error @+1 {{expected a per_channel weight}}
  %0 = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<8x64, int8, per_row, scale f32>
  return
}

// -----

func.func @linear_c5(%x: !qnt.tensor<4x64, int8, per_row, scale f32, #qnt.panels<16>>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected a weight's layout on the weight and an activation's on the input}}
  %0 = qnt.linear %x, %w : !qnt.tensor<4x64, int8, per_row, scale f32, #qnt.panels<16>>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @linear_c5_weight(%x: tensor<4x64xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32, #qnt.rows<pad = 64>>) {
  // expected-error @+1 {{expected a weight's layout on the weight and an activation's on the input}}
  %0 = qnt.linear %x, %w : tensor<4x64xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32, #qnt.rows<pad = 64>>
  return
}

// -----

func.func @linear_epilogue(%x: tensor<4x64xf32>, %w: !qnt.tensor<8x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{unknown epilogue step 'softmax'}}
  %0 = qnt.linear %x, %w epilogue [softmax] : tensor<4x64xf32>, !qnt.tensor<8x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @codes_c1(%q: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected one shape}}
  %0 = qnt.codes %q : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> tensor<?x8x8x3xi8>
  return
}

// -----

func.func @codes_c2(%q: !qnt.tensor<?x8, e4m3, per_tensor, scale f32>) {
  // expected-error @+1 {{expected an integer format and integers that hold its codes}}
  %0 = qnt.codes %q : !qnt.tensor<?x8, e4m3, per_tensor, scale f32> -> tensor<?x8xi8>
  return
}

// -----

func.func @wrap_c1(%c: tensor<?x7xi8>, %s: tensor<f32>) {
  // expected-error @+1 {{expected one shape}}
  %0 = qnt.wrap %c scale %s : tensor<?x7xi8>, tensor<f32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @wrap_c2(%c: tensor<?x8xi8>, %s: tensor<f32>) {
  // expected-error @+1 {{expected an integer format and integers that hold its codes}}
  %0 = qnt.wrap %c scale %s : tensor<?x8xi8>, tensor<f32> -> !qnt.tensor<?x8, e4m3, per_tensor, scale f32>
  return
}

// -----

func.func @wrap_c3(%c: tensor<?x8xi8>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a zero operand exactly when the type has zero points}}
  %0 = qnt.wrap %c scale %s : tensor<?x8xi8>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @wrap_c3_shape(%c: tensor<?x8xi8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected f32 scales and zero points of the shape of the type's scales, got 'tensor<8xf32>'}}
  %0 = qnt.wrap %c scale %s : tensor<?x8xi8>, tensor<8xf32> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  return
}

// -----

func.func @conv_c1(%x: !qnt.tensor<?x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected images [B, H, W, C] and a static weight [N, KH, KW, C]}}
  %0 = qnt.conv %x, %w : !qnt.tensor<?x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c1_dynamic(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<?x3x3x4, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected images [B, H, W, C] and a static weight [N, KH, KW, C]}}
  %0 = qnt.conv %x, %w : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x3x3x4, int8, per_tensor, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c1_groups(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected groups that divide the channels, and a weight over those of a group, got 2 groups}}
  %0 = qnt.conv %x, %w groups 2 : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c2(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{pads of four that are not negative, got kernel [3, 3], strides [1, 1], dilations [1, 1], pads [0, 0, 0, -1]}}
  %0 = qnt.conv %x, %w pads [0, 0, 0, -1] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c2_result(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected a result of shape [?, 8, 8, 4], got 'tensor<?x6x6x4xf32>'}}
  %0 = qnt.conv %x, %w pads [1, 1, 1, 1] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c3(%x: !qnt.tensor<?x8x8x4, int8, per_row, scale f32>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides (or weights of small floats) and images quantised per tensor}}
  %0 = qnt.conv %x, %w : !qnt.tensor<?x8x8x4, int8, per_row, scale f32>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c3_weight(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, e5m2, per_channel, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides (or weights of small floats) and images quantised per tensor}}
  %0 = qnt.conv %x, %w : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, e5m2, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c4(%x: tensor<?x8x8x16xf32>, %w: !qnt.tensor<4x3x3x16, int8, group<16>, scale f16>) {
  // expected-error @+1 {{expected a per_channel, per_tensor or unscaled weight}}
  %0 = qnt.conv %x, %w : tensor<?x8x8x16xf32>, !qnt.tensor<4x3x3x16, int8, group<16>, scale f16> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c6(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32, #qnt.rows<pad = 64>>) {
  // expected-error @+1 {{expected a weight's layout on the weight and an activation's on the input}}
  %0 = qnt.conv %x, %w : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32, #qnt.rows<pad = 64>> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_missing(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected an operand for epilogue step bias: a float for each output feature}}
  %0 = qnt.conv %x, %w epilogue [bias] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_more(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xf32>) {
  // expected-error @+1 {{has more operands than epilogue steps take}}
  %0 = qnt.conv %x, %w epilogue [relu](%e0 : tensor<4xf32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_bias(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<3xf32>) {
  // expected-error @+1 {{expected a float for each output feature}}
  %0 = qnt.conv %x, %w epilogue [bias](%e0 : tensor<3xf32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_add(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: !qnt.tensor<?x6x6x3, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{floats or a quantised tensor of the result's shape}}
  %0 = qnt.conv %x, %w epilogue [add](%e0 : !qnt.tensor<?x6x6x3, uint8, per_tensor, scale f32, zero>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_mul(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{floats of the result's shape}}
  %0 = qnt.conv %x, %w epilogue [mul](%e0 : !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_clamp(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<f32>, %e1: tensor<4xf32>) {
  // expected-error @+1 {{an f32 scalar}}
  %0 = qnt.conv %x, %w epilogue [clamp](%e0, %e1 : tensor<f32>, tensor<4xf32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e1_quantize(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<f32>) {
  // expected-error @+1 {{expected an operand for epilogue step quantize: an f32 scalar}}
  %0 = qnt.conv %x, %w epilogue [quantize](%e0 : tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e1_int_bias(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xf32>, %e1: tensor<4xi32>, %e2: tensor<4xi32>, %e3: tensor<f32>, %e4: tensor<f32>) {
  // expected-error @+1 {{an i32 for each output feature}}
  %0 = qnt.conv %x, %w epilogue [int_bias, requantize](%e0, %e1, %e2, %e3, %e4 : tensor<4xf32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e1_int_add(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: !qnt.tensor<?x6x6x4, int8, per_row, scale f32>, %e1: tensor<4xi32>, %e2: tensor<4xi32>, %e3: tensor<4xi32>, %e4: tensor<f32>, %e5: tensor<f32>) {
  // expected-error @+1 {{integer codes per_tensor of the result's shape}}
  %0 = qnt.conv %x, %w epilogue [int_add, requantize](%e0, %e1, %e2, %e3, %e4, %e5 : !qnt.tensor<?x6x6x4, int8, per_row, scale f32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e1_rescale(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xi32>) {
  // expected-error @+1 {{a float for each output feature}}
  %0 = qnt.conv %x, %w epilogue [rescale](%e0 : tensor<4xi32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e2(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected integer codes per_tensor as result where the last epilogue step is quantize, requantize or requantize_f32, and only there}}
  %0 = qnt.conv %x, %w epilogue [relu] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e2_float(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per_tensor as result where the last epilogue step is quantize, requantize or requantize_f32, and only there}}
  %0 = qnt.conv %x, %w epilogue [quantize](%e0 : tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e2_block(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per_tensor as result}}
  %0 = qnt.conv %x, %w epilogue [quantize](%e0 : tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, int8, per_row, scale f32>
  return
}

// -----

func.func @conv_c5_e2_type(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected an f32 result, got 'tensor<?x6x6x4xf16>'}}
  %0 = qnt.conv %x, %w epilogue [relu] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf16>
  return
}

// -----

func.func @conv_c5_e2_last(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<f32>, %e1: tensor<f32>, %e2: tensor<4xi32>, %e3: tensor<4xi32>, %e4: tensor<f32>, %e5: tensor<f32>) {
  // expected-error @+1 {{expected epilogue step quantize to be the last}}
  %0 = qnt.conv %x, %w epilogue [quantize, requantize](%e0, %e1, %e2, %e3, %e4, %e5 : tensor<f32>, tensor<f32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e3(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xf32>, %e1: tensor<4xi32>, %e2: tensor<4xi32>, %e3: tensor<f32>, %e4: tensor<f32>) {
  // expected-error @+1 {{epilogue step bias has no place there in integer arithmetic}}
  %0 = qnt.conv %x, %w epilogue [bias, requantize](%e0, %e1, %e2, %e3, %e4 : tensor<4xf32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e3_first(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xi32>, %e1: tensor<4xi32>, %e2: tensor<4xi32>, %e3: tensor<f32>, %e4: tensor<f32>) {
  // expected-error @+1 {{epilogue step int_bias has no place there in integer arithmetic}}
  %0 = qnt.conv %x, %w epilogue [relu, int_bias, requantize](%e0, %e1, %e2, %e3, %e4 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e3_last(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xi32>) {
  // expected-error @+1 {{expected integer steps to end in requantize, with at most one int_add before it, or in rescale}}
  %0 = qnt.conv %x, %w epilogue [int_bias](%e0 : tensor<4xi32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e3_add(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, %e1: tensor<4xi32>, %e2: tensor<4xf32>) {
  // expected-error @+1 {{expected integer steps to end in requantize, with at most one int_add before it, or in rescale}}
  %0 = qnt.conv %x, %w epilogue [int_add, rescale](%e0, %e1, %e2 : !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, tensor<4xi32>, tensor<4xf32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c5_e3_twice(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, %e1: tensor<4xi32>, %e2: !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, %e3: tensor<4xi32>, %e4: tensor<4xi32>, %e5: tensor<4xi32>, %e6: tensor<f32>, %e7: tensor<f32>) {
  // expected-error @+1 {{with at most one int_add before it}}
  %0 = qnt.conv %x, %w epilogue [int_add, int_add, requantize](%e0, %e1, %e2, %e3, %e4, %e5, %e6, %e7 : !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, tensor<4xi32>, !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> !qnt.tensor<?x6x6x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @conv_c5_e3_input(%x: tensor<?x8x8x4xf32>, %w: !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>, %e0: tensor<4xf32>) {
  // expected-error @+1 {{expected codes per_tensor and a weight per_channel or per_tensor without offsets in integer arithmetic}}
  %0 = qnt.conv %x, %w epilogue [rescale](%e0 : tensor<4xf32>) : tensor<?x8x8x4xf32>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @linear_c3_e3_offset(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<4x8, int8, per_channel, scale f32, offset>, %e0: tensor<4xf32>) {
  // expected-error @+1 {{and a weight per_channel or per_tensor without offsets in integer arithmetic}}
  %0 = qnt.linear %x, %w epilogue [rescale](%e0 : tensor<4xf32>) : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x8, int8, per_channel, scale f32, offset>
  return
}

// -----

func.func @max_pool_c1(%x: !qnt.tensor<?x8x8x4, int8, per_row, scale f32>) {
  // expected-error @+1 {{expected images [B, H, W, C] of integer codes per tensor}}
  %0 = qnt.max_pool %x kernel [2, 2] strides [2, 2] : !qnt.tensor<?x8x8x4, int8, per_row, scale f32> -> !qnt.tensor<?x4x4x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @max_pool_c2(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected a result of shape}}
  %0 = qnt.max_pool %x kernel [2, 2] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x4x4x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @max_pool_c2_pads(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected pads smaller than the window, got [2, 0, 0, 0]}}
  %0 = qnt.max_pool %x kernel [2, 2] strides [2, 2] pads [2, 0, 0, 0] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x5x4x4, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @max_pool_c2_type(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected a result that differs in shape and layout only}}
  %0 = qnt.max_pool %x kernel [2, 2] strides [2, 2] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x4x4x4, int8, per_tensor, scale f32>
  return
}

// -----

func.func @average_pool_c1(%x: !qnt.tensor<?x8x8x4, e4m3, per_tensor, scale f32>) {
  // expected-error @+1 {{expected images [B, H, W, C] of integer codes per tensor}}
  %0 = qnt.average_pool %x kernel [8, 8] : !qnt.tensor<?x8x8x4, e4m3, per_tensor, scale f32> -> tensor<?x1x1x4xf32>
  return
}

// -----

func.func @average_pool_c2(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected an image with pads of at least 9 rows}}
  %0 = qnt.average_pool %x kernel [9, 8] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> tensor<?x1x1x4xf32>
  return
}

// -----

func.func @average_pool_c3(%x: !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>) {
  // expected-error @+1 {{expected an operand for epilogue step bias}}
  %0 = qnt.average_pool %x kernel [8, 8] epilogue [bias] : !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero> -> tensor<?x1x1x4xf32>
  return
}

// -----

func.func @linear_c3_e2(%x: !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x64, int8, per_channel, scale f32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per_tensor as result where}}
  %0 = qnt.linear %x, %w epilogue [quantize](%s : tensor<f32>) : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x64, int8, per_channel, scale f32>
  return
}

// -----

func.func @linear_c3_e3(%x: !qnt.tensor<?x64, int8, per_row, scale f32>, %w: !qnt.tensor<8x64, int8, per_channel, scale f32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected codes per_tensor and a weight}}
  %0 = qnt.linear %x, %w epilogue [rescale](%s : tensor<8xf32>) : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<8x64, int8, per_channel, scale f32>
  return
}

// -----

func.func @linear_c1_result(%x: !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x64, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected a result of shape [?, 8], got 'tensor<?x9xf32>'}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x64, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x64, int8, per_channel, scale f32> -> tensor<?x9xf32>
  return
}

// -----

func.func @scales_c1(%w: !qnt.tensor<8x64, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected the shape of the scales of}}
  %0 = qnt.scales %w : !qnt.tensor<8x64, int8, per_channel, scale f32> -> tensor<64xf32>
  return
}

// -----

func.func @scales_c1_unscaled(%w: !qnt.tensor<8x64, bf16, unscaled>) {
  // expected-error @+1 {{expected the shape of the scales of}}
  %0 = qnt.scales %w : !qnt.tensor<8x64, bf16, unscaled> -> tensor<0xf32>
  return
}

// -----

func.func @quantize_bias_c1(%b: tensor<8xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected numbers of one shape [N], got 'tensor<4xf32>' and 'tensor<8xi32>'}}
  %0 = qnt.quantize_bias %b scale %s : tensor<8xf32>, tensor<4xf32> -> tensor<8xi32>
  return
}

// -----

func.func @dyadic_shift_c1(%n: tensor<8xf32>, %d: tensor<f32>) {
  // expected-error @+1 {{expected numbers of one shape [N], got 'tensor<8xf32>' and 'tensor<4xi32>'}}
  %0 = qnt.dyadic_shift %n over %d : tensor<8xf32>, tensor<f32> -> tensor<4xi32>
  return
}

// -----

func.func @dyadic_shift_rank(%n: tensor<8xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{operand #1 must be 0D tensor of 32-bit float values}}
  %0 = qnt.dyadic_shift %n over %d : tensor<8xf32>, tensor<1xf32> -> tensor<8xi32>
  return
}

// -----

func.func @dyadic_c1(%n: tensor<8xf32>, %d: tensor<f32>, %s: tensor<4xi32>) {
  // expected-error @+1 {{expected numbers of one shape [N], got 'tensor<8xf32>' and 'tensor<4xi32>'}}
  %0 = qnt.dyadic %n over %d shift %s : tensor<8xf32>, tensor<f32>, tensor<4xi32>
  return
}

// -----

func.func @embedding_c1(%ids: tensor<?xi32>, %t: !qnt.tensor<64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected a table of rank 2}}
  %0 = qnt.embedding %ids, %t : tensor<?xi32>, !qnt.tensor<64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @embedding_c1_dynamic(%ids: tensor<?xi32>, %t: !qnt.tensor<?x64, int8, per_tensor, scale f32>) {
  // expected-error @+1 {{expected a static table}}
  %0 = qnt.embedding %ids, %t : tensor<?xi32>, !qnt.tensor<?x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @quantize_c5(%w: tensor<64x384xf32>) {
  // expected-error @+1 {{expected a second moment exactly for clip output and rounding gptq}}
  %0 = qnt.quantize %w clip output : tensor<64x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  return
}

// -----

func.func @quantize_c5_shape(%w: tensor<64x384xf32>, %m: tensor<64x64xf32>) {
  // expected-error @+1 {{expected a second moment tensor<384x384xf32>, or one for each group of rows, got 'tensor<64x64xf32>'}}
  %0 = qnt.quantize %w moment %m rounding gptq : tensor<64x384xf32> moment tensor<64x64xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  return
}

// -----

func.func @quantize_c5_static(%w: tensor<?x384xf32>, %m: tensor<384x384xf32>) {
  // expected-error @+1 {{expected a static weight of rank 2 or more, got 'tensor<?x384xf32>'}}
  %0 = qnt.quantize %w moment %m rounding gptq : tensor<?x384xf32> moment tensor<384x384xf32> -> !qnt.tensor<?x384, int4, group<32>, scale f16>
  return
}

// -----

func.func @quantize_c6(%w: tensor<64x384xf32>) {
  // expected-error @+1 {{expected a type with offsets for clip hqq, got}}
  %0 = qnt.quantize %w clip hqq : tensor<64x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  return
}

// -----

func.func @quantize_c7(%w: tensor<64x384xf32>) {
  // expected-error @+1 {{expected act_order and damp with rounding gptq alone}}
  %0 = qnt.quantize %w act_order : tensor<64x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  return
}

// -----

func.func @quantize_c7_damp(%w: tensor<64x384xf32>, %m: tensor<384x384xf32>) {
  // expected-error @+1 {{expected a damp that is not negative, got -1.0}}
  %0 = qnt.quantize %w moment %m rounding gptq damp -1.0 : tensor<64x384xf32> moment tensor<384x384xf32> -> !qnt.tensor<64x384, int4, group<32>, scale f16>
  return
}

// -----

// expected-error @+1 {{no Hadamard matrix of order 6 is known}}
func.func private @hadamard_c1() attributes {a = #qnt.hadamard<6>}

// -----

func.func @rotate_c1(%x: tensor<?x100xf32>) {
  // expected-error @+1 {{expected a multiple of 64 features, got 'tensor<?x100xf32>'}}
  %0 = qnt.rotate %x hadamard <64> : tensor<?x100xf32>
  return
}

// -----

func.func @rotate_c1_dynamic(%x: tensor<?xf32>) {
  // expected-error @+1 {{expected a multiple of 64 features, got 'tensor<?xf32>'}}
  %0 = qnt.rotate %x hadamard <64> : tensor<?xf32>
  return
}

// -----

func.func @rotate_c2(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{expected either hadamard or matrices}}
  %0 = qnt.rotate %x : tensor<?x64xf32>
  return
}

// -----

func.func @rotate_c2_shape(%x: tensor<?x64xf32>, %m: tensor<3x32x32xf32>) {
  // expected-error @+1 {{expected f32 or f64 matrices [64 / n, n, n], got 'tensor<3x32x32xf32>'}}
  %0 = qnt.rotate %x by %m : tensor<?x64xf32>, tensor<3x32x32xf32>
  return
}

// -----

func.func @rotate_c3(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{expected a static input of rank 1 or 2, got 'tensor<?x64xf32>'}}
  %0 = qnt.rotate %x outputs hadamard <64> : tensor<?x64xf32>
  return
}

// -----

func.func @low_rank_c1(%x: tensor<16x64xf32>) {
  // expected-error @+1 {{expected factors of one rank of 'tensor<16x64xf32>', got 'tensor<16x17xf32>' and 'tensor<17x64xf32>'}}
  %l, %r = qnt.low_rank %x : tensor<16x64xf32> -> tensor<16x17xf32>, tensor<17x64xf32>
  return
}

// -----

func.func @low_rank_c1_static(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{expected static tensors of rank 2, got 'tensor<?x64xf32>'}}
  %l, %r = qnt.low_rank %x : tensor<?x64xf32> -> tensor<16x8xf32>, tensor<8x64xf32>
  return
}

// -----

func.func @low_rank_c2(%x: tensor<16x64xf32>, %m: tensor<16x16xf32>) {
  // expected-error @+1 {{expected a moment of 64 by 64 inputs, got 'tensor<16x16xf32>'}}
  %l, %r = qnt.low_rank %x moment %m : tensor<16x64xf32> moment tensor<16x16xf32> -> tensor<16x8xf32>, tensor<8x64xf32>
  return
}

// -----

func.func @linear_c3_e3_int_add(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x8, int8, per_channel, scale f32>, %m: tensor<8xi32>, %s: tensor<f32>) {
  // expected-error @+1 {{with at most one int_add before it}}
  %0 = qnt.linear %x, %w epilogue [int_add, requantize_f32](%x, %m, %s, %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, tensor<8xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x8, int8, per_channel, scale f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @linear_c3_e3_minifloat(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x8, e2m1, per_channel, scale f32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a weight of integers for the epilogue step requantize_f32, got '!qnt.tensor<8x8, e2m1, per_channel, scale f32>'}}
  %0 = qnt.linear %x, %w epilogue [requantize_f32](%s, %s : tensor<f32>, tensor<f32>) : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x8, e2m1, per_channel, scale f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @linear_c2_e5m2(%x: !qnt.tensor<?x8, int8, per_tensor, scale f32>, %w: !qnt.tensor<8x8, e5m2, per_channel, scale f32>) {
  // expected-error @+1 {{expected integer codes on both sides (or weights of small floats with scales)}}
  %0 = qnt.linear %x, %w : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<8x8, e5m2, per_channel, scale f32>
  return
}

// -----

func.func @linear_c3_e2_requantize_f32(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %w: !qnt.tensor<8x8, int8, per_channel, scale f32>, %s: tensor<f32>) {
  // expected-error @+1 {{the last epilogue step is quantize, requantize or requantize_f32, and only there, got 'tensor<?x8xf32>'}}
  %0 = qnt.linear %x, %w epilogue [requantize_f32](%s : tensor<f32>) : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<8x8, int8, per_channel, scale f32> -> tensor<?x8xf32>
  return
}

// -----

func.func @add_c1(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %y: !qnt.tensor<?x8, uint8, per_row, scale f32, zero>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per tensor of one shape, whose last dimension is static}}
  %0 = qnt.add %x, %y scale %s zero %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8, uint8, per_row, scale f32, zero>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @add_c1_shape(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %y: !qnt.tensor<?x4, uint8, per_tensor, scale f32, zero>, %s: tensor<f32>) {
  // expected-error @+1 {{expected integer codes per tensor of one shape}}
  %0 = qnt.add %x, %y scale %s zero %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x4, uint8, per_tensor, scale f32, zero>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @add_c2(%x: !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a zero operand exactly when the result has zero points}}
  %0 = qnt.add %x, %x scale %s : !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  return
}

// -----

func.func @add_c3(%x: !qnt.tensor<4x64, int8, per_tensor, scale f32, #qnt.panels<16>>, %s: tensor<f32>) {
  // expected-error @+1 {{expected an activation's layout}}
  %0 = qnt.add %x, %x scale %s : !qnt.tensor<4x64, int8, per_tensor, scale f32, #qnt.panels<16>>, !qnt.tensor<4x64, int8, per_tensor, scale f32, #qnt.panels<16>>, tensor<f32> -> !qnt.tensor<4x64, int8, per_tensor, scale f32>
  return
}

// -----

func.func @dequantize_bias_c1(%i: tensor<8xi32>, %s: tensor<f32>, %w: !qnt.tensor<4x8, int8, per_channel, scale f32>) {
  // expected-error @+1 {{expected a number for each feature of}}
  %0 = qnt.dequantize_bias %i scale %s weight %w : tensor<8xi32>, tensor<f32>, !qnt.tensor<4x8, int8, per_channel, scale f32> -> tensor<8xf32>
  return
}

// -----

func.func @dequantize_bias_c2(%i: tensor<4xi32>, %s: tensor<f32>, %w: !qnt.tensor<4x32, int8, group<16>, scale f32>) {
  // expected-error @+1 {{expected a weight per_channel or per_tensor}}
  %0 = qnt.dequantize_bias %i scale %s weight %w : tensor<4xi32>, tensor<f32>, !qnt.tensor<4x32, int8, group<16>, scale f32> -> tensor<4xf32>
  return
}

// -----

func.func @correct_bias_c1(%b: tensor<3xf32>, %w: tensor<4x8xf32>, %q: !qnt.tensor<4x8, int4, per_channel, scale f32>, %m: tensor<8xf32>) {
  // expected-error @+1 {{expected a bias for each row of}}
  %0 = qnt.correct_bias %b weight %w codes %q mean %m : tensor<3xf32>, tensor<4x8xf32>, !qnt.tensor<4x8, int4, per_channel, scale f32>, tensor<8xf32>
  return
}

// -----

func.func @correct_bias_c2(%b: tensor<4xf32>, %w: tensor<4x8xf32>, %q: !qnt.tensor<4x9, int4, per_channel, scale f32>, %m: tensor<8xf32>) {
  // expected-error @+1 {{expected a static weight of rank 2 or 4 and its codes}}
  %0 = qnt.correct_bias %b weight %w codes %q mean %m : tensor<4xf32>, tensor<4x8xf32>, !qnt.tensor<4x9, int4, per_channel, scale f32>, tensor<8xf32>
  return
}

// -----

// Groups are of convolutions.
func.func @correct_bias_c3(%b: tensor<4xf32>, %w: tensor<4x8xf32>, %q: !qnt.tensor<4x8, int4, per_channel, scale f32>, %m: tensor<16xf32>) {
  // expected-error @+1 {{expected a mean for each of 8 inputs, got}}
  %0 = qnt.correct_bias %b weight %w codes %q mean %m : tensor<4xf32>, tensor<4x8xf32>, !qnt.tensor<4x8, int4, per_channel, scale f32>, tensor<16xf32>
  return
}

// -----

func.func @correct_bias_c3_groups(%b: tensor<4xf32>, %w: tensor<4x1x1x8xf32>, %q: !qnt.tensor<4x1x1x8, int4, per_channel, scale f32>, %m: tensor<24xf32>) {
  // expected-error @+1 {{expected a mean for each of 8 inputs of each group, got}}
  %0 = qnt.correct_bias %b weight %w codes %q mean %m : tensor<4xf32>, tensor<4x1x1x8xf32>, !qnt.tensor<4x1x1x8, int4, per_channel, scale f32>, tensor<24xf32>
  return
}

// -----

func.func @quantize_c5_groups(%w: tensor<4x1x1x8xf32>, %m: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected a second moment tensor<8x8xf32>, or one for each group of rows, got}}
  %0 = qnt.quantize %w clip output moment %m : tensor<4x1x1x8xf32> moment tensor<3x8x8xf32> -> !qnt.tensor<4x1x1x8, int4, per_channel, scale f32>
  return
}

// -----

// expected-error @+1 {{expected columns that are a multiple of 8 and quads of 2, 4 or 8, got 12 and 4}}
func.func private @fragments_c1(!qnt.tensor<4x32, int8, per_tensor, scale f32, #qnt.fragments<columns = 12, quad = 4>>)

// -----

// expected-error @+1 {{expected a static tensor of rank 2 and a format of up to 8 bits in #qnt.fragments<columns = 64, quad = 4>}}
func.func private @tensor_c6_fragments(!qnt.tensor<4x32, f16, unscaled, #qnt.fragments<columns = 64, quad = 4>>)
