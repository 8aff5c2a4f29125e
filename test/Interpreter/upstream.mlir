// RUN: quant-opt --qnt-interpret %s -o /dev/null
// Upstream ops; expected values are worked out by hand.

func.func @arith() {
  %a = arith.constant dense<[1.5, -2.0, 0.25]> : tensor<3xf32>
  %b = arith.constant dense<[0.5, 4.0, -1.0]> : tensor<3xf32>
  %add = arith.addf %a, %b : tensor<3xf32>
  %sub = arith.subf %a, %b : tensor<3xf32>
  %mul = arith.mulf %a, %b : tensor<3xf32>
  %div = arith.divf %a, %b : tensor<3xf32>
  %max = arith.maximumf %a, %b : tensor<3xf32>
  %min = arith.minimumf %a, %b : tensor<3xf32>
  %neg = arith.negf %a : tensor<3xf32>
  %e0 = arith.constant dense<[2.0, 2.0, -0.75]> : tensor<3xf32>
  %e1 = arith.constant dense<[1.0, -6.0, 1.25]> : tensor<3xf32>
  %e2 = arith.constant dense<[0.75, -8.0, -0.25]> : tensor<3xf32>
  %e3 = arith.constant dense<[3.0, -0.5, -0.25]> : tensor<3xf32>
  %e4 = arith.constant dense<[1.5, 4.0, 0.25]> : tensor<3xf32>
  %e5 = arith.constant dense<[0.5, -2.0, -1.0]> : tensor<3xf32>
  %e6 = arith.constant dense<[-1.5, 2.0, -0.25]> : tensor<3xf32>
  qcheck.expect_eq %add, %e0 : tensor<3xf32>
  qcheck.expect_eq %sub, %e1 : tensor<3xf32>
  qcheck.expect_eq %mul, %e2 : tensor<3xf32>
  qcheck.expect_eq %div, %e3 : tensor<3xf32>
  qcheck.expect_eq %max, %e4 : tensor<3xf32>
  qcheck.expect_eq %min, %e5 : tensor<3xf32>
  qcheck.expect_eq %neg, %e6 : tensor<3xf32>
  return
}

// 0.1 in f32 lies between two f16 numbers; the nearer is 0x2E66.
func.func @conversions() {
  %x = arith.constant dense<[0.1, 65520.0, -1.0e-8]> : tensor<3xf32>
  %h = arith.truncf %x : tensor<3xf32> to tensor<3xf16>
  %e = arith.constant dense<[0x2E66, 0x7C00, 0x8000]> : tensor<3xf16>
  qcheck.expect_eq %h, %e : tensor<3xf16>
  %b = arith.truncf %x : tensor<3xf32> to tensor<3xbf16>
  %f = arith.extf %b : tensor<3xbf16> to tensor<3xf32>
  %g = arith.constant dense<[0.10009765625, 65536.0, -1.001172e-8]> : tensor<3xf32>
  qcheck.expect_close %f, %g rtol 1.0e-6 : tensor<3xf32>
  %i = arith.constant dense<[-7, 16777217]> : tensor<2xi32>
  %s = arith.sitofp %i : tensor<2xi32> to tensor<2xf32>
  %t = arith.constant dense<[-7.0, 16777216.0]> : tensor<2xf32>
  qcheck.expect_eq %s, %t : tensor<2xf32>
  %k = arith.constant dense<[-2.75, 2.75]> : tensor<2xf32>
  %l = arith.fptosi %k : tensor<2xf32> to tensor<2xi8>
  %m = arith.constant dense<[-2, 2]> : tensor<2xi8>
  qcheck.expect_eq %l, %m : tensor<2xi8>
  %u = arith.uitofp %m : tensor<2xi8> to tensor<2xf64>
  %v = arith.constant dense<[254.0, 2.0]> : tensor<2xf64>
  qcheck.expect_eq %u, %v : tensor<2xf64>
  return
}

// One rounding from f64, although 1 + 2^-11 + 2^-40 rounds to a tie in f32.
func.func @round_once() {
  %x = arith.constant dense<[0x3FF0020000001000]> : tensor<1xf64>
  %h = arith.truncf %x : tensor<1xf64> to tensor<1xf16>
  %e = arith.constant dense<[0x3C01]> : tensor<1xf16>
  qcheck.expect_eq %h, %e : tensor<1xf16>
  return
}

func.func @integers_wrap() {
  %a = arith.constant dense<[100, -128]> : tensor<2xi8>
  %b = arith.addi %a, %a : tensor<2xi8>
  %c = arith.muli %a, %a : tensor<2xi8>
  %d = arith.constant dense<[-56, 0]> : tensor<2xi8>
  %e = arith.constant dense<[16, 0]> : tensor<2xi8>
  qcheck.expect_eq %b, %d : tensor<2xi8>
  qcheck.expect_eq %c, %e : tensor<2xi8>
  return
}

func.func @math() {
  %x = arith.constant dense<[0.25, 1.0, 4.0]> : tensor<3xf32>
  %sqrt = math.sqrt %x : tensor<3xf32>
  %rsqrt = math.rsqrt %x : tensor<3xf32>
  %erf = math.erf %x : tensor<3xf32>
  %exp = math.exp %x : tensor<3xf32>
  %e0 = arith.constant dense<[0.5, 1.0, 2.0]> : tensor<3xf32>
  %e1 = arith.constant dense<[2.0, 1.0, 0.5]> : tensor<3xf32>
  %e2 = arith.constant dense<[0.27632639, 0.84270079, 0.99999998]> : tensor<3xf32>
  %e3 = arith.constant dense<[1.28402542, 2.71828183, 54.5981500]> : tensor<3xf32>
  qcheck.expect_eq %sqrt, %e0 : tensor<3xf32>
  qcheck.expect_eq %rsqrt, %e1 : tensor<3xf32>
  qcheck.expect_close %erf, %e2 rtol 1.0e-7 : tensor<3xf32>
  qcheck.expect_close %exp, %e3 rtol 1.0e-7 : tensor<3xf32>
  return
}

func.func private @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = arith.mulf %x, %x : tensor<?xf32>
  return %y : tensor<?xf32>
}

func.func @calls_and_shapes() {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %d = tensor.cast %x : tensor<2x2xf32> to tensor<?x2xf32>
  %flat = tensor.collapse_shape %d [[0, 1]] : tensor<?x2xf32> into tensor<?xf32>
  %y = func.call @square(%flat) : (tensor<?xf32>) -> tensor<?xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?xf32>
  %z = tensor.expand_shape %y [[0, 1]] output_shape [1, %n] : tensor<?xf32> into tensor<1x?xf32>
  %s = tensor.cast %z : tensor<1x?xf32> to tensor<1x4xf32>
  %e = arith.constant dense<[[1.0, 4.0, 9.0, 16.0]]> : tensor<1x4xf32>
  qcheck.expect_eq %s, %e : tensor<1x4xf32>
  %i = arith.index_cast %n : index to i32
  return
}

// NaN holds against NaN only; equal infinities hold.
func.func @special_values() {
  %a = arith.constant dense<[0x7FC00000, 0x7F800000, -0.0]> : tensor<3xf32>
  %b = arith.constant dense<[0xFFC00001, 0x7F800000, 0.0]> : tensor<3xf32>
  qcheck.expect_eq %a, %b : tensor<3xf32>
  qcheck.expect_close %a, %b rtol 1.0e-3 : tensor<3xf32>
  return
}
