// RUN: quant-opt %s --canonicalize --cse | FileCheck %s

// Expectations stay, repeated ones too.
// CHECK-LABEL: @expectations
// CHECK-COUNT-2: qcheck.expect_eq
func.func @expectations(%x: tensor<2xi32>) {
  qcheck.expect_eq %x, %x : tensor<2xi32>
  qcheck.expect_eq %x, %x : tensor<2xi32>
  return
}
