// RUN: %test_bin/emulate %s | FileCheck %s

// Mbarriers, copies that they count, and products that read what was copied. Word i
// of the input is i; an mbarrier lies at 1024 of shared memory.

gpu.module @kernels {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // Each lane reads a word that was copied.
  // CHECK: copied: 1 2 3 4 {{.*}} 63 64{{$}}
  gpu.func @copied(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // Without a wait.
  // CHECK: kernel 'unwaited', {{.*}}: lane {{[0-9]+}} reads shared memory at {{[0-9]+}} before a copy that counts at 1024 is complete
  gpu.func @unwaited(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    gpu.barrier
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // Only lane 0 waits; the others may not see the copy.
  // CHECK: kernel 'one_waits', {{.*}}: lane {{[0-9]+}} reads shared memory at {{[0-9]+}} before a copy that counts at 1024 is complete
  gpu.func @one_waits(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    }
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // Nobody told copies of the mbarrier.
  // CHECK: kernel 'unfenced', {{.*}}: counts at the mbarrier at 1024, which no fence.mbarrier_init or fence.proxy.async made known to copies
  gpu.func @unfenced(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // The phase wants 256 bytes, and there are none.
  // CHECK: kernel 'endless', {{.*}}: waits for phase 0 of the mbarrier at 1024, where 0 arrivals and 256 bytes are missing
  gpu.func @endless(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // Lane 32 may not see the initialisation.
  // CHECK: kernel 'uninitialised', {{.*}}: race: lane 32 uses the mbarrier at 1024, whose initialisation it may not see
  gpu.func @uninitialised(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
    }
    %c32 = arith.constant 32 : i32
    %other = arith.cmpi eq, %i, %c32 : i32
    scf.if %other {
      nvvm.mbarrier.arrive %m : !llvm.ptr<3>
    }
    gpu.return
  }

  // One arrival too many.
  // CHECK: kernel 'too_many', {{.*}}: arrives 2 times at an mbarrier that expects 1
  gpu.func @too_many(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    %c2 = arith.constant 2 : i32
    scf.if %first {
      nvvm.mbarrier.arrive %m, %c2 : !llvm.ptr<3>
    }
    gpu.return
  }

  // The stage is written again while others may still read it.
  // CHECK: kernel 'overwritten', {{.*}}: race: lane 63 writes shared memory at 0 that lane 0 read without
  gpu.func @overwritten(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    nvvm.mbarrier.try_wait.parity %m, %c0, %ticks : !llvm.ptr<3>, i32, i32
    %from = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %y = arith.addi %x, %c1 : i32
    llvm.store %y, %to : i32, !llvm.ptr<1>
    %c63 = arith.constant 63 : i32
    %last = arith.cmpi eq, %i, %c63 : i32
    scf.if %last {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    gpu.return
  }

  // A copy that nobody waits for.
  // CHECK: kernel 'abandoned', {{.*}}: a bulk copy to shared memory goes on
  gpu.func @abandoned(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    scf.if %first {
      nvvm.mbarrier.init %m, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
    }
    gpu.barrier
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %m, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.shared.cluster.global %c, %in, %m, %bytes : !llvm.ptr<7>, !llvm.ptr<1>
    }
    gpu.return
  }

  // Whole warpgroups multiply.
  // CHECK: kernel 'half_a_group', {{.*}}: is no part of a whole warpgroup
  gpu.func @half_a_group(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 64 : i64, emu.inputs = 1 : i64, emu.words = 64 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %b = arith.constant 4611686293305294848 : i64
    %d:4 = qgpu.wgmma %i, %i, %i, %i times %b n 8 of s8, s8
      : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
    %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
      : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
    gpu.return
  }

  // 32 products of ones.
  // CHECK: product: 32 32 32 {{.*}} 32{{$}}
  gpu.func @product(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 128 : i64, emu.inputs = 1 : i64, emu.words = 128 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %at = llvm.ptrtoint %s : !llvm.ptr<3> to i32
    %mask = arith.constant 262143 : i32
    %c4 = arith.constant 4 : i32
    %low = arith.andi %at, %mask : i32
    %start = arith.shrui %low, %c4 : i32
    %wide = arith.extui %start : i32 to i64
    %rest = arith.constant 4611686293305360384 : i64
    %b = arith.ori %wide, %rest : i64
    %c256 = arith.constant 256 : i32
    %place = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %place2 = llvm.getelementptr %place[128] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32
    %ones = arith.constant 16843009 : i32
    llvm.store %ones, %place : i32, !llvm.ptr<3>
    llvm.store %ones, %place2 : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    gpu.barrier
    %d:4 = qgpu.wgmma %ones, %ones, %ones, %ones times %b n 8 of s8, s8
      : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
    %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
      : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %e#3, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // What lanes wrote is not there for products.
  // CHECK: kernel 'unfenced_product', {{.*}}: a product of warpgroup 0 reads shared memory at 0 that lane 0 wrote without a fence.proxy.async between
  gpu.func @unfenced_product(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 128 : i64, emu.inputs = 1 : i64, emu.words = 128 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %at = llvm.ptrtoint %s : !llvm.ptr<3> to i32
    %mask = arith.constant 262143 : i32
    %c4 = arith.constant 4 : i32
    %low = arith.andi %at, %mask : i32
    %start = arith.shrui %low, %c4 : i32
    %wide = arith.extui %start : i32 to i64
    %rest = arith.constant 4611686293305360384 : i64
    %b = arith.ori %wide, %rest : i64
    %c256 = arith.constant 256 : i32
    %place = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %place2 = llvm.getelementptr %place[128] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32
    %ones = arith.constant 16843009 : i32
    llvm.store %ones, %place : i32, !llvm.ptr<3>
    llvm.store %ones, %place2 : i32, !llvm.ptr<3>
    gpu.barrier
    %d:4 = qgpu.wgmma %ones, %ones, %ones, %ones times %b n 8 of s8, s8
      : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
    %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
      : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %e#3, %to : i32, !llvm.ptr<1>
    gpu.return
  }

  // Written again while the product reads.
  // CHECK: kernel 'unwaited_product', {{.*}}: race: lane {{[0-9]+}} writes shared memory at {{[0-9]+}} that a product of warpgroup 0 read without
  gpu.func @unwaited_product(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) kernel attributes {emu.shared = 1032 : i64, emu.block = 128 : i64, emu.inputs = 1 : i64, emu.words = 128 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %c = llvm.addrspacecast %s : !llvm.ptr<3> to !llvm.ptr<7>
    %m = llvm.getelementptr %s[1024] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %bytes = arith.constant 256 : i32
    %first = arith.cmpi eq, %i, %c0 : i32
    %at = llvm.ptrtoint %s : !llvm.ptr<3> to i32
    %mask = arith.constant 262143 : i32
    %c4 = arith.constant 4 : i32
    %low = arith.andi %at, %mask : i32
    %start = arith.shrui %low, %c4 : i32
    %wide = arith.extui %start : i32 to i64
    %rest = arith.constant 4611686293305360384 : i64
    %b = arith.ori %wide, %rest : i64
    %c256 = arith.constant 256 : i32
    %place = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %place2 = llvm.getelementptr %place[128] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32
    %ones = arith.constant 16843009 : i32
    llvm.store %ones, %place : i32, !llvm.ptr<3>
    llvm.store %ones, %place2 : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    gpu.barrier
    %d:4 = qgpu.wgmma %ones, %ones, %ones, %ones times %b n 8 of s8, s8
      : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
    gpu.barrier
    llvm.store %c0, %place : i32, !llvm.ptr<3>
    %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
      : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
    %to = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %e#3, %to : i32, !llvm.ptr<1>
    gpu.return
  }
}
