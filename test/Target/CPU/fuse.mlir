// RUN: quant-opt %s --qnt-fuse-epilogues --split-input-file | FileCheck %s

// What alone uses a layer's result goes into its epilogue, in order.
// CHECK-LABEL: func @chain
// CHECK:         %[[Y:.*]] = qnt.linear %{{.*}}, %{{.*}} epilogue [bias, silu, mul, add](%{{.*}}, %arg2, %arg3 : tensor<8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
// CHECK-NEXT:    return %[[Y]]
func.func @chain(%x: !qnt.tensor<?x16, int8, per_row, scale f32>, %w: !qnt.tensor<8x16, int4, group<16>, scale f16>,
                 %u: tensor<?x8xf32>, %r: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = qnt.linear %x, %w epilogue [bias](%b : tensor<8xf32>) : !qnt.tensor<?x16, int8, per_row, scale f32>, !qnt.tensor<8x16, int4, group<16>, scale f16>
  %1 = nn.activation silu %0 : tensor<?x8xf32>
  %2 = nn.mul %u, %1 : tensor<?x8xf32>, tensor<?x8xf32>
  %3 = nn.add %2, %r : tensor<?x8xf32>, tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}

// -----

// nn.linear becomes the one contraction, on f32 codes.
// CHECK-LABEL: func @float
// CHECK:         %[[W:.*]] = qnt.quantize %arg1 : tensor<8x16xf32> -> !qnt.tensor<8x16, f32, unscaled>
// CHECK:         qnt.linear %arg0, %[[W]] epilogue [bias, gelu](%arg2 : tensor<8xf32>)
// CHECK-NOT:     nn.
func.func @float(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = nn.linear %x, %w bias %b : tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32>
  %1 = nn.activation gelu %0 : tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// A result that others use stays.
// CHECK-LABEL: func @shared
// CHECK:         %[[Y:.*]] = qnt.linear
// CHECK-NOT:     epilogue
// CHECK:         %[[Z:.*]] = nn.activation relu %[[Y]]
// CHECK:         return %[[Y]], %[[Z]]
func.func @shared(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %1 = nn.activation relu %0 : tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Of two layers the later one takes the other's result.
// CHECK-LABEL: func @gated
// CHECK:         %[[U:.*]] = qnt.linear %arg0, %{{.*}} : tensor
// CHECK:         %[[Y:.*]] = qnt.linear %arg0, %{{.*}} epilogue [silu, mul](%[[U]] : tensor<?x8xf32>)
// CHECK-NEXT:    return %[[Y]]
func.func @gated(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>, %v: tensor<8x16xf32>) -> tensor<?x8xf32> {
  %up = nn.linear %x, %v : tensor<?x16xf32>, tensor<8x16xf32>
  %gate = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %0 = nn.activation silu %gate : tensor<?x8xf32>
  %1 = nn.mul %0, %up : tensor<?x8xf32>, tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
