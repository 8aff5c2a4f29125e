//===- QFlowDialect.td - the qflow dialect and its types ---*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_QFLOWDIALECT
#define QNT_DIALECTS_QFLOW_QFLOWDIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def QFlow_Dialect : Dialect {
  let name = "qflow";
  let cppNamespace = "::qnt::qflow";
  let summary = "Hardware that streams of integers flow through";
  let description = [{
    A design is a graph of units and processes on streams. Units say what a piece
    of hardware computes, processes what it does in each clock cycle
    (docs/rationale/qflow.md).
  }];
  let useDefaultTypePrinterParser = 1;
}

class QFlow_Type<string name, string typeMnemonic> : TypeDef<QFlow_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def QFlow_StreamType : QFlow_Type<"Stream", "stream"> {
  let summary = "frames of integers, word by word";
  let description = [{
    The elements of a frame of `shape` in row-major order, `lanes` of them a word:
    element i * lanes + l is lane l of word i. Lane 0 is in the lowest bits of a
    word. Frames follow each other without gaps.

    ```mlir
    !qflow.stream<32x32x16xui8, 4>
    ```

    Constraints:
    - (C1) `shape` has a dimension or more, each positive.
    - (C2) `element` is a signed or unsigned integer.
    - (C3) `lanes` is positive and divides the last dimension.
    - (C4) a word has at most 4096 bits, as Vitis HLS takes them.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::IntegerType":$element, "int64_t":$lanes);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getElements() const;
    /// Of a frame.
    int64_t getWords() const { return getElements() / getLanes(); }
    int64_t getWordBits() const { return getElement().getWidth() * getLanes(); }
    /// What a word is within a process: a signless integer, or a vector of
    /// `lanes` of them.
    ::mlir::Type getWordType() const;
  }];
}

def QFlow_MemoryType : QFlow_Type<"Memory", "memory"> {
  let summary = "words at addresses";
  let description = [{
    `depth` words, each an integer or a vector of integers, signless.

    ```mlir
    !qflow.memory<144 x vector<4xi8>>
    ```

    Constraints: (C1) `depth` is positive; (C2) `word` is as said, of at most 4096
    bits.
  }];
  let parameters = (ins "int64_t":$depth, "::mlir::Type":$word);
  let assemblyFormat = "`<` $depth `x` $word `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getWordBits() const;
    /// That of an address.
    ::mlir::IntegerType getAddressType() const;
  }];
}

def QFlow_MemoryStyle : I32EnumAttr<"MemoryStyle", "what a memory is made of", [
      I32EnumAttrCase<"Automatic", 0, "auto">, I32EnumAttrCase<"Block", 1, "block">,
      I32EnumAttrCase<"Distributed", 2, "distributed">, I32EnumAttrCase<"Ultra", 3, "ultra">]> {
  let cppNamespace = "::qnt::qflow";
}

#endif // QNT_DIALECTS_QFLOW_QFLOWDIALECT
