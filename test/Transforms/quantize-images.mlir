// RUN: quant-opt %s "--qnt-quantize=weights=int8 activations=auto per=tensor" | FileCheck %s
// RUN: quant-opt %s "--qnt-quantize=weights=int4 activations=int8 per=tensor keep=second" | FileCheck %s --check-prefix=KEEP
// RUN: quant-opt %s "--qnt-quantize=weights=int8" | FileCheck %s --check-prefix=WEIGHTS
// RUN: not quant-opt %s "--qnt-quantize=weights=int8 activations=auto" 2>&1 | FileCheck %s --check-prefix=TOKEN
// RUN: not quant-opt %s "--qnt-quantize=weights=int8 group=16" 2>&1 | FileCheck %s --check-prefix=GROUP
// TOKEN: qnt-quantize: per=token: images are quantised per tensor: expected per=tensor, or activations=none
// GROUP: 'w' is the weight of a convolution, which has a scale for each channel: expected group=0, or its name in keep; got groups of 16

module attributes {qnt.calibration = {first = array<f32: -2.0, 2.0>, second = array<f32: 0.0, 6.0>,
                                      third = array<f32: 0.0, 3.0>,
                                      head = array<f32: 0.0, 1.0>, "last.output" = array<f32: 0.0, 1.0>}} {
ml_program.global private @w(#ml_program.extern : tensor<4x3x3x4xf32>) : tensor<4x3x3x4xf32>
ml_program.global private @v(#ml_program.extern : tensor<4x1x1x4xf32>) : tensor<4x1x1x4xf32>
ml_program.global private @h(#ml_program.extern : tensor<5x4xf32>) : tensor<5x4xf32>
ml_program.global private @b(#ml_program.extern : tensor<4xf32>) : tensor<4xf32>

// The value of a sum is quantised after its activation, once for all its users;
// the pool between it and a layer moves codes. Of a sum's operands, the one
// that is no layer's result needs codes.
// CHECK-LABEL: func @main
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x8x4xf32>
// CHECK-DAG:     %[[XQ:.*]] = qnt.quantize %[[X]] scale %{{.*}} zero %{{.*}} : {{.*}} -> !qnt.tensor<?x8x8x4, uint8, per_tensor, scale f32, zero>
// CHECK-DAG:     %[[XD:.*]] = qnt.dequantize %[[XQ]]
// CHECK:         %[[C:.*]] = qnt.conv %[[XQ]], %{{.*}} pads [1, 1, 1, 1] epilogue [bias](%{{.*}} : tensor<4xf32>) : {{.*}} -> tensor<?x8x8x4xf32>
// CHECK:         %[[A:.*]] = nn.add %[[C]], %[[XD]]
// CHECK:         %[[R:.*]] = nn.activation relu %[[A]]
// CHECK:         %[[RQ:.*]] = qnt.quantize %[[R]]
// CHECK:         %[[RD:.*]] = qnt.dequantize %[[RQ]]
// CHECK:         qnt.conv %[[RQ]], %{{.*}}: !qnt.tensor
// CHECK:         %[[P:.*]] = nn.pool max %[[RD]]
// CHECK:         qnt.conv %[[P]], %{{.*}} : tensor<?x4x4x4xf32>, !qnt.tensor<4x1x1x4, int8, per_channel, scale f32>
// CHECK:         %[[M:.*]] = nn.pool average
// CHECK:         %[[MQ:.*]] = qnt.quantize
// CHECK:         qnt.linear %{{.*}}, %{{.*}} : {{.*}}!qnt.tensor<5x4, int8, per_channel, scale f32>

// KEEP-LABEL: func @main
// KEEP:         qnt.quantize %{{.*}} scale %{{[a-z0-9_]+}} : {{.*}} -> !qnt.tensor<?x8x8x4, int8, per_tensor, scale f32>
// KEEP:         qnt.conv {{.*}}!qnt.tensor<4x3x3x4, int4, per_channel, scale f32>
// KEEP:         nn.conv %{{.*}}, %{{.*}} : tensor<?x8x8x4xf32>, tensor<4x1x1x4xf32>

// WEIGHTS-LABEL: func @main
// WEIGHTS-NOT:     tensor<?x{{.*}} -> !qnt
// WEIGHTS:         qnt.conv %{{.*}}, %{{.*}} : tensor<?x8x8x4xf32>, !qnt.tensor<4x3x3x4, int8, per_channel, scale f32> -> tensor<?x8x8x4xf32>
func.func @main(%x: tensor<?x8x8x4xf32>) -> (tensor<?x8x8x4xf32>, tensor<?x5xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %w = ml_program.global_load_const @w : tensor<4x3x3x4xf32>
  %v = ml_program.global_load_const @v : tensor<4x1x1x4xf32>
  %h = ml_program.global_load_const @h : tensor<5x4xf32>
  %b = ml_program.global_load_const @b : tensor<4xf32>
  %0 = nn.conv %x, %w bias %b pads [1, 1, 1, 1] : tensor<?x8x8x4xf32>, tensor<4x3x3x4xf32>, tensor<4xf32> loc("first")
  %1 = nn.add %0, %x : tensor<?x8x8x4xf32>, tensor<?x8x8x4xf32>
  %2 = nn.activation relu %1 : tensor<?x8x8x4xf32>
  %3 = nn.conv %2, %v : tensor<?x8x8x4xf32>, tensor<4x1x1x4xf32> loc("second")
  %4 = nn.pool max %2 kernel [2, 2] strides [2, 2] : tensor<?x8x8x4xf32>
  %5 = nn.conv %4, %v : tensor<?x4x4x4xf32>, tensor<4x1x1x4xf32> loc("third")
  %6 = nn.activation relu %5 : tensor<?x4x4x4xf32> loc("last")
  %7 = nn.pool average %6 kernel [4, 4] : tensor<?x4x4x4xf32> loc("mean")
  %n = tensor.dim %x, %c0 : tensor<?x8x8x4xf32>
  %s = tensor.from_elements %n, %c4 : tensor<2xindex>
  %8 = tensor.reshape %7(%s) : (tensor<?x1x1x4xf32>, tensor<2xindex>) -> tensor<?x4xf32>
  %9 = nn.linear %8, %h : tensor<?x4xf32>, tensor<5x4xf32> loc("head")
  return %3, %9 : tensor<?x8x8x4xf32>, tensor<?x5xf32>
}
}
