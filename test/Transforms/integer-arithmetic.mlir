// RUN: quant-opt %s --qnt-integer-arithmetic --cse | FileCheck %s

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32>

ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
ml_program.global private @b(#ml_program.extern : tensor<4xf32>) : tensor<4xf32>

// CHECK-LABEL: func @block
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x8x4xf32>
// CHECK:         %[[W:.*]] = qnt.quantize
// CHECK-DAG:     %[[SX:.*]] = arith.constant dense<5.000000e-01>
// CHECK-DAG:     %[[SY:.*]] = arith.constant dense<2.500000e-01>
// CHECK-DAG:     %[[Z:.*]] = arith.constant dense<3.000000e+00>
// CHECK:         %[[Q:.*]] = qnt.quantize %[[X]]
// CHECK:         %[[SW:.*]] = qnt.scales %[[W]] : {{.*}} -> tensor<4xf32>
// CHECK:         %[[N:.*]] = nn.mul %[[SW]], %[[SX]]
// CHECK:         %[[I:.*]] = qnt.quantize_bias %{{.*}} scale %[[N]]
// CHECK:         %[[S:.*]] = qnt.dyadic_shift %[[N]] with %[[SX]] over %[[SY]]
// CHECK:         %[[A:.*]] = qnt.dyadic %[[SX]] over %[[SY]] shift %[[S]]
// CHECK:         %[[M:.*]] = qnt.dyadic %[[N]] over %[[SY]] shift %[[S]]
// CHECK:         %[[C:.*]] = qnt.conv %[[Q]], %[[W]] pads [1, 1, 1, 1] epilogue [int_bias, int_add, relu, requantize](%[[I]], %[[Q]], %[[A]], %[[M]], %[[S]], %[[SY]], %[[Z]] :
// A pool's multipliers contain the division; the last layer gives floats.
// CHECK:         %[[T:.*]] = arith.constant dense<1.562500e-02> : tensor<4xf32>
// CHECK:         nn.mul %[[T]], %[[SY]]
// CHECK:         qnt.average_pool %[[C]] kernel [8, 8] epilogue [requantize]
// CHECK:         qnt.linear %{{.*}}, %{{.*}} epilogue [int_bias, rescale](
// CHECK-NOT:     qnt.dequantize
func.func @block(%x: tensor<?x8x8x4xf32>, %n: index) -> tensor<?x4xf32> {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %b = ml_program.global_load_const @b : tensor<4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias, add, relu, quantize](%b, %q, %t, %z : tensor<4xf32>, !image, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %p = qnt.average_pool %c kernel [8, 8] epilogue [quantize](%t, %z : tensor<f32>, tensor<f32>) : !image -> !qnt.tensor<?x1x1x4, uint8, per_tensor, scale f32, zero>
  %i = qnt.codes %p : !qnt.tensor<?x1x1x4, uint8, per_tensor, scale f32, zero> -> tensor<?x1x1x4xi8>
  %c4 = arith.constant 4 : index
  %sizes = tensor.from_elements %n, %c4 : tensor<2xindex>
  %f = tensor.reshape %i(%sizes) : (tensor<?x1x1x4xi8>, tensor<2xindex>) -> tensor<?x4xi8>
  %r = qnt.wrap %f scale %t zero %z : tensor<?x4xi8>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x4, uint8, per_tensor, scale f32, zero>
  %v0 = arith.constant dense<1.0> : tensor<4x4xf32>
  %v = qnt.quantize %v0 : tensor<4x4xf32> -> !qnt.tensor<4x4, int8, per_tensor, scale f32>
  %y = qnt.linear %r, %v epilogue [bias](%b : tensor<4xf32>) : !qnt.tensor<?x4, uint8, per_tensor, scale f32, zero>, !qnt.tensor<4x4, int8, per_tensor, scale f32>
  %o = nn.activation sigmoid %y : tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// A clamp that the codes imply goes; from zero on, it is a relu.
// CHECK-LABEL: func @clamps
// CHECK:         epilogue [requantize](
// CHECK:         epilogue [relu, requantize](
func.func @clamps(%x: tensor<?x8x8x4xf32>) -> (!image, !image) {
  %w0 = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %w = qnt.quantize %w0 : tensor<4x3x3x4xf32> -> !filters
  %s = arith.constant dense<0.01> : tensor<f32>
  %z = arith.constant dense<0.0> : tensor<f32>
  %y = arith.constant dense<100.0> : tensor<f32>
  %low = arith.constant dense<0.0> : tensor<f32>
  %high = arith.constant dense<6.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %c = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [clamp, quantize](%low, %high, %s, %z : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %d = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [clamp, quantize](%low, %high, %s, %y : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  return %c, %d : !image, !image
}
