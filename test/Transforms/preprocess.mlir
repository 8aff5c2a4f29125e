// RUN: quant-opt %s '--nn-preprocess=input="image: u8 nhwc scale=1/255 mean=.5,.25,.5 std=.5,.25,.125"' | FileCheck %s
// RUN: quant-opt %s '--nn-preprocess=input="image: f32 nchw scale=2"' | FileCheck %s --check-prefix=SCALE
// RUN: quant-opt %s '--nn-preprocess=input="last: u8 nhwc model=nhwc name=image"' | FileCheck %s --check-prefix=LAST
// RUN: not quant-opt %s '--nn-preprocess=input="picture: u8"' 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not quant-opt %s '--nn-preprocess=input="image: u8 mean=1,2"' 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not quant-opt %s '--nn-preprocess=input="image: u8 std=0"' 2>&1 | FileCheck %s --check-prefix=STD
// RUN: not quant-opt %s '--nn-preprocess=input="image: u4"' 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not quant-opt %s '--nn-preprocess=input="image: scale=1/0"' 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not quant-opt %s '--nn-preprocess=input="rows: u8"' 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not quant-opt %s '--nn-preprocess=input="u8"' 2>&1 | FileCheck %s --check-prefix=COLON
// NAME: preprocess: no entry point has an input 'picture'
// COUNT: preprocess: input 'image' is 'tensor<?x3x8x9xf32>' with channels second, expected as many as there are numbers in mean and std
// STD: preprocess: 'std=0': expected
// WORD: preprocess: 'u4': expected u8 or f32
// ZERO: preprocess: 'scale=1/0': expected
// RANK: preprocess: input 'rows' of 'main' is 'tensor<4x4xf32>', expected images of f32
// COLON: preprocess: 'u8': expected the name of an input and ':'

// CHECK-LABEL: func @main
// CHECK-SAME:    %[[X:.*]]: tensor<?x8x9x3xi8> {qnt.dims = ["N", "", "", ""], qnt.dtype = "u8", qnt.name = "image"}
// CHECK:         linalg.generic
// CHECK:           arith.uitofp %{{.*}} : i8 to f32
// CHECK-DAG:     %[[F:.*]] = arith.constant dense<[0.0078431{{.*}}, 0.0156862{{.*}}, 0.0313725{{.*}}]> : tensor<3xf32>
// CHECK-DAG:     %[[O:.*]] = arith.constant dense<[-1.000000e+00, -1.000000e+00, -4.000000e+00]> : tensor<3xf32>
// CHECK-DAG:     nn.mul %{{.*}}, %[[F]] : tensor<?x8x9x3xf32>, tensor<3xf32>
// CHECK-DAG:     nn.add %{{.*}}, %[[O]] : tensor<?x8x9x3xf32>, tensor<3xf32>
// CHECK:         %[[Y:.*]] = linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
// CHECK:         nn.activation relu %[[Y]]

// SCALE-LABEL: func @main
// SCALE-SAME:    tensor<?x3x8x9xf32> {qnt.dims
// SCALE:         linalg.transpose {{.*}} permutation = [0, 2, 3, 1]
// SCALE:         nn.mul
// SCALE-NOT:     nn.add
// SCALE:         linalg.transpose {{.*}} permutation = [0, 3, 1, 2]

// LAST-LABEL: func @main
// LAST-SAME:    tensor<1x8x8x3xi8> {qnt.dtype = "u8", qnt.name = "image"}
// LAST:         arith.uitofp
// LAST-NOT:     nn.mul
// LAST-NOT:     linalg.transpose
func.func @main(%x: tensor<?x3x8x9xf32> {qnt.name = "image", qnt.dims = ["N", "", "", ""]},
                %r: tensor<4x4xf32> {qnt.name = "rows"},
                %l: tensor<1x8x8x3xf32> {qnt.name = "last"}) -> (tensor<?x3x8x9xf32>, tensor<1x8x8x3xf32>) {
  %0 = nn.activation relu %x : tensor<?x3x8x9xf32>
  %1 = nn.activation relu %l : tensor<1x8x8x3xf32>
  return %0, %1 : tensor<?x3x8x9xf32>, tensor<1x8x8x3xf32>
}
