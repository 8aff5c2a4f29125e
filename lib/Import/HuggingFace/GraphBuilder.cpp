//===- GraphBuilder.cpp - layers of a checkpoint as nn ops ------*- C++ -*-===//
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
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;

/// The last dimension.
static int64_t getFeatures(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

/// "[768, 256]".
static std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "[";
  llvm::interleaveComma(shape, stream);
  stream << "]";
  return text;
}

GraphBuilder::GraphBuilder(ModuleOp module, const Checkpoint &checkpoint)
    : module(module), checkpoint(checkpoint), builder(module.getContext()) {}

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

/// The MLIR type of the elements of a stored tensor; null when no float that
/// the compiler reads.
static FloatType getElementType(params::DType dtype, MLIRContext *context) {
  switch (dtype) {
  case params::DType::F64:
    return Float64Type::get(context);
  case params::DType::F32:
    return Float32Type::get(context);
  case params::DType::F16:
    return Float16Type::get(context);
  case params::DType::BF16:
    return BFloat16Type::get(context);
  default:
    return {};
  }
}

/// Checks one tensor against what the configuration says of it.
static RankedTensorType checkTensor(const Checkpoint &checkpoint,
                                    const std::string &name,
                                    ArrayRef<int64_t> shape,
                                    MLIRContext *context) {
  auto fail = [&](const std::string &message) {
    throw ImportError(checkpoint.params->path() + ": tensor '" + name + "' " +
                      message);
  };
  int64_t elements = 1;
  for (int64_t size : shape)
    if (llvm::MulOverflow(elements, size, elements) || elements > maxSize)
      checkpoint.config.fail("tensor '" + name + "' would have the shape " +
                             formatShape(shape) + ", expected at most " +
                             std::to_string(maxSize) + " elements");
  const params::TensorView &tensor = checkpoint.params->get(name);
  if (ArrayRef<int64_t>(tensor.shape) != shape)
    fail("has the shape " + formatShape(tensor.shape) + ", expected " +
         formatShape(shape) + " by config.json");
  FloatType element = getElementType(tensor.dtype, context);
  if (!element)
    fail("holds " + std::string(params::name(tensor.dtype)) +
         ", expected F32, F16, BF16 or F64");
  return RankedTensorType::get(shape, element);
}

Value GraphBuilder::parameter(const std::string &name, ArrayRef<int64_t> shape,
                              StringRef path) {
  RankedTensorType type = checkTensor(checkpoint, name, shape, getContext());
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
  Location loc = location(path);
  Value value = ml_program::GlobalLoadConstOp::create(
      builder, loc, type, SymbolRefAttr::get(getContext(), name));
  Type single = builder.getF32Type();
  if (type.getElementTypeBitWidth() < 32)
    return arith::ExtFOp::create(builder, loc, type.clone(single), value);
  if (type.getElementTypeBitWidth() > 32)
    return arith::TruncFOp::create(builder, loc, type.clone(single), value);
  return value;
}

Value GraphBuilder::weight(StringRef module, StringRef leaf,
                           ArrayRef<int64_t> shape) {
  return parameter((prefix + module + "." + leaf).str(), shape, module);
}

bool GraphBuilder::hasTensor(StringRef module, StringRef leaf) const {
  return checkpoint.params->find((prefix + module + "." + leaf).str());
}

void GraphBuilder::warnOfUnused(function_ref<bool(StringRef)> known) {
  int64_t count = 0;
  std::string first;
  for (const std::string &name : checkpoint.params->names())
    if (!declared.contains(name) && !known(name) && count++ == 0)
      first = name;
  if (count)
    emitWarning(builder.getUnknownLoc())
        << checkpoint.params->path() << ": " << count
        << " tensors are not used by this architecture, the first is '" << first
        << "'";
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value GraphBuilder::linear(Value input, StringRef module, int64_t features,
                           bool hasBias) {
  Value matrix = weight(module, "weight", {features, getFeatures(input)});
  Value bias = hasBias ? weight(module, "bias", {features}) : Value();
  return nn::LinearOp::create(builder, location(module), input, matrix, bias);
}

Value GraphBuilder::embedding(Value ids, StringRef module, int64_t rows,
                              int64_t features) {
  Value table = weight(module, "weight", {rows, features});
  return nn::EmbeddingOp::create(builder, location(module), ids, table);
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

nn::ActivationKind
qnt::huggingface::readActivation(const Config &config, const char *key,
                                 const std::string &missing) {
  std::string name = config.text(key, missing);
  auto kind = llvm::StringSwitch<std::optional<nn::ActivationKind>>(name)
                  .Cases({"silu", "swish"}, nn::ActivationKind::Silu)
                  .Case("gelu", nn::ActivationKind::Gelu)
                  .Cases({"gelu_pytorch_tanh", "gelu_new"},
                         nn::ActivationKind::GeluTanh)
                  .Case("relu", nn::ActivationKind::Relu)
                  .Default(std::nullopt);
  if (!kind)
    config.fail("'" + std::string(key) + "' is '" + name +
                "', expected silu, gelu, gelu_pytorch_tanh, gelu_new or relu");
  return *kind;
}
