// RUN: quant-opt %s --qnt-materialize-params=output=%t.safetensors --split-input-file --qnt-lower-to-qflow=name=net | FileCheck %s

// CHECK: qflow.design @net(%[[X:.*]]: !qflow.stream<4x4x1xui8, 1> {qflow.name = "in0", qflow.scales = array<f32: 5.000000e-01>, qflow.zero = 3 : i64})
// CHECK-SAME: -> (!qflow.stream<2xsi12, 1> {qflow.name = "out0", qflow.scales = array<f32: 1.250000e-01, 2.500000e-01>, qflow.zero = 0 : i64})
func.func @main(%x: tensor<?x4x4x1xf32>) -> tensor<?x2xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %zero = arith.constant dense<3.0> : tensor<f32>
  %codes = qnt.quantize %x scale %scale zero %zero : tensor<?x4x4x1xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x4x4x1, uint8, per_tensor, scale f32, zero>

  // Around the image is its zero point. Of weights 7, -2, 3, -7 the sums are in
  // [-9 * 255, 10 * 255].
  // CHECK: %[[W:.*]] = qflow.window %[[X]] kernel [2, 2] strides [2, 2] pads [1, 1, 1, 1] outside 3 : !qflow.stream<4x4x1xui8, 1> -> !qflow.stream<3x3x4xui8, 1>
  // CHECK: %[[S:.*]] = qflow.dot %[[W]] weights dense<{{\[\[}}7, -2, 3, -7]]> : tensor<1x4xi4> : !qflow.stream<3x3x4xui8, 1> -> !qflow.stream<3x3x1xsi13, 1>
  %w = arith.constant dense<[[[[7.0], [-2.0]], [[3.0], [-7.0]]]]> : tensor<1x2x2x1xf32>
  %wq = qnt.quantize %w : tensor<1x2x2x1xf32> -> !qnt.tensor<1x2x2x1, int4, per_channel, scale f32>
  %bias = arith.constant dense<7> : tensor<1xi32>
  %multiplier = arith.constant dense<5> : tensor<1xi32>
  %shift = arith.constant dense<4> : tensor<1xi32>
  // (sum - 3 + 7) * 5 + 8 + (3 << 4), where -3 is 3 * -(7 - 2 + 3 - 7).
  // CHECK: %[[C:.*]] = qflow.requantize %[[S]] multipliers dense<5> : tensor<1xi64> offsets dense<76> : tensor<1xi64> shifts dense<4> : tensor<1xi64> clamp [3, 255] : !qflow.stream<3x3x1xsi13, 1> -> !qflow.stream<3x3x1xui8, 1>
  %conv = qnt.conv %codes, %wq strides [2, 2] pads [1, 1, 1, 1] epilogue [int_bias, relu, requantize](%bias, %multiplier, %shift, %scale, %zero : tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<f32>, tensor<f32>)
      : !qnt.tensor<?x4x4x1, uint8, per_tensor, scale f32, zero>, !qnt.tensor<1x2x2x1, int4, per_channel, scale f32> -> !qnt.tensor<?x3x3x1, uint8, per_tensor, scale f32, zero>

  // Outside of a pool is nothing larger.
  // CHECK: %[[V:.*]] = qflow.window %[[C]] by_channel kernel [2, 2] pads [1, 0, 0, 0] outside 0 : !qflow.stream<3x3x1xui8, 1> -> !qflow.stream<3x2x1x4xui8, 1>
  // CHECK: %[[M:.*]] = qflow.pool max %[[V]] : !qflow.stream<3x2x1x4xui8, 1> -> !qflow.stream<3x2x1xui8, 1>
  %pool = qnt.max_pool %conv kernel [2, 2] pads [1, 0, 0, 0] : !qnt.tensor<?x3x3x1, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x3x2x1, uint8, per_tensor, scale f32, zero>

  // CHECK: %[[R:.*]] = qflow.width %[[M]] : !qflow.stream<3x2x1xui8, 1> -> !qflow.stream<6xui8, 1>
  %integers = qnt.codes %pool : !qnt.tensor<?x3x2x1, uint8, per_tensor, scale f32, zero> -> tensor<?x3x2x1xi8>
  %flat = tensor.collapse_shape %integers [[0], [1, 2, 3]] : tensor<?x3x2x1xi8> into tensor<?x6xi8>
  %vector = qnt.wrap %flat scale %scale zero %zero : tensor<?x6xi8>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x6, uint8, per_tensor, scale f32, zero>

  // The last sums have their biases: 100 - 3 * 7, and 200 - 3 * 7.
  // CHECK: %[[Y:.*]] = qflow.dot %[[R]] weights dense<{{\[\[}}7, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 7]]> : tensor<2x6xi4> bias dense<[79, 179]> : tensor<2xi12>
  // CHECK: qflow.output %[[Y]]
  %u = arith.constant dense<[[7.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 7.0]]> : tensor<2x6xf32>
  %uq = qnt.quantize %u : tensor<2x6xf32> -> !qnt.tensor<2x6, int4, per_channel, scale f32>
  %last = arith.constant dense<[100, 200]> : tensor<2xi32>
  %scales = arith.constant dense<[0.125, 0.25]> : tensor<2xf32>
  %y = qnt.linear %vector, %uq epilogue [int_bias, rescale](%last, %scales : tensor<2xi32>, tensor<2xf32>)
      : !qnt.tensor<?x6, uint8, per_tensor, scale f32, zero>, !qnt.tensor<2x6, int4, per_channel, scale f32>
  return %y : tensor<?x2xf32>
}

// -----

// The host prepares an image, and makes probabilities of scores. Slices and pads of
// codes are those of streams.
// CHECK: qflow.design @net(%[[X:.*]]: !qflow.stream<4x4x2xsi8, 1> {{.*}}) -> (!qflow.stream<2x2x4xsi8, 1> {qflow.name = "out0"
// CHECK-NEXT: %[[S:.*]] = qflow.slice %[[X]] offsets [0, 1, 0] strides [2, 1, 1] : !qflow.stream<4x4x2xsi8, 1> -> !qflow.stream<2x2x2xsi8, 1>
// CHECK-NEXT: %[[P:.*]] = qflow.pad %[[S]] low [0, 0, 1] outside -3 : !qflow.stream<2x2x2xsi8, 1> -> !qflow.stream<2x2x4xsi8, 1>
// CHECK-NEXT: qflow.output %[[P]]
func.func @main(%x: tensor<?x4x4x2xf32>, %mean: tensor<2xf32>) -> tensor<?x2x2x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %c0 = arith.constant 0 : index
  %outside = arith.constant -3 : i8
  %frames = tensor.dim %x, %c0 : tensor<?x4x4x2xf32>
  %moved = nn.add %x, %mean : tensor<?x4x4x2xf32>, tensor<2xf32>
  %codes = qnt.quantize %moved scale %scale : tensor<?x4x4x2xf32>, tensor<f32> -> !qnt.tensor<?x4x4x2, int8, per_tensor, scale f32>
  %integers = qnt.codes %codes : !qnt.tensor<?x4x4x2, int8, per_tensor, scale f32> -> tensor<?x4x4x2xi8>
  %slice = tensor.extract_slice %integers[0, 0, 1, 0] [%frames, 2, 2, 2] [1, 2, 1, 1] : tensor<?x4x4x2xi8> to tensor<?x2x2x2xi8>
  %pad = tensor.pad %slice low[0, 0, 0, 1] high[0, 0, 0, 1] {
  ^bb0(%n: index, %h: index, %w: index, %c: index):
    tensor.yield %outside : i8
  } : tensor<?x2x2x2xi8> to tensor<?x2x2x4xi8>
  %wrapped = qnt.wrap %pad scale %scale : tensor<?x2x2x4xi8>, tensor<f32> -> !qnt.tensor<?x2x2x4, int8, per_tensor, scale f32>
  %y = qnt.dequantize %wrapped : !qnt.tensor<?x2x2x4, int8, per_tensor, scale f32> -> tensor<?x2x2x4xf32>
  %p = nn.softmax %y : tensor<?x2x2x4xf32>
  return %p : tensor<?x2x2x4xf32>
}

// -----

// Of groups each has a part of the channels, its windows and its products; channels by
// themselves have one unit, of which the second gives two sums of each.
// CHECK: qflow.design @net(%[[X:.*]]: !qflow.stream<2x2x4xsi8, 1>
// CHECK-NEXT: %[[F:.*]]:2 = qflow.fork %[[X]]
// CHECK-NEXT: %[[A:.*]] = qflow.slice %[[F]]#0 offsets [0, 0, 0] strides [1, 1, 1] : !qflow.stream<2x2x4xsi8, 1> -> !qflow.stream<2x2x2xsi8, 1>
// CHECK-NEXT: %[[B:.*]] = qflow.slice %[[F]]#1 offsets [0, 0, 2] strides [1, 1, 1] : !qflow.stream<2x2x4xsi8, 1> -> !qflow.stream<2x2x2xsi8, 1>
// CHECK-NEXT: %[[C:.*]] = qflow.dot %[[A]] weights dense<{{.*}}7, 0{{.*}}> : tensor<1x2xi4> : !qflow.stream<2x2x2xsi8, 1> -> !qflow.stream<2x2x1xsi11, 1>
// CHECK-NEXT: %[[D:.*]] = qflow.dot %[[B]] weights dense<{{.*}}0, 7{{.*}}> : tensor<1x2xi4> : !qflow.stream<2x2x2xsi8, 1> -> !qflow.stream<2x2x1xsi11, 1>
// CHECK-NEXT: %[[G:.*]] = qflow.concat %[[C]], %[[D]] : !qflow.stream<2x2x1xsi11, 1>, !qflow.stream<2x2x1xsi11, 1> -> !qflow.stream<2x2x2xsi11, 1>
// CHECK-NEXT: %[[H:.*]] = qflow.requantize %[[G]]
// CHECK-NEXT: %[[W:.*]] = qflow.window %[[H]] by_channel kernel [1, 2] outside 0 : !qflow.stream<2x2x2xsi8, 1> -> !qflow.stream<2x1x2x2xsi8, 1>
// CHECK-NEXT: %[[S:.*]] = qflow.depthwise %[[W]] weights dense<{{\[\[}}7, 1], [7, 2], [7, 3], [7, -1]]> : tensor<4x2xi4> bias dense<[5, 6, 7, 8]> : tensor<4xi12> : !qflow.stream<2x1x2x2xsi8, 1> -> !qflow.stream<2x1x4xsi12, 2>
// CHECK-NEXT: %[[Y:.*]] = qflow.width %[[S]] : !qflow.stream<2x1x4xsi12, 2> -> !qflow.stream<2x1x4xsi12, 1>
// CHECK-NEXT: qflow.output %[[Y]]
func.func @main(%x: tensor<?x2x2x4xf32>) -> tensor<?x2x1x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<?x2x2x4xf32>, tensor<f32> -> !qnt.tensor<?x2x2x4, int8, per_tensor, scale f32>
  %w = arith.constant dense<[[[[7.0, 0.0]]], [[[0.0, 7.0]]]]> : tensor<2x1x1x2xf32>
  %wq = qnt.quantize %w : tensor<2x1x1x2xf32> -> !qnt.tensor<2x1x1x2, int4, per_channel, scale f32>
  %m = arith.constant dense<[5, 6]> : tensor<2xi32>
  %s = arith.constant dense<[4, 4]> : tensor<2xi32>
  %grouped = qnt.conv %codes, %wq groups 2 epilogue [requantize](%m, %s, %scale : tensor<2xi32>, tensor<2xi32>, tensor<f32>)
      : !qnt.tensor<?x2x2x4, int8, per_tensor, scale f32>, !qnt.tensor<2x1x1x2, int4, per_channel, scale f32> -> !qnt.tensor<?x2x2x2, int8, per_tensor, scale f32>
  %u = arith.constant dense<[[[[7.0], [1.0]]], [[[7.0], [2.0]]], [[[7.0], [3.0]]], [[[7.0], [-1.0]]]]> : tensor<4x1x2x1xf32>
  %uq = qnt.quantize %u : tensor<4x1x2x1xf32> -> !qnt.tensor<4x1x2x1, int4, per_channel, scale f32>
  %b = arith.constant dense<[5, 6, 7, 8]> : tensor<4xi32>
  %scales = arith.constant dense<0.25> : tensor<4xf32>
  %y = qnt.conv %grouped, %uq groups 2 epilogue [int_bias, rescale](%b, %scales : tensor<4xi32>, tensor<4xf32>)
      : !qnt.tensor<?x2x2x2, int8, per_tensor, scale f32>, !qnt.tensor<4x1x2x1, int4, per_channel, scale f32> -> tensor<?x2x1x4xf32>
  return %y : tensor<?x2x1x4xf32>
}

// -----

// Codes side by side.
// CHECK: qflow.design @net(%[[X:.*]]: !qflow.stream<4xsi8, 1>
// CHECK-NEXT: %[[F:.*]]:2 = qflow.fork %[[X]]
// CHECK-NEXT: %[[C:.*]] = qflow.concat %[[F]]#0, %[[F]]#1 : !qflow.stream<4xsi8, 1>, !qflow.stream<4xsi8, 1> -> !qflow.stream<8xsi8, 1>
// CHECK-NEXT: qflow.output %[[C]]
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x8xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %codes = qnt.quantize %x scale %scale : tensor<1x4xf32>, tensor<f32> -> !qnt.tensor<1x4, int8, per_tensor, scale f32>
  %integers = qnt.codes %codes : !qnt.tensor<1x4, int8, per_tensor, scale f32> -> tensor<1x4xi8>
  %both = tensor.concat dim(1) %integers, %integers : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x8xi8>
  %c = qnt.wrap %both scale %scale : tensor<1x8xi8>, tensor<f32> -> !qnt.tensor<1x8, int8, per_tensor, scale f32>
  %d = qnt.dequantize %c : !qnt.tensor<1x8, int8, per_tensor, scale f32> -> tensor<1x8xf32>
  return %d : tensor<1x8xf32>
}
