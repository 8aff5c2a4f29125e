//===- QFlowUnits.cpp - what units demand -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "UnitChecks.h"

#include "qnt/Dialect/NN/Windows.h"

#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::qflow;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

Interval Interval::of(IntegerType type) {
  unsigned bits = std::min(type.getWidth(), maxBits);
  if (type.isUnsigned())
    return {0, int64_t(llvm::maxUIntN(bits))};
  return {llvm::minIntN(bits), llvm::maxIntN(bits)};
}

unsigned Interval::getSignedBits() const {
  unsigned bits = 1;
  while (bits < 64 && (low < llvm::minIntN(bits) || high > llvm::maxIntN(bits)))
    ++bits;
  return bits;
}

std::optional<Interval> Interval::plus(Interval other) const {
  auto least = llvm::checkedAdd(low, other.low);
  auto most = llvm::checkedAdd(high, other.high);
  if (!least || !most)
    return std::nullopt;
  return Interval{*least, *most};
}

std::optional<Interval> Interval::times(int64_t factor) const {
  auto a = llvm::checkedMul(low, factor), b = llvm::checkedMul(high, factor);
  if (!a || !b)
    return std::nullopt;
  return Interval{std::min(*a, *b), std::max(*a, *b)};
}

std::optional<Interval> Interval::times(Interval other) const {
  auto a = times(other.low), b = times(other.high);
  if (!a || !b)
    return std::nullopt;
  return a->with(*b);
}

/// An element of a signless tensor, as it is signed.
static int64_t getNumber(DenseIntElementsAttr tensor, int64_t at) {
  return tensor.getValues<APInt>()[at].getSExtValue();
}

LogicalResult qflow::checkElements(Operation *op) {
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (auto element = cast<StreamType>(type).getElement();
          element.getWidth() > Interval::maxBits)
        return op->emitOpError("expected elements of at most ")
               << Interval::maxBits << " bits, got " << element;
  return success();
}

LogicalResult qflow::checkHolds(Operation *op, StreamType type, Interval range,
                                const char *what) {
  if (range.isIn(Interval::of(type.getElement())))
    return success();
  return op->emitOpError("expected elements that hold ")
         << what << ", " << range.low << " to " << range.high << ", got "
         << type.getElement();
}

//===----------------------------------------------------------------------===//
// Dot
//===----------------------------------------------------------------------===//

std::optional<Interval> DotOp::getSums(DenseIntElementsAttr weights,
                                       DenseIntElementsAttr bias,
                                       Interval input) {
  int64_t rows = weights.getType().getDimSize(0);
  int64_t inputs = weights.getType().getDimSize(1);
  auto weight = weights.getValues<APInt>().begin();
  std::optional<Interval> all;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t first = bias ? getNumber(bias, row) : 0;
    std::optional<Interval> sum = Interval{first, first};
    for (int64_t k = 0; k < inputs; ++k, ++weight) {
      auto product = input.times((*weight).getSExtValue());
      sum = product ? sum->plus(*product) : std::nullopt;
      if (!sum)
        return std::nullopt;
    }
    all = all ? all->with(*sum) : *sum;
  }
  return all;
}

namespace {
/// Tries how many products of rows that share them can be summed before their
/// rows are parted.
class RowSharing {
public:
  RowSharing(DenseIntElementsAttr weights, Interval input, int64_t pe,
             int64_t simd, int64_t shared, int64_t vectors)
      : inputs(weights.getType().getDimSize(1)), pe(pe), simd(simd),
        shared(shared), vectors(vectors), input(input) {
    for (const APInt &weight : weights.getValues<APInt>())
      numbers.push_back(weight.getSExtValue());
  }

  std::optional<SharedRows> sum(int64_t together) const;

private:
  ArrayRef<int64_t> getRow(int64_t row) const {
    return ArrayRef(numbers).slice(size_t(row * inputs), size_t(inputs));
  }
  bool measureSums(SharedRows &rows) const;
  void measureFactors(SharedRows &rows) const;

  const int64_t inputs, pe, simd, shared, vectors;
  const Interval input;
  SmallVector<int64_t> numbers;
};
} // namespace

/// False where sums are beyond 64 bits.
bool RowSharing::measureSums(SharedRows &rows) const {
  const int64_t apart = simd / rows.inputs;
  for (int64_t row = 0; row < int64_t(numbers.size()) / inputs; ++row) {
    bool isLast = row % pe / (pe / shared) == shared - 1;
    for (int64_t step = 0; step < inputs; step += simd)
      for (int64_t first = step; first < step + apart; ++first) {
        Interval sum;
        for (int64_t k = first; k < step + simd; k += apart) {
          int64_t weight = getRow(row)[size_t(k)];
          auto product = input.times(weight);
          auto more = product ? sum.plus(*product) : std::nullopt;
          if (!more)
            return false;
          sum = *more;
          rows.spacing = std::max(rows.spacing,
                                  Interval{weight, weight}.getSignedBits() + 1);
        }
        if (!isLast || vectors > 1)
          rows.spacing = std::max(rows.spacing, sum.getSignedBits());
        // The one below may have borrowed one from it.
        if (isLast)
          rows.lastBits = std::max(
              rows.lastBits, Interval{sum.low - 1, sum.high}.getSignedBits());
      }
  }
  return true;
}

void RowSharing::measureFactors(SharedRows &rows) const {
  int64_t factors = pe / shared;
  for (int64_t row = 0; row < int64_t(numbers.size()) / inputs; ++row)
    for (int64_t k = 0; row % pe < factors && k < inputs; ++k) {
      int64_t factor = 0;
      for (int64_t j = shared; j-- > 0;)
        factor = factor * (int64_t(1) << vectors * rows.spacing) +
                 getRow(row + j * factors)[size_t(k)];
      rows.bits = std::max(rows.bits, Interval{factor, factor}.getSignedBits());
    }
}

/// None where the factors are too wide for a DSP48E1.
std::optional<SharedRows> RowSharing::sum(int64_t together) const {
  SharedRows rows;
  rows.inputs = together;
  rows.vectors = unsigned(vectors);
  // Inputs are side by side where they have no sign.
  if (vectors > 1)
    rows.spacing = input.getSignedBits();
  if (!measureSums(rows) || rows.spacing * shared * vectors >= 64)
    return std::nullopt;
  measureFactors(rows);
  Interval factor = input;
  for (int64_t v = 1; v < vectors; ++v)
    factor = *factor.times(int64_t(1) << rows.spacing)->plus(input);
  rows.inputBits = factor.getSignedBits();
  if (rows.bits > 25 || rows.inputBits > 18)
    return std::nullopt;
  return rows;
}

std::optional<SharedRows> DotOp::getSharedRows(DenseIntElementsAttr weights,
                                               IntegerType input, int64_t pe,
                                               int64_t simd, int64_t shared,
                                               int64_t vectors) {
  if (input.getWidth() + input.isUnsigned() > 18)
    return std::nullopt;
  RowSharing sharing(weights, Interval::of(input), pe, simd, shared, vectors);
  for (int64_t together = simd; together > 0; --together)
    if (simd % together == 0)
      if (auto rows = sharing.sum(together))
        return rows;
  return std::nullopt;
}

bool DotOp::mayHavePairs(int64_t pe, int64_t simd) {
  StreamType from = getInput().getType();
  int64_t inputs = from.getShape().back();
  int64_t folds = getResult().getType().getShape().back() / pe;
  return from.getElements() / inputs % 2 == 0 && folds > 1 &&
         inputs / simd > folds;
}

int64_t DotOp::countPairCycles(int64_t pe, int64_t simd) {
  StreamType from = getInput().getType();
  int64_t inputs = from.getShape().back();
  int64_t pairs = from.getElements() / inputs / 2;
  int64_t folds = getResult().getType().getShape().back() / pe;
  return (pairs * folds + 2) * (inputs / simd);
}

std::optional<Minifloat>
qflow::readFormat(std::optional<ArrayRef<int64_t>> bits) {
  if (!bits || bits->size() != 2)
    return std::nullopt;
  return Minifloat{unsigned((*bits)[0]), unsigned((*bits)[1])};
}

std::optional<Minifloat> DotOp::getFormat() {
  return readFormat(getMinifloat());
}

unsigned DotOp::getWeightBits() {
  if (auto format = getFormat())
    return format->getBits();
  return getWeights().getElementType().getIntOrFloatBitWidth();
}

LogicalResult qflow::checkMinifloat(Operation *op, ArrayRef<int64_t> bits) {
  if (bits.size() == 2 && bits[0] >= 1 && bits[0] <= 5 && bits[1] >= 0 &&
      bits[1] <= 10)
    return success();
  return op->emitOpError("expected minifloats of 1 to 5 bits of an exponent "
                         "and 0 to 10 of a mantissa, got [")
         << bits << "]";
}

/// That weights can be stored as it is said.
static LogicalResult checkStored(DotOp op) {
  if (!op.getMinifloat())
    return success();
  if (failed(checkMinifloat(op, *op.getMinifloat())))
    return failure();
  if (op.getShared())
    return op.emitOpError("has rows that share products, and weights that are "
                          "stored as minifloats");
  for (const APInt &weight : op.getWeights().getValues<APInt>())
    if (!op.getFormat()->encode(weight.getSExtValue()))
      return op.emitOpError("expected weights that are minifloats [")
             << *op.getMinifloat() << "] in units of the smallest, got "
             << weight.getSExtValue();
  return success();
}

LogicalResult qflow::checkTensor(Operation *op, DenseIntElementsAttr tensor,
                                 ArrayRef<int64_t> shape, const char *name) {
  if (tensor.getType().getShape() == shape)
    return success();
  return op->emitOpError("expected ")
         << name << " [" << shape << "], got " << tensor.getType();
}

bool DotOp::isTernary() {
  return llvm::all_of(getWeights().getValues<APInt>(), [](const APInt &weight) {
    return std::abs(weight.getSExtValue()) <= 1;
  });
}

LogicalResult DotOp::verify() {
  if (failed(checkElements(*this))) // (C3)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  int64_t inputs = from.getShape().back(), rows = to.getShape().back();
  if (from.getShape().drop_back() != to.getShape().drop_back()) // (C1)
    return emitOpError("expected as many vectors out as in");
  if (failed(checkTensor(*this, getWeights(), {rows, inputs}, "weights")) ||
      (getBias() && failed(checkTensor(*this, *getBias(), {rows}, "a bias"))))
    return failure();
  auto sums = getSums(getWeights(), getBias().value_or(DenseIntElementsAttr()),
                      Interval::of(from.getElement()));
  if (!to.getElement().isSigned() || !sums) // (C2)
    return emitOpError("expected signed sums of at most 64 bits, got ")
           << to.getElement();
  if (failed(checkStored(*this))) // (C7)
    return failure();
  bool isFolded = inputs > from.getLanes() || rows > to.getLanes();
  int64_t weightBits = getWeightBits() * from.getLanes() * to.getLanes();
  if (isFolded && weightBits > maxWordBits) // (C4)
    return emitOpError("multiplies ")
           << from.getLanes() << " inputs with " << to.getLanes()
           << " rows at once, " << weightBits
           << " bits of weights, expected at most " << maxWordBits;
  if (auto vectors = getVectors()) { // (C8)
    if (*vectors != 2 || getInLuts() || getPort() || getMinifloat())
      return emitOpError("expected products in DSPs, of integers on the chip, "
                         "that 2 vectors share, got ")
             << *vectors;
    if (!mayHavePairs(to.getLanes(), from.getLanes()))
      return emitOpError("expected an even number of vectors, and more words "
                         "of each than of its result, which are 2 or more, "
                         "got ")
             << from << " and " << to;
  }
  if (getShared() || getVectors()) { // (C5), (C8)
    int64_t shared = getShared().value_or(1);
    if (shared < (getVectors() ? 1 : 2) || to.getLanes() % shared ||
        getInLuts())
      return emitOpError("expected products in DSPs that 2 or more of ")
             << to.getLanes() << " rows share, got " << shared;
    if (!getSharedRows(getWeights(), from.getElement(), to.getLanes(),
                       from.getLanes(), shared, getVectors().value_or(1)))
      return emitOpError("has ")
             << shared << " rows that share products with " << from.getElement()
             << ", beyond 25 by 18 bits";
  }
  if (getPort() && getShared()) // (C6)
    return emitOpError("has rows that share products, and weights from memory");
  if (getPort() && !FetchOp::isPort(*getPort()))
    return emitOpError(
               "expected a port of a power of two bits from 32 to 1024, "
               "got ")
           << *getPort();
  if (getInTables()) { // (C9)
    std::pair<const char *, bool> others[] = {
        {"in_luts", getInLuts()},
        {"minifloat", bool(getMinifloat())},
        {"shared", bool(getShared())},
        {"vectors", bool(getVectors())},
        {"port", bool(getPort())}};
    for (auto [name, has] : others)
      if (has)
        return emitOpError("multiplies in tables, expected no ") << name;
    if (!isTernary())
      return emitOpError("multiplies in tables, expected weights of -1, 0 and "
                         "1");
    int64_t codeBits =
        tableCodeBits * countTables(from.getLanes()) * to.getLanes();
    if (codeBits > maxWordBits)
      return emitOpError("reads ")
             << codeBits << " bits of tables' codes at once, expected at most "
             << maxWordBits;
  }
  return checkHolds(*this, to, *sums, "the sums");
}

//===----------------------------------------------------------------------===//
// Requantize
//===----------------------------------------------------------------------===//

std::optional<Interval> RequantizeOp::getSums() {
  Interval input = Interval::of(getInput().getType().getElement());
  std::optional<Interval> all;
  for (int64_t n = 0; n < getMultipliers().getNumElements(); ++n) {
    auto sum = input.times(getNumber(getMultipliers(), n));
    int64_t offset = getNumber(getOffsets(), n);
    if (sum)
      sum = sum->plus({offset, offset});
    if (sum && getAddend()) {
      auto added = Interval::of(getAddend().getType().getElement())
                       .times(getNumber(*getFactors(), n));
      sum = added ? sum->plus(*added) : std::nullopt;
    }
    if (!sum)
      return std::nullopt;
    all = all ? all->with(*sum) : *sum;
  }
  return all;
}

bool RequantizeOp::mayHaveThresholds() {
  bool isDescending = false;
  for (int64_t n = 0; n < getMultipliers().getNumElements(); ++n)
    isDescending |= getNumber(getMultipliers(), n) < 0;
  return !isDescending && !getAddend() && !getInLuts() &&
         getClamp()[1] - getClamp()[0] < 16;
}

unsigned RequantizeOp::countThresholds() {
  return unsigned(llvm::NextPowerOf2(uint64_t(getClamp()[1] - getClamp()[0])) -
                  1);
}

unsigned RequantizeOp::getThresholdBits() {
  Interval input = Interval::of(getInput().getType().getElement());
  return Interval{input.low, input.high + 1}.getSignedBits();
}

SmallVector<int64_t> RequantizeOp::getThresholds() {
  Interval input = Interval::of(getInput().getType().getElement());
  int64_t low = getClamp()[0], high = getClamp()[1];
  SmallVector<int64_t> thresholds;
  for (int64_t n = 0; n < getMultipliers().getNumElements(); ++n) {
    int64_t multiplier = getNumber(getMultipliers(), n);
    for (int64_t code = low + 1; code <= low + int64_t(countThresholds());
         ++code) {
      // x * multiplier has to be at least this.
      __int128 least = ((__int128)code << getNumber(getShifts(), n)) -
                       getNumber(getOffsets(), n);
      __int128 x = input.low;
      if (code > high || (multiplier == 0 && least > 0))
        x = input.high + 1;
      else if (multiplier > 0)
        x = least / multiplier + (least > 0 && least % multiplier != 0);
      thresholds.push_back(int64_t(std::min<__int128>(
          std::max<__int128>(x, input.low), input.high + 1)));
    }
  }
  return thresholds;
}

unsigned RequantizeOp::getNumberBits() {
  if (getByThresholds())
    return countThresholds() * getThresholdBits();
  Interval numbers = *getSums();
  for (DenseIntElementsAttr tensor :
       {getMultipliers(), getFactors().value_or(getMultipliers())})
    for (int64_t n = 0; n < tensor.getNumElements(); ++n)
      numbers = numbers.with({getNumber(tensor, n), getNumber(tensor, n)});
  return numbers.getSignedBits();
}

LogicalResult RequantizeOp::verify() {
  if (failed(checkElements(*this))) // (C5)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  StreamType added = getAddend() ? getAddend().getType() : from;
  for (StreamType other : {to, added}) // (C1)
    if (other.getShape() != from.getShape() ||
        other.getLanes() != from.getLanes())
      return emitOpError("expected streams of one shape and as many lanes");
  if (!getAddend() != !getFactors())
    return emitOpError("expected factors for what is added, and only for it");
  int64_t channels = from.getShape().back();
  if (getTiled()) {
    if (from.getShape().size() != 3)
      return emitOpError("expected tiled streams of 3 dimensions");
    channels *= from.getShape().front();
  }
  if (failed(checkTensor(*this, getMultipliers(), channels, "multipliers")) ||
      failed(checkTensor(*this, getOffsets(), channels, "offsets")) ||
      failed(checkTensor(*this, getShifts(), channels, "shifts")) ||
      (getFactors() &&
       failed(checkTensor(*this, *getFactors(), channels, "factors"))))
    return failure();
  for (int64_t n = 0; n < channels; ++n) // (C2)
    if (int64_t shift = getNumber(getShifts(), n); shift < 0 || shift > 62)
      return emitOpError("expected shifts of 0 to 62, got ") << shift;
  if (!getSums()) // (C3)
    return emitOpError("may have a sum beyond 64 bits");
  if (getClamp().size() != 2 || getClamp()[0] > getClamp()[1]) // (C4)
    return emitOpError("expected two bounds, the lower first");
  if (getByThresholds() && !mayHaveThresholds()) // (C7)
    return emitOpError("by thresholds: expected at most 16 codes, multipliers "
                       "that are not negative, and neither add nor in_luts");
  int64_t numberBits = from.getLanes() * getNumberBits();
  if (from.getLanes() < channels && numberBits > maxWordBits) // (C6)
    return emitOpError("makes ")
           << from.getLanes() << " of " << channels << " channels at once, "
           << numberBits << " bits of numbers of theirs, expected at most "
           << maxWordBits;
  return checkHolds(*this, to, {getClamp()[0], getClamp()[1]}, "the codes");
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

LogicalResult WindowOp::verify() {
  if (failed(checkElements(*this))) // (C4)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  ArrayRef<int64_t> image = from.getShape();
  if (image.size() != 3) // (C1)
    return emitOpError("expected an image [rows, columns, channels], got [")
           << image << "]";
  auto windows = nn::Windows::of(*this, getKernel());
  SmallVector<int64_t> batch = {1, image[0], image[1], image[2]};
  if (failed(windows.verify([&] { return emitOpError(); }, batch)))
    return failure();
  for (unsigned side : {0, 1, 2, 3})
    if (getPads()[side] >= windows.getExtent(side % 2))
      return emitOpError("expected pads of less than the windows extend over, "
                         "got [")
             << getPads() << "]";
  int64_t taps = getKernel()[0] * getKernel()[1], lanes = from.getLanes();
  SmallVector<int64_t> shape = {windows.getOutputSize(image[0], 0),
                                windows.getOutputSize(image[1], 1)};
  if (getByChannel())
    shape.append({image[2] / lanes, taps * lanes});
  else
    shape.push_back(taps * image[2]);
  if (to != StreamType::get(getContext(), shape, from.getElement(),
                            lanes)) // (C2)
    return emitOpError("expected windows [")
           << shape << "] of the input's elements and lanes, got " << to;
  return checkHolds(*this, from, // (C3)
                    {int64_t(getOutside()), int64_t(getOutside())},
                    "what is outside");
}

LogicalResult PoolOp::verify() {
  if (failed(checkElements(*this))) // (C3)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  ArrayRef<int64_t> shape = from.getShape();
  int64_t lanes = from.getLanes();
  if (shape.size() != 4 || to.getLanes() != lanes ||
      to.getShape() != ArrayRef({shape[0], shape[1], shape[2] * lanes})) // (C1)
    return emitOpError("expected windows of words of channels, and a number "
                       "for each channel");
  std::optional<Interval> made = Interval::of(from.getElement());
  if (getKind() == PoolKind::Sum)
    made = made->times(getTaps());
  if (!made || to.getElement().isSigned() != from.getElement().isSigned())
    return emitOpError("expected elements of the input's signs, of at most 64 "
                       "bits"); // (C2)
  return checkHolds(*this, to, *made, "what it gives");
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  StreamType from = getInput().getType(), to = getResult().getType();
  if (from.getShape() != to.getShape() ||
      from.getLanes() != to.getLanes()) // (C1)
    return emitOpError("expected streams of one shape and as many lanes");
  unsigned bits = from.getElement().getWidth();
  if (bits > 16) // (C2)
    return emitOpError("expected elements of at most 16 bits, got ")
           << from.getElement();
  if (getTable().getElementType().getIntOrFloatBitWidth() !=
      to.getElement().getWidth())
    return emitOpError("expected entries of ")
           << to.getElement().getWidth() << " bits, got "
           << getTable().getElementType();
  return checkTensor(*this, getTable(), {int64_t(1) << bits}, "a table");
}

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

/// That `inner` and `outer` have as many dimensions as there are numbers, and
/// that words of one are words of the other, `first` elements from its begin.
static LogicalResult checkBox(Operation *op, StreamType inner, StreamType outer,
                              ArrayRef<int64_t> first) {
  size_t rank = inner.getShape().size();
  if (outer.getShape().size() != rank || first.size() != rank)
    return op->emitOpError("expected ")
           << rank << " dimensions of both streams, got "
           << outer.getShape().size() << ", and a number for each, got "
           << first.size();
  if (inner.getElement() != outer.getElement() ||
      inner.getLanes() != outer.getLanes() ||
      first.back() % inner.getLanes() != 0)
    return op->emitOpError("expected streams of the same elements and lanes, "
                           "which divide ")
           << first.back();
  return success();
}

LogicalResult SliceOp::verify() {
  StreamType from = getInput().getType(), to = getResult().getType();
  if (failed(checkBox(*this, to, from, getOffsets()))) // (C1), (C2)
    return failure();
  if (getStrides().size() != from.getShape().size() || getStrides().back() != 1)
    return emitOpError("expected a stride for each dimension, 1 for the last");
  for (auto [size, taken, offset, stride] :
       llvm::zip(from.getShape(), to.getShape(), getOffsets(), getStrides()))
    if (offset < 0 || stride < 1 || offset + (taken - 1) * stride >= size)
      return emitOpError("takes ")
             << taken << " elements " << stride << " apart from " << offset
             << " on, expected them in [0, " << size << ")";
  return success();
}

LogicalResult PadOp::verify() {
  if (failed(checkElements(*this))) // (C3)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  if (failed(checkBox(*this, from, to, getLow()))) // (C1), (C2)
    return failure();
  for (auto [size, all, low] :
       llvm::zip(from.getShape(), to.getShape(), getLow()))
    if (low < 0 || low + size > all)
      return emitOpError("puts ") << size << " elements from " << low
                                  << " on, expected them in [0, " << all << ")";
  return checkHolds(*this, to, {int64_t(getOutside()), int64_t(getOutside())},
                    "what is outside");
}
