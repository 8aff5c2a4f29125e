//===- PassErrors.h - files that are not as they should be -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_PASSERRORS_H
#define QNT_LIB_TRANSFORMS_PASSERRORS_H

#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/Error.h"

#include "mlir/IR/Operation.h"

namespace qnt {

/// What `body` answers, or failure where it throws for a file that is not as it
/// should be: then with an error of `op` that begins with the name of the pass.
inline llvm::LogicalResult
reportErrors(mlir::Operation *op, llvm::StringRef pass,
             llvm::function_ref<llvm::LogicalResult()> body) {
  try {
    return body();
  } catch (const support::FileError &error) {
    return op->emitError(pass) << ": " << error.what();
  } catch (const params::ParamsError &error) {
    return op->emitError(pass) << ": " << error.what();
  }
}

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_PASSERRORS_H
