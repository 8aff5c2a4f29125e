//===- AttentionLowering.cpp - functions of codes as units -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerLowering.h"

#include "ProcessBuilder.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using qnt::qflow::Interval;
using qnt::qflow::StreamType;

namespace {
/// Makes the units of an op before its epilogue.
class FunctionLowering {
public:
  FunctionLowering(const Parameters &params, OpBuilder &builder,
                   function_ref<Numbers(Value)> find)
      : params(params), builder(builder), find(find) {}

  FailureOr<Value> lower(NormalizeOp op);
  FailureOr<Value> lower(qnt::RopeOp op);
  FailureOr<Value> lower(qnt::AttentionOp op);
  FailureOr<Value> lower(qnt::MultiplyOp op);

private:
  StreamType getType(Value stream) {
    return cast<StreamType>(stream.getType());
  }
  /// What a code is at most away from the zero point.
  int64_t getMagnitude(const Numbers &numbers) {
    Interval range = Interval::of(getType(numbers.stream).getElement());
    return std::max(range.high - numbers.zero, numbers.zero - range.low);
  }
  StreamType getFrames(ArrayRef<int64_t> shape, unsigned bits, bool isSigned) {
    auto element = IntegerType::get(builder.getContext(), bits,
                                    isSigned ? IntegerType::Signed
                                             : IntegerType::Unsigned);
    return StreamType::get(builder.getContext(), shape, element, /*lanes=*/1);
  }
  /// Of numbers of at most this magnitude; the least one is none of them.
  StreamType getFrames(ArrayRef<int64_t> shape, int64_t magnitude) {
    return getFrames(shape, llvm::Log2_64(uint64_t(magnitude)) + 2,
                     /*isSigned=*/true);
  }

  const Parameters &params;
  OpBuilder &builder;
  function_ref<Numbers(Value)> find;
};
} // namespace

/// That frames are the tokens of one sequence, [tokens, features].
static LogicalResult checkRows(Operation *op, StreamType type) {
  if (type.getShape().size() == 2)
    return success();
  return op->emitOpError("expected frames of one sequence [tokens, features], "
                         "got ")
         << type << ": --target=\"fpga ... block=NAME tokens=N\" makes them";
}

FailureOr<Value> FunctionLowering::lower(NormalizeOp op) {
  Numbers input = find(op.getInput());
  return qflow::NormalizeOp::create(
             builder, op.getLoc(),
             getFrames(getType(input.stream).getShape(), 18, /*isSigned=*/true),
             input.stream, input.zero, op.getStabilizer())
      .getResult();
}

FailureOr<Value> FunctionLowering::lower(qnt::RopeOp op) {
  Numbers input = find(op.getInput());
  StreamType type = getType(input.stream);
  if (failed(checkRows(op, type)))
    return failure();
  auto turns = params.getIntegers(op, op.getTable());
  if (failed(turns))
    return failure();
  int64_t tokens = type.getShape()[0], size = turns->size() / tokens, most = 1;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t i = 0; i < size / 2; ++i)
      most = std::max(most, std::abs((*turns)[t * size + i]) +
                                std::abs((*turns)[t * size + i + size / 2]));
  return qflow::RopeOp::create(
             builder, op.getLoc(),
             getFrames(type.getShape(), most * getMagnitude(input)),
             input.stream, input.zero,
             makeTensor(op.getContext(), {tokens, size}, 16, *turns),
             op.getHeads())
      .getResult();
}

FailureOr<Value> FunctionLowering::lower(qnt::AttentionOp op) {
  Numbers query = find(op.getQuery()), key = find(op.getKey());
  Numbers value = find(op.getValue());
  for (const Numbers &numbers : {query, key, value}) {
    if (!numbers.stream)
      return op.emitOpError("expected codes that the design computes");
    if (failed(checkRows(op, getType(numbers.stream))))
      return failure();
  }
  Location loc = op.getLoc();
  ArrayRef<int64_t> rows = getType(query.stream).getShape();
  auto heads = int64_t(op.getHeads());
  int64_t tokens = rows[0], size = rows[1] / heads;
  Value scores = qflow::ScoresOp::create(
      builder, loc,
      getFrames({tokens, heads, tokens},
                size * getMagnitude(query) * getMagnitude(key)),
      query.stream, key.stream, heads, op.getKvHeads());
  auto powers = qflow::ExponentialsOp::create(
      builder, loc, getFrames({tokens, heads, tokens}, 8, /*isSigned=*/false),
      getFrames({tokens, heads}, llvm::Log2_64(uint64_t(255 * tokens)) + 1,
                /*isSigned=*/false),
      scores, op.getMultiplier(), op.getShift());
  Value sums = qflow::MixOp::create(
      builder, loc, getFrames(rows, 255 * tokens * getMagnitude(value)),
      powers.getPowers(), value.stream, heads, op.getKvHeads());
  return qflow::DivideOp::create(builder, loc,
                                 getFrames(rows, 17, /*isSigned=*/true), sums,
                                 powers.getSums(), heads)
      .getResult();
}

FailureOr<Value> FunctionLowering::lower(qnt::MultiplyOp op) {
  Numbers lhs = find(op.getLhs()), rhs = find(op.getRhs());
  if (!lhs.stream || !rhs.stream)
    return op.emitOpError("expected codes that the design computes");
  return qflow::MultiplyOp::create(
             builder, op.getLoc(),
             getFrames(getType(lhs.stream).getShape(),
                       getMagnitude(lhs) * getMagnitude(rhs)),
             lhs.stream, rhs.stream, ArrayRef<int64_t>{lhs.zero, rhs.zero})
      .getResult();
}

FailureOr<Value> fpga::lowerFunction(EpilogueOp op, const Parameters &params,
                                     OpBuilder &builder,
                                     function_ref<Numbers(Value)> find) {
  FunctionLowering lowering(params, builder, find);
  return llvm::TypeSwitch<Operation *, FailureOr<Value>>(op)
      .Case<NormalizeOp, qnt::RopeOp, qnt::AttentionOp, qnt::MultiplyOp>(
          [&](auto op) { return lowering.lower(op); })
      .Default([&](Operation *op) {
        return op->emitOpError("has no unit of the FPGA target");
      });
}

FailureOr<Value> fpga::lowerLookup(qnt::LookupOp op, Value input,
                                   OpBuilder &builder) {
  auto type = getStreamType(op, op.getResult().getType());
  if (failed(type))
    return failure();
  SmallVector<int64_t> entries;
  for (const APInt &entry : op.getTable().getValues<APInt>())
    entries.push_back(entry.getSExtValue());
  return qflow::LookupOp::create(
             builder, op.getLoc(), *type, input,
             makeTensor(op.getContext(), int64_t(entries.size()),
                        type->getElement().getWidth(), entries))
      .getResult();
}
