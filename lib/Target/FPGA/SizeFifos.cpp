//===- SizeFifos.cpp - streams that wait for others -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Passes.h"

#include "Units.h"
#include "WindowSchedule.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

namespace qnt::fpga {
#define GEN_PASS_DEF_SIZEFIFOSPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Words under way in the pipelines between, coarsely.
static constexpr int64_t wordsUnderWay = 32;
/// Cycles that a word takes through a unit and a FIFO, coarsely.
static constexpr int64_t cyclesUnderWay = 10;

/// Whether streams part here, which may meet again.
static bool isFork(Operation *op) { return op->getNumResults() > 1; }

/// All forks that a stream comes from.
static void collectForks(Value stream, llvm::SetVector<Operation *> &forks) {
  Operation *op = stream.getDefiningOp();
  if (!op)
    return;
  // What is behind a fork that was met is known already.
  if (isFork(op) && !forks.insert(op))
    return;
  for (Value operand : op->getOperands())
    collectForks(operand, forks);
}

/// The last fork that both come from.
static Operation *findFork(Value a, Value b) {
  llvm::SetVector<Operation *> ofA, ofB;
  collectForks(a, ofA);
  collectForks(b, ofB);
  Operation *last = nullptr;
  for (Operation *fork : ofA)
    if (ofB.contains(fork) && (!last || last->isBeforeInBlock(fork)))
      last = fork;
  return last;
}

/// Or its windows, in rows as well.
static bool isImage(Value stream) {
  return cast<StreamType>(stream.getType()).getShape().size() == 3 ||
         stream.getDefiningOp<WindowOp>();
}

/// How many rows of the image of `fork` are taken from it, at most or, with
/// `least`, at least, when row `row` of `stream` is begun.
static int64_t getRowsTaken(Value stream, int64_t row, Operation *fork,
                            bool least) {
  int64_t height =
      cast<StreamType>(fork->getOperand(0).getType()).getShape().front();
  Operation *op = stream.getDefiningOp();
  if (op == fork)
    return std::min(row + 1, height);
  // What does not come from the fork takes nothing from it.
  if (!op)
    return 0;
  if (auto window = dyn_cast<WindowOp>(op)) {
    WindowSchedule schedule(window);
    int64_t last = std::min(row, schedule.outHeight - 1);
    int64_t rows = least ? schedule.getNeeded(last) : schedule.getLimit(last);
    return getRowsTaken(window.getInput(), rows - 1, fork, least);
  }
  if (auto slice = dyn_cast<SliceOp>(op))
    row = slice.getOffsets().front() + row * slice.getStrides().front();
  // Behind a pair of vectors is the first one of the next.
  if (auto dot = dyn_cast<DotOp>(op); dot && dot.getVectors() && !least)
    row = std::min(row + 1, height);
  if (auto pad = dyn_cast<PadOp>(op))
    row = std::max<int64_t>(0, row - pad.getLow().front());
  // Rows that wait are taken as well.
  auto fifo = dyn_cast<FifoOp>(op);
  if (fifo && !least && isImage(stream)) {
    auto type = cast<StreamType>(stream.getType());
    row += llvm::divideCeil(fifo.getDepth() * type.getShape().front(),
                            type.getWords());
  }
  int64_t taken = 0;
  for (Value operand : op->getOperands()) {
    // Where rows are no longer rows, they may all be needed.
    bool keepsRows = isImage(stream) && isImage(operand);
    taken = std::max(
        taken, getRowsTaken(operand, keepsRows ? row : height, fork, least));
  }
  return taken;
}

/// Elements of the image `ahead` that may be there before those of `behind`
/// that they meet.
static int64_t countAhead(Value ahead, Value behind, Operation *fork) {
  auto type = cast<StreamType>(ahead.getType());
  int64_t height = type.getShape().front(), most = 0, before = 0;
  for (int64_t row = 0; row < height; ++row) {
    int64_t taken = getRowsTaken(behind, row, fork, /*least=*/false);
    while (before < height &&
           getRowsTaken(ahead, before, fork, /*least=*/true) <= taken)
      ++before;
    most = std::max(most, before - row);
  }
  // In one row, what is ahead comes from pixels that the other has as well.
  return most > 1 ? most * (type.getElements() / height) : 0;
}

/// Rows of vectors of a frame, its first dimension; 1 where it has no other.
static int64_t countRows(Value stream) {
  auto shape = cast<StreamType>(stream.getType()).getShape();
  return shape.size() > 1 ? shape.front() : 1;
}

namespace {
/// How far what comes from a fork is behind what comes right from it.
struct Lag {
  double frames = 0;
  /// On the longest way.
  int64_t units = 0;
};
} // namespace

/// None of what does not come from the fork.
static std::optional<Lag> getLag(Value stream, Operation *fork) {
  Operation *op = stream.getDefiningOp();
  if (op == fork)
    return Lag();
  if (!op)
    return std::nullopt;
  std::optional<Lag> lag;
  for (Value operand : op->getOperands())
    if (auto before = getLag(operand, fork)) {
      // Others may need whole frames.
      if (!isa<DivideOp, DotOp, ExponentialsOp, FifoOp, ForkOp, LookupOp, MixOp,
               MultiplyOp, NormalizeOp, RequantizeOp, RopeOp, ScoresOp,
               WidthOp>(op) ||
          countRows(operand) != countRows(stream))
        ++before->frames;
      if (!lag)
        lag = Lag();
      lag->frames = std::max(lag->frames, before->frames);
      lag->units = std::max(lag->units, before->units + 1);
    }
  if (!lag)
    return lag;
  // They read a row while they give the one before.
  if (isa<DotOp, ExponentialsOp, MixOp, NormalizeOp, RopeOp, ScoresOp>(op))
    lag->frames += 1 / double(countRows(stream));
  if (auto dot = dyn_cast<DotOp>(op); dot && dot.getVectors())
    lag->frames += 2 / double(countRows(stream));
  if (auto fifo = dyn_cast<FifoOp>(op))
    lag->frames += double(fifo.getDepth()) /
                   double(cast<StreamType>(stream.getType()).getWords());
  return lag;
}

/// Words of `ahead` that may be there before those of `behind`, rows of
/// vectors, that they meet, when a frame takes `cycles`.
static int64_t countRowsAhead(Value ahead, Value behind, Operation *fork,
                              int64_t cycles) {
  Lag lag = *getLag(behind, fork);
  int64_t frame = cast<StreamType>(ahead.getType()).getWords();
  int64_t rows = countRows(ahead), words = frame;
  // Where rows are other ones, a whole frame.
  if (rows == countRows(fork->getOperand(0)))
    words = int64_t(std::ceil(lag.frames * double(rows)) + 1) * (frame / rows);
  return words +
         std::max(wordsUnderWay, cyclesUnderWay * lag.units * frame / cycles);
}

/// Cycles in which the windows of a frame are taken, by the slowest of the units
/// that hold no more of them than a few pixels.
static int64_t countTaking(WindowOp op) {
  int64_t cycles = getCycles(op);
  for (Value stream = op.getResult(); isImage(stream);) {
    Operation *reader = *stream.user_begin();
    if (isa<OutputOp, WindowOp>(reader))
      break;
    cycles = std::max(cycles, getCycles(reader));
    stream = reader->getResult(0);
  }
  return cycles;
}

/// Words that come while windows of the last rows are written: those of the
/// next frame, which it begins with. `cycles` is what a frame takes.
static int64_t countNext(WindowOp op, int64_t cycles) {
  WindowSchedule schedule(op);
  int64_t rows =
      std::min(schedule.getNeeded(0) + schedule.stride, schedule.height);
  return llvm::divideCeil(rows * schedule.row * countTaking(op), cycles);
}

/// A dot product of several words of rows reads a vector for the first of them
/// and keeps it for the others: the words of the next one wait meanwhile.
/// Windows need not, they are made as they are read.
static int64_t countRepeated(DotOp op) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  // None is read while the last results go out, and but for the first and the
  // last rows of a pair.
  if (op.getVectors())
    return 3 * from.getShape().back() / from.getLanes();
  if (op.getInput().getDefiningOp<WindowOp>() || op.getInTables() ||
      to.getShape().back() == to.getLanes())
    return 0;
  return from.getShape().back() / from.getLanes();
}

/// Sums that come at once: of products by tables all of a vector with its last
/// word, of pairs those of two vectors.
static int64_t countAtOnce(DotOp op) {
  StreamType to = op.getResult().getType();
  int64_t words = to.getShape().back() / to.getLanes();
  return op.getInTables() ? words : op.getVectors() ? words + 1 : 0;
}

namespace {
/// Cycles in which a stream brings nothing: in the longest pause, and in all of
/// a frame.
struct Pauses {
  int64_t longest, all;

  /// As they go on through a unit of so many cycles a pixel.
  Pauses behind(int64_t pixel) const {
    int64_t later = longest + pixel + cyclesUnderWay;
    return {later, all * later / longest};
  }
};
} // namespace

/// While rows come that a window only reads there are no windows. The first
/// units behind that have no time to wait so long take what came before
/// meanwhile: they are given to `place`, with so many words.
static void
bridgePauses(OpOperand &reader, Pauses pauses, int64_t cycles,
             function_ref<void(OpOperand &reader, int64_t words)> place) {
  Operation *op = reader.getOwner();
  if (!isImage(reader.get()) || isa<OutputOp, WindowOp>(op))
    return;
  auto from = cast<StreamType>(reader.get().getType());
  int64_t busy = getCycles(op);
  int64_t pixels = from.getShape()[0] * from.getShape()[1];
  if (busy + pauses.all > cycles) {
    // A dot product begins with a whole vector.
    int64_t parts = isa<DotOp>(op) ? pixels : from.getWords();
    place(reader, llvm::divideCeil(pauses.longest * parts, busy) *
                      (from.getWords() / parts));
    return;
  }
  for (Value result : op->getResults())
    bridgePauses(*result.use_begin(), pauses.behind(busy / pixels), cycles,
                 place);
}

/// Of all vectors at once: those of the next frame wait for all tiles. A vector
/// by itself waits as others do.
static int64_t countRepeated(TiledDotOp op) {
  return op.getTiles() > 1 || op.getVectors() > 1
             ? op.getInput().getType().getWords()
             : 0;
}

/// Cycles in which the words of a frame are taken, by what is behind a stream.
static int64_t countReading(Value stream) {
  int64_t cycles = cast<StreamType>(stream.getType()).getWords();
  Operation *reader = *stream.user_begin();
  for (; isa<WidthOp, FifoOp>(reader);
       reader = *reader->getResult(0).user_begin())
    cycles = std::max(cycles, getCycles(reader));
  // Others have a FIFO for all.
  return isa<TiledDotOp>(reader) ? cycles : std::max(cycles, getCycles(reader));
}

/// Cycles in which they come, at the least.
static int64_t countComing(Value stream, int64_t cycles) {
  Operation *maker = stream.getDefiningOp();
  while (isa_and_present<WidthOp, FifoOp, RequantizeOp>(maker))
    maker = maker->getOperand(0).getDefiningOp();
  auto dot = dyn_cast_if_present<TiledDotOp>(maker);
  // Not while the first tile comes.
  return dot ? dot.getTiles() * dot.getVectors() * dot.getSteps() : cycles;
}

/// Words of the first operand that come while none is read: of units that only
/// give the last row, or use a head's numbers again, as many as they have.
static int64_t countWaiting(Operation *op) {
  auto type = cast<StreamType>(op->getOperand(0).getType());
  int64_t elements = type.getShape().back();
  if (auto rope = dyn_cast<RopeOp>(op))
    elements = rope.getHeadSize();
  if (auto scores = dyn_cast<ScoresOp>(op))
    elements = scores.getHeadSize();
  return elements / type.getLanes();
}

/// Words that come while a concat takes those of other inputs.
static int64_t countAside(OpOperand &operand) {
  auto type = cast<StreamType>(operand.get().getType());
  return isa<ConcatOp>(operand.getOwner())
             ? type.getShape().back() / type.getLanes() + wordsUnderWay
             : 0;
}

namespace {
/// Words around a reorder, which takes and gives in turn.
struct Around {
  Around(ReorderOp op, int64_t cycles) {
    int64_t words = op.getInput().getType().getWords();
    int64_t reading = countReading(op.getResult());
    // Where a frame leaves no time to wait for the reader.
    int64_t late = words + reading - cycles;
    if (late > 0)
      behind =
          std::min<int64_t>(words, llvm::divideCeil(words * late, reading));
    int64_t giving = std::max(words, std::min(reading, cycles - words));
    before = std::min<int64_t>(
        words,
        llvm::divideCeil(giving * words, countComing(op.getInput(), cycles)));
  }
  int64_t before = 0, behind = 0;
};

class SizeFifos : public fpga::impl::SizeFifosPassBase<SizeFifos> {
  void runOnOperation() override {
    int64_t cycles = 1;
    for (Operation &op : getOperation().getBody().front())
      cycles = std::max(cycles, getCycles(&op));
    auto windows = llvm::to_vector(getOperation().getOps<WindowOp>());
    for (WindowOp op : windows)
      insert(op.getInputMutable(), countNext(op, cycles));
    auto dots = llvm::to_vector(getOperation().getOps<DotOp>());
    llvm::MapVector<OpOperand *, int64_t> waiting;
    for (DotOp op : dots)
      waiting[&op.getInputMutable()] = countRepeated(op);
    for (WindowOp op : windows) {
      WindowSchedule::Gaps gaps = WindowSchedule(op).getGaps();
      // The slowest unit is late by itself.
      if (gaps.all == 0 || getCycles(op) >= cycles)
        continue;
      Pauses pauses{gaps.longest, gaps.all};
      bridgePauses(
          *op.getResult().use_begin(), pauses.behind(0), cycles,
          [&](OpOperand &reader, int64_t words) { waiting[&reader] += words; });
    }
    for (auto [reader, words] : waiting)
      insert(*reader, words);
    for (DotOp op : dots)
      insert(*op.getResult().use_begin(), countAtOnce(op));
    auto tiled = llvm::to_vector(getOperation().getOps<TiledDotOp>());
    for (TiledDotOp op : tiled)
      insert(op.getInputMutable(), countRepeated(op));
    auto reorders = llvm::to_vector(getOperation().getOps<ReorderOp>());
    for (ReorderOp op : reorders) {
      Around words(op, cycles);
      insert(op.getInputMutable(), words.before);
      insert(*op.getResult().use_begin(), words.behind);
    }
    SmallVector<Operation *> rows;
    for (Operation &op : getOperation().getBody().front())
      if (isa<ExponentialsOp, MixOp, NormalizeOp, RopeOp, ScoresOp>(op))
        rows.push_back(&op);
    for (Operation *op : rows) {
      int64_t words = countWaiting(op);
      // While the first row is read none is given.
      if (isa<ExponentialsOp, NormalizeOp, RopeOp>(op))
        insert(*op->getResult(0).use_begin(), words);
      insert(op->getOpOperand(0), words);
    }
    SmallVector<Operation *> meets;
    for (Operation &op : getOperation().getBody().front())
      if (isa<ConcatOp, DivideOp, MixOp, MultiplyOp, RequantizeOp, ScoresOp>(
              op) &&
          op.getNumOperands() > 1)
        meets.push_back(&op);
    for (Operation *op : meets) {
      SmallVector<Value> streams(op->getOperands());
      for (OpOperand &operand : op->getOpOperands())
        // What heads' sums are divided by comes before them.
        if (!isa<DivideOp>(op) || operand.getOperandNumber() > 0)
          place(operand, streams, cycles);
    }
    // What may wait for others to come need not be there for others to wait.
    for (auto [operand, words] : ofRows)
      insert(*operand, words);
    ofRows.clear();
  }

  /// In front of an operand that meets the others of `streams`.
  void place(OpOperand &ahead, ArrayRef<Value> streams, int64_t cycles) {
    Value stream = ahead.get();
    int64_t lanes = cast<StreamType>(stream.getType()).getLanes();
    int64_t words = countAside(ahead), rows = 0;
    for (auto [number, behind] : llvm::enumerate(streams)) {
      if (number == ahead.getOperandNumber())
        continue;
      Operation *fork = findFork(stream, behind);
      if (!fork)
        continue;
      if (!isImage(stream) || !isImage(fork->getOperand(0)))
        rows = std::max(rows, countRowsAhead(stream, behind, fork, cycles));
      else if (int64_t elements = countAhead(stream, behind, fork))
        words = std::max(words, elements / lanes + wordsUnderWay);
    }
    if (rows > words)
      ofRows.push_back({&ahead, rows});
    else
      insert(ahead, words);
  }

  static void insert(OpOperand &reader, int64_t words) {
    if (words <= 2)
      return;
    OpBuilder builder(reader.getOwner());
    reader.set(FifoOp::create(builder, reader.getOwner()->getLoc(),
                              reader.get(), words));
  }

  /// FIFOs in front of these, of so many words.
  SmallVector<std::pair<OpOperand *, int64_t>> ofRows;
};
} // namespace
