//===- Context.h - importers of modules under the fuzzer --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_FUZZ_CONTEXT_H
#define QNT_TEST_FUZZ_CONTEXT_H

#include "Fuzz.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdlib>
#include <memory>

namespace qnt::fuzz {

/// Whether `import` gives a module. Ends the program when it fails without one
/// error that says why, or succeeds with one.
template <typename Import> bool importsCleanly(Import import) {
  // A context keeps every type and attribute that it ever held, so a new one
  // comes now and then.
  static std::unique_ptr<mlir::MLIRContext> context;
  static int uses = 0;
  if (uses++ % 500 == 0)
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
  int errors = 0;
  mlir::ScopedDiagnosticHandler handler(
      context.get(), [&](mlir::Diagnostic &diagnostic) {
        checkError(diagnostic.str());
        errors += diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
        return mlir::success();
      });
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> module = import(*context);
  if (mlir::failed(module) != (errors == 1))
    std::abort();
  return mlir::succeeded(module);
}

} // namespace qnt::fuzz

#endif // QNT_TEST_FUZZ_CONTEXT_H
