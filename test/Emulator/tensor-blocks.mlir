// Products of blocks in tensor memory: 128 x 64 numbers of e2m1 by 16 columns, scales of 16
// numbers each. A is all ones; of B, the first half of the inputs is 1 and the second 2, in
// rows of 64 bytes, swizzled by as many. Row r has scales (1 + r % 8 / 8) 2^(r / 32 + g) of
// its groups g, column j 1 of group j % 4 and 0 of the others. Scales are written by all
// quarters alike.

// RUN: %test_bin/emulate %s | FileCheck %s
// CHECK: blocks: 131104 147492 163880 180268 196656 213044 229432 245820 131104 {{.*}} 1704352 1835456 1966560{{$}}

// RUN: sed 's/%own = arith.constant 0/%own = arith.constant 1/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=QUARTERS
// QUARTERS: kernel 'blocks', {{.*}}: has scales in lane 32 of tensor memory that are not those in lane 0
// RUN: sed '/SCALES$/d' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=SCALES
// SCALES: kernel 'blocks', {{.*}}: lane 0 reads tensor memory at lane 0, column 456, which nobody wrote
// The third byte of scales, of which there are four; other elements; a row of scales that
// begins in another lane.
// RUN: sed 's/constant 134481024/constant 1208222848/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=BYTE
// BYTE: kernel 'blocks', {{.*}}: is no plain product of 128 rows
// RUN: sed 's/constant 134481024/constant 134480896/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=ELEMENTS
// ELEMENTS: kernel 'blocks', {{.*}}: has elements that its kind does not know
// RUN: sed 's/%first8 = arith.constant 8/%first8 = arith.constant 65544/' %s > %t && %test_bin/emulate %t | FileCheck %s --check-prefix=LANE
// LANE: kernel 'blocks', {{.*}}: has scales not from lane 0 on

gpu.module @kernels {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // B at 0, an mbarrier at 2048, the address of tensor memory at 2056.
  gpu.func @blocks(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 2064 : i64, emu.block = 128 : i64, emu.words = 128 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %m = llvm.getelementptr %s[2048] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %at = llvm.getelementptr %s[2056] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %c3 = arith.constant 3 : i32
    %c5 = arith.constant 5 : i32
    %c7 = arith.constant 7 : i32
    %c8 = arith.constant 8 : i32
    %c12 = arith.constant 12 : i32
    %c21 = arith.constant 21 : i32
    %c32 = arith.constant 32 : i32
    %c64 = arith.constant 64 : i32
    %first8 = arith.constant 8 : i32
    %ticks = arith.constant 1000 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %warp = arith.shrui %i, %c5 : i32
    %lane = arith.remui %i, %c32 : i32
    %isFirst = arith.cmpi eq, %warp, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    scf.if %isFirst {
      nvvm.tcgen05.alloc %at, %c64 : !llvm.ptr<3>, i32
      nvvm.tcgen05.relinquish_alloc_permit
    }
    // Lane i has 16 bytes, column i % 4 of row i / 4: ones are column 0, twos column 1.
    %shift = arith.shrui %i, %c3 : i32
    %mixed = arith.xori %i, %shift : i32
    %column = arith.andi %mixed, %c3 : i32
    %isOne = arith.cmpi eq, %column, %c0 : i32
    %ones = arith.constant dense<572662306> : vector<4xi32>
    %twos = arith.constant dense<1145324612> : vector<4xi32>
    %row = arith.select %isOne, %ones, %twos : vector<4xi32>
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, !llvm.array<4 x i32>
    llvm.store %row, %to : vector<4xi32>, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>

    // Eight columns of A, four of scales of A's rows, four of B's columns.
    %t = llvm.load %at : !llvm.ptr<3> -> i32
    %quarter = arith.shli %warp, %c21 : i32
    %a = arith.addi %t, %quarter : i32
    %pa = llvm.inttoptr %a : i32 to !llvm.ptr<6>
    %numbers = arith.constant dense<572662306> : vector<8xi32>
    nvvm.tcgen05.st %pa, %numbers {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<8xi32>
    %own = arith.constant 0 : i32
    %other = arith.muli %own, %warp : i32
    %eighths = arith.andi %lane, %c7 : i32
    %all = arith.constant 16843009 : i32
    %fractions = arith.muli %eighths, %all : i32
    %mine = arith.addi %fractions, %other : i32
    %w0 = arith.constant 1346912312 : i32
    %x0 = arith.addi %w0, %mine : i32
    %w1 = arith.constant 1481656384 : i32
    %x1 = arith.addi %w1, %mine : i32
    %w2 = arith.constant 1616400456 : i32
    %x2 = arith.addi %w2, %mine : i32
    %w3 = arith.constant 1751144528 : i32
    %x3 = arith.addi %w3, %mine : i32
    %one = arith.constant 56 : i32
    %group = arith.andi %lane, %c3 : i32
    %bits = arith.muli %group, %c8 : i32
    %y = arith.shli %one, %bits : i32
    %scales = vector.from_elements %x0, %x1, %x2, %x3, %y, %y, %y, %y : vector<8xi32>
    %as = arith.addi %a, %c8 : i32
    %ps = llvm.inttoptr %as : i32 to !llvm.ptr<6>
    nvvm.tcgen05.st %ps, %scales {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<8xi32> // SCALES
    nvvm.tcgen05.wait #nvvm.tcgen05_wait<store>
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>

    %sums = arith.addi %t, %c32 : i32
    scf.if %first {
      %d = llvm.inttoptr %sums : i32 to !llvm.ptr<6>
      %operand = llvm.inttoptr %t : i32 to !llvm.ptr<6>
      %atA = arith.addi %t, %first8 : i32
      %atB = arith.addi %t, %c12 : i32
      %sa = llvm.inttoptr %atA : i32 to !llvm.ptr<6>
      %sb = llvm.inttoptr %atB : i32 to !llvm.ptr<6>
      %idesc = arith.constant 134481024 : i32
      %rest = arith.constant -9223301530671579136 : i64
      %c4 = arith.constant 4 : i64
      %mask = arith.constant 262143 : i64
      %address = llvm.ptrtoint %s : !llvm.ptr<3> to i64
      %low = arith.andi %address, %mask : i64
      %start = arith.shrui %low, %c4 : i64
      %b = arith.ori %start, %rest : i64
      %no = arith.constant false
      nvvm.tcgen05.mma.block_scale %d, %operand, %b, %idesc, %no, %sa, %sb {kind = #nvvm.block_scale_kind<mxf4nvf4>, ctaGroup = #nvvm.cta_group<cta_1>, blockScale = #nvvm.tcgen05_mma_block_scale<block16>} : (!llvm.ptr<6>, !llvm.ptr<6>, i64, i32, i1, !llvm.ptr<6>, !llvm.ptr<6>)
      nvvm.tcgen05.commit %m : !llvm.ptr<3>
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    %from = arith.addi %sums, %quarter : i32
    %n:16 = qgpu.tensor_load %from : (i32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32)
    %factor = arith.constant 512.0 : f32
    %much = arith.mulf %n#15, %factor : f32
    %both = arith.addf %much, %n#1 : f32
    %z = arith.fptosi %both : f32 to i32
    %result = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %z, %result : i32, !llvm.ptr<1>
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    gpu.barrier
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    scf.if %isFirst {
      %whole = llvm.inttoptr %t : i32 to !llvm.ptr<6>
      nvvm.tcgen05.dealloc %whole, %c64 : !llvm.ptr<6>, i32
    }
    gpu.return
  }
}
