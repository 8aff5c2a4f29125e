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
  ChannelNumbers channels(process,
                          op.getTiled()
                              ? countGroups(process, shape[0], groups, shape[1])
                              : process.index(1),
                          from.getLanes());
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
  process.write(0,
                process.resize(code, to.getElement().getWidth(),
                               to.getElement().isSigned()),
                process.isTrue());
  return process.finish();
}
