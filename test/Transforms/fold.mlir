// RUN: quant-opt %s --nn-fold | FileCheck %s
// RUN: quant-opt %s --nn-fold=norms | FileCheck %s --check-prefix=NORMS

ml_program.global private @w(#ml_program.extern : tensor<8x16xf32>) : tensor<8x16xf32>
ml_program.global private @v(#ml_program.extern : tensor<4x16xf32>) : tensor<4x16xf32>
ml_program.global private @b(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>
ml_program.global private @gamma(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>
ml_program.global private @beta(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>

// CHECK-LABEL: func @bias
// CHECK:         %[[B:.*]] = ml_program.global_load_const @b
// CHECK:         %[[Y:.*]] = nn.linear %{{.*}}, %{{.*}} bias %[[B]]
// CHECK-NEXT:    return %[[Y]]
func.func @bias(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %p = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %y = nn.add %p, %b : tensor<?x8xf32>, tensor<8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @second_bias
// CHECK:         %[[B:.*]] = ml_program.global_load_const @b
// CHECK:         %[[S:.*]] = nn.add %[[B]], %[[B]] : tensor<8xf32>
// CHECK:         nn.linear %{{.*}}, %{{.*}} bias %[[S]]
func.func @second_bias(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %p = nn.linear %x, %w bias %b : tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32>
  %y = nn.add %p, %b : tensor<?x8xf32>, tensor<8xf32>
  return %y : tensor<?x8xf32>
}

// What others use, or what is no parameter, is no bias.
// CHECK-LABEL: func @no_bias
// CHECK:         %[[P:.*]] = nn.linear %{{.*}}, %{{.*}} : tensor
// CHECK:         nn.add %[[P]]
// CHECK:         %[[Q:.*]] = nn.linear %{{.*}}, %{{.*}} : tensor
// CHECK:         nn.add %[[Q]], %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>
func.func @no_bias(%x: tensor<?x16xf32>, %r: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %p = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %y = nn.add %p, %b : tensor<?x8xf32>, tensor<8xf32>
  %q = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %z = nn.add %q, %r : tensor<?x8xf32>, tensor<?x8xf32>
  return %p, %y, %z : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @rms
// CHECK-NOT:     nn.mul
// NORMS-LABEL: func @rms
// NORMS-DAG:     %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<16xf32>
// NORMS-DAG:     %[[G:.*]] = ml_program.global_load_const @gamma
// NORMS-DAG:     %[[W:.*]] = ml_program.global_load_const @w
// NORMS-DAG:     %[[V:.*]] = ml_program.global_load_const @v
// NORMS:         %[[H:.*]] = nn.rms_norm %{{.*}}, %[[ONES]]
// NORMS:         %[[WG:.*]] = nn.mul %[[W]], %[[G]]
// NORMS:         nn.linear %[[H]], %[[WG]]
// NORMS:         %[[VG:.*]] = nn.mul %[[V]], %[[G]]
// NORMS:         nn.linear %[[H]], %[[VG]]
func.func @rms(%x: tensor<?x16xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %v = ml_program.global_load_const @v : tensor<4x16xf32>
  %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  %y = nn.linear %h, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %z = nn.linear %h, %v : tensor<?x16xf32>, tensor<4x16xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x4xf32>
}

// NORMS-LABEL: func @layer
// NORMS-DAG:     %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<16xf32>
// NORMS-DAG:     %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : tensor<16xf32>
// NORMS:         %[[H:.*]] = nn.layer_norm %{{.*}}, %[[ONES]], %[[ZEROS]]
// NORMS:         %[[B:.*]] = nn.linear %{{.*beta.*}}, %[[W:.*]] bias %{{.*}} : tensor<16xf32>, tensor<8x16xf32>, tensor<8xf32>
// NORMS:         %[[WG:.*]] = nn.mul %[[W]], %{{.*}}
// NORMS:         nn.linear %[[H]], %[[WG]] bias %[[B]]
func.func @layer(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %beta = ml_program.global_load_const @beta : tensor<16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %h = nn.layer_norm %x, %g, %beta eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  %p = nn.linear %h, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %y = nn.add %p, %b : tensor<?x8xf32>, tensor<8xf32>
  return %y : tensor<?x8xf32>
}

// A norm that something else reads keeps its scale.
// NORMS-LABEL: func @shared
// NORMS-NOT:     nn.mul
func.func @shared(%x: tensor<?x16xf32>) -> (tensor<?x8xf32>, tensor<?x16xf32>) {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  %y = nn.linear %h, %w : tensor<?x16xf32>, tensor<8x16xf32>
  return %y, %h : tensor<?x8xf32>, tensor<?x16xf32>
}

// The users of what a private function returns are elsewhere.
// NORMS-LABEL: func private @body
// NORMS:         %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<16xf32>
// NORMS:         nn.rms_norm %{{.*}}, %[[ONES]]
func.func private @body(%x: tensor<?x?x16xf32>) -> tensor<?x?x16xf32> {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x?x16xf32>, tensor<16xf32>
  return %h : tensor<?x?x16xf32>
}
// NORMS-LABEL: func @last
// NORMS:         %[[R:.*]] = nn.select_rows
// NORMS-DAG:     %[[W:.*]] = ml_program.global_load_const @w
// NORMS-DAG:     %[[G:.*]] = ml_program.global_load_const @gamma
// NORMS:         %[[S:.*]] = nn.mul %[[W]], %[[G]]
// NORMS:         nn.linear %[[R]], %[[S]]
func.func @last(%x: tensor<?x?x16xf32>) -> tensor<?x8xf32> {
  %h = call @body(%x) : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %r = nn.select_rows %h : tensor<?x?x16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %y = nn.linear %r, %w : tensor<?x16xf32>, tensor<8x16xf32>
  return %y : tensor<?x8xf32>
}
// NORMS-LABEL: func @all
// NORMS:         %[[H:.*]] = call @body
// NORMS:         %[[S:.*]] = nn.mul
// NORMS:         nn.linear %[[H]], %[[S]]
func.func @all(%x: tensor<?x?x16xf32>) -> tensor<?x?x8xf32> {
  %h = call @body(%x) : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %y = nn.linear %h, %w : tensor<?x?x16xf32>, tensor<8x16xf32>
  return %y : tensor<?x?x8xf32>
}

// An entry point's result keeps its scale, and so does what one caller uses
// otherwise.
// NORMS-LABEL: func @hidden
// NORMS:         nn.rms_norm %{{.*}}, %{{.*gamma.*}} eps
func.func @hidden(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  return %h : tensor<?x16xf32>
}
// NORMS-LABEL: func private @inner
// NORMS:         nn.rms_norm %{{.*}}, %{{.*gamma.*}} eps
func.func private @inner(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %g = ml_program.global_load_const @gamma : tensor<16xf32>
  %h = nn.rms_norm %x, %g eps 1.0e-5 : tensor<?x16xf32>, tensor<16xf32>
  return %h : tensor<?x16xf32>
}
// NORMS-LABEL: func @outer
func.func @outer(%x: tensor<?x16xf32>) -> (tensor<?x8xf32>, tensor<?x16xf32>) {
  %h = call @inner(%x) : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %w = ml_program.global_load_const @w : tensor<8x16xf32>
  %y = nn.linear %h, %w : tensor<?x16xf32>, tensor<8x16xf32>
  return %y, %h : tensor<?x8xf32>, tensor<?x16xf32>
}
