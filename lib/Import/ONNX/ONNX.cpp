//===- ONNX.cpp - import of ONNX models -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/ONNX.h"

#include "Error.h"
#include "Importer.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Support/MappedFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// Fills `module`. Throws.
static void importInto(ModuleOp module, StringRef bytes,
                       std::shared_ptr<void> owner, const std::string &path,
                       const ImportOptions &options) {
  ModelProto model;
  try {
    model = parseModel(bytes);
  } catch (const ImportError &error) {
    throw ImportError(path + ": " + error.what());
  }
  Importer(module, model, std::move(owner), path, options).run();
}

static FailureOr<OwningOpRef<ModuleOp>>
importGuarded(MLIRContext *context, function_ref<void(ModuleOp)> body) {
  context->loadDialect<arith::ArithDialect, func::FuncDialect,
                       linalg::LinalgDialect, math::MathDialect,
                       ml_program::MLProgramDialect, nn::NNDialect, QNTDialect,
                       tensor::TensorDialect>();
  Location unknown = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(unknown);
  try {
    body(*module);
  } catch (const std::exception &error) {
    // ImportError, FileError and ParamsError all say what and where.
    emitError(unknown) << error.what();
    return failure();
  }
  if (failed(verify(*module)))
    return failure();
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> qnt::importONNX(StringRef path,
                                                 MLIRContext *context,
                                                 const ImportOptions &options) {
  return importGuarded(context, [&](ModuleOp module) {
    auto file = std::make_shared<support::MappedFile>(path.str());
    StringRef bytes(reinterpret_cast<const char *>(file->bytes().data()),
                    file->bytes().size());
    importInto(module, bytes, file, path.str(), options);
  });
}

FailureOr<OwningOpRef<ModuleOp>> qnt::importONNX(StringRef bytes,
                                                 StringRef path,
                                                 MLIRContext *context,
                                                 const ImportOptions &options) {
  return importGuarded(context, [&](ModuleOp module) {
    importInto(module, bytes, nullptr, path.str(), options);
  });
}
