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

    A number format is written by its name: `int4` in a type, `#qnt.format<int4>`
    alone.
  }];
  // Types and attributes are parsed and printed by hand: see QTensorType, and
  // `#qnt.format`.
  let extraClassDeclaration = [{
    void registerFormats();
    void registerAttributes();
    void registerTypes();
    /// Makes a kind of number formats known by their names. `Attr` is the
    /// attribute that implements them, where ODS has not registered it.
    template <typename... Attr>
    void addFormats(::qnt::FormatParser parse) {
      addAttributes<Attr...>();
      formatParsers.push_back(parse);
    }
    /// The format called `name`; null when there is none.
    ::qnt::NumberFormat parseFormat(::llvm::StringRef name) const;
    ::mlir::Attribute parseAttribute(::mlir::DialectAsmParser &parser,
                                     ::mlir::Type type) const override;
    void printAttribute(::mlir::Attribute attribute,
                        ::mlir::DialectAsmPrinter &printer) const override;
    ::mlir::Type parseType(::mlir::DialectAsmParser &parser) const override;
    void printType(::mlir::Type type,
                   ::mlir::DialectAsmPrinter &printer) const override;

  private:
    ::llvm::SmallVector<::qnt::FormatParser> formatParsers;
  }];
  let hasConstantMaterializer = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
    "::qnt::nn::NNDialect"
  ];
}

#endif // QNT_DIALECTS_QNT_QNTDIALECT_TD
