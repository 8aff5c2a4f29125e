// RUN: quant-opt %s --nn-fold --canonicalize --cse | FileCheck %s

ml_program.global private @w(#ml_program.extern : tensor<8x3x3x4xf32>) : tensor<8x3x3x4xf32>
ml_program.global private @m(#ml_program.extern : tensor<8x16xf32>) : tensor<8x16xf32>
ml_program.global private @b(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>
ml_program.global private @g(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>

// A batch norm goes into weight and bias.
// CHECK-LABEL: func @norm
// CHECK-DAG:     %[[W:.*]] = ml_program.global_load_const @w
// CHECK-DAG:     %[[B:.*]] = ml_program.global_load_const @b
// CHECK-DAG:     %[[G:.*]] = ml_program.global_load_const @g
// CHECK-DAG:     %[[S:.*]] = nn.scale_rows %[[W]] by %[[G]]
// CHECK-DAG:     %[[P:.*]] = nn.mul %[[B]], %[[G]]
// CHECK-DAG:     %[[C:.*]] = nn.add %[[P]], %[[B]]
// CHECK:         %[[Y:.*]] = nn.conv %{{.*}}, %[[S]] bias %[[C]] strides [2, 2] pads [1, 1, 1, 1]
// CHECK-NEXT:    return %[[Y]]
func.func @norm(%x: tensor<?x8x8x4xf32>) -> tensor<?x4x4x8xf32> {
  %w = ml_program.global_load_const @w : tensor<8x3x3x4xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %g = ml_program.global_load_const @g : tensor<8xf32>
  %0 = nn.conv %x, %w bias %b strides [2, 2] pads [1, 1, 1, 1] : tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>, tensor<8xf32>
  %1 = nn.mul %0, %g : tensor<?x4x4x8xf32>, tensor<8xf32>
  %2 = nn.add %1, %b : tensor<?x4x4x8xf32>, tensor<8xf32>
  return %2 : tensor<?x4x4x8xf32>
}

// CHECK-LABEL: func @linear
// CHECK:         %[[S:.*]] = nn.scale_rows
// CHECK:         nn.linear %{{.*}}, %[[S]] bias
// CHECK-NOT:     nn.mul
func.func @linear(%x: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %w = ml_program.global_load_const @m : tensor<8x16xf32>
  %b = ml_program.global_load_const @b : tensor<8xf32>
  %g = ml_program.global_load_const @g : tensor<8xf32>
  %0 = nn.linear %x, %w : tensor<?x16xf32>, tensor<8x16xf32>
  %1 = nn.mul %0, %g : tensor<?x8xf32>, tensor<8xf32>
  %2 = nn.add %1, %b : tensor<?x8xf32>, tensor<8xf32>
  return %2 : tensor<?x8xf32>
}

// What others use, or what is no parameter, stays.
// CHECK-LABEL: func @shared
// CHECK:         nn.conv
// CHECK:         nn.mul
// CHECK:         nn.mul
func.func @shared(%x: tensor<?x8x8x4xf32>, %v: tensor<8xf32>) -> (tensor<?x6x6x8xf32>, tensor<?x6x6x8xf32>) {
  %w = ml_program.global_load_const @w : tensor<8x3x3x4xf32>
  %g = ml_program.global_load_const @g : tensor<8xf32>
  %0 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>
  %1 = nn.mul %0, %g : tensor<?x6x6x8xf32>, tensor<8xf32>
  %2 = nn.conv %x, %w : tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>
  %3 = nn.mul %2, %v : tensor<?x6x6x8xf32>, tensor<8xf32>
  %4 = nn.add %3, %0 : tensor<?x6x6x8xf32>, tensor<?x6x6x8xf32>
  return %1, %4 : tensor<?x6x6x8xf32>, tensor<?x6x6x8xf32>
}

// CHECK-LABEL: func @pads
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x8x4xf32>
// CHECK:         nn.conv %[[X]], %{{.*}} pads [2, 1, 1, 3] : tensor<?x8x8x4xf32>
// CHECK-NOT:     tensor.pad
func.func @pads(%x: tensor<?x8x8x4xf32>) -> tensor<?x9x10x8xf32> {
  %zero = arith.constant 0.0 : f32
  %w = ml_program.global_load_const @w : tensor<8x3x3x4xf32>
  %p = tensor.pad %x low[0, 1, 0, 0] high[0, 0, 2, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x8x8x4xf32> to tensor<?x9x10x4xf32>
  %0 = nn.conv %p, %w pads [1, 1, 1, 1] : tensor<?x9x10x4xf32>, tensor<8x3x3x4xf32>
  return %0 : tensor<?x9x10x8xf32>
}

// Pads of rows and columns are those of a convolution in whatever order they are; those of
// channels are not, which the second pad has.
// CHECK-LABEL: func @transposed_pads
// CHECK-SAME:    (%[[X:.*]]: tensor<?x4x8x8xf32>
// CHECK:         %[[T:.*]] = linalg.transpose ins(%[[X]] : tensor<?x4x8x8xf32>) outs(%{{.*}} : tensor<?x8x8x4xf32>) permutation = [0, 2, 3, 1]
// CHECK:         nn.conv %[[T]], %{{.*}} pads [2, 1, 1, 3] : tensor<?x8x8x4xf32>
// CHECK:         tensor.pad
// CHECK:         nn.conv
func.func @transposed_pads(%x: tensor<?x4x8x8xf32>, %y: tensor<?x3x8x8xf32>) -> (tensor<?x9x10x8xf32>, tensor<?x6x6x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant 0 : index
  %w = ml_program.global_load_const @w : tensor<8x3x3x4xf32>
  %n = tensor.dim %x, %zeros : tensor<?x4x8x8xf32>
  %p = tensor.pad %x low[0, 0, 1, 0] high[0, 0, 0, 2] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x4x8x8xf32> to tensor<?x4x9x10xf32>
  %e = tensor.empty(%n) : tensor<?x9x10x4xf32>
  %t = linalg.transpose ins(%p : tensor<?x4x9x10xf32>) outs(%e : tensor<?x9x10x4xf32>) permutation = [0, 2, 3, 1]
  %0 = nn.conv %t, %w pads [1, 1, 1, 1] : tensor<?x9x10x4xf32>, tensor<8x3x3x4xf32>
  %q = tensor.pad %y low[0, 1, 0, 0] high[0, 0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x3x8x8xf32> to tensor<?x4x8x8xf32>
  %f = tensor.empty(%n) : tensor<?x8x8x4xf32>
  %u = linalg.transpose ins(%q : tensor<?x4x8x8xf32>) outs(%f : tensor<?x8x8x4xf32>) permutation = [0, 2, 3, 1]
  %1 = nn.conv %u, %w : tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>
  return %0, %1 : tensor<?x9x10x8xf32>, tensor<?x6x6x8xf32>
}

// Other numbers, and other dimensions, are no zeros around an image.
// CHECK-LABEL: func @no_pads
// CHECK:         tensor.pad
// CHECK:         nn.conv
// CHECK:         tensor.pad
// CHECK:         nn.conv
func.func @no_pads(%x: tensor<?x8x8x4xf32>, %y: tensor<?x8x8x3xf32>) -> (tensor<?x7x6x8xf32>, tensor<?x6x6x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %w = ml_program.global_load_const @w : tensor<8x3x3x4xf32>
  %p = tensor.pad %x low[0, 1, 0, 0] high[0, 0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %one : f32
  } : tensor<?x8x8x4xf32> to tensor<?x9x8x4xf32>
  %0 = nn.conv %p, %w : tensor<?x9x8x4xf32>, tensor<8x3x3x4xf32>
  %q = tensor.pad %y low[0, 0, 0, 0] high[0, 0, 0, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x8x8x3xf32> to tensor<?x8x8x4xf32>
  %1 = nn.conv %q, %w : tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>
  return %0, %1 : tensor<?x7x6x8xf32>, tensor<?x6x6x8xf32>
}

// CHECK-LABEL: func @nothing
// CHECK-SAME:    (%[[X:.*]]: tensor<?x8x8x4xf32>
// CHECK-NEXT:    return %[[X]]
func.func @nothing(%x: tensor<?x8x8x4xf32>) -> tensor<?x8x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 0, 0] high[0, 0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x8x8x4xf32> to tensor<?x8x8x4xf32>
  return %p : tensor<?x8x8x4xf32>
}
