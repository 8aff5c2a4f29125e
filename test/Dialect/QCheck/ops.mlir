// RUN: quant-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @expectations
func.func @expectations(%i: tensor<2xi32>, %x: tensor<?x3xf32>) {
  // CHECK: qcheck.expect_eq %{{.*}}, %{{.*}} : tensor<2xi32>
  qcheck.expect_eq %i, %i : tensor<2xi32>
  // CHECK: qcheck.expect_close %{{.*}}, %{{.*}} : tensor<?x3xf32>
  qcheck.expect_close %x, %x : tensor<?x3xf32>
  // CHECK: qcheck.expect_close %{{.*}}, %{{.*}} atol 1.000000e-03 : tensor<?x3xf32>
  qcheck.expect_close %x, %x atol 1.0e-3 : tensor<?x3xf32>
  // CHECK: qcheck.expect_close %{{.*}}, %{{.*}} atol 1.000000e-03 rtol 1.000000e-02 : tensor<?x3xf32>
  qcheck.expect_close %x, %x atol 1.0e-3 rtol 1.0e-2 : tensor<?x3xf32>
  return
}
