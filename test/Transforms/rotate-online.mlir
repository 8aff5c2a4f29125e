// RUN: quant-opt %s --qnt-rotate="residual values down seed=3 fallback=online" | FileCheck %s
// RUN: quant-opt %s --qnt-rotate="down seed=3" | FileCheck %s --check-prefix=DOWN

ml_program.global private @q(#ml_program.extern : tensor<24x24xf32>) : tensor<24x24xf32>
ml_program.global private @o(#ml_program.extern : tensor<24x24xf32>) : tensor<24x24xf32>
ml_program.global private @gamma(#ml_program.extern : tensor<24xf32>) : tensor<24xf32>

// Layers that take one value share its rotation; what is written to the stream
// stays as it is.
// CHECK-LABEL: func @post_norm
// CHECK:         %[[X:.*]] = qnt.rotate %arg0 hadamard <24, seed = 3> : tensor<?x?x24xf32>
// CHECK:         %[[Q:.*]] = qnt.rotate %{{.*}} hadamard <24, seed = 3> : tensor<24x24xf32>
// CHECK:         nn.linear %[[X]], %[[Q]]
// CHECK-NOT:     qnt.rotate %arg0
// CHECK:         %[[K:.*]] = qnt.rotate %{{.*}} hadamard <24, seed = 3> : tensor<24x24xf32>
// CHECK:         nn.linear %[[X]], %[[K]]
// Heads of one another's number keep the seed, heads of 6 are cut in blocks of 2.
// CHECK:         qnt.rotate %{{.*}} outputs hadamard <2, seed = 3> : tensor<24x24xf32>
// CHECK:         nn.attention
// CHECK:         %[[O:.*]] = qnt.rotate %{{.*}} hadamard <2, seed = 3> : tensor<24x24xf32>
// CHECK:         nn.linear %{{.*}}, %[[O]]
// CHECK:         nn.layer_norm
// CHECK:         return
// DOWN-LABEL:  func @post_norm
// DOWN-NOT:      qnt.rotate
// DOWN:          return
func.func @post_norm(%x: tensor<?x?x24xf32>) -> tensor<?x?x24xf32> {
  %w = ml_program.global_load_const @q : tensor<24x24xf32>
  %q = nn.linear %x, %w : tensor<?x?x24xf32>, tensor<24x24xf32>
  %k = nn.linear %x, %w : tensor<?x?x24xf32>, tensor<24x24xf32>
  %v = nn.linear %x, %w : tensor<?x?x24xf32>, tensor<24x24xf32>
  %a = nn.attention %q, %k, %v heads 4 kv_heads 4 scale 0.5 : tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<?x?x24xf32>
  %o = ml_program.global_load_const @o : tensor<24x24xf32>
  %d = nn.linear %a, %o : tensor<?x?x24xf32>, tensor<24x24xf32>
  %s = nn.add %d, %x : tensor<?x?x24xf32>, tensor<?x?x24xf32>
  %g = ml_program.global_load_const @gamma : tensor<24xf32>
  %y = nn.layer_norm %s, %g, %g eps 1.0e-5 : tensor<?x?x24xf32>, tensor<24xf32>
  return %y : tensor<?x?x24xf32>
}

// Values that something else reads too.
// CHECK-LABEL: func @watched
// CHECK-NOT:     outputs
// CHECK:         %[[A:.*]] = nn.attention
// CHECK:         %[[R:.*]] = qnt.rotate %[[A]] hadamard <24, seed = 3> : tensor<?x?x24xf32>
// CHECK:         nn.linear %[[R]], %{{.*}}
func.func @watched(%q: tensor<?x?x24xf32>) -> (tensor<?x?x24xf32>, tensor<?x?x24xf32>) {
  %w = ml_program.global_load_const @q : tensor<24x24xf32>
  %v = nn.linear %q, %w : tensor<?x?x24xf32>, tensor<24x24xf32>
  %a = nn.attention %q, %q, %v heads 4 kv_heads 4 scale 0.5 : tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<?x?x24xf32>
  %o = ml_program.global_load_const @o : tensor<24x24xf32>
  %y = nn.linear %a, %o : tensor<?x?x24xf32>, tensor<24x24xf32>
  return %y, %v : tensor<?x?x24xf32>, tensor<?x?x24xf32>
}

// Layers one after another.
// CHECK-LABEL: func @chain
// CHECK-COUNT-2: qnt.rotate %{{.*}} : tensor<?x24xf32>
// DOWN-LABEL:  func @chain
// DOWN-COUNT-2:  qnt.rotate %{{.*}} : tensor<?x24xf32>
func.func @chain(%x: tensor<?x24xf32>) -> tensor<?x24xf32> {
  %w = ml_program.global_load_const @q : tensor<24x24xf32>
  %a = nn.linear %x, %w : tensor<?x24xf32>, tensor<24x24xf32>
  %b = nn.activation relu %a : tensor<?x24xf32>
  %y = nn.linear %b, %w : tensor<?x24xf32>, tensor<24x24xf32>
  return %y : tensor<?x24xf32>
}
