//===- Tensors.h - the tensors of a model that is imported ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GRAPH_TENSORS_H
#define QNT_IMPORT_GRAPH_TENSORS_H

#include "qnt/Support/Error.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace qnt::importer {

/// One line that names the file, the key or tensor, and what was expected.
/// Never leaves the importers: they turn it into a diagnostic.
struct ImportError : std::runtime_error {
  explicit ImportError(std::string_view message)
      : std::runtime_error(support::oneLine(message)) {}
};

/// The largest size a configuration may ask for, and the largest number of
/// elements of one tensor.
constexpr int64_t maxSize = (int64_t(1) << 31) - 1;

/// "[768, 256]".
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// What a graph is built on: tensors by their names in the parameter store.
class Tensors {
public:
  virtual ~Tensors() = default;
  virtual bool has(const std::string &name) const = 0;
  /// The type of the global for a tensor: floats, or !qnt.tensor where the
  /// store holds codes. Throws ImportError when there is none of this name, or
  /// of another shape, or of a dtype that is neither.
  virtual mlir::Type getType(const std::string &name,
                             llvm::ArrayRef<int64_t> shape,
                             mlir::MLIRContext *context) const = 0;
  /// In order of name.
  virtual std::vector<std::string> names() const = 0;
  /// The file that holds them, for messages.
  virtual std::string path() const = 0;
};

} // namespace qnt::importer

#endif // QNT_IMPORT_GRAPH_TENSORS_H
