// RUN: quant-opt %s --split-input-file --verify-diagnostics

// Functions are named after the op and the constraint of its description.

func.func @linear_c1(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{expected an input of rank at least 1 and a weight of rank 2, got 'tensor<?x8xf32>' and 'tensor<8xf32>'}}
  %0 = nn.linear %x, %w : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @linear_c1_dynamic(%x: tensor<?x8xf32>, %w: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a static weight of rank 2, got 'tensor<?x8xf32>'}}
  %0 = nn.linear %x, %w : tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @linear_scalar(%x: tensor<f32>, %w: tensor<8x8xf32>) {
  // expected-error @+1 {{expected an input of rank at least 1}}
  %0 = nn.linear %x, %w : tensor<f32>, tensor<8x8xf32>
  return
}

// -----

func.func @linear_features(%x: tensor<?x?xf32>, %w: tensor<8x8xf32>) {
  // expected-error @+1 {{operand #0 must be tensor of floats with a static last dimension, but got 'tensor<?x?xf32>'}}
  %0 = nn.linear %x, %w : tensor<?x?xf32>, tensor<8x8xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x7xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected 8 input features, got 'tensor<?x7xf32>'}}
  %0 = nn.linear %x, %w : tensor<?x7xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{expected a bias of shape [4], got 'tensor<8xf32>'}}
  %0 = nn.linear %x, %w bias %b : tensor<?x8xf32>, tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @conv_c1(%x: tensor<?x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{expected images [B, H, W, C], got 'tensor<?x8x4xf32>'}}
  %0 = nn.conv %x, %w : tensor<?x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c1_weight(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x4xf32>) {
  // expected-error @+1 {{expected a static weight [N, KH, KW, C], got 'tensor<4x3x4xf32>'}}
  %0 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<4x3x4xf32>
  return
}

// -----

func.func @conv_c1_dynamic(%x: tensor<?x8x8x4xf32>, %w: tensor<?x3x3x4xf32>) {
  // expected-error @+1 {{expected a static weight [N, KH, KW, C], got 'tensor<?x3x3x4xf32>'}}
  %0 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<?x3x3x4xf32>
  return
}

// -----

func.func @conv_c2(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x8xf32>) {
  // expected-error @+1 {{expected groups that divide 4 input and 4 output channels, and a weight over the channels of a group, got 1 groups and 'tensor<4x3x3x8xf32>'}}
  %0 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<4x3x3x8xf32>
  return
}

// -----

func.func @conv_c2_divide(%x: tensor<?x8x8x4xf32>, %w: tensor<6x3x3x1xf32>) {
  // expected-error @+1 {{expected groups that divide 4 input and 6 output channels}}
  %0 = nn.conv %x, %w groups 4 : tensor<?x8x8x4xf32>, tensor<6x3x3x1xf32>
  return
}

// -----

func.func @conv_c2_zero(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{expected groups that divide}}
  %0 = nn.conv %x, %w groups 0 : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c3(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{expected kernel, strides and dilations of two positive numbers and pads of four that are not negative, got kernel [3, 3], strides [0, 1], dilations [1, 1], pads [0, 0, 0, 0]}}
  %0 = nn.conv %x, %w strides [0, 1] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c3_pads(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{pads of four that are not negative, got kernel [3, 3], strides [1, 1], dilations [1, 1], pads [1, 1, 1, -1]}}
  %0 = nn.conv %x, %w pads [1, 1, 1, -1] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c3_count(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{expected kernel, strides and dilations of two positive numbers}}
  %0 = nn.conv %x, %w dilations [1] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c4(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) {
  // expected-error @+1 {{expected an image with pads of at least 9 columns, got 8 with pads [0, 0, 0, 0]}}
  %0 = nn.conv %x, %w dilations [1, 4] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  return
}

// -----

func.func @conv_c5(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{expected a bias of shape [4], got 'tensor<3xf32>'}}
  %0 = nn.conv %x, %w bias %b : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @pool_c1(%x: tensor<8x8x4xf32>) {
  // expected-error @+1 {{expected images [B, H, W, C], got 'tensor<8x8x4xf32>'}}
  %0 = nn.pool max %x kernel [2, 2] : tensor<8x8x4xf32>
  return
}

// -----

func.func @pool_c2(%x: tensor<?x8x8x4xf32>) {
  // expected-error @+1 {{expected kernel, strides and dilations of two positive numbers and pads of four that are not negative, got kernel [2, 0]}}
  %0 = nn.pool max %x kernel [2, 0] : tensor<?x8x8x4xf32>
  return
}

// -----

func.func @pool_c2_count(%x: tensor<?x8x8x4xf32>) {
  // expected-error @+1 {{expected kernel, strides and dilations of two positive numbers and pads of four}}
  %0 = nn.pool average %x kernel [2, 2] pads [1, 1] : tensor<?x8x8x4xf32>
  return
}

// -----

func.func @pool_c3(%x: tensor<?x8x8x4xf32>) {
  // expected-error @+1 {{expected an image with pads of at least 10 rows, got 8 with pads [1, 0, 0, 0]}}
  %0 = nn.pool max %x kernel [10, 2] pads [1, 0, 0, 0] : tensor<?x8x8x4xf32>
  return
}

// -----

func.func @scale_rows_c1(%w: tensor<4x8xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected a number for each index of the first dimension of 'tensor<4x8xf32>', got 'tensor<8xf32>'}}
  %0 = nn.scale_rows %w by %s : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @embedding_c1(%ids: tensor<?xi32>, %t: tensor<8xf32>) {
  // expected-error @+1 {{expected a table of rank 2, got 'tensor<8xf32>'}}
  %0 = nn.embedding %ids, %t : tensor<?xi32>, tensor<8xf32>
  return
}

// -----

func.func @embedding_c1_dynamic(%ids: tensor<?xi32>, %t: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a static table, got 'tensor<?x8xf32>'}}
  %0 = nn.embedding %ids, %t : tensor<?xi32>, tensor<?x8xf32>
  return
}

// -----

func.func @position_ids_c1(%t: tensor<?xi32>) {
  // expected-error @+1 {{expected tokens of rank 2, got 'tensor<?xi32>'}}
  %0 = nn.position_ids %t : tensor<?xi32>
  return
}

// -----

func.func @position_ids_c2(%t: tensor<4x?xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expected one start for each sequence of 'tensor<4x?xi32>', got 'tensor<3xi32>'}}
  %0 = nn.position_ids %t from %s : tensor<4x?xi32>, tensor<3xi32>
  return
}

// -----

func.func @select_rows_c1_input(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected an input of rank 3, got 'tensor<?x8xf32>'}}
  %0 = nn.select_rows %x : tensor<?x8xf32>
  return
}

// -----

func.func @select_rows_c1_rows(%x: tensor<?x?x8xf32>, %r: tensor<?x1xi32>) {
  // expected-error @+1 {{expected one row for each sequence of 'tensor<?x?x8xf32>', got 'tensor<?x1xi32>'}}
  %0 = nn.select_rows %x at %r : tensor<?x?x8xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @mean_pool_c1_input(%x: tensor<?x8xf32>, %n: tensor<?xi32>) {
  // expected-error @+1 {{expected an input of rank 3, got 'tensor<?x8xf32>'}}
  %0 = nn.mean_pool %x, %n : tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----

func.func @mean_pool_c1_lengths(%x: tensor<2x?x8xf32>, %n: tensor<3xi32>) {
  // expected-error @+1 {{expected one length for each sequence of 'tensor<2x?x8xf32>', got 'tensor<3xi32>'}}
  %0 = nn.mean_pool %x, %n : tensor<2x?x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @add_c1(%x: tensor<?x8xf32>, %y: tensor<7xf32>) {
  // expected-error @+1 {{expected the shape of 'tensor<7xf32>' to be a suffix of that of 'tensor<?x8xf32>'}}
  %0 = nn.add %x, %y : tensor<?x8xf32>, tensor<7xf32>
  return
}

// -----

func.func @mul_c1(%x: tensor<8xf32>, %y: tensor<1x8xf32>) {
  // expected-error @+1 {{expected the shape of 'tensor<1x8xf32>' to be a suffix of that of 'tensor<8xf32>'}}
  %0 = nn.mul %x, %y : tensor<8xf32>, tensor<1x8xf32>
  return
}

// -----

func.func @activation_kind(%x: tensor<8xf32>) {
  // expected-error @+1 {{one of the following enum values for attribute 'kind' [relu, gelu, gelu_tanh, silu, tanh, sigmoid]}}
  %0 = nn.activation swish %x : tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<?x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected groups that divide 8 features, got 3}}
  %0 = nn.rms_norm %x, %g groups 3 eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c1_zero(%x: tensor<?x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected groups that divide 8 features, got 0}}
  %0 = nn.rms_norm %x, %g groups 0 eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected a scale of shape [4], got 'tensor<8xf32>'}}
  %0 = nn.rms_norm %x, %g groups 2 eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected eps of at least 0}}
  %0 = nn.rms_norm %x, %g eps -1.0e-5 : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_scalar(%x: tensor<f32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be tensor of floats with a static last dimension, but got 'tensor<f32>'}}
  %0 = nn.rms_norm %x, %g eps 1.0e-5 : tensor<f32>, tensor<8xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<?x8xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expected a scale of shape [8], got 'tensor<4xf32>'}}
  %0 = nn.layer_norm %x, %g, %g eps 1.0e-5 : tensor<?x8xf32>, tensor<4xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<?x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected eps of at least 0}}
  %0 = nn.layer_norm %x, %g, %g eps -1.0 : tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @l2_normalize_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{operand #0 must be tensor of floats with a static last dimension}}
  %0 = nn.l2_normalize %x : tensor<f32>
  return
}

// -----

func.func @rope_table_c1(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected an even, positive dim, got 3}}
  %0 = nn.rope_table %p dim 3 theta 1.0e4 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_table_c1_negative(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected an even, positive dim, got -2}}
  %0 = nn.rope_table %p dim -2 theta 1.0e4 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_table_c2(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected a positive theta}}
  %0 = nn.rope_table %p dim 4 theta 0.0 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_table_c3(%p: tensor<?xi32>) {
  // expected-error @+1 {{expected positions of rank 2, got 'tensor<?xi32>'}}
  %0 = nn.rope_table %p dim 4 theta 1.0e4 : tensor<?xi32>
  return
}

// -----

func.func @rope_scaling_c1(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected a positive factor}}
  %0 = nn.rope_table %p scaling <kind = linear, factor = 0.0, lowFrequency = 1.0, highFrequency = 4.0, original = 10, attention = 1.0> dim 4 theta 1.0e4 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_scaling_c2(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected positive original positions and positive frequencies, low below high}}
  %0 = nn.rope_table %p scaling <kind = llama3, factor = 2.0, lowFrequency = 4.0, highFrequency = 1.0, original = 10, attention = 1.0> dim 4 theta 1.0e4 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_scaling_c3(%p: tensor<?x?xi32>) {
  // expected-error @+1 {{expected a positive attention factor}}
  %0 = nn.rope_table %p scaling <kind = yarn, factor = 2.0, lowFrequency = 1.0, highFrequency = 4.0, original = 10, attention = -1.0> dim 4 theta 1.0e4 : tensor<?x?xi32>
  return
}

// -----

func.func @rope_c1(%q: tensor<?x?x16xf32>, %t: tensor<?x?x4xf32>) {
  // expected-error @+1 {{expected heads that divide 16 features, got 3}}
  %0 = nn.rope %q, %t heads 3 : tensor<?x?x16xf32>, tensor<?x?x4xf32>
  return
}

// -----

func.func @rope_c2(%q: tensor<?x?x16xf32>, %t: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected a table of at most 4 features, got 'tensor<?x?x8xf32>'}}
  %0 = nn.rope %q, %t heads 4 : tensor<?x?x16xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @rope_c3(%q: tensor<?x16xf32>, %t: tensor<?x?x4xf32>) {
  // expected-error @+1 {{expected operands of rank 3, got 'tensor<?x16xf32>' and 'tensor<?x?x4xf32>'}}
  %0 = nn.rope %q, %t heads 4 : tensor<?x16xf32>, tensor<?x?x4xf32>
  return
}

// -----

func.func @attention_c1(%q: tensor<?x?x16xf32>, %k: tensor<?x?x16xf32>) {
  // expected-error @+1 {{with one head size, got 'tensor<?x?x16xf32>' of 4 heads and 'tensor<?x?x16xf32>' of 2 heads}}
  %0 = nn.attention %q, %k, %k heads 4 kv_heads 2 scale 1.0 : tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  return
}

// -----

func.func @attention_c1_heads(%q: tensor<?x?x16xf32>) {
  // expected-error @+1 {{of 0 heads}}
  %0 = nn.attention %q, %q, %q heads 0 kv_heads 0 scale 1.0 : tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<?x16xf32>) {
  // expected-error @+1 {{expected [batch, tokens, heads * size] operands}}
  %0 = nn.attention %q, %q, %q heads 2 kv_heads 2 scale 1.0 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected kv_heads that divide 3 heads, got 2}}
  %0 = nn.attention %q, %k, %k heads 3 kv_heads 2 scale 1.0 : tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xbf16>) {
  // expected-error @+1 {{expected keys and values of one type and of the query's batch}}
  %0 = nn.attention %q, %k, %v heads 2 kv_heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xbf16>
  return
}

// -----

func.func @attention_c3_batch(%q: tensor<2x?x8xf32>, %k: tensor<3x?x8xf32>) {
  // expected-error @+1 {{expected keys and values of one type and of the query's batch}}
  %0 = nn.attention %q, %k, %k heads 2 kv_heads 2 scale 1.0 : tensor<2x?x8xf32>, tensor<3x?x8xf32>, tensor<3x?x8xf32>
  return
}

// -----

func.func @attention_c3_lengths(%q: tensor<2x?x8xf32>, %n: tensor<3xi32>) {
  // expected-error @+1 {{expected one number for each sequence of 'tensor<2x?x8xf32>', got 'tensor<3xi32>'}}
  %0 = nn.attention %q, %q, %q lengths(%n : tensor<3xi32>) heads 2 kv_heads 2 scale 1.0 : tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>, %kv: !nn.kv_cache<1 layers, 2 heads, 4, f16>) {
  // expected-error @+1 {{expected a cache, its start and layer together, without lengths}}
  %0 = nn.attention %q, %q, %q lengths(%n : tensor<?xi32>) cache(%kv : !nn.kv_cache<1 layers, 2 heads, 4, f16>) layer 0 at(%n : tensor<?xi32>) heads 2 kv_heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c4_layer(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>, %kv: !nn.kv_cache<1 layers, 2 heads, 4, f16>) {
  // expected-error @+1 {{expected layer 1 of a cache of 2 heads of 4, got '!nn.kv_cache<1 layers, 2 heads, 4, f16>'}}
  %0 = nn.attention %q, %q, %q cache(%kv : !nn.kv_cache<1 layers, 2 heads, 4, f16>) layer 1 at(%n : tensor<?xi32>) heads 2 kv_heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c4_heads(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>, %kv: !nn.kv_cache<1 layers, 4 heads, 2, f16>) {
  // expected-error @+1 {{expected layer 0 of a cache of 2 heads of 4}}
  %0 = nn.attention %q, %q, %q cache(%kv : !nn.kv_cache<1 layers, 4 heads, 2, f16>) layer 0 at(%n : tensor<?xi32>) heads 2 kv_heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected a positive window, got 0}}
  %0 = nn.attention %q, %q, %q heads 2 kv_heads 2 scale 1.0 window 0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c5_causal(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected a window on causal attention only}}
  %0 = nn.attention %q, %q, %q heads 2 kv_heads 2 scale 1.0 window 4 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return
}

// -----

// expected-error @+1 {{expected positive layers, heads and head size, got 0, 2, 4}}
func.func private @kv_cache_c1(!nn.kv_cache<0 layers, 2 heads, 4, f16>)

// -----

// expected-error @+1 {{expected a cache of f16, f32, i8 or i4, got 'bf16'}}
func.func private @kv_cache_c2(!nn.kv_cache<1 layers, 2 heads, 4, bf16>)

// -----

// expected-error @+1 {{expected an even head size for i4, got 5}}
func.func private @kv_cache_c2_even(!nn.kv_cache<1 layers, 2 heads, 5, i4>)

// -----

func.func @clamp_c1(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected low to be at most high, got 1.000000e+00 and 5.000000e-01}}
  %0 = nn.clamp %x low 1.0 high 0.5 : tensor<?x4xf32>
  return
}

// -----

func.func @matmul_c1(%x: tensor<4xf32>, %y: tensor<4x4xf32>) {
  // expected-error @+1 {{expected matrices of one element type, got 'tensor<4xf32>' and 'tensor<4x4xf32>'}}
  %0 = nn.matmul %x, %y : tensor<4xf32>, tensor<4x4xf32>
  return
}

// -----

func.func @matmul_c1_types(%x: tensor<4x4xf16>, %y: tensor<4x4xf32>) {
  // expected-error @+1 {{expected matrices of one element type}}
  %0 = nn.matmul %x, %y : tensor<4x4xf16>, tensor<4x4xf32>
  return
}

// -----

func.func @matmul_c2(%x: tensor<2x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @+1 {{expected matrices of one inner size, got 'tensor<2x4xf32>' and 'tensor<4x2xf32>'}}
  %0 = nn.matmul %x, %y transposed : tensor<2x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @matmul_c3(%x: tensor<2x?x4xf32>, %y: tensor<3x4x4xf32>) {
  // expected-error @+1 {{expected leading dimensions that broadcast, got 'tensor<2x?x4xf32>' and 'tensor<3x4x4xf32>'}}
  %0 = nn.matmul %x, %y : tensor<2x?x4xf32>, tensor<3x4x4xf32>
  return
}

// -----

func.func @softmax_c1(%x: tensor<f32>) {
  // expected-error @+1 {{expected rank 1 at least, got 'tensor<f32>'}}
  %0 = nn.softmax %x : tensor<f32>
  return
}

// -----

func.func @select_features_c1(%x: tensor<?x8xf32>, %i: tensor<2x2xi32>) {
  // expected-error @+1 {{expected an input of rank 1 at least and static indices of rank 1, got 'tensor<?x8xf32>' and 'tensor<2x2xi32>'}}
  %0 = nn.select_features %x, %i : tensor<?x8xf32>, tensor<2x2xi32>
  return
}
