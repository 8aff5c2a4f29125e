//===- QNTDialect.td - number formats and quantised tensors -*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTDIALECT_TD
#define QNT_DIALECTS_QNT_QNTDIALECT_TD

include "mlir/IR/DialectBase.td"

def QNT_Dialect : Dialect {
  let name = "qnt";
  let cppNamespace = "::qnt";
  let summary = "Number formats, quantised tensors, and what makes or uses them";
  let description = [{
    A quantised tensor is a value of type `!qnt.tensor`: a shape, a number
    format, the blocks that share a scale, the type of the scales, whether there
    are zero points, and, once a target has chosen it, a memory layout. No
    upstream op takes such a value.
  }];
  // Types are parsed and printed by hand; see QTensorType.
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerFormats();
    void registerTypes();
    ::mlir::Type parseType(::mlir::DialectAsmParser &parser) const override;
    void printType(::mlir::Type type,
                   ::mlir::DialectAsmPrinter &printer) const override;
  }];
  let dependentDialects = ["::qnt::nn::NNDialect"];
}

#endif // QNT_DIALECTS_QNT_QNTDIALECT_TD
