//===- LowerToQFlow.cpp - integer models as units -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerLowering.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Target/FPGA/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace qnt::fpga {
#define GEN_PASS_DEF_LOWERTOQFLOWPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// Makes the design of a function.
class Lowering {
public:
  Lowering(func::FuncOp function, const Parameters &params)
      : function(function), params(params), builder(function.getContext()) {}

  LogicalResult run(StringRef name);

private:
  LogicalResult lower(Operation *op);
  LogicalResult lowerBefore(Operation *op);
  LogicalResult leaveToHost(Operation *op);
  void output(Value value);
  FailureOr<Numbers> lower(QuantizeOp op);
  FailureOr<Numbers> lower(WrapOp op);
  FailureOr<Numbers> lower(qnt::LookupOp op);
  FailureOr<Numbers> lower(tensor::ExtractSliceOp op);
  FailureOr<Numbers> lower(tensor::PadOp op);
  FailureOr<Numbers> lower(linalg::TransposeOp op);
  FailureOr<Numbers> lower(tensor::ConcatOp op);
  LogicalResult lower(func::ReturnOp op);
  FailureOr<StreamType> shape(Operation *op, Value tensor, Numbers &numbers);
  template <typename OpT>
  FailureOr<Numbers> readCodes(OpT op, StreamType &type);
  LogicalResult readScales(Operation *op, Value scale, Value zero,
                           Numbers &numbers);
  void forkStreams();

  func::FuncOp function;
  const Parameters &params;
  OpBuilder builder;
  DesignOp design;
  /// What the values of the function are in the design.
  llvm::DenseMap<Value, Numbers> streams;
  /// What the host makes of results, by which op first.
  llvm::DenseMap<Value, Operation *> afterwards;
  llvm::SetVector<Value> outputs;
  /// Of streams that come in and go out.
  SmallVector<Attribute> arguments, results;
};
} // namespace

/// What a stream's numbers mean: (number - zero) * the scale of all, or of the
/// channel; the number (qflow.op) of the op that makes them, where it has one.
static Attribute describe(Builder &builder, const Twine &name,
                          const Numbers &numbers, Operation *op) {
  SmallVector<NamedAttribute> attributes{
      builder.getNamedAttr("qflow.name", builder.getStringAttr(name)),
      builder.getNamedAttr("qflow.scales",
                           builder.getDenseF32ArrayAttr(numbers.scales)),
      builder.getNamedAttr("qflow.zero",
                           builder.getI64IntegerAttr(numbers.zero))};
  if (Attribute number = op->getAttr("qflow.op"))
    attributes.push_back(builder.getNamedAttr("qflow.op", number));
  return builder.getDictionaryAttr(attributes);
}

LogicalResult Lowering::readScales(Operation *op, Value scale, Value zero,
                                   Numbers &numbers) {
  if (!scale)
    return op->emitOpError("expected codes with a scale that is known");
  auto scales = params.getFloats(op, scale);
  if (failed(scales))
    return failure();
  numbers.scales = *scales;
  if (!zero)
    return success();
  auto point = params.getZero(op, zero);
  if (failed(point))
    return failure();
  numbers.zero = *point;
  return success();
}

/// What the codes that `op` gives mean, without a stream, and that one's type.
template <typename OpT>
FailureOr<Numbers> Lowering::readCodes(OpT op, StreamType &type) {
  auto found = getStreamType(op, op.getResult().getType());
  Numbers numbers;
  if (failed(found) ||
      failed(readScales(op, op.getScale(), op.getZero(), numbers)))
    return failure();
  type = *found;
  return numbers;
}

/// The first codes are made of floats outside of the design.
FailureOr<Numbers> Lowering::lower(QuantizeOp op) {
  StreamType type;
  auto numbers = readCodes(op, type);
  if (failed(numbers))
    return failure();
  numbers->stream = design.getBody().front().addArgument(type, op.getLoc());
  arguments.push_back(
      describe(builder, "in" + Twine(arguments.size()), *numbers, op));
  return numbers;
}

/// Codes that were integers for a while, and keep their order.
FailureOr<Numbers> Lowering::lower(WrapOp op) {
  StreamType type;
  auto numbers = readCodes(op, type);
  if (failed(numbers))
    return failure();
  numbers->stream = streams.lookup(op.getCodes()).stream;
  if (numbers->stream.getType() != type)
    numbers->stream =
        WidthOp::create(builder, op.getLoc(), type, numbers->stream);
  return numbers;
}

FailureOr<Numbers> Lowering::lower(qnt::LookupOp op) {
  StreamType type;
  auto numbers = readCodes(op, type);
  if (failed(numbers))
    return failure();
  auto codes = lowerLookup(op, streams.lookup(op.getInput()).stream, builder);
  if (failed(codes))
    return failure();
  numbers->stream = *codes;
  return numbers;
}

/// The frames that `numbers` are as a tensor, in whose shape they are brought.
FailureOr<StreamType> Lowering::shape(Operation *op, Value tensor,
                                      Numbers &numbers) {
  auto type = cast<StreamType>(numbers.stream.getType());
  ArrayRef<int64_t> frame = cast<RankedTensorType>(tensor.getType()).getShape();
  if (frame.size() > 1)
    frame = frame.drop_front();
  if (llvm::any_of(frame, ShapedType::isDynamic))
    return op->emitOpError("expected frames of a known shape, got ")
           << tensor.getType();
  auto shaped = StreamType::get(op->getContext(), frame, type.getElement(), 1);
  if (shaped.getElements() != type.getElements())
    return op->emitOpError("expected one frame for each index of the first "
                           "dimension, got ")
           << tensor.getType();
  if (shaped != type)
    numbers.stream =
        WidthOp::create(builder, op->getLoc(), shaped, numbers.stream);
  return shaped;
}

/// The numbers of all dimensions but the first, which counts frames and has
/// `first`.
static FailureOr<SmallVector<int64_t>>
getFrameNumbers(Operation *op, ArrayRef<OpFoldResult> numbers, int64_t first,
                const char *what) {
  SmallVector<int64_t> known;
  for (OpFoldResult number : numbers) {
    auto value = getConstantIntValue(number);
    if (!value || *value < 0)
      return op->emitOpError("expected ") << what << " that are known";
    known.push_back(*value);
  }
  if (known.size() < 2 || known.front() != first)
    return op->emitOpError("expected ") << what << " within frames";
  known.erase(known.begin());
  return known;
}

FailureOr<Numbers> Lowering::lower(tensor::ExtractSliceOp op) {
  Numbers numbers = streams.lookup(op.getSource());
  if (op.getSourceType().getRank() != op.getType().getRank())
    return op.emitOpError("drops dimensions, which the FPGA target has no unit "
                          "for");
  auto offsets = getFrameNumbers(op, op.getMixedOffsets(), 0, "offsets");
  auto strides = getFrameNumbers(op, op.getMixedStrides(), 1, "strides");
  if (failed(offsets) || failed(strides))
    return failure();
  auto type = shape(op, op.getSource(), numbers);
  ArrayRef<int64_t> frame = op.getType().getShape().drop_front();
  if (failed(type))
    return failure();
  if (llvm::any_of(frame, ShapedType::isDynamic) || strides->back() != 1)
    return op.emitOpError("expected frames of a known shape, whose last "
                          "elements lie side by side");
  numbers.stream = SliceOp::create(
      builder, op.getLoc(),
      StreamType::get(op.getContext(), frame, type->getElement(), 1),
      numbers.stream, *offsets, *strides);
  return numbers;
}

FailureOr<Numbers> Lowering::lower(tensor::PadOp op) {
  Numbers numbers = streams.lookup(op.getSource());
  auto low = getFrameNumbers(op, op.getMixedLowPad(), 0, "pads");
  auto high = getFrameNumbers(op, op.getMixedHighPad(), 0, "pads");
  if (failed(low) || failed(high))
    return failure();
  APInt outside;
  if (Value value = op.getConstantPaddingValue();
      !value || !matchPattern(value, m_ConstantInt(&outside)))
    return op.emitOpError("expected one code around frames");
  auto type = shape(op, op.getSource(), numbers);
  if (failed(type))
    return failure();
  SmallVector<int64_t> frame(type->getShape());
  for (auto [size, before, behind] : llvm::zip(frame, *low, *high))
    size += before + behind;
  numbers.stream = PadOp::create(
      builder, op.getLoc(),
      StreamType::get(op.getContext(), frame, type->getElement(), 1),
      numbers.stream, *low,
      type->getElement().isSigned() ? outside.getSExtValue()
                                    : int64_t(outside.getZExtValue()));
  return numbers;
}

/// First codes in another order, of which nothing else is made: a host gives
/// them so. No stream of others.
FailureOr<Numbers> Lowering::lower(linalg::TransposeOp op) {
  Numbers numbers = streams.lookup(op.getInput());
  auto codes = op.getInput().getDefiningOp<CodesOp>();
  auto quantize =
      codes ? codes.getInput().getDefiningOp<QuantizeOp>() : QuantizeOp();
  auto type = cast<StreamType>(numbers.stream.getType());
  ArrayRef<int64_t> order = op.getPermutation();
  if (!quantize || !codes->hasOneUse() || !quantize->hasOneUse() ||
      order.front() != 0 || order.size() != type.getShape().size() + 1)
    return Numbers();
  SmallVector<int64_t> shape;
  for (int64_t dim : order.drop_front())
    shape.push_back(type.getShape()[dim - 1]);
  numbers.stream.setType(StreamType::get(op.getContext(), shape,
                                         type.getElement(), type.getLanes()));
  unsigned number = cast<BlockArgument>(numbers.stream).getArgNumber();
  arguments[number] = describe(builder, "in" + Twine(number), numbers, op);
  return numbers;
}

FailureOr<Numbers> Lowering::lower(tensor::ConcatOp op) {
  SmallVector<Value> parts;
  int64_t channels = 0;
  StreamType frames;
  for (Value input : op.getInputs()) {
    Numbers part = streams.lookup(input);
    if (!part.stream)
      return op.emitOpError("joins codes and ")
             << input.getType() << ", which is none";
    auto type = shape(op, input, part);
    if (failed(type))
      return failure();
    frames = *type;
    channels += frames.getShape().back();
    parts.push_back(part.stream);
  }
  if (int64_t(op.getDim()) != op.getResultType().getRank() - 1)
    return op.emitOpError("joins dimension ")
           << op.getDim() << ", expected the last one, "
           << op.getResultType().getRank() - 1;
  SmallVector<int64_t> whole(frames.getShape());
  whole.back() = channels;
  Numbers numbers = streams.lookup(op.getInputs().front());
  numbers.stream = qflow::ConcatOp::create(
      builder, op.getLoc(),
      StreamType::get(op.getContext(), whole, frames.getElement(), 1), parts);
  return numbers;
}

/// A result of the design.
void Lowering::output(Value value) {
  if (outputs.insert(value))
    results.push_back(describe(builder, "out" + Twine(results.size()),
                               streams.lookup(value), value.getDefiningOp()));
}

LogicalResult Lowering::lower(func::ReturnOp op) {
  SmallVector<Value> given;
  for (auto [number, value] : llvm::enumerate(op.getOperands()))
    if (streams.count(value))
      output(value);
    else if (!afterwards.count(value))
      return op.emitOpError("expected result ")
             << number << " to be computed with codes";
  for (Value value : outputs)
    given.push_back(streams.lookup(value).stream);
  OutputOp::create(builder, op.getLoc(), given);
  return success();
}

/// What a host does to numbers one by one.
static bool isElementwise(Operation *op) {
  // A layer is no preparation, whatever it is written in.
  if (auto loops = dyn_cast<linalg::LinalgOp>(op))
    return loops.getNumReductionLoops() == 0;
  return isa<nn::AddOp, nn::MulOp, nn::ActivationOp, nn::ClampOp>(op) ||
         llvm::is_contained({"arith", "math", "ml_program", "tensor"},
                            op->getName().getDialectNamespace());
}

/// What comes before the first codes.
LogicalResult Lowering::lowerBefore(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    auto numbers = lower(quantize);
    if (failed(numbers))
      return failure();
    streams[quantize.getResult()] = *numbers;
    return success();
  }
  if (isa<func::ReturnOp>(op))
    return lower(cast<func::ReturnOp>(op));
  if (isElementwise(op))
    return success();
  return op->emitOpError("comes before the first codes, expected what a host "
                         "does to numbers one by one");
}

/// What comes after the last codes: what it takes of the design is a result.
LogicalResult Lowering::leaveToHost(Operation *op) {
  Operation *first = op;
  for (Value operand : op->getOperands())
    if (Operation *before = afterwards.lookup(operand))
      first = before;
  bool isFloat = llvm::all_of(op->getOperandTypes(), [](Type type) {
    return isa<FloatType, IndexType>(getElementTypeOrSelf(type));
  });
  if (!isFloat || !(isElementwise(op) || isa<nn::SoftmaxOp>(op)))
    return first->emitOpError("takes what was computed with codes, but the "
                              "FPGA target has no unit for it");
  for (Value operand : op->getOperands())
    if (streams.count(operand))
      output(operand);
  for (Value result : op->getResults())
    afterwards[result] = first;
  return success();
}

LogicalResult Lowering::lower(Operation *op) {
  auto find = [&](Value value) { return streams.lookup(value); };
  if (auto end = dyn_cast<func::ReturnOp>(op))
    return lower(end);
  auto isAfterwards = [&](Value value) { return afterwards.count(value); };
  if (llvm::any_of(op->getOperands(), isAfterwards))
    return leaveToHost(op);
  if (llvm::none_of(op->getOperands(),
                    [&](Value value) { return streams.count(value); }))
    return lowerBefore(op);
  auto numbers =
      llvm::TypeSwitch<Operation *, FailureOr<Numbers>>(op)
          .Case([&](EpilogueOp layer) {
            return lowerLayer(layer, params, builder, find);
          })
          .Case([&](MaxPoolOp pool) {
            return lowerMaxPool(pool, find(pool.getInput()), builder);
          })
          .Case([&](qnt::LookupOp table) { return lower(table); })
          .Case<CodesOp, DequantizeOp, tensor::ReshapeOp,
                tensor::CollapseShapeOp, tensor::ExpandShapeOp>(
              [&](auto move) { return find(op->getOperand(0)); })
          .Case<WrapOp, linalg::TransposeOp, tensor::ConcatOp,
                tensor::ExtractSliceOp, tensor::PadOp>(
              [&](auto op) { return lower(op); })
          .Default([&](Operation *) { return Numbers(); });
  if (failed(numbers))
    return failure();
  if (!numbers->stream)
    return leaveToHost(op);
  streams[op->getResult(0)] = *numbers;
  return success();
}

/// Streams have one reader.
void Lowering::forkStreams() {
  SmallVector<Value> shared;
  auto add = [&](Value value) {
    if (!value.use_empty() && !value.hasOneUse())
      shared.push_back(value);
  };
  llvm::for_each(design.getBody().getArguments(), add);
  for (Operation &op : design.getBody().front())
    llvm::for_each(op.getResults(), add);
  for (Value stream : shared) {
    builder.setInsertionPointAfterValue(stream);
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : stream.getUses())
      uses.push_back(&use);
    SmallVector<Type> types(uses.size(), stream.getType());
    auto copies = ForkOp::create(builder, stream.getLoc(), types, stream);
    // The first use is the last in the list.
    for (auto [copy, use] : llvm::zip(copies.getResults(), llvm::reverse(uses)))
      use->set(copy);
  }
}

LogicalResult Lowering::run(StringRef name) {
  builder.setInsertionPoint(function);
  design =
      DesignOp::create(builder, function.getLoc(), builder.getStringAttr(name),
                       TypeAttr::get(builder.getFunctionType({}, {})),
                       ArrayAttr(), ArrayAttr(), StringAttr(), FloatAttr());
  builder.setInsertionPointToStart(&design.getBody().emplaceBlock());
  for (Operation &op : function.getBody().front())
    if (failed(lower(&op)))
      return failure();
  forkStreams();
  Block &body = design.getBody().front();
  design.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  design.setArgAttrsAttr(builder.getArrayAttr(arguments));
  design.setResAttrsAttr(builder.getArrayAttr(results));
  return success();
}

namespace {
class LowerToQFlow : public fpga::impl::LowerToQFlowPassBase<LowerToQFlow> {
public:
  using LowerToQFlowPassBase::LowerToQFlowPassBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run() {
    ModuleOp module = getOperation();
    auto functions = llvm::to_vector(
        llvm::make_filter_range(module.getOps<func::FuncOp>(),
                                [](func::FuncOp f) { return f.isPublic(); }));
    if (functions.size() != 1 || functions.front().getBody().empty())
      return module.emitError("expected one public function for a design, "
                              "got ")
             << functions.size();
    auto params = Parameters::open(module);
    if (failed(params))
      return failure();
    func::FuncOp function = functions.front();
    if (failed(Lowering(function, *params).run(name)))
      return failure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<func::FuncOp, ml_program::GlobalOp>(op))
        op.erase();
    return success();
  }
};
} // namespace
