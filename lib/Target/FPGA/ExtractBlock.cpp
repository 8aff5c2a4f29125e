//===- ExtractBlock.cpp - a block of a transformer as a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Support/Names.h"
#include "qnt/Target/FPGA/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

namespace qnt::fpga {
#define GEN_PASS_DEF_EXTRACTBLOCKPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;

namespace {
class ExtractBlock : public fpga::impl::ExtractBlockPassBase<ExtractBlock> {
public:
  using ExtractBlockPassBase::ExtractBlockPassBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run();
  LogicalResult findFunction();
  FailureOr<nn::RopeTableOp> findTable(BlockArgument argument);
  LogicalResult replaceTable(BlockArgument argument, nn::RopeTableOp table);
  LogicalResult bindShapes();

  func::FuncOp function;
};
} // namespace

LogicalResult ExtractBlock::findFunction() {
  ModuleOp module = getOperation();
  function = module.lookupSymbol<func::FuncOp>(block);
  if (tokens < 1)
    return module.emitError("block=")
           << block << ": expected tokens=N, how many a frame has, got "
           << int64_t(tokens);
  if (function && !function.isExternal())
    return success();
  std::vector<std::string> names;
  for (auto other : module.getOps<func::FuncOp>())
    if (!other.isExternal() && !other.isPublic())
      names.push_back(other.getName().str());
  if (names.empty())
    return module.emitError("block=")
           << block << ": the model has no blocks: no private functions";
  return module.emitError("block=")
         << block
         << ": no function of the model has this name; the nearest is '"
         << support::findNearest(block, names) << "'";
}

/// What makes an argument in the function's caller, if that is a table of
/// positions from 0 on; null for other arguments.
FailureOr<nn::RopeTableOp> ExtractBlock::findTable(BlockArgument argument) {
  nn::RopeTableOp found;
  WalkResult walk = getOperation().walk([&](func::CallOp call) {
    if (call.getCallee() != block)
      return WalkResult::advance();
    auto table = call.getOperand(argument.getArgNumber())
                     .getDefiningOp<nn::RopeTableOp>();
    if (!table)
      return WalkResult::advance();
    auto positions = table.getPositions().getDefiningOp<nn::PositionIdsOp>();
    if (!positions || positions.getStart()) {
      table.emitOpError("expected positions from 0 on for ")
          << block << ": nn.position_ids without a start";
      return WalkResult::interrupt();
    }
    found = table;
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  return found;
}

/// The numbers of positions 0 to `tokens` - 1, in f32.
static SmallVector<float> evaluateTable(nn::RopeTableOp op, int64_t tokens) {
  nn::RopeScalingAttr scaling = op.getScalingAttr();
  bool isYarn = scaling && scaling.getKind() == nn::RopeScalingKind::Yarn;
  double factor = isYarn ? scaling.getAttention().convertToDouble() : 1.0;
  auto frequencies = nn::getRopeFrequencies(
      op.getDim(), op.getTheta().convertToDouble(), scaling);
  SmallVector<float> numbers;
  for (int64_t position = 0; position < tokens; ++position) {
    for (double frequency : frequencies)
      numbers.push_back(float(factor * std::cos(double(position) * frequency)));
    for (double frequency : frequencies)
      numbers.push_back(float(factor * std::sin(double(position) * frequency)));
  }
  return numbers;
}

/// The integers that codes of the table are, as constants.
LogicalResult ExtractBlock::replaceTable(BlockArgument argument,
                                         nn::RopeTableOp table) {
  SmallVector<float> numbers = evaluateTable(table, tokens);
  for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
    auto quantize = dyn_cast<QuantizeOp>(user);
    DenseFPElementsAttr scale;
    if (!quantize || !quantize.getScale() ||
        !matchPattern(quantize.getScale(), m_Constant(&scale)) ||
        !llvm::all_of(quantize->getUsers(), llvm::IsaPred<CodesOp>))
      return user->emitOpError("takes a table of positions in floats, expected "
                               "arithmetic in integers (arithmetic=integer)");
    QTensorType type = quantize.getResult().getType();
    SmallVector<uint32_t> codes(numbers.size());
    encodeBlock(type, {scale.getValues<float>()[0], 0}, numbers, codes);
    for (Operation *reader : llvm::make_early_inc_range(quantize->getUsers())) {
      auto element = cast<CodesOp>(reader).getType().getElementType();
      SmallVector<APInt> integers;
      for (uint32_t code : codes)
        integers.emplace_back(element.getIntOrFloatBitWidth(),
                              uint64_t(int64_t(type.getFormat().decode(code))),
                              /*isSigned=*/true);
      OpBuilder builder(reader);
      auto shape =
          RankedTensorType::get({1, tokens, int64_t(table.getDim())}, element);
      auto constant = arith::ConstantOp::create(
          builder, quantize.getLoc(), DenseElementsAttr::get(shape, integers));
      reader->getResult(0).replaceAllUsesWith(constant);
      reader->erase();
    }
    quantize.erase();
  }
  return success();
}

/// A tensor [batch, tokens, features] of one sequence; other types as they are.
static Type bindShape(Type type, int64_t tokens) {
  auto bind = [&](auto tensor) -> Type {
    ArrayRef<int64_t> shape = tensor.getShape();
    if (shape.size() != 3 || !ShapedType::isDynamic(shape[0]) ||
        !ShapedType::isDynamic(shape[1]) || ShapedType::isDynamic(shape[2]))
      return tensor;
    SmallVector<int64_t> bound = {1, tokens, shape[2]};
    if constexpr (std::is_same_v<decltype(tensor), QTensorType>)
      return tensor.withShape(bound);
    else
      return tensor.clone(bound);
  };
  if (auto quantized = dyn_cast<QTensorType>(type))
    return bind(quantized);
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return bind(tensor);
  return type;
}

static bool isKnown(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.hasStaticShape();
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape();
}

LogicalResult ExtractBlock::bindShapes() {
  auto bind = [&](Value value) {
    value.setType(bindShape(value.getType(), tokens));
    return isKnown(value.getType());
  };
  for (BlockArgument argument : function.getArguments())
    if (!bind(argument))
      return function.emitOpError("argument ")
             << argument.getArgNumber()
             << ": expected [batch, tokens, features] or a table of rotary "
                "embeddings, got "
             << argument.getType();
  for (Operation &op : function.getBody().front()) {
    if (isa<func::CallOp>(op) || op.getNumRegions() != 0)
      return op.emitOpError("expected a block of operations on tensors alone");
    for (Value result : op.getResults())
      if (!bind(result))
        return op.emitOpError(
                   "expected tensors [batch, tokens, features], got ")
               << result.getType();
  }
  Operation *end = function.getBody().front().getTerminator();
  function.setType(FunctionType::get(&getContext(),
                                     function.getBody().getArgumentTypes(),
                                     end->getOperandTypes()));
  return success();
}

LogicalResult ExtractBlock::run() {
  if (failed(findFunction()))
    return failure();
  llvm::BitVector tables(function.getNumArguments());
  for (BlockArgument argument : function.getArguments()) {
    auto table = findTable(argument);
    if (failed(table))
      return failure();
    if (!*table)
      continue;
    if (failed(replaceTable(argument, *table)))
      return failure();
    tables.set(argument.getArgNumber());
  }
  for (auto other :
       llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
    if (other != function)
      other.erase();
  if (failed(function.eraseArguments(tables)))
    return failure();
  function.setPublic();
  OpBuilder builder(&getContext());
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.setArgAttr(i, "qnt.name",
                        builder.getStringAttr(i ? "x" + Twine(i) : "x"));
  return bindShapes();
}
