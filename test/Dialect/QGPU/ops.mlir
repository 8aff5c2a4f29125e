// RUN: quant-opt %s | quant-opt | FileCheck %s

// CHECK-LABEL: @product
func.func @product(%a: i32, %b: i64, %c: i32) -> i32 {
  // CHECK: %[[D:.*]]:4 = qgpu.wgmma %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} times %{{.*}} n 8 of s8, u8 :
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of s8, u8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
  // CHECK: %[[E:.*]]:4 = qgpu.wgmma %{{.*}} times %{{.*}} plus %[[D]]#0, %[[D]]#1, %[[D]]#2, %[[D]]#3 n 8 of s8, s8 :
  %e:4 = qgpu.wgmma %a, %a, %a, %a times %b plus %d#0, %d#1, %d#2, %d#3 n 8 of s8, s8
    : (i32, i32, i32, i32, i64, i32, i32, i32, i32) -> (i32, i32, i32, i32)
  // CHECK: qgpu.wgmma_wait %[[E]]#0, %[[E]]#1, %[[E]]#2, %[[E]]#3 :
  %f:4 = qgpu.wgmma_wait %e#0, %e#1, %e#2, %e#3
    : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
  return %f#0 : i32
}

// CHECK-LABEL: @floats
func.func @floats(%a: i32, %b: i64, %c: f32) -> f32 {
  // CHECK: plus %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} n 8 of e4m3, e5m2 :
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b plus %c, %c, %c, %c n 8 of e4m3, e5m2
    : (i32, i32, i32, i32, i64, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
    : (f32, f32, f32, f32) -> (f32, f32, f32, f32)
  return %e#0 : f32
}

// CHECK-LABEL: @load
func.func @load(%address: i32) -> (i32, f32) {
  // CHECK: %{{.*}}:2 = qgpu.tensor_load %{{.*}} : (i32) -> (i32, i32)
  %x:2 = qgpu.tensor_load %address : (i32) -> (i32, i32)
  // CHECK: %{{.*}} = qgpu.tensor_load %{{.*}} : (i32) -> f32
  %y = qgpu.tensor_load %address : (i32) -> f32
  return %x#0, %y : i32, f32
}

// CHECK-LABEL: @warp
func.func @warp(%a: i32, %b: i32, %c: f32) -> f32 {
  // CHECK: qgpu.mma %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} times %{{.*}}, %{{.*}} plus %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} of e4m3, e5m2 :
  %d:4 = qgpu.mma %a, %a, %a, %a times %b, %b plus %c, %c, %c, %c of e4m3, e5m2
    : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  return %d#0 : f32
}
