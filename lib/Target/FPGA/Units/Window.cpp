//===- Window.cpp - windows of an image, by a buffer of rows -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "../WindowSchedule.h"

#include "qnt/Dialect/NN/Windows.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

WindowSchedule::WindowSchedule(WindowOp op) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  auto windows = nn::Windows::of(op, op.getKernel());
  height = from.getShape()[0];
  width = from.getShape()[1];
  outHeight = to.getShape()[0];
  outWidth = to.getShape()[1];
  pixel = from.getShape()[2] / from.getLanes();
  row = width * pixel;
  taps = op.getKernel()[0] * op.getKernel()[1];
  stride = op.getStrides()[0];
  above = op.getPads()[0];
  extent = windows.getExtent(0);
  rows = std::min(height, extent + stride);
}

int64_t WindowSchedule::getNeeded(int64_t o) const {
  if (o == outHeight)
    return height + 1;
  return std::clamp<int64_t>(o * stride - above + extent, 0, height);
}

int64_t WindowSchedule::getLimit(int64_t o) const {
  // Of a small image the buffer has room for more: but iterations that read
  // wait for what they read, and so would the windows.
  return o == outHeight ? height
                        : std::clamp<int64_t>(
                              (o + 1) * stride - above + extent, 0, height);
}

void WindowSchedule::walk(function_ref<void(bool writes)> visit) const {
  int64_t read = 0, written = 0, o = 0;
  while (read < height * row || o < outHeight) {
    int64_t rowsRead = read / row;
    read += rowsRead != getLimit(o);
    bool writes = rowsRead >= getNeeded(o);
    visit(writes);
    if (writes && ++written == outWidth * taps * pixel) {
      written = 0;
      ++o;
    }
  }
}

int64_t WindowSchedule::getIterations() const {
  int64_t iterations = 0;
  walk([&](bool) { ++iterations; });
  return iterations;
}

WindowSchedule::Gaps WindowSchedule::getGaps() const {
  Gaps gaps;
  int64_t gap = 0, first = 0;
  bool wrote = false;
  walk([&](bool writes) {
    gap = writes ? 0 : gap + 1;
    gaps.all += !writes;
    gaps.longest = std::max(gaps.longest, gap);
    wrote |= writes;
    if (!wrote)
      first = gap;
  });
  // What is read behind the last window is followed by the next frame's first
  // rows.
  gaps.longest = std::max(gaps.longest, gap + first);
  return gaps;
}

namespace {
/// When the taps and the windows of an axis move.
struct Moves {
  /// To the next tap; to the first one again; to the next window; to the first
  /// window again, or never.
  Value tap, taps, window, windows;
};

/// Something that is counted along an axis, from the first tap of the first
/// window on.
struct Path {
  unsigned bits;
  int64_t first, dilation, stride;
  /// Begins anew at this, where it is not 0.
  int64_t wrap = 0;
};

/// Writes the body.
class WindowBuilder {
public:
  WindowBuilder(WindowOp op, OpBuilder &place)
      : op(op), schedule(op), depth(schedule.rows * schedule.row),
        process(place, op.getLoc(),
                {"window",
                 op->getOperands(),
                 op->getResultTypes(),
                 {schedule.getIterations()}}) {}

  ProcessOp run();

private:
  Value addState(unsigned bits, int64_t initial);
  Value advance(Value from, int64_t by, int64_t wrap);
  Value follow(const Path &path, const Moves &moves);
  void addRows(Value state, Value moves, Value ends, int64_t last);
  Value isInside(unsigned axis, const Moves &moves);
  Value locate(Value word, const Moves &rows, const Moves &columns);

  WindowOp op;
  const WindowSchedule schedule;
  /// Words of the buffer.
  const int64_t depth;
  ProcessBuilder process;
};
} // namespace

Value WindowBuilder::addState(unsigned bits, int64_t initial) {
  OpBuilder &builder = process.getBuilder();
  return process.addState(builder.getIntegerAttr(
      builder.getIntegerType(bits), APInt(bits, uint64_t(initial), false,
                                          /*implicitTrunc=*/true)));
}

/// from + by, modulo `wrap` where that is not 0.
Value WindowBuilder::advance(Value from, int64_t by, int64_t wrap) {
  unsigned bits = from.getType().getIntOrFloatBitWidth();
  if (!wrap)
    return process.add(from, process.integer(bits, by));
  auto number = [&](int64_t value) { return process.integer(bits + 1, value); };
  Value sum = process.add(process.resize(from, bits + 1, /*isSigned=*/false),
                          number(by % wrap));
  Value isBeyond =
      process.compare(arith::CmpIPredicate::uge, sum, number(wrap));
  Value now = process.select(isBeyond, process.add(sum, number(-wrap)), sum);
  return process.resize(now, bits, /*isSigned=*/false);
}

/// A state: that of the tap at work.
Value WindowBuilder::follow(const Path &path, const Moves &moves) {
  Value now = addState(path.bits, path.first);
  Value base = addState(path.bits, path.first);
  Value next =
      process.select(moves.window, advance(base, path.stride, path.wrap), base);
  if (moves.windows)
    next = process.select(moves.windows, process.integer(path.bits, path.first),
                          next);
  process.setNext(base, next);
  Value tap =
      process.select(moves.tap, advance(now, path.dilation, path.wrap), now);
  tap = process.select(moves.taps, base, tap);
  process.setNext(now, process.select(moves.window, next, tap));
  return now;
}

/// A count of rows grows by the stride up to the height; behind the last window
/// it is `last`.
void WindowBuilder::addRows(Value state, Value moves, Value ends,
                            int64_t last) {
  unsigned bits = state.getType().getIntOrFloatBitWidth();
  Value more = advance(state, schedule.stride, /*wrap=*/0);
  Value height = process.integer(bits, schedule.height);
  Value isBeyond = process.compare(arith::CmpIPredicate::ugt, more, height);
  Value next = process.select(isBeyond, height, more);
  process.setNext(state, process.select(ends, process.integer(bits, last),
                                        process.select(moves, next, state)));
}

/// Whether the tap at work is in the image.
Value WindowBuilder::isInside(unsigned axis, const Moves &moves) {
  int64_t size = axis ? schedule.width : schedule.height;
  int64_t windows = axis ? schedule.outWidth : schedule.outHeight;
  int64_t first = -op.getPads()[axis];
  int64_t stride = op.getStrides()[axis], dilation = op.getDilations()[axis];
  int64_t last = first + windows * stride + op.getKernel()[axis] * dilation;
  unsigned bits = Interval{first, std::max(last, size)}.getSignedBits();
  Value at = follow({bits, first, dilation, stride}, moves);
  // A negative one is large without its sign.
  return process.compare(arith::CmpIPredicate::ult, at,
                         process.integer(bits, size));
}

/// Where in the buffer a word of the tap at work is; outside of the image, some
/// number.
Value WindowBuilder::locate(Value word, const Moves &rows,
                            const Moves &columns) {
  unsigned bits = ProcessOp::getIndexBits(depth);
  int64_t row = schedule.row, pixel = schedule.pixel;
  int64_t first = -schedule.above * row % depth;
  Value rowAt =
      follow({bits, first < 0 ? first + depth : first,
              op.getDilations()[0] * row, schedule.stride * row, depth},
             rows);
  Value columnAt =
      follow({bits, -op.getPads()[1] * pixel, op.getDilations()[1] * pixel,
              op.getStrides()[1] * pixel},
             columns);
  return process.add(process.add(rowAt, columnAt),
                     process.resize(word, bits, /*isSigned=*/false));
}

ProcessOp WindowBuilder::run() {
  unsigned bits =
      ProcessOp::getIndexBits(schedule.height + schedule.stride + 2);
  Value rowsRead = addState(bits, 0);
  Value needed = addState(bits, schedule.getNeeded(0));
  Value limit = addState(bits, schedule.getLimit(0));
  Value reads = process.compare(arith::CmpIPredicate::ne, rowsRead, limit);
  Value writes = process.compare(arith::CmpIPredicate::uge, rowsRead, needed);

  Value fresh = process.read(0, reads);
  auto readWord = process.countUp(schedule.row, reads);
  process.setNext(rowsRead,
                  process.add(rowsRead, process.resize(readWord.wraps, bits,
                                                       /*isSigned=*/false)));
  Value buffer = process.memory(depth, fresh.getType());
  process.store(fresh, buffer, process.countUp(depth, reads).now, reads);

  // Channels within taps, or taps within channels.
  ProcessBuilder::Count word;
  Value next = writes;
  Moves columns, rows;
  auto countWords = [&] {
    word = process.countUp(schedule.pixel, next);
    next = word.wraps;
  };
  if (!op.getByChannel())
    countWords();
  columns.tap = next;
  columns.taps = rows.tap = process.countUp(op.getKernel()[1], next).wraps;
  rows.taps = next = process.countUp(op.getKernel()[0], rows.tap).wraps;
  if (op.getByChannel())
    countWords();
  columns.window = next;
  columns.windows = rows.window =
      process.countUp(schedule.outWidth, next).wraps;
  Value ends = process.countUp(schedule.outHeight, rows.window).wraps;
  addRows(needed, rows.window, ends, schedule.getNeeded(schedule.outHeight));
  addRows(limit, rows.window, ends, schedule.height);

  Value address = locate(word.now, rows, columns);
  bool hasPads = llvm::any_of(op.getPads(), [](int64_t pad) { return pad; });
  Value result;
  if (hasPads) {
    Value inside = process.both(isInside(0, rows), isInside(1, columns));
    Value somewhere = process.splat(address.getType(), 0);
    result = process.select(
        inside,
        process.load(buffer, process.select(inside, address, somewhere)),
        process.splat(fresh.getType(), int64_t(op.getOutside())));
  } else {
    result = process.load(buffer, address);
  }
  process.write(0, result, writes);
  return process.finish();
}

ProcessOp fpga::lowerWindow(WindowOp op, OpBuilder &builder) {
  return WindowBuilder(op, builder).run();
}
