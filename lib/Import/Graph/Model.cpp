//===- Model.cpp - what an importer says of a model -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Model.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OperationSupport.h"

using namespace mlir;

DictionaryAttr qnt::importer::makeModelAttr(const ModelInfo &info,
                                            StringRef architecture,
                                            ArrayRef<int64_t> eos,
                                            std::optional<int64_t> bos,
                                            MLIRContext *context) {
  Builder builder(context);
  NamedAttrList attributes;
  attributes.append("kind", builder.getStringAttr(info.kind));
  attributes.append("architecture", builder.getStringAttr(architecture));
  attributes.append("vocab_size", builder.getI64IntegerAttr(info.vocabSize));
  attributes.append("hidden_size", builder.getI64IntegerAttr(info.hiddenSize));
  attributes.append("layers", builder.getI64IntegerAttr(info.layers));
  attributes.append("max_length", builder.getI64IntegerAttr(info.maxLength));
  if (info.tokenTypes)
    attributes.append("token_types",
                      builder.getI64IntegerAttr(info.tokenTypes));
  attributes.append("eos", builder.getI64ArrayAttr(eos));
  if (bos)
    attributes.append("bos", builder.getI64IntegerAttr(*bos));
  return attributes.getDictionary(context);
}
