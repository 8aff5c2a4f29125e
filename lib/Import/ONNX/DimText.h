//===- DimText.h - dimensions as inputs name them ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_DIMTEXT_H
#define QNT_IMPORT_ONNX_DIMTEXT_H

#include "Dim.h"

namespace qnt::onnx {

/// What `text` is, which exporters give to dimensions that follow from others:
/// sums, differences, products and quotients of names and numbers, such as
/// "past_length + length". None when it reads otherwise or `find` does not know
/// one of the names.
std::optional<Dim>
parseDim(DimContext &dims, llvm::StringRef text,
         llvm::function_ref<std::optional<Dim>(llvm::StringRef)> find);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_DIMTEXT_H
