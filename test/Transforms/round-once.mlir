// RUN: quant-opt %s --qnt-round-once | FileCheck %s
// RUN: quant-opt %s --qnt-integer-arithmetic | FileCheck %s --check-prefix=INT

!image = !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
!filters = !qnt.tensor<4x3x3x4, int8, per_channel, scale f32, zero>
ml_program.global private @w(#ml_program.extern : !filters) : !filters
ml_program.global private @i(#ml_program.extern : tensor<4xi32>) : tensor<4xi32>
ml_program.global private @b(#ml_program.extern : tensor<4xf32>) : tensor<4xf32>

// A bias in units of the sums; the scale of the input is an equal constant.
// CHECK-LABEL: func @bias
// CHECK:         %[[I:.*]] = ml_program.global_load_const @i
// CHECK:         qnt.conv %{{.*}}, %{{.*}} pads [1, 1, 1, 1] epilogue [int_bias, relu, requantize_f32](%[[I]], %{{.*}}, %{{.*}} : tensor<4xi32>, tensor<f32>, tensor<f32>)
// INT-LABEL:   func @bias
// INT:           %[[I:.*]] = ml_program.global_load_const @i
// INT-NOT:       = qnt.quantize_bias
// INT:           epilogue [int_bias, relu, requantize](%[[I]], 
func.func @bias(%x: tensor<?x8x8x4xf32>) -> !image {
  %w = ml_program.global_load_const @w : !filters
  %i = ml_program.global_load_const @i : tensor<4xi32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.5> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %b = qnt.dequantize_bias %i scale %t weight %w : tensor<4xi32>, tensor<f32>, !filters -> tensor<4xf32>
  %y = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias, relu, quantize](%b, %s, %z : tensor<4xf32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  return %y : !image
}

// A bias in other units, one of floats, and steps between stay in f32.
// CHECK-LABEL: func @others
// CHECK:         epilogue [bias, quantize]
// CHECK:         epilogue [bias, quantize]
// CHECK:         epilogue [clamp, quantize]
// CHECK:         qnt.conv %{{.*}}, %{{.*}} pads [1, 1, 1, 1] :
func.func @others(%x: tensor<?x8x8x4xf32>) -> (!image, !image, !image, tensor<?x8x8x4xf32>) {
  %w = ml_program.global_load_const @w : !filters
  %i = ml_program.global_load_const @i : tensor<4xi32>
  %f = ml_program.global_load_const @b : tensor<4xf32>
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %q = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %b = qnt.dequantize_bias %i scale %t weight %w : tensor<4xi32>, tensor<f32>, !filters -> tensor<4xf32>
  %0 = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias, quantize](%b, %s, %z : tensor<4xf32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %1 = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [bias, quantize](%f, %s, %z : tensor<4xf32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %low = arith.constant dense<0.0> : tensor<f32>
  %high = arith.constant dense<1000.0> : tensor<f32>
  %2 = qnt.conv %q, %w pads [1, 1, 1, 1] epilogue [clamp, quantize](%low, %high, %s, %z : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) : !image, !filters -> !image
  %3 = qnt.conv %q, %w pads [1, 1, 1, 1] : !image, !filters -> tensor<?x8x8x4xf32>
  return %0, %1, %2, %3 : !image, !image, !image, tensor<?x8x8x4xf32>
}

// CHECK-LABEL: func @sum
// CHECK:         %[[X:.*]] = qnt.quantize
// CHECK:         %[[Y:.*]] = qnt.quantize
// CHECK:         qnt.add %[[X]], %[[Y]] scale %{{.*}} zero
// CHECK:         qnt.average_pool %[[X]] kernel [8, 8] epilogue [requantize_f32]
// INT-LABEL:   func @sum
// INT:           epilogue [int_add, requantize]
// INT:           epilogue [requantize]
func.func @sum(%x: tensor<?x8x8x4xf32>) -> (!image, !qnt.tensor<?x1x1x4, int8, per_tensor, scale f32>) {
  %s = arith.constant dense<0.5> : tensor<f32>
  %t = arith.constant dense<0.25> : tensor<f32>
  %z = arith.constant dense<3.0> : tensor<f32>
  %a = qnt.quantize %x scale %s zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %b = qnt.quantize %x scale %t zero %z : tensor<?x8x8x4xf32>, tensor<f32>, tensor<f32> -> !image
  %0 = qnt.average_pool %a kernel [1, 1] epilogue [add, quantize](%b, %s, %z : !image, tensor<f32>, tensor<f32>) : !image -> !image
  %1 = qnt.average_pool %a kernel [8, 8] epilogue [quantize](%t : tensor<f32>) : !image -> !qnt.tensor<?x1x1x4, int8, per_tensor, scale f32>
  return %0, %1 : !image, !qnt.tensor<?x1x1x4, int8, per_tensor, scale f32>
}
