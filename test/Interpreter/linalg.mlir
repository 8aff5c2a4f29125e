// RUN: quant-opt --qnt-interpret %s -o /dev/null
// Tensor programs of upstream ops; expected values are worked out by hand.

func.func @broadcast() {
  %a = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %b = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %i = tensor.empty() : tensor<2x3xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, 0)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<2x1xf32>, tensor<3xf32>) outs(%i : tensor<2x3xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  %e = arith.constant dense<[[11.0, 21.0, 31.0], [12.0, 22.0, 32.0]]> : tensor<2x3xf32>
  qcheck.expect_eq %y, %e : tensor<2x3xf32>
  return
}

// The largest element of each column and its row: the first of equals.
func.func @argmax() {
  %x = arith.constant dense<[[1, 9, 3], [4, 9, 2]]> : tensor<2x3xi32>
  %low = arith.constant -2147483648 : i32
  %none = arith.constant -1 : i64
  %e0 = tensor.empty() : tensor<3xi32>
  %e1 = tensor.empty() : tensor<3xi64>
  %m0 = linalg.fill ins(%low : i32) outs(%e0 : tensor<3xi32>) -> tensor<3xi32>
  %i0 = linalg.fill ins(%none : i64) outs(%e1 : tensor<3xi64>) -> tensor<3xi64>
  %m, %i = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (j)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<2x3xi32>) outs(%m0, %i0 : tensor<3xi32>, tensor<3xi64>) {
  ^bb0(%v: i32, %best: i32, %at: i64):
    %row = linalg.index 0 : index
    %r = arith.index_cast %row : index to i64
    %c = arith.cmpi sgt, %v, %best : i32
    %n = arith.select %c, %v, %best : i32
    %k = arith.select %c, %r, %at : i64
    linalg.yield %n, %k : i32, i64
  } -> (tensor<3xi32>, tensor<3xi64>)
  %em = arith.constant dense<[4, 9, 3]> : tensor<3xi32>
  %ei = arith.constant dense<[1, 0, 0]> : tensor<3xi64>
  qcheck.expect_eq %m, %em : tensor<3xi32>
  qcheck.expect_eq %i, %ei : tensor<3xi64>
  return
}

// The sum of f16 numbers is rounded after each addition.
func.func @rounded_sums() {
  %x = arith.constant dense<[2048.0, 1.0, 1.0]> : tensor<3xf16>
  %zero = arith.constant 0.0 : f16
  %e = tensor.empty() : tensor<f16>
  %z = linalg.fill ins(%zero : f16) outs(%e : tensor<f16>) -> tensor<f16>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<3xf16>) outs(%z : tensor<f16>) {
  ^bb0(%p: f16, %o: f16):
    %s = arith.addf %p, %o : f16
    linalg.yield %s : f16
  } -> tensor<f16>
  %w = arith.constant dense<2048.0> : tensor<f16>
  qcheck.expect_eq %y, %w : tensor<f16>
  return
}

func.func @gather() {
  %t = arith.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi8>
  %i = arith.constant dense<[2, 0]> : tensor<2xi64>
  %e = tensor.empty() : tensor<2x2xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%i : tensor<2xi64>) outs(%e : tensor<2x2xi8>) {
  ^bb0(%n: i64, %o: i8):
    %row = arith.index_cast %n : i64 to index
    %col = linalg.index 1 : index
    %v = tensor.extract %t[%row, %col] : tensor<3x2xi8>
    linalg.yield %v : i8
  } -> tensor<2x2xi8>
  %w = arith.constant dense<[[5, 6], [1, 2]]> : tensor<2x2xi8>
  qcheck.expect_eq %y, %w : tensor<2x2xi8>
  return
}

func.func @shapes() {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi16>
  %e = tensor.empty() : tensor<3x2xi16>
  %t = linalg.transpose ins(%x : tensor<2x3xi16>) outs(%e : tensor<3x2xi16>) permutation = [1, 0]
  %et = arith.constant dense<[[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi16>
  qcheck.expect_eq %t, %et : tensor<3x2xi16>
  %s = tensor.extract_slice %x[1, 0] [1, 2] [1, 2] : tensor<2x3xi16> to tensor<2xi16>
  %es = arith.constant dense<[4, 6]> : tensor<2xi16>
  qcheck.expect_eq %s, %es : tensor<2xi16>
  %c = tensor.concat dim(0) %x, %x, %x : (tensor<2x3xi16>, tensor<2x3xi16>, tensor<2x3xi16>) -> tensor<6x3xi16>
  %r = tensor.concat dim(1) %t, %t : (tensor<3x2xi16>, tensor<3x2xi16>) -> tensor<3x4xi16>
  %er = arith.constant dense<[[1, 4, 1, 4], [2, 5, 2, 5], [3, 6, 3, 6]]> : tensor<3x4xi16>
  qcheck.expect_eq %r, %er : tensor<3x4xi16>
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %n = tensor.dim %c, %zero : tensor<6x3xi16>
  %m = arith.divsi %n, %two : index
  %shape = tensor.from_elements %m, %n : tensor<2xindex>
  %v = tensor.reshape %c(%shape) : (tensor<6x3xi16>, tensor<2xindex>) -> tensor<?x?xi16>
  %w = tensor.cast %v : tensor<?x?xi16> to tensor<3x6xi16>
  %ew = arith.constant dense<[[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]> : tensor<3x6xi16>
  qcheck.expect_eq %w, %ew : tensor<3x6xi16>
  return
}

// What arith leaves undefined.
func.func @defined_here() {
  %x = arith.constant dense<[7, -7, -128, -128]> : tensor<4xi8>
  %y = arith.constant dense<[0, 0, -1, 9]> : tensor<4xi8>
  %q = arith.divsi %x, %y : tensor<4xi8>
  %r = arith.remsi %x, %y : tensor<4xi8>
  %l = arith.shli %x, %y : tensor<4xi8>
  %s = arith.shrsi %x, %y : tensor<4xi8>
  %eq = arith.constant dense<[0, 0, -128, -14]> : tensor<4xi8>
  %er = arith.constant dense<[0, 0, 0, -2]> : tensor<4xi8>
  %el = arith.constant dense<[7, -7, 0, 0]> : tensor<4xi8>
  %es = arith.constant dense<[7, -7, -1, -1]> : tensor<4xi8>
  qcheck.expect_eq %q, %eq : tensor<4xi8>
  qcheck.expect_eq %r, %er : tensor<4xi8>
  qcheck.expect_eq %l, %el : tensor<4xi8>
  qcheck.expect_eq %s, %es : tensor<4xi8>
  %f = arith.constant dense<[300.0, -1.0e9, 0x7FC00000, 2.9]> : tensor<4xf32>
  %i = arith.fptosi %f : tensor<4xf32> to tensor<4xi8>
  %u = arith.fptoui %f : tensor<4xf32> to tensor<4xi8>
  %ei = arith.constant dense<[127, -128, 0, 2]> : tensor<4xi8>
  %eu = arith.constant dense<[-1, 0, 0, 2]> : tensor<4xi8>
  qcheck.expect_eq %i, %ei : tensor<4xi8>
  qcheck.expect_eq %u, %eu : tensor<4xi8>
  return
}

// 2^53 + 2^29 + 1 lies above the middle of two f32 numbers; in double it is at
// the middle, which rounds down.
func.func @integers_round_once() {
  %x = arith.constant dense<[9007199791611905]> : tensor<1xi64>
  %y = arith.sitofp %x : tensor<1xi64> to tensor<1xf32>
  %e = arith.constant dense<9007200328482816.0> : tensor<1xf32>
  qcheck.expect_eq %y, %e : tensor<1xf32>
  return
}
