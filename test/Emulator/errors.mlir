// RUN: %test_bin/emulate %s | FileCheck %s

// Every kernel has one fault, which the emulator must name.

gpu.module @kernels {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>

  // Each lane writes its word; one of another warp reads it.
  // CHECK: kernel 'race', block (0, 0, 0), lane 32, a load at {{.*}}: race: lane 32 reads shared memory at 0 that lane 0 wrote without a barrier between
  gpu.func @race(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 256 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c31 = arith.constant 31 : i32
    %j = arith.andi %i, %c31 : i32
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %i, %to : i32, !llvm.ptr<3>
    %from = llvm.getelementptr %s[%j] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %at = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %x, %at : i32, !llvm.ptr<1>
    gpu.return
  }

  // The same with a barrier is right.
  // CHECK: barrier: 32 33 34
  gpu.func @barrier(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 256 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c32 = arith.constant 32 : i32
    %j = arith.xori %i, %c32 : i32
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %i, %to : i32, !llvm.ptr<3>
    gpu.barrier
    %from = llvm.getelementptr %s[%j] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = llvm.load %from : !llvm.ptr<3> -> i32
    %at = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %x, %at : i32, !llvm.ptr<1>
    gpu.return
  }

  // A buffer is written again while others may still read it.
  // CHECK: kernel 'reuse', {{.*}}: race: lane 31 writes shared memory at 124 that lane 63 read without
  gpu.func @reuse(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 256 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c32 = arith.constant 32 : i32
    %j = arith.xori %i, %c32 : i32
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %i, %to : i32, !llvm.ptr<3>
    gpu.barrier
    %last = arith.cmpi uge, %i, %c32 : i32
    scf.if %last {
      %from = llvm.getelementptr %s[%j] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      %x = llvm.load %from : !llvm.ptr<3> -> i32
    } else {
      llvm.store %i, %to : i32, !llvm.ptr<3>
    }
    gpu.return
  }

  // CHECK: kernel 'unwritten', {{.*}}: lane 0 reads shared memory at 0, which nobody wrote
  gpu.func @unwritten(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 16 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %x = llvm.load %s : !llvm.ptr<3> -> i32
    gpu.return
  }

  // CHECK: kernel 'too_far', {{.*}}: writes 4 bytes at 1020 of shared memory, which has 1020
  gpu.func @too_far(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 1020 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %to = llvm.getelementptr %s[255] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32
    %x = arith.constant 1 : i32
    llvm.store %x, %to : i32, !llvm.ptr<3>
    gpu.return
  }

  // CHECK: kernel 'over_the_end', {{.*}}, lane 64, a store{{.*}}: writes 4 bytes outside of all buffers, 256 after the start of 'b0'
  gpu.func @over_the_end(%out: !llvm.ptr<1>) kernel attributes {emu.block = 96 : i64} {
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %at = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %i, %at : i32, !llvm.ptr<1>
    gpu.return
  }

  // CHECK: kernel 'constant', {{.*}}: writes 4 bytes at 0 of the input 'b0'
  gpu.func @constant(%in: !llvm.ptr<1>) kernel attributes {emu.inputs = 1 : i64} {
    %x = arith.constant 1 : i32
    llvm.store %x, %in : i32, !llvm.ptr<1>
    gpu.return
  }

  // CHECK: kernel 'misaligned', {{.*}}: 8 bytes at an address that is no multiple
  gpu.func @misaligned(%in: !llvm.ptr<1>) kernel {
    %at = llvm.getelementptr %in[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %x = llvm.load %at : !llvm.ptr<1> -> i64
    gpu.return
  }

  // CHECK: kernel 'unwaited', {{.*}}: lane 0 reads shared memory at 0 before lane 0 has waited for its copy
  gpu.func @unwaited(%in: !llvm.ptr<1>) kernel attributes {emu.shared = 1024 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c4 = arith.constant 4 : i32
    %w = arith.muli %i, %c4 : i32
    %to = llvm.getelementptr %s[%w] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    nvvm.cp.async.shared.global %to, %in, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 1
    %x = llvm.load %to : !llvm.ptr<3> -> i32
    gpu.return
  }

  // A lane's own copy needs no barrier after the wait, another's does.
  // CHECK: kernel 'waited', {{.*}}: race: lane {{[0-9]+}} reads
  gpu.func @waited(%in: !llvm.ptr<1>) kernel attributes {emu.shared = 1024 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %c4 = arith.constant 4 : i32
    %c1 = arith.constant 1 : i32
    %w = arith.muli %i, %c4 : i32
    %to = llvm.getelementptr %s[%w] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    nvvm.cp.async.shared.global %to, %in, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    %x = llvm.load %to : !llvm.ptr<3> -> i32
    %v = arith.xori %w, %c4 : i32
    %c32 = arith.constant 32 : i32
    %z, %p = gpu.shuffle xor %x, %c1, %c32 : i32
    %from = llvm.getelementptr %s[%v] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %y = llvm.load %from : !llvm.ptr<3> -> i32
    gpu.return
  }

  // CHECK: kernel 'half_barrier', {{.*}}, gpu.barrier{{.*}}: only 32 of 64 lanes came
  gpu.func @half_barrier(%in: !llvm.ptr<1>) kernel {
    %id = gpu.thread_id x
    %c32 = arith.constant 32 : index
    %first = arith.cmpi ult, %id, %c32 : index
    scf.if %first {
      gpu.barrier
    }
    gpu.return
  }

  // CHECK: kernel 'diverged', {{.*}}: lane {{[0-9]+}} waits at gpu.shuffle
  gpu.func @diverged(%in: !llvm.ptr<1>) kernel attributes {emu.block = 32 : i64} {
    %id = gpu.thread_id x
    %x = arith.index_cast %id : index to i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %c16 = arith.constant 16 : index
    %first = arith.cmpi ult, %id, %c16 : index
    scf.if %first {
      %a, %p = gpu.shuffle xor %x, %c1, %c32 : i32
    } else {
      %b, %q = gpu.shuffle xor %x, %c1, %c32 : i32
    }
    gpu.return
  }

  // CHECK: kernel 'selector', block (0, 0, 0), lane 0, {{.*}}: selects scales that there are not
  gpu.func @selector(%out: !llvm.ptr<1>) kernel attributes {emu.block = 32 : i64} {
    %a = arith.constant 0 : i32
    %c = arith.constant 0.0 : f32
    %zero = arith.constant 0 : i16
    %one = arith.constant 1 : i16
    %d = nvvm.mma.block_scale A[%a, %a, %a, %a] B[%a, %a] C[%c, %c, %c, %c] scaleA[%a, %one, %zero] scaleB[%a, %zero, %zero] {shape = #nvvm.shape<m = 16, n = 8, k = 64>, multiplicandAPtxType = #nvvm.mma_type<e2m1>, multiplicandBPtxType = #nvvm.mma_type<e2m1>, scaleVecSize = #nvvm.scale_vec_size<x4>, blockScaleFormat = #nvvm.block_scale_format<ue4m3>, kind = #nvvm.block_scale_kind<mxf4nvf4>} : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %x = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
    llvm.store %x, %out : f32, !llvm.ptr<1>
    gpu.return
  }
}
