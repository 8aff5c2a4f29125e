// RUN: quant-opt %s --nn-gradient="entry=main loss=squared_error" --canonicalize --cse | FileCheck %s
// RUN: quant-opt %s --nn-gradient="entry=main wrt=^w1$ weights-as-arguments=true" --canonicalize --cse | FileCheck %s --check-prefix=ARGUMENTS
// RUN: quant-opt %s --nn-gradient="entry=score loss=cross_entropy alone=true name=slope" --canonicalize --cse | FileCheck %s --check-prefix=SCORE
// RUN: quant-opt %s --nn-gradient="entry=score loss=cross_entropy alone=true name=slope layers-only=true" | FileCheck %s --check-prefix=LAYERS
// RUN: quant-opt %s --nn-gradient="entry=main loss=kl wrt=fc2" | quant-opt --nn-gradient="entry=main name=other" | FileCheck %s --check-prefix=TWICE

ml_program.global private @w1(#ml_program.extern : tensor<6x4xbf16>) : tensor<6x4xbf16>
ml_program.global private @b1(#ml_program.extern : tensor<6xf32>) : tensor<6xf32>
ml_program.global private @w2(#ml_program.extern : tensor<3x6xf32>) : tensor<3x6xf32>
ml_program.global private @table(#ml_program.extern : tensor<32x8xf32>) : tensor<32x8xf32>

// The layers of a function of its own; the weight is what the layer takes.
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x6xf32> {
  %w = ml_program.global_load_const @w1 : tensor<6x4xbf16>
  %f = arith.extf %w : tensor<6x4xbf16> to tensor<6x4xf32>
  %b = ml_program.global_load_const @b1 : tensor<6xf32>
  %y = nn.linear %x, %f bias %b : tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32> loc("fc1")
  return %y : tensor<?x6xf32>
}

func.func @main(%x: tensor<?x4xf32> {qnt.name = "x", qnt.dims = ["n", ""]}) -> (tensor<?x3xf32> {qnt.name = "y"}) {
  %h = func.call @layer(%x) : (tensor<?x4xf32>) -> tensor<?x6xf32>
  %r = nn.activation relu %h : tensor<?x6xf32>
  %w = ml_program.global_load_const @w2 : tensor<3x6xf32>
  %y = nn.linear %r, %w : tensor<?x6xf32>, tensor<3x6xf32> loc("fc2")
  return %y : tensor<?x3xf32>
}

// CHECK: func.func @main(
// CHECK: func.func @gradient(%[[X:.*]]: tensor<?x4xf32> {qnt.dims = ["n", ""], qnt.name = "x"}, %[[T:.*]]: tensor<?x3xf32> {qnt.dims = ["n", ""], qnt.name = "target"})
// CHECK-SAME: -> (tensor<f32> {qnt.name = "loss"}, tensor<6x4xf32> {qnt.name = "w1"}, tensor<3x6xf32> {qnt.name = "w2"})
// CHECK: %[[H:.*]] = nn.linear %[[X]], %{{.*}} bias
// CHECK: %[[R:.*]] = nn.activation relu %[[H]]
// CHECK: %[[Y:.*]] = nn.linear %[[R]], %[[W2:.*]] : tensor<?x6xf32>, tensor<3x6xf32>
// The loss, then its gradient.
// CHECK: linalg.generic {{.*}} ins(%[[Y]], %[[T]] : {{.*}} outs(%{{.*}} : tensor<f32>)
// CHECK: %[[LOSS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<f32>)
// CHECK: %[[DY:.*]] = linalg.generic {{.*}} ins(%[[Y]], %[[T]] : {{.*}} outs(%{{.*}} : tensor<?x3xf32>)
// CHECK: %[[DR:.*]] = nn.matmul %[[DY]], %[[W2]] : tensor<?x3xf32>, tensor<3x6xf32>
// CHECK: %[[DYT:.*]] = linalg.transpose ins(%[[DY]]
// CHECK: %[[DW2:.*]] = nn.matmul %[[DYT]], %[[R]] : tensor<3x?xf32>, tensor<?x6xf32>
// CHECK: %[[DH:.*]] = linalg.generic {{.*}} ins(%[[DR]], %[[H]]
// CHECK: %[[DHT:.*]] = linalg.transpose ins(%[[DH]]
// CHECK: %[[DW1:.*]] = nn.matmul %[[DHT]], %[[X]] : tensor<6x?xf32>, tensor<?x4xf32>
// Inputs have no gradient.
// CHECK-NOT: nn.matmul
// CHECK: return %[[LOSS]], %[[DW1]], %[[DW2]] : tensor<f32>, tensor<6x4xf32>, tensor<3x6xf32>

// ARGUMENTS: func.func @gradient(%[[X:.*]]: tensor<?x4xf32> {{{.*}}}, %{{.*}}: tensor<?x3xf32> {qnt.dims = ["n", ""], qnt.name = "cotangent"}, %[[W:.*]]: tensor<6x4xf32> {qnt.name = "w1"})
// ARGUMENTS-SAME: -> (tensor<f32> {qnt.name = "loss"}, tensor<6x4xf32> {qnt.name = "w1"})
// ARGUMENTS-NOT: @w1
// ARGUMENTS: nn.matmul %[[X]], %[[W]] transposed
// ARGUMENTS-NEXT: nn.add
// ARGUMENTS: nn.linear %{{.*}} : tensor<?x6xf32>, tensor<3x6xf32>

// A cache, and where it starts, are left out; a tied table is one weight.
func.func @score(%tokens: tensor<?x?xi32> {qnt.name = "tokens", qnt.dims = ["batch", "tokens"]},
                 %position: tensor<?xi32> {qnt.name = "position", qnt.dims = ["batch"]},
                 %kv: !nn.kv_cache<1 layers, 2 heads, 4, f16> {qnt.name = "kv"})
    -> (tensor<?x?x32xf32> {qnt.name = "logits"}) {
  %t = ml_program.global_load_const @table : tensor<32x8xf32>
  %x = nn.embedding %tokens, %t : tensor<?x?xi32>, tensor<32x8xf32>
  %ids = nn.position_ids %tokens from %position : tensor<?x?xi32>, tensor<?xi32>
  %table = nn.rope_table %ids dim 4 theta 100.0 : tensor<?x?xi32>
  %q = nn.rope %x, %table heads 2 : tensor<?x?x8xf32>, tensor<?x?x4xf32>
  %y = nn.attention %q, %x, %x cache(%kv : !nn.kv_cache<1 layers, 2 heads, 4, f16>) layer 0 at(%position : tensor<?xi32>)
      heads 2 kv_heads 2 scale 0.5 window 7 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  %u = ml_program.global_load_const @table : tensor<32x8xf32>
  %l = nn.linear %y, %u : tensor<?x?x8xf32>, tensor<32x8xf32>
  return %l : tensor<?x?x32xf32>
}

// SCORE-NOT: @w1
// SCORE-NOT: func.func @main
// SCORE: func.func @slope(%{{.*}}: tensor<?x?xi32> {qnt.dims = ["batch", "tokens"], qnt.name = "tokens"}, %{{.*}}: tensor<?x?xi32> {qnt.dims = ["batch", "tokens"], qnt.name = "target"})
// SCORE-SAME: -> (tensor<f32> {qnt.name = "loss"}, tensor<32x8xf32> {qnt.name = "table"})
// SCORE-COUNT-1: global_load_const @table
// SCORE: nn.position_ids %{{.*}} : tensor<?x?xi32>
// SCORE: nn.attention {{.*}} heads 2 kv_heads 2 scale 5.000000e-01 causal window 7
// SCORE-NOT: global_load_const
// SCORE: nn.softmax

// A table as the layer takes it alone: nothing is turned back to the embedding.
// LAYERS: func.func @slope
// LAYERS-SAME: -> (tensor<f32> {qnt.name = "loss"}, tensor<32x8xf32> {qnt.name = "table"})
// LAYERS-COUNT-1: nn.matmul
// LAYERS-NOT: nn.matmul

// One weight, by the name of its layer; a second function beside the first.
// TWICE: func.func @gradient({{.*}}qnt.name = "target"}) -> (tensor<f32> {qnt.name = "loss"}, tensor<3x6xf32> {qnt.name = "w2"})
// TWICE: func.func @other({{.*}}qnt.name = "cotangent"}) -> (tensor<f32> {{.*}}, tensor<6x4xf32> {qnt.name = "w1"}, tensor<3x6xf32> {qnt.name = "w2"})
