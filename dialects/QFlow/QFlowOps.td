//===- QFlowOps.td - designs, processes, streams, memories -*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWOPS
#define QNT_DIALECTS_QFLOW_QFLOWOPS

include "dialects/QFlow/QFlowDialect.td"
include "dialects/QFlow/QFlowAttention.td"
include "dialects/QFlow/QFlowChannels.td"
include "dialects/QFlow/QFlowMemory.td"
include "dialects/QFlow/QFlowUnits.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class QFlow_Op<string opMnemonic, list<Trait> traits = []>
    : Op<QFlow_Dialect, opMnemonic, traits>;

def QFlow_Word : Type<Or<[AnySignlessInteger.predicate,
    VectorOfAnyRankOf<[AnySignlessInteger]>.predicate]>,
    "signless integer or vector of such">;

//===----------------------------------------------------------------------===//
// Designs
//===----------------------------------------------------------------------===//

def QFlow_DesignOp : QFlow_Op<"design", [IsolatedFromAbove, FunctionOpInterface]> {
  let summary = "hardware between streams";
  let description = [{
    A graph of units and processes: arguments are the streams that come in, what
    `qflow.output` names goes out.

    ```mlir
    qflow.design @mlp(%x: !qflow.stream<1x64xui8, 8>) -> !qflow.stream<1x64xui8, 4>
        attributes {part = "xc7z020", clock = 1.0e+02 : f64} {
      %y = qflow.width %x : !qflow.stream<1x64xui8, 8> -> !qflow.stream<1x64xui8, 4>
      qflow.output %y : !qflow.stream<1x64xui8, 4>
    }
    ```

    `part` names what it is for, `clock` the frequency in MHz.

    Constraints:
    - (C1) arguments and results are streams, as the operands of `qflow.output`.
    - (C2) each stream has one reader.
    - (C3) `clock` is positive.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs,
                       OptionalAttr<StrAttr>:$part, OptionalAttr<F64Attr>:$clock);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() {
      return getFunctionType().getResults();
    }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
  }];
}

def QFlow_OutputOp : QFlow_Op<"output", [Pure, Terminator, ReturnLike,
                                          HasParent<"DesignOp">]> {
  let summary = "the streams that leave a design";
  let description = [{
    ```mlir
    qflow.output %y : !qflow.stream<1x64xui8, 4>
    ```

    Constraint (C1): the types are those that the design says.
  }];
  let arguments = (ins Variadic<QFlow_StreamType>:$streams);
  let assemblyFormat = "($streams^ `:` qualified(type($streams)))? attr-dict";
  let hasVerifier = 1;
}

def QFlow_FifoOp : QFlow_Op<"fifo", [SameOperandsAndResultType]> {
  let summary = "a stream that holds some words";
  let description = [{
    Up to `depth` words wait here. Streams without it hold 2.

    ```mlir
    %y = qflow.fifo %x depth 64 : !qflow.stream<32x32x16xui8, 4>
    ```

    Constraint (C1): `depth` is 2 or more.
  }];
  let arguments = (ins QFlow_StreamType:$input, I64Attr:$depth);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = "$input `depth` $depth attr-dict `:` qualified(type($input))";
  let hasVerifier = 1;
}

def QFlow_ForkOp : QFlow_Op<"fork"> {
  let summary = "a stream for several readers";
  let description = [{
    A word goes on when all of them have room for it.

    ```mlir
    %a, %b = qflow.fork %x : !qflow.stream<32x32x16xui8, 4> -> 2
    ```
  }];
  let arguments = (ins QFlow_StreamType:$input);
  let results = (outs Variadic<QFlow_StreamType>:$results);
  let assemblyFormat = [{
    $input attr-dict `:` qualified(type($input)) `->` custom<Copies>(type($results), ref(type($input)))
  }];
}

def QFlow_WidthOp : QFlow_Op<"width"> {
  let summary = "the same frames in other words";
  let description = [{
    ```mlir
    %y = qflow.width %x : !qflow.stream<32x32x16xui8, 4> -> !qflow.stream<32x32x16xui8, 16>
    ```

    The shape may be another: elements stay in their order.

    Constraint (C1): elements and their number agree; the lanes of one side divide
    those of the other.
  }];
  let arguments = (ins QFlow_StreamType:$input);
  let results = (outs QFlow_StreamType:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input)) `->` qualified(type($result))";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Processes
//===----------------------------------------------------------------------===//

def QFlow_ProcessOp : QFlow_Op<"process", [IsolatedFromAbove, SingleBlock]> {
  let summary = "what a piece of hardware does in each clock cycle";
  let description = [{
    A nest of `loops`, the first outermost, whose body runs once each clock cycle:
    all of them for each frame. The body is given the streams, the loops' indices
    as unsigned numbers, and states: `initial` in the first iteration of a frame,
    then what `qflow.next` of the iteration before gave.

    ```mlir
    // Sums of rows of 8 numbers.
    %y = qflow.process "sum"(%x) loops [16, 8] initial [0 : i12]
        : (!qflow.stream<16x8xui8, 1>) -> !qflow.stream<16x1xui12, 1> {
    ^bb0(%in: !qflow.stream<16x8xui8, 1>, %out: !qflow.stream<16x1xui12, 1>, %row: i4, %step: i3, %sum: i12):
      %true = arith.constant true
      %zero = arith.constant 0 : i12
      %c0 = arith.constant 0 : i3
      %c7 = arith.constant 7 : i3
      %code = qflow.read %in if %true : !qflow.stream<16x8xui8, 1>
      %number = arith.extui %code : i8 to i12
      %isFirst = arith.cmpi eq, %step, %c0 : i3
      %before = arith.select %isFirst, %zero, %sum : i12
      %after = arith.addi %before, %number : i12
      %isLast = arith.cmpi eq, %step, %c7 : i3
      qflow.write %after to %out if %isLast : !qflow.stream<16x1xui12, 1>
      qflow.next %after : i12
    }
    ```

    Besides qflow's, ops of the body are those of arith on signless integers and
    vectors of them, and of vector that move lanes.

    Constraints:
    - (C1) loops run once or more, each; there is one at least.
    - (C2) the body's arguments are the inputs, the results, an index for each loop
      of as many bits as its last number needs, at least 1, and a state of the
      type of each of `initial`, which are words.
    - (C3) each input is read by one `qflow.read`, each result written by one
      `qflow.write`.
    - (C4) reads happen under conditions that follow from indices and states alone.
  }];
  let arguments = (ins StrAttr:$name, Variadic<QFlow_StreamType>:$inputs,
                       DenseI64ArrayAttr:$loops,
                       DefaultValuedAttr<TypedArrayAttrBase<TypedAttrInterface, "typed constants">, "{}">:$initial);
  let results = (outs Variadic<QFlow_StreamType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `(` $inputs `)` `loops` $loops (`initial` $initial^)? attr-dict `:`
    functional-type($inputs, $results) $body
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Iterations for a frame.
    int64_t getIterations() { return ::llvm::product_of(getLoops()); }
    /// The arguments of the body, by kind.
    ::mlir::Block::BlockArgListType getReadStreams();
    ::mlir::Block::BlockArgListType getWrittenStreams();
    ::mlir::Block::BlockArgListType getIndices();
    ::mlir::Block::BlockArgListType getStates();
    /// Bits of an index that counts so many.
    static unsigned getIndexBits(int64_t count);
  }];
}

def QFlow_NextOp : QFlow_Op<"next", [Pure, Terminator, HasParent<"ProcessOp">]> {
  let summary = "the states of the next iteration";
  let arguments = (ins Variadic<QFlow_Word>:$states);
  let assemblyFormat = "($states^ `:` type($states))? attr-dict";
  let hasVerifier = 1;
}

def QFlow_ReadOp : QFlow_Op<"read", [HasParent<"ProcessOp">,
    DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "a word from a stream";
  let description = [{
    Waits for the word where the condition holds. Else nothing is read, and the
    result is some number.

    ```mlir
    %w = qflow.read %in if %isFirst : !qflow.stream<16x8xui8, 4>
    ```
  }];
  let arguments = (ins QFlow_StreamType:$stream, I1:$condition);
  let results = (outs QFlow_Word:$word);
  let assemblyFormat = "$stream `if` $condition attr-dict `:` qualified(type($stream))";
}

def QFlow_WriteOp : QFlow_Op<"write", [HasParent<"ProcessOp">]> {
  let summary = "a word to a stream";
  let description = [{
    Where the condition holds, once there is room.

    ```mlir
    qflow.write %w to %out if %isLast : !qflow.stream<16x8xui8, 4>
    ```

    Constraint (C1): `word` is of the stream's word type.
  }];
  let arguments = (ins QFlow_Word:$word, QFlow_StreamType:$stream, I1:$condition);
  let assemblyFormat = [{
    $word `to` $stream `if` $condition attr-dict `:` custom<WrittenStream>(type($stream), type($word))
  }];
  let hasVerifier = 1;
}

def QFlow_MemoryOp : QFlow_Op<"memory", [HasParent<"ProcessOp">]> {
  let summary = "a memory of a process";
  let description = [{
    With `contents` read only; else what it holds is some number, in each frame
    until it is stored.

    ```mlir
    %w = qflow.memory block contents dense<[[1, 2], [3, 4]]> : tensor<2x2xi4> -> !qflow.memory<2 x vector<2xi4>>
    %line = qflow.memory distributed -> !qflow.memory<32 x i8>
    ```

    With `apart` n, a word is loaded n iterations after it was stored, at the least, so
    that what is stored may follow from a load: a pipeline has fewer than n stages
    between both.

    ```mlir
    %sums = qflow.memory distributed apart 16 -> !qflow.memory<16 x i18>
    ```

    Constraints:
    - (C1) `contents` is a tensor [depth, shape of a word...] of the word's elements.
    - (C2) `apart` is positive, and comes without `contents`.
  }];
  let arguments = (ins QFlow_MemoryStyle:$style,
                       OptionalAttr<ElementsAttr>:$contents,
                       OptionalAttr<I64Attr>:$apart);
  let results = (outs QFlow_MemoryType:$memory);
  let assemblyFormat = [{
    $style (`contents` $contents^)? (`apart` $apart^)? attr-dict `->` qualified(type($memory))
  }];
  let hasVerifier = 1;
}

def QFlow_LoadOp : QFlow_Op<"load", [HasParent<"ProcessOp">,
    TypesMatchWith<"the word of the memory", "memory", "word",
                   "::llvm::cast<::qnt::qflow::MemoryType>($_self).getWord()">,
    TypesMatchWith<"an address of the memory", "memory", "address",
                   "::llvm::cast<::qnt::qflow::MemoryType>($_self).getAddressType()">]> {
  let summary = "a word of a memory";
  let description = [{
    As it was before this iteration's store. The address is one of the memory,
    in every iteration.

    ```mlir
    %w = qflow.load %memory[%address] : !qflow.memory<144 x vector<4xi8>>
    ```
  }];
  let arguments = (ins QFlow_MemoryType:$memory, AnySignlessInteger:$address);
  let results = (outs QFlow_Word:$word);
  let assemblyFormat = "$memory `[` $address `]` attr-dict `:` qualified(type($memory))";
}

def QFlow_StoreOp : QFlow_Op<"store", [HasParent<"ProcessOp">,
    TypesMatchWith<"the word of the memory", "memory", "word",
                   "::llvm::cast<::qnt::qflow::MemoryType>($_self).getWord()">,
    TypesMatchWith<"an address of the memory", "memory", "address",
                   "::llvm::cast<::qnt::qflow::MemoryType>($_self).getAddressType()">]> {
  let summary = "a word into a memory";
  let description = [{
    Where the condition holds; there the address is one of the memory.

    ```mlir
    qflow.store %w to %memory[%address] if %isNew : !qflow.memory<32 x i8>
    ```

    Constraint (C1): the memory has no contents, and no other store.
  }];
  let arguments = (ins QFlow_Word:$word, QFlow_MemoryType:$memory,
                       AnySignlessInteger:$address, I1:$condition);
  let assemblyFormat = [{
    $word `to` $memory `[` $address `]` `if` $condition attr-dict `:` qualified(type($memory))
  }];
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QFLOW_QFLOWOPS
