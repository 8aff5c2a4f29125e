//===- Node.h - the node being imported, as its operator sees it ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_NODE_H
#define QNT_IMPORT_ONNX_NODE_H

#include "Proto.h"
#include "Tensor.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

namespace qnt::onnx {

class Importer;
struct Scope;

/// What an operator's function reads and writes: inputs and attributes, a
/// builder at the place where its ops go, outputs. All errors name the file,
/// the node and the operator. An attribute that the function does not ask for
/// is an error too, so that no setting is ignored.
class Node {
public:
  /// `version` is that of the opset of the node's domain.
  Node(Importer &importer, const Scope &scope, const NodeProto &proto,
       std::string label, int64_t version, std::vector<Tensor> inputs);

  mlir::OpBuilder &builder();
  mlir::Location loc() const;
  mlir::MLIRContext *context();
  DimContext &dims();
  int64_t version() const { return opsetVersion; }
  llvm::StringRef opType() const { return proto.opType; }
  const NodeProto &getProto() const { return proto; }

  /// Throws ImportError: "<file>: node 'name' (Op): <message>".
  [[noreturn]] void fail(const std::string &message) const;

  size_t numInputs() const { return inputs.size(); }
  /// Whether the (optional) input is given.
  bool hasInput(size_t i) const;
  /// A given input of a supported type.
  const Tensor &input(size_t i) const;
  /// As `input`; fails unless it has one of these types.
  const Tensor &input(size_t i, llvm::ArrayRef<DType> allowed) const;
  /// "input 1 ('weight')", for messages.
  std::string describe(size_t i) const;
  /// The input's numbers, which must be known now; `use` says what for ("the
  /// axes"). Fails with the way to bind a graph's input otherwise.
  ConstantRef constant(size_t i, const char *use) const;
  std::vector<int64_t> ints(size_t i, const char *use) const;
  int64_t integer(size_t i, const char *use) const;
  /// As `ints`, of expressions on dimensions too.
  std::vector<Dim> dimensions(size_t i, const char *use) const;

  int64_t getInt(llvm::StringRef name, int64_t missing);
  std::optional<int64_t> findInt(llvm::StringRef name);
  double getFloat(llvm::StringRef name, double missing);
  std::optional<float> findFloat(llvm::StringRef name);
  std::string getString(llvm::StringRef name, llvm::StringRef missing);
  std::optional<std::vector<int64_t>> findInts(llvm::StringRef name);
  std::optional<std::vector<float>> findFloats(llvm::StringRef name);
  const AttributeProto *findAttribute(llvm::StringRef name);
  /// An attribute with a graph; fails when it is missing.
  const GraphProto &getGraph(llvm::StringRef name);
  /// Fails unless a bool attribute or integer flag has a supported value.
  void expectInt(llvm::StringRef name, int64_t only);

  /// `axis`, of which negative ones count from the end, within [0, rank), or
  /// [0, rank] with `allowEnd`.
  int64_t normalizeAxis(int64_t axis, int64_t rank,
                        bool allowEnd = false) const;
  /// The same of each, without duplicates, in ascending order.
  llvm::SmallVector<int64_t> normalizeAxes(llvm::ArrayRef<int64_t> axes,
                                           int64_t rank) const;

  size_t numOutputs() const { return proto.outputs.size(); }
  /// Whether anything is to be known of the (optional) output.
  bool wantsOutput(size_t i) const;
  void setOutput(size_t i, Tensor tensor);
  std::string outputName(size_t i) const { return proto.outputs[i].str(); }
  /// A tensor of an attribute, named after the first output.
  Tensor readTensor(const TensorProto &tensor) const;

  /// The op's operand for a tensor: constants are loaded, known elements
  /// computed.
  mlir::Value value(const Tensor &tensor);
  /// As `value`; a constant becomes a parameter of the model even where it is
  /// a splat.
  mlir::Value parameter(const Tensor &tensor);

  /// What a graph in an attribute gives for these inputs; its nodes come here.
  std::vector<Tensor> importGraph(const GraphProto &graph,
                                  llvm::ArrayRef<Tensor> inputs);

private:
  friend class Importer;
  const AttributeProto *findTyped(llvm::StringRef name,
                                  AttributeProto::Type type);
  [[noreturn]] void notConstant(size_t i, const char *use) const;
  void checkAttributes() const;

  Importer &importer;
  const Scope &scope;
  const NodeProto &proto;
  std::string label;
  int64_t opsetVersion;
  std::vector<Tensor> inputs;
  std::vector<std::optional<Tensor>> outputs;
  llvm::StringSet<> asked;
};

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_NODE_H
