// RUN: quant-opt %s --verify-roundtrip | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

!wide = !qnt.tensor<?x8, int16, per_tensor, scale f32>
!codes = !qnt.tensor<?x8, int8, per_tensor, scale f32>
!half = !qnt.tensor<?x4, int8, per_tensor, scale f32>
!zeros = !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>

// CHECK-LABEL: @normalize
func.func @normalize(%x: !wide, %m: tensor<8xi32>, %s: tensor<f32>, %z: tensor<f32>) -> (!zeros, tensor<?x8xf32>) {
  // CHECK: qnt.normalize %{{.*}} stabilizer 41 epilogue [requantize](%{{.*}} : tensor<8xi32>, tensor<8xi32>, tensor<f32>, tensor<f32>) : !qnt.tensor<?x8, int16, per_tensor, scale f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  %0 = qnt.normalize %x stabilizer 41 epilogue [requantize](%m, %m, %s, %z : tensor<8xi32>, tensor<8xi32>, tensor<f32>, tensor<f32>) : !wide -> !zeros
  %c = arith.constant dense<1.0> : tensor<8xf32>
  // CHECK: qnt.normalize %{{.*}} stabilizer 0 epilogue [int_bias, relu, rescale](%{{.*}} : tensor<8xi32>, tensor<8xf32>) : {{.*}} -> tensor<?x8xf32>
  %1 = qnt.normalize %0 stabilizer 0 epilogue [int_bias, relu, rescale](%m, %c : tensor<8xi32>, tensor<8xf32>) : !zeros -> tensor<?x8xf32>
  return %0, %1 : !zeros, tensor<?x8xf32>
}

// CHECK-LABEL: @rope
func.func @rope(%x: !wide, %t: tensor<?x4xi16>, %m: tensor<8xi32>, %s: tensor<f32>) -> !codes {
  // CHECK: qnt.rope %{{.*}}, %{{.*}} heads 2 epilogue [requantize](%{{.*}}) : !qnt.tensor<?x8, int16, per_tensor, scale f32>, tensor<?x4xi16> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  %0 = qnt.rope %x, %t heads 2 epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !wide, tensor<?x4xi16> -> !codes
  return %0 : !codes
}

// CHECK-LABEL: @attention
func.func @attention(%q: !codes, %k: !half, %r: !wide, %m: tensor<8xi32>, %s: tensor<f32>) -> !wide {
  // CHECK: qnt.attention %{{.*}}, %{{.*}}, %{{.*}} heads 4 kv_heads 2 multiplier 65535 shift 62 epilogue [int_add, requantize](%{{.*}}) : !qnt.tensor<?x8, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32>, !qnt.tensor<?x4, int8, per_tensor, scale f32> -> !qnt.tensor<?x8, int16, per_tensor, scale f32>
  %0 = qnt.attention %q, %k, %k heads 4 kv_heads 2 multiplier 65535 shift 62 epilogue [int_add, requantize](%r, %m, %m, %m, %s : !wide, tensor<8xi32>, tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !codes, !half, !half -> !wide
  return %0 : !wide
}

// CHECK-LABEL: @products
func.func @products(%a: !wide, %b: !zeros, %m: tensor<8xi32>, %s: tensor<f32>) -> !codes {
  // CHECK: qnt.multiply %{{.*}}, %{{.*}} epilogue [requantize](%{{.*}}) : !qnt.tensor<?x8, int16, per_tensor, scale f32>, !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero> -> !qnt.tensor<?x8, int8, per_tensor, scale f32>
  %0 = qnt.multiply %a, %b epilogue [requantize](%m, %m, %s : tensor<8xi32>, tensor<8xi32>, tensor<f32>) : !wide, !zeros -> !codes
  return %0 : !codes
}

// CHECK-LABEL: @lookup
func.func @lookup(%x: !qnt.tensor<?x8, int2, per_tensor, scale f32>, %s: tensor<f32>, %z: tensor<f32>) -> (!wide, !zeros) {
  // CHECK: qnt.lookup %{{.*}} table dense<[0, 32767, -32768, -1]> : tensor<4xi16> scale %{{.*}} : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32> -> !qnt.tensor<?x8, int16, per_tensor, scale f32>
  %0 = qnt.lookup %x table dense<[0, 32767, -32768, -1]> : tensor<4xi16> scale %s : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32> -> !wide
  // CHECK: qnt.lookup %{{.*}} table dense<[0, 1, 255, 3]> : tensor<4xi16> scale %{{.*}} zero %{{.*}} : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x8, uint8, per_tensor, scale f32, zero>
  %1 = qnt.lookup %x table dense<[0, 1, 255, 3]> : tensor<4xi16> scale %s zero %z : !qnt.tensor<?x8, int2, per_tensor, scale f32>, tensor<f32>, tensor<f32> -> !zeros
  return %0, %1 : !wide, !zeros
}
