//===- GraphBuilder.h - layers of a checkpoint as nn ops --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GRAPH_GRAPHBUILDER_H
#define QNT_IMPORT_GRAPH_GRAPHBUILDER_H

#include "Tensors.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

#include <functional>

namespace qnt::importer {

/// An argument of an entry point; see docs/ir.md.
struct EntryArgument {
  llvm::StringRef name;
  mlir::Type type;
  /// A name for each dynamic dimension, "" for the static ones.
  llvm::SmallVector<llvm::StringRef, 3> dims;
};

/// Writes functions into a module. A `module` argument is the path of a layer
/// in the source model, without the prefix of all tensor names: the tensors of
/// "layers.0.mlp.up_proj" are <prefix>layers.0.mlp.up_proj.{weight,bias}, and
/// the location of its op is that path.
class GraphBuilder {
public:
  GraphBuilder(mlir::ModuleOp module, const Tensors &tensors);

  /// What the names of tensors begin with: "model.", "bert.".
  void setPrefix(llvm::StringRef prefix);
  /// How tensors are called otherwise: by module path and "weight" or "bias".
  using Naming =
      std::function<std::string(llvm::StringRef path, llvm::StringRef leaf)>;
  void setNames(Naming names) { naming = std::move(names); }

  mlir::MLIRContext *getContext() { return builder.getContext(); }
  mlir::Location location(const llvm::Twine &path);
  /// tensor<?x?xFEATURESxf32>: [batch, tokens, features].
  mlir::RankedTensorType rowsType(int64_t features);
  /// A tensor of i32 of that many dynamic dimensions.
  mlir::RankedTensorType idsType(unsigned rank);

  /// Starts a private function; what is built next goes into it.
  mlir::func::FuncOp beginPrivate(llvm::StringRef name, mlir::TypeRange inputs,
                                  mlir::TypeRange results);
  /// Starts a public function whose results are called `result`.
  mlir::func::FuncOp beginEntry(llvm::StringRef name,
                                llvm::ArrayRef<EntryArgument> arguments,
                                mlir::Type resultType, llvm::StringRef result);
  /// Ends the function begun last.
  void finish(mlir::Value result);
  mlir::Value call(mlir::func::FuncOp callee, mlir::ValueRange operands);

  /// The tensor of that full name as f32. Throws ImportError when it is not
  /// there with this shape, or holds no floats. `path` is the location.
  mlir::Value parameter(const std::string &name, llvm::ArrayRef<int64_t> shape,
                        llvm::StringRef path);
  /// The parameter `leaf` of a module.
  mlir::Value weight(llvm::StringRef path, llvm::StringRef leaf,
                     llvm::ArrayRef<int64_t> shape);
  bool hasTensor(llvm::StringRef path, llvm::StringRef leaf) const;

  /// On quantised weights and tables as they are, `qnt` ops.
  mlir::Value linear(mlir::Value input, llvm::StringRef path, int64_t features,
                     bool hasBias);
  /// The weight under its full name; `bias` may be null.
  mlir::Value linear(mlir::Value input, const std::string &name,
                     int64_t features, mlir::Value bias, llvm::StringRef path);
  mlir::Value embedding(mlir::Value ids, llvm::StringRef path, int64_t rows,
                        int64_t features);
  mlir::Value rmsNorm(mlir::Value input, llvm::StringRef path, double eps,
                      int64_t groups = 1);
  mlir::Value activation(nn::ActivationKind kind, mlir::Value input,
                         llvm::StringRef path);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs, llvm::StringRef path);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs, llvm::StringRef path);

  /// For the ops that one family alone uses.
  mlir::OpBuilder &ops() { return builder; }

  /// Warns of tensors that no parameter was made of, unless `known` says that
  /// they are left out on purpose.
  void warnOfUnused(llvm::function_ref<bool(llvm::StringRef)> known);

private:
  mlir::Value load(const std::string &name, llvm::ArrayRef<int64_t> shape,
                   llvm::StringRef path);
  mlir::Value toF32(mlir::Value value);

  mlir::ModuleOp module;
  const Tensors &tensors;
  mlir::OpBuilder builder;
  Naming naming;
  llvm::StringSet<> declared;
};

} // namespace qnt::importer

#endif // QNT_IMPORT_GRAPH_GRAPHBUILDER_H
