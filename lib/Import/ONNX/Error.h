//===- Error.h - what ends an import -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_ERROR_H
#define QNT_IMPORT_ONNX_ERROR_H

#include "qnt/Support/Error.h"

#include <stdexcept>
#include <string>

namespace qnt::onnx {

/// One line that names the file, the node and what was expected. Never leaves
/// the library: importONNX turns it into a diagnostic.
struct ImportError : std::runtime_error {
  explicit ImportError(const std::string &message)
      : std::runtime_error(support::oneLine(message)) {}
};

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_ERROR_H
