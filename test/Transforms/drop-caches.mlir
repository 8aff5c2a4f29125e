// RUN: quant-opt %s --nn-drop-caches --split-input-file --verify-diagnostics | FileCheck %s

!cache = !nn.kv_cache<2 layers, 1 heads, 4, f16>

// The cache and the position go from all that pass them on, names and all.
// CHECK-LABEL: func private @block
// CHECK-SAME:    (%[[X:.*]]: tensor<?x?x8xf32>, %{{.*}}: tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
// CHECK:         nn.attention %[[X]], %{{.*}}, %{{.*}} heads 2 kv_heads 1 scale 5.000000e-01 causal :
func.func private @block(%x: tensor<?x?x8xf32>, %start: tensor<?xi32>, %kv: !cache, %k: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  %0 = nn.attention %x, %k, %k cache(%kv : !cache) layer 1 at(%start : tensor<?xi32>) heads 2 kv_heads 1 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
  return %0 : tensor<?x?x8xf32>
}
// CHECK-LABEL: func @score
// CHECK-SAME:    (%[[T:.*]]: tensor<?x?xi32> {qnt.name = "tokens"}, %[[Y:.*]]: tensor<?x?x8xf32> {qnt.name = "x"},
// CHECK-SAME:     %[[K:.*]]: tensor<?x?x4xf32> {qnt.name = "k"}) -> (tensor<?x?x8xf32>, tensor<?x?xi32>)
// CHECK:         nn.position_ids %[[T]] : tensor<?x?xi32>
// CHECK:         call @block(%[[Y]], %[[K]]) : (tensor<?x?x8xf32>, tensor<?x?x4xf32>)
func.func @score(%tokens: tensor<?x?xi32> {qnt.name = "tokens"}, %position: tensor<?xi32> {qnt.name = "position"}, %x: tensor<?x?x8xf32> {qnt.name = "x"}, %kv: !cache {qnt.name = "kv"}, %k: tensor<?x?x4xf32> {qnt.name = "k"}) -> (tensor<?x?x8xf32>, tensor<?x?xi32>) {
  %0 = nn.position_ids %tokens from %position : tensor<?x?xi32>, tensor<?xi32>
  %1 = call @block(%x, %position, %kv, %k) : (tensor<?x?x8xf32>, tensor<?xi32>, !cache, tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %1, %0 : tensor<?x?x8xf32>, tensor<?x?xi32>
}

// -----

// A model without caches stays as it is.
// CHECK-LABEL: func @encoder
// CHECK:         nn.position_ids %{{.*}} from
func.func @encoder(%tokens: tensor<?x?xi32>, %position: tensor<?xi32>) -> tensor<?x?xi32> {
  %0 = nn.position_ids %tokens from %position : tensor<?x?xi32>, tensor<?xi32>
  return %0 : tensor<?x?xi32>
}

// -----

func.func @returned(%kv: !nn.kv_cache<2 layers, 1 heads, 4, f16>, %x: tensor<?x?x4xf32>, %start: tensor<?xi32>) -> (tensor<?x?x4xf32>, tensor<?xi32>) {
  %0 = nn.attention %x, %x, %x cache(%kv : !nn.kv_cache<2 layers, 1 heads, 4, f16>) layer 1 at(%start : tensor<?xi32>) heads 1 kv_heads 1 scale 0.5 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
  // expected-error @+1 {{nn-drop-caches: takes a cache or a position, expected attention and nn.position_ids alone, got 'tensor<?xi32>'}}
  return %0, %start : tensor<?x?x4xf32>, tensor<?xi32>
}
