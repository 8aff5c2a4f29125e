// RUN: quant-opt %s --nn-channels-last --canonicalize | FileCheck %s

// CHECK-DAG: #[[CHANNEL:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, 0, 0)>

// Two that meet cancel, and what is on the way is done in the other order.
// CHECK-LABEL: func @elementwise
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x9x4xf32>
// CHECK-NEXT:    %[[R:.*]] = nn.activation relu %[[X]] : tensor<?x8x9x4xf32>
// CHECK-NEXT:    %[[C:.*]] = nn.clamp %[[R]] low 0.0{{.*}} : tensor<?x8x9x4xf32>
// CHECK-NEXT:    %[[S:.*]] = nn.add %[[C]], %[[X]] : tensor<?x8x9x4xf32>, tensor<?x8x9x4xf32>
// CHECK-NEXT:    return %[[S]]
func.func @elementwise(%x: tensor<?x8x9x4xf32>) -> tensor<?x8x9x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8x9x4xf32>
  %e = tensor.empty(%n) : tensor<?x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<?x8x9x4xf32>) outs(%e : tensor<?x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = nn.activation relu %0 : tensor<?x4x8x9xf32>
  %2 = nn.clamp %1 low 0.0 high 6.0 : tensor<?x4x8x9xf32>
  %3 = nn.add %2, %0 : tensor<?x4x8x9xf32>, tensor<?x4x8x9xf32>
  %f = tensor.empty(%n) : tensor<?x8x9x4xf32>
  %4 = linalg.transpose ins(%3 : tensor<?x4x8x9xf32>) outs(%f : tensor<?x8x9x4xf32>) permutation = [0, 2, 3, 1]
  return %4 : tensor<?x8x9x4xf32>
}

// A row of [W] is none of channels: the sum stays, and so do the images' order.
// CHECK-LABEL: func @suffix
// CHECK:         linalg.transpose
// CHECK:         nn.add
// CHECK:         linalg.transpose
func.func @suffix(%x: tensor<2x8x9x4xf32>, %w: tensor<9xf32>) -> tensor<2x8x9x4xf32> {
  %e = tensor.empty() : tensor<2x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<2x8x9x4xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = nn.add %0, %w : tensor<2x4x8x9xf32>, tensor<9xf32>
  %f = tensor.empty() : tensor<2x8x9x4xf32>
  %2 = linalg.transpose ins(%1 : tensor<2x4x8x9xf32>) outs(%f : tensor<2x8x9x4xf32>) permutation = [0, 2, 3, 1]
  return %2 : tensor<2x8x9x4xf32>
}

// A scalar goes everywhere.
// CHECK-LABEL: func @scalar
// CHECK-NEXT:    %[[M:.*]] = nn.mul %{{.*}}, %{{.*}} : tensor<2x8x9x4xf32>, tensor<f32>
// CHECK-NEXT:    return %[[M]]
func.func @scalar(%x: tensor<2x8x9x4xf32>, %s: tensor<f32>) -> tensor<2x8x9x4xf32> {
  %e = tensor.empty() : tensor<2x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<2x8x9x4xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = nn.mul %0, %s : tensor<2x4x8x9xf32>, tensor<f32>
  %f = tensor.empty() : tensor<2x8x9x4xf32>
  %2 = linalg.transpose ins(%1 : tensor<2x4x8x9xf32>) outs(%f : tensor<2x8x9x4xf32>) permutation = [0, 2, 3, 1]
  return %2 : tensor<2x8x9x4xf32>
}

// Operands in several orders stay as they are.
// CHECK-LABEL: func @orders
// CHECK-COUNT-2: linalg.transpose
// CHECK:         nn.add
func.func @orders(%x: tensor<2x8x9x4xf32>, %y: tensor<8x2x4x9xf32>) -> tensor<2x4x8x9xf32> {
  %e = tensor.empty() : tensor<2x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<2x8x9x4xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = linalg.transpose ins(%y : tensor<8x2x4x9xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [1, 2, 0, 3]
  %2 = nn.add %0, %1 : tensor<2x4x8x9xf32>, tensor<2x4x8x9xf32>
  return %2 : tensor<2x4x8x9xf32>
}

// Maps and indices of loops follow: [C, 1, 1] is along the last loop now.
// CHECK-LABEL: func @generic
// CHECK:         linalg.generic {indexing_maps = [#{{.*}}, #[[CHANNEL]], #{{.*}}]
// CHECK-SAME:      ins(%{{.*}}, %{{.*}} : tensor<?x8x9x4xf32>, tensor<4x1x1xf32>)
// CHECK:         linalg.index 1
// CHECK-NOT:     linalg.transpose
func.func @generic(%x: tensor<?x8x9x4xf32>, %y: tensor<4x1x1xf32>) -> tensor<?x8x9x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8x9x4xf32>
  %e = tensor.empty(%n) : tensor<?x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<?x8x9x4xf32>) outs(%e : tensor<?x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = linalg.generic {
    indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (b, 0, 0)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
    iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%0, %y : tensor<?x4x8x9xf32>, tensor<4x1x1xf32>) outs(%e : tensor<?x4x8x9xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = arith.index_cast %i : index to i32
    %k = arith.sitofp %j : i32 to f32
    %s = arith.addf %l, %r : f32
    %t = arith.addf %s, %k : f32
    linalg.yield %t : f32
  } -> tensor<?x4x8x9xf32>
  %f = tensor.empty(%n) : tensor<?x8x9x4xf32>
  %2 = linalg.transpose ins(%1 : tensor<?x4x8x9xf32>) outs(%f : tensor<?x8x9x4xf32>) permutation = [0, 2, 3, 1]
  return %2 : tensor<?x8x9x4xf32>
}

// Slices with strides, padded channels, concatenated channels.
// CHECK-LABEL: func @moves
// CHECK:         %[[S:.*]] = tensor.extract_slice %{{.*}}[0, 0, 1, 0] [%{{.*}}, 4, 4, 4] [1, 2, 2, 1] : tensor<?x8x9x4xf32> to tensor<?x4x4x4xf32>
// CHECK:         %[[P:.*]] = tensor.pad %[[S]] low[0, 0, 0, 2] high[0, 0, 0, 3]
// CHECK:         tensor.concat dim(3) %[[P]], %[[P]] : (tensor<?x4x4x9xf32>, tensor<?x4x4x9xf32>) -> tensor<?x4x4x18xf32>
// CHECK-NOT:     linalg.transpose
func.func @moves(%x: tensor<?x8x9x4xf32>) -> tensor<?x4x4x18xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x8x9x4xf32>
  %e = tensor.empty(%n) : tensor<?x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<?x8x9x4xf32>) outs(%e : tensor<?x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %1 = tensor.extract_slice %0[0, 0, 0, 1] [%n, 4, 4, 4] [1, 1, 2, 2] : tensor<?x4x8x9xf32> to tensor<?x4x4x4xf32>
  %2 = tensor.pad %1 low[0, 2, 0, 0] high[0, 3, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x4x4x4xf32> to tensor<?x9x4x4xf32>
  %3 = tensor.concat dim(1) %2, %2 : (tensor<?x9x4x4xf32>, tensor<?x9x4x4xf32>) -> tensor<?x18x4x4xf32>
  %f = tensor.empty(%n) : tensor<?x4x4x18xf32>
  %4 = linalg.transpose ins(%3 : tensor<?x18x4x4xf32>) outs(%f : tensor<?x4x4x18xf32>) permutation = [0, 2, 3, 1]
  return %4 : tensor<?x4x4x18xf32>
}

// Where dimensions of size 1 alone change places, nothing moves.
// CHECK-LABEL: func @flatten
// CHECK-SAME:    (%[[X:.*]]: tensor<?x1x1x4xf32>
// CHECK:         %[[Y:.*]] = tensor.reshape %[[X]]
// CHECK-NEXT:    return %[[Y]]
func.func @flatten(%x: tensor<?x1x1x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %n = tensor.dim %x, %c0 : tensor<?x1x1x4xf32>
  %e = tensor.empty(%n) : tensor<?x4x1x1xf32>
  %0 = linalg.transpose ins(%x : tensor<?x1x1x4xf32>) outs(%e : tensor<?x4x1x1xf32>) permutation = [0, 3, 1, 2]
  %s = tensor.from_elements %n, %c4 : tensor<2xindex>
  %1 = tensor.reshape %0(%s) : (tensor<?x4x1x1xf32>, tensor<2xindex>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// Codes made and read back per tensor; those per row have an order.
// CHECK-LABEL: func @codes
// CHECK:         %[[Q:.*]] = qnt.quantize %{{.*}} scale %{{.*}} zero %{{.*}} : tensor<2x8x9x4xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<2x8x9x4, uint8, per_tensor, scale f32, zero>
// CHECK:         %[[D:.*]] = qnt.dequantize %[[Q]]
// CHECK:         %[[R:.*]] = qnt.quantize %[[T:.*]] : tensor<2x4x8x9xf32>
// CHECK:         return %[[D]]
func.func @codes(%x: tensor<2x8x9x4xf32>, %s: tensor<f32>, %z: tensor<f32>) -> (tensor<2x8x9x4xf32>, tensor<2x4x8x9xf32>) {
  %e = tensor.empty() : tensor<2x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<2x8x9x4xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %q = qnt.quantize %0 scale %s zero %z : tensor<2x4x8x9xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<2x4x8x9, uint8, per_tensor, scale f32, zero>
  %d = qnt.dequantize %q : !qnt.tensor<2x4x8x9, uint8, per_tensor, scale f32, zero> -> tensor<2x4x8x9xf32>
  %f = tensor.empty() : tensor<2x8x9x4xf32>
  %1 = linalg.transpose ins(%d : tensor<2x4x8x9xf32>) outs(%f : tensor<2x8x9x4xf32>) permutation = [0, 2, 3, 1]
  %r = qnt.quantize %0 : tensor<2x4x8x9xf32> -> !qnt.tensor<2x4x8x9, int8, per_row, scale f32>
  %t = qnt.dequantize %r : !qnt.tensor<2x4x8x9, int8, per_row, scale f32> -> tensor<2x4x8x9xf32>
  return %1, %t : tensor<2x8x9x4xf32>, tensor<2x4x8x9xf32>
}

// The same codes as integers and as numbers: they are made once.
// CHECK-LABEL: func @codes_twice
// CHECK-COUNT-1: qnt.quantize
// CHECK-NOT:     qnt.quantize
// CHECK:         %[[C:.*]] = qnt.codes %{{.*}} -> tensor<2x8x9x4xi8>
// CHECK:         linalg.transpose ins(%[[C]] : tensor<2x8x9x4xi8>)
func.func @codes_twice(%x: tensor<2x8x9x4xf32>, %s: tensor<f32>, %z: tensor<f32>) -> (tensor<2x8x9x4xf32>, tensor<2x4x8x9xi8>) {
  %e = tensor.empty() : tensor<2x4x8x9xf32>
  %0 = linalg.transpose ins(%x : tensor<2x8x9x4xf32>) outs(%e : tensor<2x4x8x9xf32>) permutation = [0, 3, 1, 2]
  %q = qnt.quantize %0 scale %s zero %z : tensor<2x4x8x9xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<2x4x8x9, uint8, per_tensor, scale f32, zero>
  %c = qnt.codes %q : !qnt.tensor<2x4x8x9, uint8, per_tensor, scale f32, zero> -> tensor<2x4x8x9xi8>
  %d = qnt.dequantize %q : !qnt.tensor<2x4x8x9, uint8, per_tensor, scale f32, zero> -> tensor<2x4x8x9xf32>
  %f = tensor.empty() : tensor<2x8x9x4xf32>
  %1 = linalg.transpose ins(%d : tensor<2x4x8x9xf32>) outs(%f : tensor<2x8x9x4xf32>) permutation = [0, 2, 3, 1]
  return %1, %c : tensor<2x8x9x4xf32>, tensor<2x4x8x9xi8>
}

// A size keeps no tensor alive.
// CHECK-LABEL: func @sizes
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x8x4xf32>
// CHECK:         tensor.dim %[[X]]
// CHECK-NOT:     nn.conv
func.func @sizes(%x: tensor<?x8x8x4xf32>, %w: tensor<4x3x3x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %0 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>
  %1 = nn.activation relu %0 : tensor<?x6x6x4xf32>
  %n = tensor.dim %1, %c0 : tensor<?x6x6x4xf32>
  return %n : index
}
