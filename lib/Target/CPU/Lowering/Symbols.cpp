//===- Symbols.cpp - symbolic dimensions and memory plans -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Symbols.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

static std::optional<ArrayRef<int64_t>> getShapeOf(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.getShape();
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return std::nullopt;
}

FailureOr<FunctionSymbols> FunctionSymbols::analyze(
    func::FuncOp function,
    const std::map<std::string, FunctionSymbols> &callees) {
  FunctionSymbols result;
  std::map<std::string, int64_t> byName;
  for (BlockArgument argument : function.getArguments()) {
    auto shape = getShapeOf(argument.getType());
    if (!shape)
      continue;
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      "qnt.dims");
    SmallVector<Dim> dims;
    for (auto [i, size] : llvm::enumerate(*shape)) {
      if (!ShapedType::isDynamic(size)) {
        dims.push_back(Dim::constant(size));
        continue;
      }
      std::string name;
      if (names && i < names.size())
        if (auto text = dyn_cast<StringAttr>(names[i]))
          name = text.str();
      auto known = name.empty() ? byName.end() : byName.find(name);
      if (known != byName.end()) {
        dims.push_back(Dim::symbol(known->second));
        continue;
      }
      int64_t index = result.symbols.size();
      if (!name.empty())
        byName[name] = index;
      result.symbols.push_back({argument.getArgNumber(), unsigned(i), name});
      dims.push_back(Dim::symbol(index));
    }
    result.dims[argument] = dims;
  }

  auto lastOf = [](Type type) {
    return Dim::constant(getShapeOf(type)->back());
  };
  for (Operation &op : function.getBody().front()) {
    if (auto call = dyn_cast<func::CallOp>(op)) {
      const FunctionSymbols &callee = callees.at(call.getCallee().str());
      SmallVector<Dim> actual = result.getCallSymbols(call, callee);
      for (auto [i, value] : llvm::enumerate(call.getResults())) {
        SmallVector<Dim> dims;
        for (Dim dim : callee.getResultDims(i))
          dims.push_back(dim.isConstant ? dim : actual[dim.value]);
        result.dims[value] = dims;
      }
      continue;
    }
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      for (Value value : ret.getOperands())
        result.results.push_back(result.dims[value]);
      continue;
    }
    for (Value value : op.getResults()) {
      auto shape = getShapeOf(value.getType());
      if (!shape)
        continue;
      SmallVector<Dim> dims;
      auto of = [&](Value operand) {
        return SmallVector<Dim>(result.dims[operand]);
      };
      if (!llvm::any_of(*shape, ShapedType::isDynamic)) {
        for (int64_t size : *shape)
          dims.push_back(Dim::constant(size));
        result.dims[value] = dims;
        continue;
      }
      llvm::TypeSwitch<Operation *>(&op)
          .Case<nn::LinearOp, qnt::LinearOp>([&](auto linear) {
            dims = of(linear.getInput());
            dims.back() = lastOf(value.getType());
          })
          .Case<nn::ConvOp, nn::PoolOp, qnt::ConvOp, MaxPoolOp, AveragePoolOp>(
              [&](auto windows) {
                // Height and width are static.
                dims = of(windows.getInput());
                dims.resize(1);
                for (int64_t size : shape->drop_front())
                  if (!ShapedType::isDynamic(size))
                    dims.push_back(Dim::constant(size));
              })
          .Case<nn::EmbeddingOp, qnt::EmbeddingOp>([&](auto embedding) {
            dims = of(embedding.getIds());
            dims.push_back(lastOf(value.getType()));
          })
          .Case([&](nn::RopeTableOp table) {
            dims = of(table.getPositions());
            dims.push_back(lastOf(value.getType()));
          })
          .Case<nn::SelectRowsOp, nn::MeanPoolOp>([&](auto pool) {
            dims = of(pool.getInput());
            dims.erase(dims.begin() + 1);
          })
          .Case<nn::PositionIdsOp, nn::AddOp, nn::MulOp, nn::ActivationOp,
                nn::ClampOp, nn::RMSNormOp, nn::LayerNormOp, nn::L2NormalizeOp,
                nn::RopeOp, nn::AttentionOp, QuantizeOp, DequantizeOp, CodesOp,
                WrapOp, ObserveOp, tensor::CastOp>(
              [&](auto same) { dims = of(same->getOperand(0)); });
      if (dims.size() != shape->size())
        return op.emitOpError("has a dynamic shape that the CPU target cannot "
                              "follow");
      result.dims[value] = dims;
    }
  }
  return result;
}

SmallVector<Dim>
FunctionSymbols::getCallSymbols(func::CallOp call,
                                const FunctionSymbols &callee) const {
  SmallVector<Dim> result;
  for (const Symbol &symbol : callee.symbols)
    result.push_back(
        getDims(call.getOperand(symbol.argument))[symbol.dimension]);
  return result;
}

//===----------------------------------------------------------------------===//
// MemoryPlan
//===----------------------------------------------------------------------===//

unsigned MemoryPlan::add(ArrayRef<Dim> dims, int64_t bytes, int64_t first,
                         int64_t last) {
  Buffer buffer;
  for (Dim dim : dims) {
    if (dim.isConstant)
      bytes *= dim.value;
    else
      buffer.region.push_back({dim.value, dim.padded});
  }
  llvm::sort(buffer.region);
  // Multiples of a cache line keep every offset aligned.
  buffer.unitBytes = llvm::alignTo(bytes, 64);
  buffer.first = first;
  buffer.last = last;
  buffers.push_back(buffer);
  return buffers.size() - 1;
}

void MemoryPlan::place() {
  // First fit, larger buffers first.
  SmallVector<unsigned> order;
  for (unsigned i = 0; i < buffers.size(); ++i)
    order.push_back(i);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(-buffers[a].unitBytes, a) <
           std::pair(-buffers[b].unitBytes, b);
  });
  SmallVector<unsigned> placed;
  for (unsigned i : order) {
    Buffer &buffer = buffers[i];
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (unsigned j : placed) {
      const Buffer &other = buffers[j];
      if (other.region == buffer.region && other.first <= buffer.last &&
          buffer.first <= other.last)
        taken.push_back({other.unitOffset, other.unitOffset + other.unitBytes});
    }
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [low, high] : taken) {
      if (offset + buffer.unitBytes <= low)
        break;
      offset = std::max(offset, high);
    }
    buffer.unitOffset = offset;
    int64_t &size = regions[buffer.region];
    size = std::max(size, offset + buffer.unitBytes);
    placed.push_back(i);
  }
}
