// RUN: not %test_bin/emulate %s 2>&1 | FileCheck %s

gpu.module @kernels {
  // CHECK: error: 'gpu.subgroup_reduce' op cannot be emulated
  gpu.func @unknown(%out: !llvm.ptr<1>) kernel {
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %x = gpu.subgroup_reduce add %i : (i32) -> i32
    llvm.store %x, %out : i32, !llvm.ptr<1>
    gpu.return
  }

  // CHECK: error: 'gpu.shuffle' op shuffles 'i64'; expected 32 bits
  gpu.func @wide(%out: !llvm.ptr<1>) kernel {
    %x = arith.constant 1 : i64
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %y, %p = gpu.shuffle xor %x, %c1, %c32 : i64
    llvm.store %y, %out : i64, !llvm.ptr<1>
    gpu.return
  }
}
