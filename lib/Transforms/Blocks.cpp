//===- Blocks.cpp - a model in parts -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Transforms/Blocks.h"

#include "Dims.h"
#include "InlineCalls.h"
#include "Rewrite.h"

#include "qnt/Analysis/ModelParts.h"
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace qnt;
using ml_program::GlobalLoadConstOp;

namespace {
/// Makes the module of one part.
class BlockBuilder {
public:
  BlockBuilder(ModuleOp source, func::FuncOp entry, Value input);
  /// The ops of the part, in order.
  void add(Operation *op);
  ModelBlock finish(Value output);

private:
  Value get(Value value);
  Value addArgument(Value value);
  void nameArgument(unsigned index, Value value);
  void renumberCache();
  void eraseUnused();
  void copyGlobals();

  ModuleOp source;
  func::FuncOp entry;
  Value input;
  ModelBlock block;
  func::FuncOp function;
  OpBuilder builder;
  IRMapping mapping;
};
} // namespace

BlockBuilder::BlockBuilder(ModuleOp source, func::FuncOp entry, Value input)
    : source(source), entry(entry), input(input), builder(source.getContext()) {
  block.module = ModuleOp::create(builder, source.getLoc());
  for (StringRef name :
       {"qnt.params", "qnt.params_sha256", "qnt.statistics", "qnt.model"})
    if (Attribute attribute = source->getAttr(name))
      (*block.module)->setAttr(name, attribute);
  builder.setInsertionPointToEnd(block.module->getBody());
  function = func::FuncOp::create(builder, entry.getLoc(), "main",
                                  builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(function.addEntryBlock());
}

/// Names sizes as the entry point does where they are those of its arguments:
/// what has one name is known to be equal.
void BlockBuilder::nameArgument(unsigned index, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return;
  SmallVector<Attribute> names;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    std::string name;
    if (type.isDynamicDim(dim)) {
      name = "size." + std::to_string(index) + "." + std::to_string(dim);
      auto [origin, originDim] = getDimSource(value, dim);
      auto argument = dyn_cast<BlockArgument>(origin);
      auto known = argument ? entry.getArgAttrOfType<ArrayAttr>(
                                  argument.getArgNumber(), "qnt.dims")
                            : ArrayAttr();
      if (known && originDim < int64_t(known.size()))
        name = cast<StringAttr>(known[originDim]).str();
    }
    names.push_back(builder.getStringAttr(name));
  }
  function.setArgAttr(index, "qnt.dims", builder.getArrayAttr(names));
}

Value BlockBuilder::addArgument(Value value) {
  unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, value.getType(), {}, value.getLoc());
  auto argument = dyn_cast<BlockArgument>(value);
  if (!isa<nn::KVCacheType>(value.getType()))
    block.inputs.push_back(argument ? argument.getArgNumber()
                                    : ModelBlock::link);
  std::string name = argument
                         ? "input" + std::to_string(argument.getArgNumber())
                         : "the block before";
  function.setArgAttr(index, "qnt.name", builder.getStringAttr(name));
  if (argument)
    for (StringRef name : {"qnt.name", "qnt.dtype"})
      if (Attribute attr = entry.getArgAttr(argument.getArgNumber(), name))
        function.setArgAttr(index, name, attr);
  nameArgument(index, value);
  return function.getArgument(index);
}

/// The value in this part; computes it, with all behind it, where the part has
/// it not and it is no activation.
Value BlockBuilder::get(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  if (value == input || isa<BlockArgument>(value))
    mapping.map(value, addArgument(value));
  else
    add(value.getDefiningOp());
  return mapping.lookup(value);
}

void BlockBuilder::add(Operation *op) {
  if (op->getNumResults() && mapping.contains(op->getResult(0)))
    return;
  forEachOperand(op, [&](Value operand) { get(operand); });
  builder.clone(*op, mapping);
}

void BlockBuilder::renumberCache() {
  llvm::SmallMapVector<int64_t, int64_t, 4> layers;
  Value cache;
  function.walk([&](nn::AttentionOp attention) {
    if (!attention.getCache())
      return;
    cache = attention.getCache();
    int64_t number =
        layers.try_emplace(*attention.getLayer(), layers.size()).first->second;
    attention.setLayer(number);
  });
  if (!cache)
    return;
  auto type = cast<nn::KVCacheType>(cache.getType());
  cache.setType(nn::KVCacheType::get(type.getContext(), layers.size(),
                                     type.getHeads(), type.getHeadDim(),
                                     type.getElementType()));
}

void BlockBuilder::eraseUnused() {
  // An attention fills a cache that nothing but itself reads.
  bool isChanged = true;
  while (std::exchange(isChanged, false))
    function.walk<WalkOrder::PostOrder, ReverseIterator>([&](Operation *op) {
      if (isOpTriviallyDead(op) ||
          (isa<nn::AttentionOp>(op) && op->use_empty())) {
        op->erase();
        isChanged = true;
      }
    });
  llvm::BitVector unused(function.getNumArguments());
  SmallVector<int64_t> inputs;
  size_t input = 0;
  for (BlockArgument argument : function.getArguments()) {
    bool isCache = isa<nn::KVCacheType>(argument.getType());
    int64_t source = isCache ? 0 : block.inputs[input++];
    if (argument.use_empty())
      unused.set(argument.getArgNumber());
    else if (!isCache)
      inputs.push_back(source);
  }
  (void)function.eraseArguments(unused);
  block.inputs = inputs;
}

void BlockBuilder::copyGlobals() {
  llvm::StringMap<bool> seen;
  builder.setInsertionPointToStart(block.module->getBody());
  function.walk([&](GlobalLoadConstOp load) {
    StringRef name = load.getGlobal().getLeafReference();
    if (!seen.try_emplace(name).second)
      return;
    if (Operation *global = source.lookupSymbol(name))
      builder.clone(*global);
    if (auto type = dyn_cast<ShapedType>(load.getType()))
      block.parameters += type.getNumElements();
  });
}

ModelBlock BlockBuilder::finish(Value output) {
  SmallVector<Value> results;
  if (output)
    results.push_back(get(output));
  func::ReturnOp::create(builder, entry.getLoc(), results);
  function.setFunctionType(builder.getFunctionType(
      function.front().getArgumentTypes(), ValueRange(results).getTypes()));
  if (output)
    function.setResultAttr(0, "qnt.name", builder.getStringAttr("output"));
  eraseUnused();
  renumberCache();
  function.setFunctionType(
      builder.getFunctionType(function.front().getArgumentTypes(),
                              function.getFunctionType().getResults()));
  block.sites = collectObservedSites(function);
  llvm::StringMap<unsigned> numbers;
  for (auto [number, site] : llvm::enumerate(block.sites))
    numbers[site.name] = number;
  function.walk([&](ObserveOp observe) {
    observe.setSite(std::to_string(numbers.lookup(observe.getSite())));
  });
  copyGlobals();
  return std::move(block);
}

FailureOr<std::vector<ModelBlock>>
qnt::cutIntoBlocks(ModuleOp module, func::FuncOp entry, bool asOne) {
  if (failed(inlineCalls(entry)))
    return failure();
  RewritePatternSet patterns(module.getContext());
  populateDimPatterns(patterns);
  if (failed(applyPatterns(entry, std::move(patterns))))
    return failure();
  ModelParts parts = findModelParts(entry);
  if (asOne) {
    parts.ends.clear();
    parts.links.clear();
  }
  std::vector<ModelBlock> blocks;
  Value input;
  auto op = entry.front().begin();
  for (size_t i = 0; i <= parts.ends.size(); ++i) {
    bool isLast = i == parts.ends.size();
    Operation *end = isLast ? entry.front().getTerminator() : parts.ends[i];
    BlockBuilder builder(module, entry, input);
    for (bool isOpen = true; isOpen && !(isLast && &*op == end); ++op) {
      isOpen = &*op != end;
      // Others come with what uses them.
      if (isa<ObserveOp>(*op) ||
          (op->getNumResults() && parts.activations.contains(op->getResult(0))))
        builder.add(&*op);
    }
    blocks.push_back(builder.finish(isLast ? Value() : parts.links[i]));
    if (!isLast)
      input = parts.links[i];
  }
  return blocks;
}
