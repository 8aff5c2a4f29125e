// RUN: quant-opt %s --qnt-quantize="integers weights=int4 activations=int8 per=tensor" --cse --qnt-propagate-codes=everywhere --qnt-integer-arithmetic --cse --split-input-file --verify-diagnostics | FileCheck %s

// A block of a transformer. Residual sums and what is rotated have 16 bits, and twice the
// room that calibration leaves is in the range; products have 8. K eps / scale^2 is 8 *
// 1.0e-5 / (4 / 32767)^2; queries' and keys' scores are 2 * 2 / 127 / 127 * 0.5 * log2(e) * 512 / 9,
// 0.010177: 42686 / 2^22.
// CHECK-LABEL: func private @block
// CHECK-SAME:    (%[[X:.*]]: tensor<?x?x8xf32>, %[[T:.*]]: tensor<?x?x4xf32>)
// CHECK:         %[[R:.*]] = qnt.quantize %[[X]] {{.*}} -> !qnt.tensor<?x?x8, int16, per_tensor, scale f32>
// CHECK:         %[[N:.*]] = qnt.normalize %[[R]] stabilizer 5368 epilogue [requantize]({{.*}} -> !qnt.tensor<?x?x8, [[IN:u?int8.*]]>
// CHECK:         %[[Q:.*]] = qnt.linear %[[N]], {{.*}} epilogue [requantize]({{.*}} -> !qnt.tensor<?x?x8, int16, per_tensor, scale f32>
// CHECK:         %[[K:.*]] = qnt.linear %[[N]], {{.*}} epilogue [requantize]({{.*}} -> !qnt.tensor<?x?x4, int16, per_tensor, scale f32>
// CHECK:         %[[V:.*]] = qnt.linear %[[N]], {{.*}} epilogue [requantize]({{.*}} -> !qnt.tensor<?x?x4, int8, per_tensor, scale f32>
// CHECK:         %[[TQ:.*]] = qnt.quantize %[[T]] {{.*}} -> !qnt.tensor<?x?x4, int16, per_tensor, scale f32>
// CHECK:         %[[TI:.*]] = qnt.codes %[[TQ]] : {{.*}} -> tensor<?x?x4xi16>
// CHECK:         %[[QR:.*]] = qnt.rope %[[Q]], %[[TI]] heads 2 {{.*}} -> !qnt.tensor<?x?x8, int8, per_tensor, scale f32>
// CHECK:         %[[KR:.*]] = qnt.rope %[[K]], %[[TI]] heads 1 {{.*}} -> !qnt.tensor<?x?x4, int8, per_tensor, scale f32>
// CHECK:         %[[A:.*]] = qnt.attention %[[QR]], %[[KR]], %[[V]] heads 2 kv_heads 1 multiplier 42686 shift 22 epilogue [requantize](
// CHECK:         %[[S:.*]] = qnt.linear %[[A]], {{.*}} epilogue [int_add, requantize](%[[R]], {{.*}} -> !qnt.tensor<?x?x8, int16, per_tensor, scale f32>
// CHECK:         %[[M:.*]] = qnt.normalize %[[S]]
// CHECK:         %[[G:.*]] = qnt.linear %[[M]], {{.*}} -> !qnt.tensor<?x?x8, int8, per_tensor, scale f32>
// CHECK:         %[[U:.*]] = qnt.linear %[[M]], {{.*}} -> !qnt.tensor<?x?x8, int8, per_tensor, scale f32>
// CHECK:         %[[L:.*]] = qnt.lookup %[[G]] table {{.*}} -> !qnt.tensor<?x?x8, int16, per_tensor, scale f32>
// CHECK:         %[[P:.*]] = qnt.multiply %[[L]], %[[U]] epilogue [requantize](
// CHECK:         %[[E:.*]] = qnt.linear %[[P]], {{.*}} epilogue [int_add, requantize](%[[S]], {{.*}} -> !qnt.tensor<?x?x8, int16, per_tensor, scale f32>
// CHECK:         %[[Y:.*]] = qnt.dequantize %[[E]]
// CHECK:         return %[[Y]]
module attributes {qnt.calibration = {
    x.input = array<f32: -4.0, 3.0>, norm = array<f32: -2.0, 2.0>, n.output = array<f32: -2.0, 2.0>,
    q = array<f32: -2.0, 2.0>, q.output = array<f32: -4.0, 4.0>, k.output = array<f32: -4.0, 4.0>,
    v.output = array<f32: -2.0, 2.0>, qr.output = array<f32: -2.0, 2.0>, kr.output = array<f32: -2.0, 2.0>,
    o = array<f32: -2.0, 2.0>, s.output = array<f32: -4.0, 4.0>, g = array<f32: -2.0, 2.0>,
    g.output = array<f32: -3.0, 3.0>, u.output = array<f32: -2.0, 2.0>, act.output = array<f32: -1.0, 3.0>,
    d = array<f32: -2.0, 2.0>, y.output = array<f32: -4.0, 4.0>}} {
  ml_program.global private @wq(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @wk(#ml_program.extern : tensor<4x8xf32>) : tensor<4x8xf32>
  ml_program.global private @wv(#ml_program.extern : tensor<4x8xf32>) : tensor<4x8xf32>
  ml_program.global private @wo(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @wg(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @wu(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @wd(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @gamma(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>
  func.func private @block(%x: tensor<?x?x8xf32> loc("x"), %t: tensor<?x?x4xf32> loc("t")) -> tensor<?x?x8xf32> {
    %wq = ml_program.global_load_const @wq : tensor<8x8xf32>
    %wk = ml_program.global_load_const @wk : tensor<4x8xf32>
    %wv = ml_program.global_load_const @wv : tensor<4x8xf32>
    %wo = ml_program.global_load_const @wo : tensor<8x8xf32>
    %wg = ml_program.global_load_const @wg : tensor<8x8xf32>
    %wu = ml_program.global_load_const @wu : tensor<8x8xf32>
    %wd = ml_program.global_load_const @wd : tensor<8x8xf32>
    %gamma = ml_program.global_load_const @gamma : tensor<8xf32>
    %n = nn.rms_norm %x, %gamma eps 1.0e-5 : tensor<?x?x8xf32>, tensor<8xf32> loc("n")
    %q = nn.linear %n, %wq : tensor<?x?x8xf32>, tensor<8x8xf32> loc("q")
    %k = nn.linear %n, %wk : tensor<?x?x8xf32>, tensor<4x8xf32> loc("k")
    %v = nn.linear %n, %wv : tensor<?x?x8xf32>, tensor<4x8xf32> loc("v")
    %qr = nn.rope %q, %t heads 2 : tensor<?x?x8xf32>, tensor<?x?x4xf32> loc("qr")
    %kr = nn.rope %k, %t heads 1 : tensor<?x?x4xf32>, tensor<?x?x4xf32> loc("kr")
    %a = nn.attention %qr, %kr, %v heads 2 kv_heads 1 scale 0.5 causal : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> loc("a")
    %o = nn.linear %a, %wo : tensor<?x?x8xf32>, tensor<8x8xf32> loc("o")
    %s = nn.add %x, %o : tensor<?x?x8xf32>, tensor<?x?x8xf32> loc("s")
    %m = nn.rms_norm %s, %gamma eps 1.0e-5 : tensor<?x?x8xf32>, tensor<8xf32> loc("m")
    %g = nn.linear %m, %wg : tensor<?x?x8xf32>, tensor<8x8xf32> loc("g")
    %u = nn.linear %m, %wu : tensor<?x?x8xf32>, tensor<8x8xf32> loc("u")
    %act = nn.activation silu %g : tensor<?x?x8xf32> loc("act")
    %p = nn.mul %act, %u : tensor<?x?x8xf32>, tensor<?x?x8xf32> loc("p")
    %d = nn.linear %p, %wd : tensor<?x?x8xf32>, tensor<8x8xf32> loc("d")
    %y = nn.add %s, %d : tensor<?x?x8xf32>, tensor<?x?x8xf32> loc("y")
    return %y : tensor<?x?x8xf32>
  }
}

// -----

// Norms of heads have no such form, and are named.
module attributes {qnt.calibration = {x.input = array<f32: -4.0, 4.0>, q = array<f32: -2.0, 2.0>, n = array<f32: -2.0, 2.0>}} {
  ml_program.global private @w(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
  ml_program.global private @gamma(#ml_program.extern : tensor<4xf32>) : tensor<4xf32>
  func.func private @heads(%x: tensor<?x?x8xf32> loc("x")) -> tensor<?x?x8xf32> {
    %w = ml_program.global_load_const @w : tensor<8x8xf32>
    %gamma = ml_program.global_load_const @gamma : tensor<4xf32>
    // expected-error @+1 {{'nn.rms_norm' op computes floats between codes, for qnt.quantize, which integer arithmetic cannot}}
    %n = nn.rms_norm %x, %gamma groups 2 eps 1.0e-5 : tensor<?x?x8xf32>, tensor<4xf32>
    %q = nn.linear %n, %w : tensor<?x?x8xf32>, tensor<8x8xf32> loc("q")
    return %q : tensor<?x?x8xf32>
  }
}
