//===- DesignFrames.h - frames that check a design --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The benches of a design run frames whose results the interpreter has computed
// from the model. Inputs of the model are drawn at random; what goes into the
// design are the codes that the model's own operations make of them.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_DESIGNFRAMES_H
#define QNT_LIB_PIPELINES_DESIGNFRAMES_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Files.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace qnt {

class DesignFrames {
public:
  /// Keeps the model, a module with one public function and its parameters in a
  /// store, before it becomes a design. Numbers its operations (qflow.op),
  /// which streams of the design then have.
  explicit DesignFrames(mlir::ModuleOp model);

  /// Of `count` frames: NAME.hex of each stream that comes in, and
  /// NAME.expected.hex of each that goes out, a word a line, hexadecimal. No
  /// file of a result that f32 does not tell to the bit. Emits an error where
  /// the interpreter cannot run the model.
  mlir::FailureOr<fpga::Files> make(qflow::DesignOp design,
                                    int64_t count) const;

private:
  mlir::OwningOpRef<mlir::ModuleOp> model;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_DESIGNFRAMES_H
