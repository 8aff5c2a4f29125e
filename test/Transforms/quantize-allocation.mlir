// RUN: quant-opt %s --qnt-quantize="weights=int4 activations=int8 kv=int8" | FileCheck %s
// RUN: quant-opt %s --qnt-quantize="weights=int4 simulate" | FileCheck %s --check-prefix=SIM
// RUN: sed 's/"layer.q.input"/"layer.p.input"/' %s | not quant-opt --qnt-quantize 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: sed 's/input" = "int4"/input" = "int3"/' %s | not quant-opt --qnt-quantize 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: sed 's/k = "int8"/k = "e2m1"/' %s | not quant-opt --qnt-quantize 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: sed 's/kv_cache = "int4"/kv_cache = "int2"/' %s | not quant-opt --qnt-quantize 2>&1 | FileCheck %s --check-prefix=CACHE

// Inputs and caches in formats of their own.
// CHECK:     !nn.kv_cache<1 layers, 1 heads, 64, i4>
// CHECK:     %[[X:.*]] = qnt.quantize %{{.*}} -> !qnt.tensor<?x?x64, int4, per_row, scale f32>
// CHECK:     qnt.linear %[[X]], %{{.*}} !qnt.tensor<64x64, int4, per_channel
// CHECK:     qnt.linear %[[X]], %{{.*}} !qnt.tensor<64x64, int8, per_channel
// CHECK:     qnt.linear %{{.*}} : tensor<?x?x64xf32>, !qnt.tensor<32x64, int4, per_channel

// Simulated, layers stay floats.
// SIM:     !nn.kv_cache<1 layers, 1 heads, 64, i4>
// SIM:     %[[X:.*]] = qnt.quantize %{{.*}} -> !qnt.tensor<?x?x64, int4, per_row, scale f32>
// SIM:     %[[D:.*]] = qnt.dequantize %[[X]]
// SIM-NOT: qnt.quantize %arg0
// SIM:     nn.linear %[[D]]
// SIM:     nn.linear %[[D]]
// SIM:     %[[A:.*]] = nn.attention
// SIM-NOT: qnt.quantize %[[A]]

// NAME: error: qnt-quantize: qnt.allocation: no linear layers have the input 'layer.p.input'; the nearest name is 'layer.q.input'
// FORMAT: error: qnt-quantize: qnt.allocation: "layer.q.input" = "int3": expected none, int4 to int8, or uint4 to uint8
// FLOATS: qnt-quantize: qnt.allocation: layer.q.input = int4, but 'k' is e2m1: integer activations need integer weights
// CACHE: error: qnt-quantize: kv=int2: expected same, f16, f32, int8 or int4

module attributes {qnt.allocation = {k = "int8", kv_cache = "int4", "layer.o.input" = "none", "layer.q.input" = "int4"}} {
  ml_program.global private @q(#ml_program.extern : tensor<64x64xf32>) : tensor<64x64xf32>
  ml_program.global private @k(#ml_program.extern : tensor<64x64xf32>) : tensor<64x64xf32>
  ml_program.global private @o(#ml_program.extern : tensor<32x64xf32>) : tensor<32x64xf32>
  func.func @main(%x: tensor<?x?x64xf32> {qnt.name = "x", qnt.dims = ["batch", "tokens", ""]},
                  %start: tensor<?xi32> {qnt.name = "start", qnt.dims = ["batch"]},
                  %kv: !nn.kv_cache<1 layers, 1 heads, 64, f16> {qnt.name = "kv"}) -> (tensor<?x?x32xf32> {qnt.name = "y"}) {
    %wq = ml_program.global_load_const @q : tensor<64x64xf32>
    %wk = ml_program.global_load_const @k : tensor<64x64xf32>
    %wo = ml_program.global_load_const @o : tensor<32x64xf32>
    %q = nn.linear %x, %wq : tensor<?x?x64xf32>, tensor<64x64xf32> loc("layer.q")
    %k = nn.linear %x, %wk : tensor<?x?x64xf32>, tensor<64x64xf32> loc("layer.k")
    %a = nn.attention %q, %k, %k cache(%kv : !nn.kv_cache<1 layers, 1 heads, 64, f16>) layer 0 at(%start : tensor<?xi32>) heads 1 kv_heads 1 scale 1.0 causal : tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>
    %y = nn.linear %a, %wo : tensor<?x?x64xf32>, tensor<32x64xf32> loc("layer.o")
    return %y : tensor<?x?x32xf32>
  }
}
