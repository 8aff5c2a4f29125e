//===- Fold.cpp - how much of each unit works at once -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Folder.h"
#include "Units.h"

#include "qnt/Target/FPGA/Part.h"
#include "qnt/Target/FPGA/Passes.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

namespace qnt::fpga {
#define GEN_PASS_DEF_FOLDPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// With parity.
static constexpr int64_t halfBlockBits = 18 * 1024;

static StreamType getType(Value stream) {
  return cast<StreamType>(stream.getType());
}

StreamType fpga::withLanes(StreamType type, int64_t lanes) {
  return StreamType::get(type.getContext(), type.getShape(), type.getElement(),
                         lanes);
}

static SmallVector<int64_t> getDivisors(int64_t number) {
  SmallVector<int64_t> divisors;
  for (int64_t d = 1; d <= number; ++d)
    if (number % d == 0)
      divisors.push_back(d);
  return divisors;
}

namespace {
/// Gives lanes to the units of a design whose streams have one each.
class Folder {
public:
  Folder(DesignOp design, const Folding &folding)
      : design(design), folding(folding), cycles(folding.cycles),
        builder(design.getContext()) {}

  LogicalResult run();

private:
  LogicalResult fold(Operation *op);
  LogicalResult fold(DotOp op);
  LogicalResult fold(WindowOp op);
  LogicalResult fold(DepthwiseOp op);
  LogicalResult fold(ConcatOp op);
  LogicalResult fold(PoolOp op);
  template <typename OpT> LogicalResult foldWords(OpT op, int64_t first);
  LogicalResult fold(RequantizeOp op);
  FailureOr<DotFolding> getFolding(DotOp op);
  LogicalResult foldLanes(Operation *op);
  LogicalResult fold(Operation *op, const LaneFolding &unit);
  FailureOr<int64_t> choose(Operation *op, const LaneFolding &unit);
  FailureOr<int64_t> choose(Operation *op, int64_t channels, int64_t elements);
  Value convert(Value stream, int64_t lanes);
  /// What a window gives, whose reader decides, has so many lanes.
  void setLanes(OpOperand &operand, int64_t lanes);

  DesignOp design;
  const Folding &folding;
  const int64_t cycles;
  llvm::DenseMap<Operation *, size_t> numbers;
  OpBuilder builder;
};
} // namespace

/// The fewest lanes that move so many elements in time.
FailureOr<int64_t> Folder::choose(Operation *op, int64_t channels,
                                  int64_t elements) {
  auto getBits = [](Value stream) {
    return getType(stream).getElement().getWidth();
  };
  int64_t bits = 1;
  for (Value operand : op->getOperands())
    bits = std::max<int64_t>(bits, getBits(operand));
  auto requantize = dyn_cast<RequantizeOp>(op);
  auto isLegal = [&](int64_t lanes) {
    return lanes * bits <= maxWordBits &&
           (!requantize || lanes == channels ||
            lanes * requantize.getNumberBits() <= maxWordBits);
  };
  int64_t most = 1;
  for (int64_t lanes : getDivisors(channels)) {
    if (!isLegal(lanes))
      continue;
    if (elements / lanes <= cycles)
      return lanes;
    most = lanes;
  }
  return op->emitOpError("needs at least ")
         << elements / most << " cycles a frame, expected at most " << cycles;
}

/// The same stream in words of so many lanes, at the rate of the narrower side.
Value Folder::convert(Value stream, int64_t lanes) {
  StreamType type = getType(stream);
  int64_t few = std::gcd(type.getLanes(), lanes);
  int64_t between = type.getElements() / few <= cycles
                        ? few
                        : std::lcm(type.getLanes(), lanes);
  for (int64_t next : {between, lanes})
    if (getType(stream).getLanes() != next)
      stream = WidthOp::create(builder, stream.getLoc(), withLanes(type, next),
                               stream);
  return stream;
}

void Folder::setLanes(OpOperand &operand, int64_t lanes) {
  operand.set(convert(operand.get(), lanes));
}

/// Windows are made in words that their reader takes.
static DotOp getReader(WindowOp op) {
  return dyn_cast<DotOp>(*op.getResult().user_begin());
}

/// Inputs that may be multiplied at once, or a divisor of that.
static int64_t countTogether(DotOp op) {
  if (auto window = op.getInput().getDefiningOp<WindowOp>())
    return getType(window.getInput()).getShape().back();
  return getType(op.getInput()).getShape().back();
}

void fpga::setProducts(DotOp op, const DotFolding &folding) {
  op.setInLuts(folding.inLuts);
  op.setInTables(folding.inTables);
  if (folding.shared > 1)
    op.setShared(folding.shared);
  if (folding.vectors > 1)
    op.setVectors(folding.vectors);
  if (folding.asIntegers)
    op.removeMinifloatAttr();
}

void fpga::setProducts(RequantizeOp op, const RequantizerFolding &folding) {
  op.setInLuts(folding.inLuts);
  op.setByThresholds(folding.byThresholds);
}

int64_t fpga::countCycles(DotOp op, const DotFolding &folding) {
  int64_t rows = getType(op.getResult()).getShape().back();
  if (op.getPort())
    return countMemoryCycles(op, folding.pe, folding.simd);
  if (folding.vectors > 1)
    return op.countPairCycles(folding.pe, folding.simd);
  if (folding.inTables)
    return DotOp::countTableCycles(
        getType(op.getInput()).getElements() / folding.simd, rows / folding.pe);
  return getType(op.getInput()).getElements() / folding.simd *
         (rows / folding.pe);
}

SmallVector<DotFolding> fpga::getFoldings(DotOp op) {
  StreamType from = getType(op.getInput()), to = getType(op.getResult());
  int64_t inputs = from.getShape().back(), rows = to.getShape().back();
  unsigned weightBits = op.getWeightBits();
  auto isWord = [](int64_t bits) { return bits <= maxWordBits; };
  SmallVector<DotFolding> foldings;
  for (int64_t simd : getDivisors(countTogether(op)))
    for (int64_t pe : getDivisors(rows)) {
      bool isFolded = rows > pe || inputs > simd;
      if (isWord(simd * from.getElement().getWidth()) &&
          isWord(pe * to.getElement().getWidth()) &&
          (!isFolded || isWord(pe * simd * weightBits)))
        foldings.push_back({pe, simd});
    }
  return foldings;
}

SmallVector<DotFolding> fpga::getPairFoldings(DotOp op) {
  SmallVector<DotFolding> foldings;
  if (op.getPort())
    return foldings;
  for (DotFolding folding : getFoldings(op))
    if (op.mayHavePairs(folding.pe, folding.simd)) {
      folding.vectors = 2;
      foldings.push_back(folding);
    }
  return foldings;
}

SmallVector<DotFolding> fpga::getTableFoldings(DotOp op) {
  SmallVector<DotFolding> foldings;
  if (op.getPort() || !op.isTernary())
    return foldings;
  ArrayRef<int64_t> shape = op.getWeights().getType().getShape();
  for (DotFolding folding : getFoldings(op)) {
    folding.inTables = true;
    folding.asIntegers = bool(op.getMinifloat());
    bool isConstant = folding.pe == shape[0] && folding.simd == shape[1];
    if (!isConstant && folding.simd >= DotOp::tableInputs &&
        folding.getMultipliers() * DotOp::tableCodeBits <= maxWordBits)
      foldings.push_back(folding);
  }
  return foldings;
}

SmallVector<DotFolding> fpga::getFewest(DotOp op, ArrayRef<DotFolding> foldings,
                                        int64_t cycles) {
  SmallVector<DotFolding> fewest;
  for (const DotFolding &folding : foldings) {
    if (countCycles(op, folding) > cycles)
      continue;
    if (!fewest.empty() &&
        folding.getMultipliers() > fewest.front().getMultipliers())
      continue;
    if (!fewest.empty() &&
        folding.getMultipliers() < fewest.front().getMultipliers())
      fewest.clear();
    fewest.push_back(folding);
  }
  return fewest;
}

/// Without one that was chosen, of those with the fewest multipliers that with
/// the most inputs, which leave the fewest sums.
FailureOr<DotFolding> Folder::getFolding(DotOp op) {
  if (auto chosen = folding.dots.find(numbers.lookup(op));
      chosen != folding.dots.end())
    return chosen->second;
  auto fewest = getFewest(op, getFoldings(op), cycles);
  if (!fewest.empty())
    return fewest.back();
  int64_t inputs = getType(op.getInput()).getShape().back();
  return op.emitOpError("has no folding of at most ")
         << cycles
         << " cycles a frame: " << getType(op.getInput()).getElements() / inputs
         << " vectors of " << inputs << " inputs, of which "
         << countTogether(op)
         << " or a divisor of that are multiplied at once, in words of at most "
         << maxWordBits << " bits";
}

LogicalResult Folder::fold(DotOp op) {
  auto folding = getFolding(op);
  if (failed(folding))
    return failure();
  setLanes(op.getInputMutable(), folding->simd);
  op.getResult().setType(withLanes(op.getResult().getType(), folding->pe));
  setProducts(op, *folding);
  return success();
}

LogicalResult Folder::fold(WindowOp op) {
  StreamType from = getType(op.getInput()), to = getType(op.getResult());
  int64_t lanes = 1;
  if (DotOp dot = getReader(op)) {
    auto folding = getFolding(dot);
    if (failed(folding))
      return failure();
    lanes = folding->simd;
  } else if (auto depthwise =
                 dyn_cast<DepthwiseOp>(*op.getResult().user_begin())) {
    auto chosen = choose(depthwise, *getLaneFolding(depthwise));
    if (failed(chosen))
      return failure();
    lanes = *chosen;
  } else {
    auto chosen = choose(op, from.getShape().back(),
                         std::max(from.getElements(), to.getElements()));
    if (failed(chosen))
      return failure();
    lanes = *chosen;
  }
  setLanes(op.getInputMutable(), lanes);
  op.getResult().setType(foldWindows(op, lanes));
  return success();
}

StreamType fpga::foldWindows(WindowOp op, int64_t lanes) {
  StreamType type = op.getResult().getType();
  SmallVector<int64_t> shape(type.getShape());
  if (op.getByChannel()) {
    shape[2] /= lanes;
    shape[3] *= lanes;
  }
  return StreamType::get(op.getContext(), shape, type.getElement(), lanes);
}

LogicalResult Folder::fold(RequantizeOp op) {
  auto chosen = folding.requantizers.find(numbers.lookup(op));
  if (chosen != folding.requantizers.end())
    setProducts(op, chosen->second);
  return foldLanes(op);
}

/// As its windows come.
LogicalResult Folder::fold(PoolOp op) {
  op.getResult().setType(
      withLanes(op.getResult().getType(), getType(op.getInput()).getLanes()));
  return success();
}

LogicalResult Folder::fold(DepthwiseOp op) {
  op.getResult().setType(
      withLanes(op.getResult().getType(),
                getType(op.getInput()).getLanes() * op.getMultiplier()));
  if (auto chosen = folding.depthwise.find(numbers.lookup(op));
      chosen != folding.depthwise.end())
    op.setInLuts(chosen->second.inLuts);
  return success();
}

/// Words of the result are words of one input.
LogicalResult Folder::fold(ConcatOp op) {
  int64_t channels = 0;
  for (Value input : op.getInputs())
    channels = std::gcd(channels, getType(input).getShape().back());
  StreamType to = op.getResult().getType();
  auto lanes = choose(op, channels, to.getElements());
  if (failed(lanes))
    return failure();
  for (OpOperand &operand : op->getOpOperands())
    setLanes(operand, *lanes);
  op.getResult().setType(withLanes(to, *lanes));
  return success();
}

/// Words of the input are words of the result, which may begin behind `first`
/// elements.
template <typename OpT> LogicalResult Folder::foldWords(OpT op, int64_t first) {
  StreamType from = getType(op.getInput()), to = op.getResult().getType();
  int64_t common = std::gcd(from.getShape().back(), to.getShape().back());
  auto lanes = choose(op, std::gcd(common, first),
                      std::max(from.getElements(), to.getElements()));
  if (failed(lanes))
    return failure();
  setLanes(op.getInputMutable(), *lanes);
  op.getResult().setType(withLanes(to, *lanes));
  return success();
}

LogicalResult Folder::foldLanes(Operation *op) {
  auto type = getType(op->getResult(0));
  auto lanes = choose(op, type.getShape().back(), type.getElements());
  if (failed(lanes))
    return failure();
  for (OpOperand &operand : op->getOpOperands())
    setLanes(operand, *lanes);
  for (Value result : op->getResults())
    result.setType(withLanes(getType(result), *lanes));
  return success();
}

SmallVector<int64_t> fpga::getLegalLanes(const LaneFolding &unit) {
  SmallVector<int64_t> lanes = getDivisors(unit.size);
  llvm::erase_if(lanes, [&](int64_t count) {
    return count > 1 && count * unit.laneBits > maxWordBits;
  });
  return lanes;
}

/// The fewest lanes that are fast enough.
FailureOr<int64_t> Folder::choose(Operation *op, const LaneFolding &unit) {
  SmallVector<int64_t> legal = getLegalLanes(unit);
  auto lanes = llvm::find_if(
      legal, [&](int64_t count) { return unit.work / count <= cycles; });
  if (lanes == legal.end())
    return op->emitOpError("needs at least ")
           << unit.work / legal.back() << " cycles a frame, expected at most "
           << cycles;
  return *lanes;
}

LogicalResult Folder::fold(Operation *op, const LaneFolding &unit) {
  auto lanes = choose(op, unit);
  if (failed(lanes))
    return failure();
  for (OpOperand &operand : op->getOpOperands())
    setLanes(operand, llvm::is_contained(unit.operands, &operand) ? *lanes : 1);
  for (Value result : op->getResults())
    result.setType(
        withLanes(getType(result),
                  llvm::is_contained(unit.results, result) ? *lanes : 1));
  return success();
}

LogicalResult Folder::fold(Operation *op) {
  builder.setInsertionPoint(op);
  if (auto unit = getLaneFolding(op); unit && !isa<DepthwiseOp>(op))
    return fold(op, *unit);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<ConcatOp, DepthwiseOp, DotOp, PoolOp, RequantizeOp, WindowOp>(
          [&](auto op) { return fold(op); })
      .Case([&](WidthOp op) { return foldWords(op, 0); })
      .Case([&](PadOp op) { return foldWords(op, op.getLow().back()); })
      .Case([&](SliceOp op) { return foldWords(op, op.getOffsets().back()); })
      .Case([&](LookupOp) { return foldLanes(op); })
      .Case([&](ForkOp fork) {
        for (Value copy : fork.getResults())
          copy.setType(fork.getInput().getType());
        return success();
      })
      .Case([&](FifoOp fifo) {
        fifo.getResult().setType(fifo.getInput().getType());
        return success();
      })
      .Case([&](OutputOp) { return success(); })
      .Default([](Operation *op) {
        return op->emitOpError("is no unit that can be folded");
      });
}

LogicalResult Folder::run() {
  Block &body = design.getBody().front();
  for (Value argument : body.getArguments()) {
    auto lanes = choose(design, getType(argument).getShape().back(),
                        getType(argument).getElements());
    if (failed(lanes))
      return failure();
    argument.setType(withLanes(getType(argument), *lanes));
  }
  SmallVector<Operation *> units;
  for (Operation &op : body) {
    numbers[&op] = units.size();
    units.push_back(&op);
  }
  for (Operation *op : units)
    if (failed(fold(op)))
      return failure();
  for (auto dot : llvm::make_early_inc_range(body.getOps<DotOp>()))
    if (dot.getPort())
      expandMemoryDot(dot);
  design.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  return success();
}

LogicalResult fpga::foldDesign(DesignOp design, const Folding &folding) {
  return Folder(design, folding).run();
}

namespace {
class Fold : public fpga::impl::FoldPassBase<Fold> {
public:
  using FoldPassBase::FoldPassBase;

  void runOnOperation() override {
    auto folding = getFolding();
    if (failed(folding) || failed(foldDesign(getOperation(), *folding)))
      signalPassFailure();
  }

private:
  static int64_t countWeightBits(DotOp op) {
    return op.getWeights().getNumElements() * op.getWeightBits();
  }

  void setPort(DotOp op) {
    op.setPortAttr(OpBuilder(op).getI64IntegerAttr(port));
  }

  LogicalResult placeWeights() {
    DesignOp design = getOperation();
    if (weights != "chip" && weights != "dram" && weights != "auto")
      return design.emitError("expected weights in chip, dram or auto, got '")
             << weights.getValue() << "'";
    if (!FetchOp::isPort(port))
      return design.emitError("expected a port of a power of two bits from 32 "
                              "to 1024, got ")
             << int64_t(port);
    if (weights == "auto" && part.empty())
      return design.emitError("expected a part, whose block RAM weights=auto "
                              "compares with");
    if (weights == "dram")
      for (auto dot : design.getBody().front().getOps<DotOp>())
        if (countWeightBits(dot) >= 8 * least)
          setPort(dot);
    return success();
  }

  /// Weights go to memory, the most first, as long as block RAM does not hold
  /// the others, or the design does not fit.
  FailureOr<Folding> searchPlaces(const PartLimits &limits) {
    DesignOp design = getOperation();
    SmallVector<DotOp> dots(design.getBody().front().getOps<DotOp>());
    llvm::sort(dots, [](DotOp a, DotOp b) {
      int64_t ofA = countWeightBits(a), ofB = countWeightBits(b);
      return ofA != ofB ? ofA > ofB : a->isBeforeInBlock(b);
    });
    int64_t bits = 0;
    for (DotOp dot : dots)
      bits += countWeightBits(dot);
    size_t placed = 0;
    auto place = [&] {
      bits -= countWeightBits(dots[placed]);
      setPort(dots[placed++]);
    };
    while (placed < dots.size() && bits > limits.halfBlocks * halfBlockBits)
      place();
    for (; placed < dots.size(); place()) {
      ScopedDiagnosticHandler silence(&getContext(),
                                      [](Diagnostic &) { return success(); });
      auto found = searchFolding(design, cycles, limits, clock);
      if (succeeded(found))
        return found;
    }
    return searchFolding(design, cycles, limits, clock);
  }

  FailureOr<Folding> getFolding() {
    DesignOp design = getOperation();
    if (failed(placeWeights()))
      return failure();
    if (cycles < 0 || (cycles == 0 && part.empty()))
      return design.emitError("expected cycles of 1 or more a frame, got ")
             << cycles;
    if (part.empty()) {
      Folding folding;
      folding.cycles = cycles;
      return folding;
    }
    const Part *found = findPart(part);
    if (!found)
      return design.emitError() << describeUnknownPart(part);
    if (!(lutShare > 0 && lutShare <= 1) || !(clock > 0))
      return design.emitError("expected a positive clock, and a share of LUTs "
                              "above 0 and at most 1");
    PartLimits limits{found->name, found->dsps,
                      int64_t(double(found->luts) * lutShare),
                      2 * found->blockRAMs};
    return weights == "auto" ? searchPlaces(limits)
                             : searchFolding(design, cycles, limits, clock);
  }
};
} // namespace
