// RUN: quant-opt %s --split-input-file --verify-diagnostics

func.func @expect_close_c1(%x: tensor<2xi32>) {
  // expected-error @+1 {{expected float tensors, got 'tensor<2xi32>'}}
  qcheck.expect_close %x, %x : tensor<2xi32>
  return
}

// -----

func.func @expect_close_c2(%x: tensor<2xf32>) {
  // expected-error @+1 {{expected tolerances of at least 0}}
  qcheck.expect_close %x, %x atol -1.0 : tensor<2xf32>
  return
}

// -----

func.func @expect_eq_types(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{requires all operands to have the same type}}
  "qcheck.expect_eq"(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> ()
  return
}
