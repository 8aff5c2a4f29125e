// Tensor memory: a product of 128 x 32 bytes and 16 columns. Row r of A is all r % 16,
// and B all ones; a lane adds up two sums of its row. What is marked at the end of a
// line is needed: without it, there is an error.

// RUN: %test_bin/emulate %s | FileCheck %s
// CHECK: product: 0 64 128 192 {{.*}} 896 960 0 64

// RUN: sed '/WAIT$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=WAIT
// WAIT: kernel 'product', {{.*}}: lane 0 reads tensor memory at lane 0, column 448 before lane 0 has waited for its store
// RUN: sed '/BEFORE$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=BEFORE
// BEFORE: kernel 'product', {{.*}}: a product of lane 0 reads tensor memory at lane 0, column 448 that lane 0 wrote without a tcgen05.fence::before_thread_sync between
// RUN: sed '/AFTER$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=AFTER
// AFTER: kernel 'product', {{.*}}: race: lane 0 reads tensor memory at lane 0, column 449 that lane 1 wrote without a barrier between
// RUN: sed '/PROXY$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=PROXY
// PROXY: kernel 'product', {{.*}}: a product of lane 0 reads shared memory at 0 that lane 0 wrote without a fence.proxy.async between
// RUN: sed '/COMMIT$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=COMMIT
// COMMIT: kernel 'product', {{.*}}: waits for phase 0 of the mbarrier at 2048, where 1 arrivals and 0 bytes are missing
// RUN: sed '/SUMS$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=SUMS
// SUMS: kernel 'product', {{.*}}: lane 32 reads tensor memory at lane 32, column 480, which nobody wrote
// RUN: sed '/LATER$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=LATER
// LATER: kernel 'product', {{.*}}: race: lane 0 reads tensor memory at lane 0, column 480 that a product of lane 0 wrote without a barrier between
// RUN: sed '/READ$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=READ
// READ: kernel 'product', {{.*}}: lane 0 writes tensor memory at lane 1, column 480 that lane 1 read without a tcgen05.fence::before_thread_sync between
// RUN: sed '/FREE$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=FREE
// FREE: kernel 'product', {{.*}}: tensor memory is still allocated
// Other warps' lanes; columns that were not allocated; more columns than B has; sums
// that no product of integers has.
// RUN: sed 's/%c21 = arith.constant 21/%c21 = arith.constant 20/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=LANES
// LANES: kernel 'product', {{.*}}: reaches 16 lanes of tensor memory from 16 on, but the warp has lanes 32 to 63
// RUN: sed 's/%c64 = arith.constant 64/%c64 = arith.constant 32/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=COLUMNS
// COLUMNS: kernel 'product', {{.*}}: accesses 16 columns of tensor memory from 512 on, in lane 0, which are not allocated
// RUN: sed 's/constant 134481056/constant 134743200/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=SHAPE
// SHAPE: kernel 'product', {{.*}}: lane 0 reads shared memory at {{[0-9]+}}, which nobody wrote
// RUN: sed 's/constant 134481056/constant 134481040/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=TYPE
// TYPE: kernel 'product', {{.*}}: is no plain product of 128 rows

gpu.module @kernels {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // B at 0, an mbarrier at 2048, the address of tensor memory at 2056.
  gpu.func @product(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 2064 : i64, emu.block = 128 : i64, emu.words = 128 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %m = llvm.getelementptr %s[2048] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %at = llvm.getelementptr %s[2056] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %c5 = arith.constant 5 : i32
    %c8 = arith.constant 8 : i32
    %c21 = arith.constant 21 : i32
    %c32 = arith.constant 32 : i32
    %c64 = arith.constant 64 : i32
    %half = arith.constant 1048576 : i32
    %bytes = arith.constant 16843009 : i32
    %ticks = arith.constant 1000 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %warp = arith.shrui %i, %c5 : i32
    %isFirst = arith.cmpi eq, %warp, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    scf.if %isFirst {
      nvvm.tcgen05.alloc %at, %c64 : !llvm.ptr<3>, i32
      nvvm.tcgen05.relinquish_alloc_permit
    }
    %ones = arith.constant dense<16843009> : vector<4xi32>
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<4 x i32>
    llvm.store %ones, %to : vector<4xi32>, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>} // PROXY
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>

    // Each lane has words of rows lane / 4 and lane / 4 + 8 of both halves of its quarter.
    %t = llvm.load %at : !llvm.ptr<3> -> i32
    %lane = arith.remui %i, %c32 : i32
    %row = arith.shrui %lane, %c2 : i32
    %lower = arith.addi %row, %c8 : i32
    %x = arith.muli %row, %bytes : i32
    %y = arith.muli %lower, %bytes : i32
    %words = vector.from_elements %x, %y, %x, %y : vector<4xi32>
    %quarter = arith.shli %warp, %c21 : i32
    %a = arith.addi %t, %quarter : i32
    %pa = llvm.inttoptr %a : i32 to !llvm.ptr<6>
    nvvm.tcgen05.st %pa, %words {shape = #nvvm.tcgen05_ldst_shape<shape_16x128b>} : vector<4xi32>
    %a2 = arith.addi %a, %half : i32
    %pa2 = llvm.inttoptr %a2 : i32 to !llvm.ptr<6>
    nvvm.tcgen05.st %pa2, %words {shape = #nvvm.tcgen05_ldst_shape<shape_16x128b>} : vector<4xi32>
    nvvm.tcgen05.wait #nvvm.tcgen05_wait<store> // WAIT
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before> // BEFORE
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after> // AFTER

    // 128 rows, 16 columns, signed bytes, sums of i32.
    %sums = arith.addi %t, %c32 : i32
    scf.if %first {
      %d = llvm.inttoptr %sums : i32 to !llvm.ptr<6>
      %operand = llvm.inttoptr %t : i32 to !llvm.ptr<6>
      %idesc = arith.constant 134481056 : i32
      %rest = arith.constant 4611756662049538048 : i64
      %c4 = arith.constant 4 : i64
      %mask = arith.constant 262143 : i64
      %address = llvm.ptrtoint %s : !llvm.ptr<3> to i64
      %low = arith.andi %address, %mask : i64
      %start = arith.shrui %low, %c4 : i64
      %b = arith.ori %start, %rest : i64
      %no = arith.constant false
      nvvm.tcgen05.mma %d, %operand, %b, %idesc, %no {kind = #nvvm.tcgen05_mma_kind<i8>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, !llvm.ptr<6>, i64, i32, i1)
      nvvm.tcgen05.commit %m : !llvm.ptr<3> // COMMIT
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32 // SUMS
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after> // LATER
    %from = arith.addi %sums, %quarter : i32
    %n:16 = qgpu.tensor_load %from : (i32) -> (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32)
    %z = arith.addi %n#0, %n#15 : i32
    %result = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %z, %result : i32, !llvm.ptr<1>
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before> // READ
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    scf.if %isFirst {
      %whole = llvm.inttoptr %t : i32 to !llvm.ptr<6>
      nvvm.tcgen05.dealloc %whole, %c64 : !llvm.ptr<6>, i32 // FREE
    }
    gpu.return
  }
}
