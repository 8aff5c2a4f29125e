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

  // CHECK: error: 'nvvm.tcgen05.ld' op cannot be emulated
  gpu.func @load(%out: !llvm.ptr<1>) kernel {
    %c0 = arith.constant 0 : i32
    %t = llvm.inttoptr %c0 : i32 to !llvm.ptr<6>
    %x = nvvm.tcgen05.ld %t {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<2xi32>
    llvm.store %x, %out : vector<2xi32>, !llvm.ptr<1>
    gpu.return
  }

  // CHECK: error: 'nvvm.tcgen05.st' op expected a store of the shape 16x128b, or of vectors of 32x32b
  gpu.func @store() kernel {
    %c0 = arith.constant 0 : i32
    %t = llvm.inttoptr %c0 : i32 to !llvm.ptr<6>
    %words = vector.from_elements %c0, %c0 : vector<2xi32>
    nvvm.tcgen05.st %t, %words {shape = #nvvm.tcgen05_ldst_shape<shape_16x64b>} : vector<2xi32>
    gpu.return
  }

  // CHECK: error: 'nvvm.tcgen05.mma' op expected a plain product of one block of the kind i8, f16 or f8f6f4, with A in tensor memory
  gpu.func @product() kernel {
    %c0 = arith.constant 0 : i32
    %a = arith.constant 0 : i64
    %no = arith.constant false
    %t = llvm.inttoptr %c0 : i32 to !llvm.ptr<6>
    nvvm.tcgen05.mma %t, %a, %a, %c0, %no {kind = #nvvm.tcgen05_mma_kind<i8>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    gpu.return
  }

  // CHECK: error: 'nvvm.tcgen05.mma.block_scale' op expected a product of one block of the kind mxf4nvf4 in blocks of 16 or mxf4 in blocks of 32, with A in tensor memory
  gpu.func @blocks() kernel {
    %c0 = arith.constant 0 : i32
    %a = arith.constant 0 : i64
    %no = arith.constant false
    %t = llvm.inttoptr %c0 : i32 to !llvm.ptr<6>
    nvvm.tcgen05.mma.block_scale %t, %t, %a, %c0, %no, %t, %t {kind = #nvvm.block_scale_kind<mxf4nvf4>, ctaGroup = #nvvm.cta_group<cta_1>, blockScale = #nvvm.tcgen05_mma_block_scale<block32>} : (!llvm.ptr<6>, !llvm.ptr<6>, i64, i32, i1, !llvm.ptr<6>, !llvm.ptr<6>)
    gpu.return
  }
}
