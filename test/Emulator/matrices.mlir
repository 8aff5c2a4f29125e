// RUN: %test_bin/emulate %s | FileCheck %s

// A matrix of 8 x 8 elements of 16 bits: word i of shared memory is i, so an even
// element is the number of its word and an odd one 0.

gpu.module @kernels {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>

  // A lane gets two neighbours of a row.
  // CHECK: rows: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31{{$}}
  gpu.func @rows(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 128 : i64, emu.block = 32 : i64, emu.words = 32 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %i, %to : i32, !llvm.ptr<3>
    gpu.barrier
    %c7 = arith.constant 7 : i32
    %c4 = arith.constant 4 : i32
    %j = arith.andi %i, %c7 : i32
    %word = arith.muli %j, %c4 : i32
    %row = llvm.getelementptr %s[%word] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = nvvm.ldmatrix %row {num = 1 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> i32
    %at = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %x, %at : i32, !llvm.ptr<1>
    gpu.return
  }

  // With .trans, of a column: lane 4 g + t elements g of rows 2 t and 2 t + 1.
  // CHECK: columns: 262144 786440 1310736 1835032 0 0 0 0 327681 851977 1376273 1900569 0 0 0 0 393218 917514 1441810 1966106 0 0 0 0 458755 983051 1507347 2031643 0 0 0 0{{$}}
  gpu.func @columns(%out: !llvm.ptr<1>) kernel attributes {emu.shared = 128 : i64, emu.block = 32 : i64, emu.words = 32 : i64} {
    %s = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %id = gpu.thread_id x
    %i = arith.index_cast %id : index to i32
    %to = llvm.getelementptr %s[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %i, %to : i32, !llvm.ptr<3>
    gpu.barrier
    %c7 = arith.constant 7 : i32
    %c4 = arith.constant 4 : i32
    %j = arith.andi %i, %c7 : i32
    %word = arith.muli %j, %c4 : i32
    %row = llvm.getelementptr %s[%word] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %x = nvvm.ldmatrix %row {num = 1 : i32, layout = #nvvm.mma_layout<col>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> i32
    %at = llvm.getelementptr %out[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %x, %at : i32, !llvm.ptr<1>
    gpu.return
  }
}
