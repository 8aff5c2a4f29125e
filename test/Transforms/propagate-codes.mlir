// RUN: quant-opt %s --qnt-propagate-codes --cse --split-input-file | FileCheck %s
// RUN: quant-opt %s --qnt-propagate-codes=everywhere=true --cse --split-input-file | FileCheck %s --check-prefixes=CHECK,ALL

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>

// A residual block: sum, activation and codes are steps of the convolution.
// CHECK-LABEL: func @block
// CHECK:         %[[Q:.*]] = qnt.quantize %{{.*}} scale %[[S:.*]] zero %[[Z:.*]] :
// CHECK-NEXT:    %[[C:.*]] = qnt.conv %[[Q]], %{{.*}} pads [1, 1, 1, 1] epilogue [bias, add, relu, quantize](%{{.*}}, %[[Q]], %[[T:.*]], %[[Z]] : tensor<4xf32>, !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>, tensor<f32>, tensor<f32>)
// CHECK-NEXT:    %[[Y:.*]] = qnt.dequantize %[[C]]
// CHECK-NEXT:    return %[[Y]]
func.func @block(%x: tensor<?x8x8x4xf32>, %w: !filters, %b: tensor<4xf32>) -> tensor<?x8x8x4xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %r = qnt.dequantize %q : !image -> tensor<?x8x8x4xf32>
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias](%b : tensor<4xf32>) : !image, !filters -> tensor<?x8x8x4xf32>
  %a = nn.add %r, %c : tensor<?x8x8x4xf32>, tensor<?x8x8x4xf32>
  %p = nn.activation relu %a : tensor<?x8x8x4xf32>
  %u = qnt.quantize %p scale %t zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %y = qnt.dequantize %u : !image -> tensor<?x8x8x4xf32>
  return %y : tensor<?x8x8x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x8, int8, per_channel, scale f32>

// Moves: zeros are zero points, here 200, which is -56 as a signed byte.
// CHECK-LABEL: func @moves
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant -56 : i8
// CHECK:         %[[Q:.*]] = qnt.quantize
// CHECK:         %[[C:.*]] = qnt.codes %[[Q]] : {{.*}} -> tensor<?x8x8x4xi8>
// CHECK:         %[[S:.*]] = tensor.extract_slice %[[C]][0, 0, 0, 0] [%{{.*}}, 4, 4, 4] [1, 2, 2, 1] : tensor<?x8x8x4xi8> to tensor<?x4x4x4xi8>
// CHECK:         %[[P:.*]] = tensor.pad %[[S]] low[0, 0, 0, 2] high[0, 0, 0, 2]
// CHECK:           tensor.yield %[[ZERO]] : i8
// CHECK:         %[[W:.*]] = qnt.wrap %[[P]] scale %{{.*}} zero %{{.*}}
// CHECK:         qnt.conv %[[W]], %{{.*}}
// CHECK-NOT:     qnt.dequantize
func.func @moves(%x: tensor<?x8x8x4xf32>, %w: !filters) -> tensor<?x2x2x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x8x8x4xf32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %z = arith.constant dense<200.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %r = qnt.dequantize %q : !image -> tensor<?x8x8x4xf32>
  %0 = tensor.extract_slice %r[0, 0, 0, 0] [%n, 4, 4, 4] [1, 2, 2, 1] : tensor<?x8x8x4xf32> to tensor<?x4x4x4xf32>
  %1 = tensor.pad %0 low[0, 0, 0, 2] high[0, 0, 0, 2] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x4x4x4xf32> to tensor<?x4x4x8xf32>
  %2 = qnt.conv %1, %w : tensor<?x4x4x8xf32>, !filters -> tensor<?x2x2x4xf32>
  return %2 : tensor<?x2x2x4xf32>
}

// -----

!image = !qnt.tensor<2x8x8x4, int8, per_tensor, scale f32>
!filters = !qnt.tensor<4x1x1x8, int8, per_channel, scale f32>

// Concatenation of one scale; transposition; changes of shape.
// CHECK-LABEL: func @shapes
// CHECK:         tensor.concat dim(3) %{{.*}}, %{{.*}} : (tensor<2x8x8x4xi8>, tensor<2x8x8x4xi8>) -> tensor<2x8x8x8xi8>
// CHECK:         qnt.conv %{{.*}}, %{{.*}} : !qnt.tensor
// CHECK:         linalg.transpose ins(%{{.*}} : tensor<2x8x8x4xi8>)
// CHECK:         tensor.reshape %{{.*}} : (tensor<2x4x8x8xi8>, tensor<2xindex>) -> tensor<2x256xi8>
// CHECK:         qnt.linear %{{.*}}, %{{.*}} : !qnt.tensor<2x256, int8, per_tensor, scale f32>
func.func @shapes(%x: tensor<2x8x8x4xf32>, %y: tensor<2x8x8x4xf32>, %w: !filters, %v: !qnt.tensor<5x256, int8, per_channel, scale f32>) -> (tensor<2x8x8x4xf32>, tensor<2x5xf32>) {
  %s = arith.constant dense<0.5> : tensor<f32>
  %q = qnt.quantize %x scale %s : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %p = qnt.quantize %y scale %s : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %a = qnt.dequantize %q : !image -> tensor<2x8x8x4xf32>
  %b = qnt.dequantize %p : !image -> tensor<2x8x8x4xf32>
  %c = tensor.concat dim(3) %a, %b : (tensor<2x8x8x4xf32>, tensor<2x8x8x4xf32>) -> tensor<2x8x8x8xf32>
  %d = qnt.conv %c, %w : tensor<2x8x8x8xf32>, !filters -> tensor<2x8x8x4xf32>
  %e = tensor.empty() : tensor<2x4x8x8xf32>
  %t = linalg.transpose ins(%a : tensor<2x8x8x4xf32>) outs(%e : tensor<2x4x8x8xf32>) permutation = [0, 3, 1, 2]
  %n = arith.constant dense<[2, 256]> : tensor<2xindex>
  %f = tensor.reshape %t(%n) : (tensor<2x4x8x8xf32>, tensor<2xindex>) -> tensor<2x256xf32>
  %g = qnt.linear %f, %v : tensor<2x256xf32>, !qnt.tensor<5x256, int8, per_channel, scale f32>
  return %d, %g : tensor<2x8x8x4xf32>, tensor<2x5xf32>
}

// -----

!image = !qnt.tensor<2x8x8x4, int8, per_tensor, scale f32>
!filters = !qnt.tensor<4x1x1x4, int8, per_channel, scale f32>

// An image that is quantised anew in another shape is so as an image.
// CHECK-LABEL: func @flat
// CHECK:         %[[Q:.*]] = qnt.conv {{.*}} epilogue [quantize]
// CHECK:         %[[R:.*]] = qnt.average_pool %[[Q]] kernel [1, 1] epilogue [quantize]({{.*}} -> !qnt.tensor<2x8x8x4, int8, per_tensor, scale f32>
// CHECK:         %[[C:.*]] = qnt.codes %[[R]]
// CHECK:         tensor.reshape %[[C]]({{.*}} -> tensor<2x256xi8>
// CHECK-NOT:     qnt.dequantize
// CHECK:         return
func.func @flat(%x: !image, %v: !filters, %w: !qnt.tensor<5x256, int8, per_channel, scale f32>) -> tensor<2x5xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %n = arith.constant dense<[2, 256]> : tensor<2xindex>
  %c = qnt.conv %x, %v : !image, !filters -> tensor<2x8x8x4xf32>
  %q = qnt.quantize %c scale %s : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %a = qnt.dequantize %q : !image -> tensor<2x8x8x4xf32>
  %f = tensor.reshape %a(%n) : (tensor<2x8x8x4xf32>, tensor<2xindex>) -> tensor<2x256xf32>
  %p = qnt.quantize %f scale %t : tensor<2x256xf32>, tensor<f32> -> !qnt.tensor<2x256, int8, per_tensor, scale f32>
  %d = qnt.dequantize %p : !qnt.tensor<2x256, int8, per_tensor, scale f32> -> tensor<2x256xf32>
  %y = qnt.linear %d, %w : tensor<2x256xf32>, !qnt.tensor<5x256, int8, per_channel, scale f32>
  return %y : tensor<2x5xf32>
}

// -----

!image = !qnt.tensor<2x8x8x4, int8, per_tensor, scale f32>
!both = !qnt.tensor<2x8x8x8, int8, per_tensor, scale f32>

// Parts of several scales get codes of the one that their concatenation is
// quantised with.
// CHECK-LABEL: func @parts
// CHECK:         %[[A:.*]] = qnt.quantize %{{.*}} scale %[[S:[^ ]*]]
// CHECK:         %[[B:.*]] = qnt.average_pool %{{.*}} kernel [1, 1] epilogue [quantize](%[[S]] : tensor<f32>)
// CHECK-DAG:     %[[C:.*]] = qnt.codes %[[A]]
// CHECK-DAG:     %[[D:.*]] = qnt.codes %[[B]]
// CHECK:         tensor.concat dim(3) %[[C]], %[[D]] : (tensor<2x8x8x4xi8>, tensor<2x8x8x4xi8>) -> tensor<2x8x8x8xi8>
// CHECK-NOT:     qnt.dequantize
// CHECK:         return
func.func @parts(%x: tensor<2x8x8x4xf32>, %w: !qnt.tensor<4x1x1x8, int8, per_channel, scale f32>) -> tensor<2x8x8x4xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %q = qnt.quantize %x scale %s : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %p = qnt.quantize %x scale %t : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %a = qnt.dequantize %q : !image -> tensor<2x8x8x4xf32>
  %b = qnt.dequantize %p : !image -> tensor<2x8x8x4xf32>
  %c = tensor.concat dim(3) %a, %b : (tensor<2x8x8x4xf32>, tensor<2x8x8x4xf32>) -> tensor<2x8x8x8xf32>
  %r = qnt.quantize %c scale %s : tensor<2x8x8x8xf32>, tensor<f32> -> !both
  %d = qnt.dequantize %r : !both -> tensor<2x8x8x8xf32>
  %y = qnt.conv %d, %w : tensor<2x8x8x8xf32>, !qnt.tensor<4x1x1x8, int8, per_channel, scale f32> -> tensor<2x8x8x4xf32>
  return %y : tensor<2x8x8x4xf32>
}

// -----

!image = !qnt.tensor<2x8x8x4, int8, per_tensor, scale f32>

// Of several scales, numbers are concatenated where they are not quantised next.
// CHECK-LABEL: func @scales
// CHECK:         tensor.concat {{.*}} -> tensor<2x8x8x8xf32>
func.func @scales(%x: tensor<2x8x8x4xf32>, %w: !qnt.tensor<4x1x1x8, int8, per_channel, scale f32>) -> tensor<2x8x8x4xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %q = qnt.quantize %x scale %s : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %p = qnt.quantize %x scale %t : tensor<2x8x8x4xf32>, tensor<f32> -> !image
  %a = qnt.dequantize %q : !image -> tensor<2x8x8x4xf32>
  %b = qnt.dequantize %p : !image -> tensor<2x8x8x4xf32>
  %c = tensor.concat dim(3) %a, %b : (tensor<2x8x8x4xf32>, tensor<2x8x8x4xf32>) -> tensor<2x8x8x8xf32>
  %d = qnt.conv %c, %w : tensor<2x8x8x8xf32>, !qnt.tensor<4x1x1x8, int8, per_channel, scale f32> -> tensor<2x8x8x4xf32>
  return %d : tensor<2x8x8x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!half = !qnt.tensor<?x4x4x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x1x1x4, int8, per_channel, scale f32>

// Pools; sums and activations of codes without a contraction.
// CHECK-LABEL: func @pools
// CHECK:         %[[C:.*]] = qnt.conv
// CHECK-DAG:     %[[M:.*]] = qnt.max_pool %[[C]] kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0]
// CHECK-DAG:     %[[A:.*]] = qnt.average_pool %[[C]] kernel [2, 2] strides [2, 2] epilogue [quantize]
// CHECK:         %[[S:.*]] = qnt.average_pool %[[M]] kernel [1, 1] epilogue [add, relu, quantize](%[[A]],
// CHECK-NEXT:    %[[Y:.*]] = qnt.dequantize %[[S]]
// CHECK-NEXT:    return %[[Y]]
func.func @pools(%x: !image, %w: !filters) -> tensor<?x4x4x4xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %c = qnt.conv %x, %w epilogue [quantize](%s, %z : tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %d = qnt.dequantize %c : !image -> tensor<?x8x8x4xf32>
  %m = nn.pool max %d kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0] : tensor<?x8x8x4xf32>
  %a = nn.pool average %d kernel [2, 2] strides [2, 2] : tensor<?x8x8x4xf32>
  %q = qnt.quantize %a scale %t zero %z : tensor<?x4x4x4xf32>, tensor<f32>, tensor<f32> -> !half
  %e = qnt.dequantize %q : !half -> tensor<?x4x4x4xf32>
  %f = nn.add %m, %e : tensor<?x4x4x4xf32>, tensor<?x4x4x4xf32>
  %g = nn.activation relu %f : tensor<?x4x4x4xf32>
  %h = qnt.quantize %g scale %t zero %z : tensor<?x4x4x4xf32>, tensor<f32>, tensor<f32> -> !half
  %i = qnt.dequantize %h : !half -> tensor<?x4x4x4xf32>
  return %i : tensor<?x4x4x4xf32>
}

// -----

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x1x1x4, int8, per_channel, scale f32>

// Means that count zeros around the image are of padded codes; those of several
// sizes stay. What is quantised as it was stays as it is.
// CHECK-LABEL: func @counts
// CHECK:         %[[C:.*]] = qnt.conv
// CHECK:         tensor.pad {{.*}} low[0, 1, 1, 0] high[0, 1, 1, 0]
// CHECK:         qnt.average_pool %{{.*}} kernel [3, 3] : {{.*}} -> tensor<?x8x8x4xf32>
// CHECK:         nn.pool average
// CHECK:         return %{{.*}}, %{{.*}}, %[[C]]
func.func @counts(%x: !image, %w: !filters) -> (tensor<?x8x8x4xf32>, tensor<?x8x8x4xf32>, !image) {
  %s = arith.constant dense<0.5> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %c = qnt.conv %x, %w epilogue [quantize](%s, %z : tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %d = qnt.dequantize %c : !image -> tensor<?x8x8x4xf32>
  %a = nn.pool average %d kernel [3, 3] pads [1, 1, 1, 1] count_pads : tensor<?x8x8x4xf32>
  %b = nn.pool average %d kernel [3, 3] pads [1, 1, 1, 1] : tensor<?x8x8x4xf32>
  %q = qnt.quantize %d scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  return %a, %b, %q : tensor<?x8x8x4xf32>, tensor<?x8x8x4xf32>, !image
}

// -----

!rows = !qnt.tensor<?x64, int8, per_tensor, scale f32>
!weight = !qnt.tensor<64x64, int8, per_channel, scale f32>

// Without convolutions, where asked to alone.
// CHECK-LABEL: func @linear
// ALL:           qnt.linear %{{.*}}, %{{.*}} epilogue [relu, quantize]
func.func @linear(%x: !rows, %w: !weight) -> tensor<?x64xf32> {
  %s = arith.constant dense<0.5> : tensor<f32>
  %0 = qnt.linear %x, %w : !rows, !weight
  %1 = nn.activation relu %0 : tensor<?x64xf32>
  %2 = qnt.quantize %1 scale %s : tensor<?x64xf32>, tensor<f32> -> !rows
  %3 = qnt.linear %2, %w : !rows, !weight
  return %3 : tensor<?x64xf32>
}
