//===- InitAll.h - registers everything of QNT -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_INITALL_H
#define QNT_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace qnt {

/// Registers the dialects of QNT and the upstream ones that its passes create,
/// with their extensions.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Attaches what passes ask of ops through interfaces, of QNT's and upstream
/// dialects; a part of registerAllDialects.
void registerInterfaces(mlir::DialectRegistry &registry);

/// Registers every pass and pass pipeline of QNT.
void registerAllPasses();

} // namespace qnt

#endif // QNT_INITALL_H
