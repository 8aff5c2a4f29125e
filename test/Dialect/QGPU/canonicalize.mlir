// RUN: quant-opt %s --canonicalize --cse | FileCheck %s

// Products and waits stay, whether their sums are used or not.
// CHECK-LABEL: @product
// CHECK: qgpu.wgmma
// CHECK: qgpu.wgmma_wait
// CHECK: qgpu.wgmma_wait
func.func @product(%a: i32, %b: i64) {
  %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of s8, s8
    : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
  %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
    : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
  %f:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
    : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
  return
}

// Loads come in the order in which they are asked for, each by itself.
// CHECK-LABEL: @load
// CHECK: qgpu.tensor_load
// CHECK: qgpu.tensor_load
func.func @load(%address: i32) {
  %x = qgpu.tensor_load %address : (i32) -> i32
  %y = qgpu.tensor_load %address : (i32) -> i32
  return
}
