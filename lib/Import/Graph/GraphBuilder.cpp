//===- GraphBuilder.cpp - layers of a model as nn and qnt ops ---*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GraphBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MLProgram/IR/MLProgramAttributes.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::importer;

/// The last dimension.
static int64_t getFeatures(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

std::string qnt::importer::formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "[";
  llvm::interleaveComma(shape, stream);
  stream << "]";
  return text;
}

GraphBuilder::GraphBuilder(ModuleOp module, const Tensors &tensors)
    : module(module), tensors(tensors), builder(module.getContext()) {
  setPrefix("");
}

void GraphBuilder::setPrefix(StringRef prefix) {
  naming = [prefix = prefix.str()](StringRef path, StringRef leaf) {
    return (prefix + path + "." + leaf).str();
  };
}

Location GraphBuilder::location(const Twine &path) {
  return NameLoc::get(builder.getStringAttr(path));
}

RankedTensorType GraphBuilder::rowsType(int64_t features) {
  return RankedTensorType::get(
      {ShapedType::kDynamic, ShapedType::kDynamic, features},
      builder.getF32Type());
}

RankedTensorType GraphBuilder::idsType(unsigned rank) {
  return RankedTensorType::get(SmallVector<int64_t>(rank, ShapedType::kDynamic),
                               builder.getI32Type());
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp GraphBuilder::beginPrivate(StringRef name, TypeRange inputs,
                                        TypeRange results) {
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(
      builder, location(name), name, builder.getFunctionType(inputs, results));
  function.setPrivate();
  builder.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

func::FuncOp GraphBuilder::beginEntry(StringRef name,
                                      ArrayRef<EntryArgument> arguments,
                                      Type resultType, StringRef result) {
  SmallVector<Type> inputs =
      llvm::map_to_vector(arguments, [](auto &a) { return a.type; });
  func::FuncOp function = beginPrivate(name, inputs, resultType);
  function.setPublic();
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    function.setArgAttr(i, "qnt.name", builder.getStringAttr(argument.name));
    if (isa<RankedTensorType>(argument.type))
      function.setArgAttr(i, "qnt.dims",
                          builder.getStrArrayAttr(argument.dims));
  }
  function.setResultAttr(0, "qnt.name", builder.getStringAttr(result));
  return function;
}

void GraphBuilder::finish(Value result) {
  func::ReturnOp::create(builder, builder.getUnknownLoc(), result);
}

Value GraphBuilder::call(func::FuncOp callee, ValueRange operands) {
  return func::CallOp::create(builder, location(callee.getSymName()), callee,
                              operands)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

Value GraphBuilder::load(const std::string &name, ArrayRef<int64_t> shape,
                         StringRef path) {
  Type type = tensors.getType(name, shape, getContext());
  if (declared.insert(name).second) {
    OpBuilder::InsertionGuard guard(builder);
    // Globals stand before the functions, in order of first use.
    auto functions = module.getOps<func::FuncOp>();
    builder.setInsertionPoint(*functions.begin());
    ml_program::GlobalOp::create(
        builder, location(name), name, type, /*is_mutable=*/false,
        ml_program::ExternAttr::get(getContext(), type),
        builder.getStringAttr("private"));
  }
  return ml_program::GlobalLoadConstOp::create(
      builder, location(path), type, SymbolRefAttr::get(getContext(), name));
}

Value GraphBuilder::toF32(Value value) {
  Location loc = value.getLoc();
  Type single = builder.getF32Type();
  if (auto quantized = dyn_cast<QTensorType>(value.getType()))
    return DequantizeOp::create(
        builder, loc, RankedTensorType::get(quantized.getShape(), single),
        value);
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementTypeBitWidth() < 32)
    return arith::ExtFOp::create(builder, loc, type.clone(single), value);
  if (type.getElementTypeBitWidth() > 32)
    return arith::TruncFOp::create(builder, loc, type.clone(single), value);
  return value;
}

Value GraphBuilder::parameter(const std::string &name, ArrayRef<int64_t> shape,
                              StringRef path) {
  return toF32(load(name, shape, path));
}

Value GraphBuilder::weight(StringRef path, StringRef leaf,
                           ArrayRef<int64_t> shape) {
  return parameter(naming(path, leaf), shape, path);
}

bool GraphBuilder::hasTensor(StringRef path, StringRef leaf) const {
  return tensors.has(naming(path, leaf));
}

void GraphBuilder::warnOfUnused(function_ref<bool(StringRef)> known) {
  int64_t count = 0;
  std::string first;
  for (const std::string &name : tensors.names())
    if (!declared.contains(name) && !known(name) && count++ == 0)
      first = name;
  if (count)
    emitWarning(builder.getUnknownLoc())
        << tensors.path() << ": " << count
        << " tensors are not used by this architecture, the first is '" << first
        << "'";
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value GraphBuilder::linear(Value input, StringRef path, int64_t features,
                           bool hasBias) {
  Value bias = hasBias ? weight(path, "bias", {features}) : Value();
  return linear(input, naming(path, "weight"), features, bias, path);
}

Value GraphBuilder::linear(Value input, const std::string &name,
                           int64_t features, Value bias, StringRef path) {
  Value matrix = load(name, {features, getFeatures(input)}, path);
  if (!isa<QTensorType>(matrix.getType()))
    return nn::LinearOp::create(builder, location(path), input, toF32(matrix),
                                bias);
  SmallVector<Value> extra;
  SmallVector<Attribute> epilogue;
  if (bias) {
    extra.push_back(bias);
    epilogue.push_back(EpilogueKindAttr::get(getContext(), EpilogueKind::Bias));
  }
  return qnt::LinearOp::create(builder, location(path), input, matrix, extra,
                               builder.getArrayAttr(epilogue))
      .getResult();
}

Value GraphBuilder::embedding(Value ids, StringRef path, int64_t rows,
                              int64_t features) {
  Value table = load(naming(path, "weight"), {rows, features}, path);
  if (isa<QTensorType>(table.getType()))
    return qnt::EmbeddingOp::create(builder, location(path), ids, table);
  return nn::EmbeddingOp::create(builder, location(path), ids, toF32(table));
}

Value GraphBuilder::rmsNorm(Value input, StringRef module, double eps,
                            int64_t groups) {
  Value scale = weight(module, "weight", {getFeatures(input) / groups});
  return nn::RMSNormOp::create(builder, location(module), input, scale, groups,
                               APFloat(eps));
}

Value GraphBuilder::activation(nn::ActivationKind kind, Value input,
                               StringRef path) {
  return nn::ActivationOp::create(builder, location(path), kind, input);
}

Value GraphBuilder::add(Value lhs, Value rhs, StringRef path) {
  return nn::AddOp::create(builder, location(path), lhs, rhs);
}

Value GraphBuilder::mul(Value lhs, Value rhs, StringRef path) {
  return nn::MulOp::create(builder, location(path), lhs, rhs);
}
