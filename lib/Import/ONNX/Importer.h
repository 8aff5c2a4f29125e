//===- Importer.h - from a graph to a function -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_IMPORTER_H
#define QNT_IMPORT_ONNX_IMPORTER_H

#include "Quantized.h"
#include "Registry.h"

#include "qnt/Import/Options.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace qnt::onnx {

/// The names of one graph; a subgraph sees those around it.
struct Scope {
  const Scope *parent = nullptr;
  llvm::StringMap<Tensor> values;
  /// The nodes that give values, as far as they are imported.
  llvm::StringMap<const NodeProto *> producers;
  /// Opset versions by domain.
  const std::vector<OpsetId> *opsets = nullptr;
  /// Goes before the names of nodes, for those of inlined functions.
  std::string prefix;

  const Tensor *find(llvm::StringRef name) const;
};

/// Constants that are arguments of a scratch function (Fold.cpp).
using ScratchArguments =
    llvm::MapVector<const Constant *, std::pair<ConstantRef, mlir::Value>>;

/// The state of one import. Functions throw ImportError.
class Importer {
public:
  /// `owner` keeps the bytes that `model` looks at alive.
  Importer(mlir::ModuleOp module, const ModelProto &model,
           std::shared_ptr<void> owner, std::string path,
           const ImportOptions &options);

  /// Fills the module and writes the parameters.
  void run();

private:
  friend class Node;
  friend class Scratch;

  // Entry.cpp
  void declareInputs(Scope &scope);
  Tensor declareInput(const ValueInfoProto &info);
  void checkBoundDims() const;
  void declareDims(Scope &scope);
  Tensor bindInput(const ValueInfoProto &info, const std::string &file);
  void finish(Scope &scope);
  void writeParameters();

  // Importer.cpp
  Tensor read(const TensorProto &tensor, llvm::StringRef what);
  void importGraph(const GraphProto &graph, Scope &scope);
  void importNode(const NodeProto &proto, Scope &scope, size_t index);
  void importOperator(Node &node);
  int64_t findVersion(const NodeProto &proto, const Scope &scope,
                      const std::string &label) const;
  bool isGraphInput(llvm::StringRef name) const;
  mlir::Value materialize(const Tensor &tensor, mlir::Location loc,
                          bool asParameter);
  std::string chooseName(const std::string &name,
                         llvm::ArrayRef<llvm::StringLiteral> parts);
  mlir::Value loadGlobal(llvm::StringRef name, mlir::Type type,
                         mlir::Location loc);
  mlir::Value loadParameter(const ConstantRef &constant, mlir::Location loc);
  mlir::Value loadQuantized(const QuantizedRef &constant, QTensorType type,
                            mlir::Location loc);

  // Fold.cpp
  bool foldConstants(Node &node, const Operator &op);

  // ControlFlow.cpp
  std::vector<Tensor> importSubgraph(Node &node, const GraphProto &graph,
                                     llvm::ArrayRef<Tensor> inputs);
  const FunctionProto *findFunction(const NodeProto &proto) const;
  void inlineFunction(Node &node, const FunctionProto &function);

  mlir::ModuleOp module;
  const ModelProto &model;
  std::shared_ptr<void> owner;
  std::string path;
  const ImportOptions &options;
  ExternalFiles files;
  mlir::OpBuilder builder;
  DimContext dims;
  /// The dimensions of inputs by name.
  llvm::StringMap<Dim> namedDims;
  /// Those that the options fix or tell, by name.
  llvm::StringMap<std::string> boundDims;
  /// A dimension of an argument that is known at run time.
  struct OpenDim {
    llvm::StringRef input;
    unsigned index;
    std::string name;
  };
  std::vector<OpenDim> openDims;
  mlir::func::FuncOp function;
  /// Set while a node is evaluated.
  ScratchArguments *scratchArguments = nullptr;
  /// Symbols of parameters by constant, and back.
  llvm::DenseMap<const void *, std::string> symbols;
  llvm::StringMap<ConstantRef> parameters;
  llvm::StringMap<QuantizedRef> quantizedParameters;
  /// Taken in the store.
  llvm::StringSet<> storedNames;
  /// Inlined functions and subgraphs around the current node.
  unsigned depth = 0;
  /// Nodes so far, those of unrolled loops and inlined functions included.
  int64_t nodeCount = 0;
};

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_IMPORTER_H
