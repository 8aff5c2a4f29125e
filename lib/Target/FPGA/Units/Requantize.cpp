//===- Requantize.cpp - codes of sums -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// Numbers of channels: as many of them as there are lanes, in each iteration.
class ChannelNumbers {
public:
  ChannelNumbers(ProcessBuilder &process, Value group, int64_t lanes)
      : process(process), group(group), lanes(lanes) {}

  /// vector<lanes x i(bits)>
  Value get(ArrayRef<int64_t> numbers, unsigned bits) {
    MLIRContext *context = process.getBuilder().getContext();
    int64_t groups = llvm::all_equal(numbers) ? 1 : numbers.size() / lanes;
    return process.lookUp(makeTensor(context, {groups, lanes}, bits,
                                     numbers.take_front(groups * lanes)),
                          group);
  }

private:
  ProcessBuilder &process;
  Value group;
  int64_t lanes;
};
} // namespace

/// value * numbers of its channel, cut or extended to `bits`.
static Value scale(ProcessBuilder &process, ChannelNumbers &channels,
                   Value value, bool isSigned, ArrayRef<int64_t> numbers,
                   unsigned bits, bool inLuts) {
  auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  unsigned signedBits = Interval{*low, *high}.getSignedBits();
  // Those that are not negative need no sign.
  bool areSigned = *low < 0;
  Value number = channels.get(
      numbers, areSigned ? signedBits : std::max(1u, signedBits - 1));
  return process.resize(
      process.multiply(value, isSigned, number, areSigned, inLuts), bits,
      /*isSigned=*/true);
}

/// Arithmetic, by the same number for all channels as far as that goes.
static Value shiftRight(ProcessBuilder &process, ChannelNumbers &channels,
                        Value sum, unsigned bits, ArrayRef<int64_t> shifts) {
  int64_t least = *llvm::min_element(shifts), most = *llvm::max_element(shifts);
  auto common = unsigned(std::min<int64_t>(least, bits - 1));
  sum = process.resize(process.shiftRight(sum, common, /*isSigned=*/true),
                       bits - common, /*isSigned=*/true);
  bits -= common;
  // Beyond the width, nothing changes.
  most = std::min<int64_t>(most, common + bits - 1);
  if (most == common)
    return sum;
  SmallVector<int64_t> more;
  for (int64_t n : shifts)
    more.push_back(std::min(n, most) - common);
  unsigned moreBits = ProcessOp::getIndexBits(most - common + 1);
  return arith::ShRSIOp::create(
      process.getBuilder(), sum.getLoc(), sum,
      process.resize(channels.get(more, moreBits), bits, /*isSigned=*/false));
}

/// Of tiles, that of its first channels, and on from there.
static Value countGroups(ProcessBuilder &process, int64_t tiles, int64_t groups,
                         int64_t vectors) {
  Value vector = process.index(1), group = process.index(2);
  if (groups == 1)
    return process.index(0);
  unsigned bits = ProcessOp::getIndexBits(tiles * groups);
  Value first = process.addState(process.getBuilder().getIntegerAttr(
      process.getBuilder().getIntegerType(bits), 0));
  Value isEnd = process.both(process.isAt(vector, vectors - 1),
                             process.isAt(group, groups - 1));
  // Behind the last tile the frame ends.
  process.setNext(
      first,
      process.select(isEnd, process.add(first, process.integer(bits, groups)),
                     first));
  return process.add(first, process.resize(group, bits, /*isSigned=*/false));
}

/// The code of x: a bit of its distance from the lowest one after the other, by
/// halves of the thresholds that are left.
static Value searchThresholds(ProcessBuilder &process, RequantizeOp op,
                              Value group, Value x) {
  OpBuilder &builder = process.getBuilder();
  Location loc = op.getLoc();
  StreamType from = op.getInput().getType();
  int64_t lanes = from.getLanes(), count = op.countThresholds();
  unsigned bits = op.getThresholdBits();
  SmallVector<int64_t> ofChannels = op.getThresholds(), words;
  int64_t channels = int64_t(ofChannels.size()) / std::max<int64_t>(count, 1);
  for (int64_t first = 0; first < channels; first += lanes)
    for (int64_t number = 0; number < count; ++number)
      for (int64_t n = first; n < first + lanes; ++n)
        words.push_back(ofChannels[size_t(n * count + number)]);
  const int64_t low = op.getClamp()[0];
  unsigned width = llvm::Log2_64(uint64_t(count) + 1);
  unsigned codeBits =
      std::max(width + 1, Interval{low, op.getClamp()[1]}.getSignedBits());
  auto codes = VectorType::get(lanes, builder.getIntegerType(codeBits));
  if (count == 0)
    return process.splat(codes, low);
  Value left =
      process.lookUp(makeTensor(builder.getContext(),
                                {channels / lanes, count, lanes}, bits, words),
                     group);
  x = process.resize(x, bits, from.getElement().isSigned());
  auto slice = [&](int64_t first, int64_t size) -> Value {
    return vector::ExtractStridedSliceOp::create(
        builder, loc, left, ArrayRef<int64_t>{first, 0},
        ArrayRef<int64_t>{size, lanes}, ArrayRef<int64_t>{1, 1});
  };
  SmallVector<Value> digits;
  for (unsigned bit = width; bit-- > 0;) {
    int64_t half = int64_t(1) << bit;
    Value middle =
        vector::ExtractOp::create(builder, loc, left, int64_t(half - 1));
    Value isAbove = process.compare(arith::CmpIPredicate::sge, x, middle);
    digits.push_back(process.shiftLeft(
        process.resize(isAbove, codeBits, /*isSigned=*/false), bit));
    if (half == 1)
      break;
    Value condition = vector::BroadcastOp::create(
        builder, loc, VectorType::get({half - 1, lanes}, builder.getI1Type()),
        isAbove);
    left = process.select(condition, slice(half, half - 1), slice(0, half - 1));
  }
  Value distance = digits.pop_back_val();
  while (!digits.empty())
    distance = process.join(digits.pop_back_val(), distance);
  return low == 0 ? distance : process.add(distance, process.splat(codes, low));
}

ProcessOp fpga::lowerRequantize(RequantizeOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  ArrayRef<int64_t> shape = from.getShape();
  int64_t groups = shape.back() / from.getLanes();
  SmallVector<int64_t> loops = {from.getWords() / groups, groups};
  if (op.getTiled())
    loops = {shape[0], shape[1], groups};
  ProcessBuilder process(
      builder, op.getLoc(),
      {"requantize", op->getOperands(), op->getResultTypes(), loops});
  Value group = op.getTiled() ? countGroups(process, shape[0], groups, shape[1])
                              : process.index(1);
  auto write = [&](Value code) {
    process.write(0,
                  process.resize(code, to.getElement().getWidth(),
                                 to.getElement().isSigned()),
                  process.isTrue());
    return process.finish();
  };
  if (op.getByThresholds())
    return write(searchThresholds(process, op, group,
                                  process.read(0, process.isTrue())));
  ChannelNumbers channels(process, group, from.getLanes());
  unsigned bits = op.getSums()->getSignedBits();
  Value sum = scale(process, channels, process.read(0, process.isTrue()),
                    from.getElement().isSigned(),
                    getNumbers(op.getMultipliers()), bits, op.getInLuts());
  if (op.getAddend())
    sum = process.add(
        sum, scale(process, channels, process.read(1, process.isTrue()),
                   op.getAddend().getType().getElement().isSigned(),
                   getNumbers(*op.getFactors()), bits, op.getInLuts()));
  sum = process.add(sum, channels.get(getNumbers(op.getOffsets()), bits));
  Value code =
      shiftRight(process, channels, sum, bits, getNumbers(op.getShifts()));
  Interval bounds{op.getClamp()[0], op.getClamp()[1]};
  auto width =
      std::max(cast<VectorType>(code.getType()).getElementTypeBitWidth(),
               bounds.getSignedBits());
  code = process.resize(code, width, /*isSigned=*/true);
  OpBuilder &body = process.getBuilder();
  code = arith::MaxSIOp::create(body, op.getLoc(), code,
                                process.splat(code.getType(), bounds.low));
  code = arith::MinSIOp::create(body, op.getLoc(), code,
                                process.splat(code.getType(), bounds.high));
  return write(code);
}
