//===- QFlowMemory.td - units on weights in memory ---------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWMEMORY_TD
#define QNT_DIALECTS_QFLOW_QFLOWMEMORY_TD

include "dialects/QFlow/QFlowUnits.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QFlow_FetchOp : QFlow_Unit<"fetch"> {
  let summary = "frames that are always the same, from memory";
  let description = [{
    Reads `contents` from a memory outside of the design through an AXI4 port of
    its own, of `port` bits, over and over: the words of the stream in their order,
    each in the lowest bits of a word of the memory, the first at the port's base
    address.

    ```mlir
    %w = qflow.fetch "weights0" contents dense<1> : tensor<4x32x64xi4> port 64 burst 64 ahead 512
        : !qflow.stream<4x32x64xsi4, 16>
    ```

    A burst has `burst` words, or what is left of a frame. Bursts are asked for
    as long as there is room for all that was, `ahead` words.

    It stays as it is where units become processes.

    Constraints:
    - (C1) `contents` has the stream's shape, and signless elements of the width of
      the stream's.
    - (C2) `port` is a power of two from 32 to 1024, and a word of the stream has at
      most so many bits.
    - (C3) `burst` is a power of two, at most 256, of at most 4096 bytes, so that
      those that begin at multiples of their size do not cross a boundary of 4 KiB
      (AMBA AXI, A3.4.1).
    - (C4) `ahead` is a power of two, twice `burst` or more, at most 65536.
    - (C5) no other of the design has its name.
  }];
  let arguments = (ins StrAttr:$name, AnyIntElementsAttr:$contents, I64Attr:$port,
                       I64Attr:$burst, I64Attr:$ahead);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $name `contents` $contents `port` $port `burst` $burst `ahead` $ahead attr-dict `:`
    qualified(type($result))
  }];
  let extraClassDeclaration = [{
    /// Whether a port may have so many bits.
    static bool isPort(int64_t bits);
    /// The most words of a burst of at most 64.
    static int64_t getBurst(int64_t port) {
      return std::min<int64_t>(64, 4096 * 8 / port);
    }
    /// Of a frame in memory.
    int64_t getBytes() { return getResult().getType().getWords() * getPort() / 8; }
    /// Bytes of the memory, those of a word from its lowest on.
    std::string getImage();
  }];
}

def QFlow_TiledDotOp : QFlow_Unit<"tiled_dot"> {
  let summary = "products of vectors with a matrix that comes as a stream";
  let description = [{
    As `qflow.dot`, with weights that come with each frame: its V vectors of K
    inputs are multiplied by tiles of P rows, one after the other, P the lanes of
    the result. A tile is a word for each word of a vector: for each of its inputs
    those of P rows.

    ```mlir
    %y = qflow.tiled_dot %x, %w : !qflow.stream<8x64xui8, 4>, !qflow.stream<5x16x8xsi4, 8> -> !qflow.stream<5x8x2xsi20, 2>
    ```

    With `minifloat` weights are codes, as those of `qflow.dot` are stored.

    While all vectors are multiplied by a tile, the next one comes, evenly: words of
    weights are needed at the rate of words of inputs / V. A frame takes
    (N / P + 1) * V * K / lanes cycles: in the first ones vectors and the first
    tile come.
    A single vector is multiplied by weights as they come, in N / P * K / lanes.

    The result has what each tile gives of all vectors, [N / P, V, P]; of a single
    vector it may be [N].

    Constraints:
    - (C1) the input is [..., K], V vectors; the weights are [N / P, K / lanes,
      lanes * P], in words of the last dimension; the result is as said.
    - (C2) weights and the result's elements are signed. These hold the sums that
      the weights make, which is for who makes them to know. Weights that are
      `minifloat`, as (C7) of `qflow.dot` has them, are unsigned and have their bits.
    - (C3) elements have at most 48 bits.
    - (C4) `bias` is [N].
  }];
  let arguments = (ins QFlow_StreamType:$input, QFlow_StreamType:$weights,
                       OptionalAttr<DenseI64ArrayAttr>:$minifloat,
                       OptionalAttr<AnyIntElementsAttr>:$bias, UnitAttr:$in_luts);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `,` $weights (`minifloat` $minifloat^)? (`bias` $bias^)? (`in_luts` $in_luts^)? attr-dict `:`
    qualified(type($input)) `,` qualified(type($weights)) `->` qualified(type($result))
  }];
  let extraClassDeclaration = [{
    int64_t getVectors();
    /// What weights are codes of, if not integers.
    std::optional<Minifloat> getFormat();
    int64_t getTiles() { return getWeights().getType().getShape().front(); }
    /// Words of a vector.
    int64_t getSteps() { return getWeights().getType().getShape()[1]; }
    /// Iterations of a frame.
    static int64_t countCycles(int64_t vectors, int64_t tiles, int64_t steps) {
      return (tiles + (vectors > 1)) * vectors * steps;
    }
  }];
}

def QFlow_ReorderOp : QFlow_Unit<"reorder"> {
  let summary = "frames with their dimensions in another order";
  let description = [{
    y[i_p0, i_p1, ...] = x[i_0, i_1, ...]: dimension d of y is `permutation`[d] of
    the input. The result has its elements in their order, in whatever shape. A
    frame is kept, then given: it takes twice its words in cycles.

    ```mlir
    %y = qflow.reorder %x permutation [1, 0, 2] : !qflow.stream<5x8x2xsi8, 2> -> !qflow.stream<8x10xsi8, 2>
    ```

    Constraints:
    - (C1) `permutation` has each dimension once; elements, their number and lanes
      agree.
    - (C2) with several lanes the last dimension stays the last.
  }];
  let arguments = (ins QFlow_StreamType:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = [{
    $input `permutation` $permutation attr-dict `:` qualified(type($input)) `->`
    qualified(type($result))
  }];
}

#endif // QNT_DIALECTS_QFLOW_QFLOWMEMORY_TD
