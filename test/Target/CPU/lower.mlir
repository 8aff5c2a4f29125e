// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx512vnni --qnt-lower-to-cpu=isa=avx512vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx2 --qnt-lower-to-cpu=isa=avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: quant-opt %s --qnt-cpu-strategy=isa=portable --qnt-lower-to-cpu=isa=portable | FileCheck %s --check-prefix=CHECK
// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx2 --qnt-lower-to-cpu=isa=avx2 --qnt-cpu-kernels-to-llvm | FileCheck %s --check-prefix=LLVM

// The manifest names entries, parameters and operations.
// CHECK: qnt.manifest = "{{.*}}\22entries\22:[{\22dims\22:[\22rows\22],\22inputs\22:[{\22dtype\22:\22f32\22,\22name\22:\22x\22,\22shape\22:[\22rows\22,128]}],\22kv\22:false,\22name\22:\22main\22,\22outputs\22:[{\22dtype\22:\22f32\22,\22name\22:\22y\22,\22shape\22:[\22rows\22,48]}]}]{{.*}}\22macs_per_row\22:6144,\22moves\22:{{\[\[1,\\22rows\\22,128\],\[4,\\22rows\\22,48\]\]}},\22name\22:\22layers.0.up\22,{{.*}}\22params\22:[\22w\22]

// The frame holds quantised rows (128 bytes of codes; scale, zero point and sums
// a cache line each) and nothing of the size of the weight.
// CHECK-LABEL: llvm.func internal @frame.main(
// CHECK-SAME:      %[[ROWS:.*]]: i64) -> i64
// CHECK-NOT:     constant {{[2-9]}}
// CHECK:         arith.constant 320 : i64
// CHECK-NOT:     constant {{[1-9]}}
// CHECK:         llvm.return

// One quantisation and one contraction.
// CHECK-LABEL: llvm.func internal @body.main(
// CHECK:         llvm.call @quantize_rows.int8.128p128s32e0.f32(
// CHECK:         llvm.call @"linear.dot4-{{.*}}.int4.g32.f16.xs8.sums32.k128.n48.t{{.*}}"(
// CHECK-NOT:     llvm.call @{{"?}}{{linear|quantize}}
// CHECK:         llvm.return

// In a tile of one row and one panel, numbers turn to floats once for each group
// of 32, after the dot product: its sums, and the f16 scales. One vector of
// floats is stored, the output (argument 6).
// CHECK-LABEL: llvm.func internal @"linear.{{.*}}.tile1x1"(
// CHECK-SAME:      %arg5: i64, %arg6: !llvm.ptr)
// CHECK-NOT:     sitofp
// CHECK-NOT:     llvm.store
// VNNI-COUNT-8:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// AVX2:          llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK:         sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK-NOT:     sitofp
// CHECK:         llvm.store %{{.*}}, %arg6 {{.*}} : vector<16xf32>, !llvm.ptr
// CHECK-NOT:     sitofp
// CHECK-NOT:     llvm.store
// CHECK:         llvm.return

// The entry points of the module ABI.
// CHECK:       llvm.func hidden @qnt_{{.*}}_main(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: !llvm.ptr, %arg3: !llvm.ptr, %arg4: !llvm.ptr, %arg5: !llvm.ptr, %arg6: !llvm.ptr) -> i32
// CHECK:       llvm.func hidden @qnt_{{.*}}_main_arena(%arg0: !llvm.ptr) -> i64
// CHECK:       llvm.func hidden @qnt_{{.*}}_kv_bytes(%arg0: i64, %arg1: i64) -> i64

// The last step leaves nothing but the llvm dialect.
// LLVM:     llvm.func
// LLVM-NOT: {{ (arith|scf|vector|math|cf|func)\.[a-z]}}

!x = !qnt.tensor<?x128, int8, per_row, scale f32, #qnt.rows<pad = 64, sums = 32>>
!w = !qnt.tensor<48x128, int4, group<32>, scale f16, #qnt.panels<16>>
ml_program.global private @w(#ml_program.extern : !w) : !w
func.func @main(%x: tensor<?x128xf32> {qnt.name = "x", qnt.dims = ["rows", ""]}) -> (tensor<?x48xf32> {qnt.name = "y"}) {
  %w = ml_program.global_load_const @w : !w
  %xq = qnt.quantize %x : tensor<?x128xf32> -> !x
  %y = qnt.linear %xq, %w : !x, !w loc("layers.0.up")
  return %y : tensor<?x48xf32>
}
