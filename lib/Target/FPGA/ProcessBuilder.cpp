//===- ProcessBuilder.cpp - builds a process -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ProcessBuilder.h"

#include "Memories.h"
#include "Products.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

VectorType fpga::getWordVector(StreamType stream) {
  return VectorType::get(
      stream.getLanes(),
      IntegerType::get(stream.getContext(), stream.getElement().getWidth()));
}

DenseIntElementsAttr fpga::makeTensor(MLIRContext *context,
                                      ArrayRef<int64_t> shape, unsigned bits,
                                      ArrayRef<int64_t> numbers) {
  SmallVector<APInt> elements;
  elements.reserve(numbers.size());
  for (int64_t number : numbers)
    elements.emplace_back(bits, uint64_t(number), /*isSigned=*/false,
                          /*implicitTrunc=*/true);
  auto type = RankedTensorType::get(shape, IntegerType::get(context, bits));
  return cast<DenseIntElementsAttr>(DenseElementsAttr::get(type, elements));
}

SmallVector<int64_t> fpga::getNumbers(DenseIntElementsAttr tensor) {
  SmallVector<int64_t> numbers;
  numbers.reserve(tensor.getNumElements());
  for (const APInt &element : tensor.getValues<APInt>())
    numbers.push_back(element.getSExtValue());
  return numbers;
}

ProcessBuilder::ProcessBuilder(OpBuilder &place, Location loc, const Spec &spec)
    : builder(place), loc(loc) {
  process = ProcessOp::create(
      builder, loc, spec.results, builder.getStringAttr(spec.name), spec.inputs,
      builder.getDenseI64ArrayAttr(spec.loops), builder.getArrayAttr({}));
  SmallVector<Type> types(spec.inputs.getTypes());
  llvm::append_range(types, spec.results);
  for (int64_t count : spec.loops)
    types.push_back(builder.getIntegerType(ProcessOp::getIndexBits(count)));
  SmallVector<Location> locations(types.size(), loc);
  builder.createBlock(&process.getBody(), {}, types, locations);
}

Value ProcessBuilder::addState(TypedAttr initial) {
  SmallVector<Attribute> all(process.getInitial().getValue());
  all.push_back(initial);
  process.setInitialAttr(builder.getArrayAttr(all));
  next.push_back({});
  return process.getBody().front().addArgument(initial.getType(), loc);
}

void ProcessBuilder::setNext(Value state, Value value) {
  size_t number = cast<BlockArgument>(state).getArgNumber() + next.size();
  next[number - process.getBody().getNumArguments()] = value;
}

ProcessBuilder::Count ProcessBuilder::countUp(int64_t count, Value condition) {
  unsigned bits = ProcessOp::getIndexBits(count);
  if (count == 1)
    return {integer(bits, 0), condition};
  Value now = addState(builder.getIntegerAttr(builder.getIntegerType(bits), 0));
  Value isEnd = isAt(now, count - 1);
  Value after = select(isEnd, integer(bits, 0), add(now, integer(bits, 1)));
  setNext(now, select(condition, after, now));
  return {now, both(condition, isEnd)};
}

ProcessBuilder::Place ProcessBuilder::countGroups(int64_t groups,
                                                  int64_t repeats,
                                                  int64_t count,
                                                  Value condition) {
  Count word = countUp(count, condition);
  Count repeat = countUp(repeats, word.wraps);
  Value isFirst = isAt(repeat.now, 0);
  if (groups == 1)
    return {word.now, isFirst};
  unsigned bits = ProcessOp::getIndexBits(groups * count);
  Value first =
      addState(builder.getIntegerAttr(builder.getIntegerType(bits), 0));
  Value next = select(isAt(first, (groups - 1) * count), integer(bits, 0),
                      add(first, integer(bits, count)));
  setNext(first, select(repeat.wraps, next, first));
  return {add(first, resize(word.now, bits, /*isSigned=*/false)), isFirst};
}

Value ProcessBuilder::integer(unsigned bits, int64_t value) {
  return arith::ConstantOp::create(
      builder, loc,
      builder.getIntegerAttr(builder.getIntegerType(bits),
                             APInt(bits, value, /*isSigned=*/false,
                                   /*implicitTrunc=*/true)));
}

Value ProcessBuilder::isAt(Value index, int64_t value) {
  return arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::eq, index,
      integer(index.getType().getIntOrFloatBitWidth(), value));
}

Value ProcessBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(builder, loc, condition, yes, no);
}

Value ProcessBuilder::both(Value a, Value b) {
  return arith::AndIOp::create(builder, loc, a, b);
}

Value ProcessBuilder::compare(arith::CmpIPredicate predicate, Value a,
                              Value b) {
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}

Value ProcessBuilder::add(Value a, Value b) {
  return arith::AddIOp::create(builder, loc, a, b);
}

Value ProcessBuilder::shiftLeft(Value value, unsigned places) {
  if (places == 0)
    return value;
  return arith::ShLIOp::create(builder, loc, value,
                               splat(value.getType(), places));
}

Value ProcessBuilder::shiftRight(Value value, unsigned places, bool isSigned) {
  if (places == 0)
    return value;
  Value by = splat(value.getType(), places);
  if (isSigned)
    return arith::ShRSIOp::create(builder, loc, value, by);
  return arith::ShRUIOp::create(builder, loc, value, by);
}

Value ProcessBuilder::join(Value a, Value b) {
  return arith::OrIOp::create(builder, loc, a, b);
}

Value ProcessBuilder::subtract(Value a, Value b) {
  return arith::SubIOp::create(builder, loc, a, b);
}

static unsigned getBits(Value value) {
  return getElementTypeOrSelf(value).getIntOrFloatBitWidth();
}

Value ProcessBuilder::shiftRight(Value value, Value places) {
  places = resize(places, getBits(value), /*isSigned=*/false);
  if (isa<VectorType>(value.getType()) && !isa<VectorType>(places.getType()))
    places = vector::BroadcastOp::create(builder, loc, value.getType(), places);
  return arith::ShRSIOp::create(builder, loc, value, places);
}

Value ProcessBuilder::subtractZero(Value codes, IntegerType element,
                                   int64_t zero) {
  unsigned bits = Interval::of(element).plus({-zero, -zero})->getSignedBits();
  bits = std::max(bits, element.getWidth() + element.isUnsigned());
  codes = resize(codes, bits, element.isSigned());
  return zero ? add(codes, splat(codes.getType(), -zero)) : codes;
}

ProcessBuilder::Shifted ProcessBuilder::shiftUp(Value value,
                                                unsigned groupBits) {
  unsigned bits = getBits(value), groups = bits / groupBits;
  unsigned countBits = ProcessOp::getIndexBits(groups);
  Value count = integer(countBits, 0);
  if (groups == 1)
    return {value, count};
  for (unsigned step = 1u << llvm::Log2_32(groups - 1); step > 0; step /= 2) {
    unsigned places = step * groupBits;
    Value limit = constant(builder.getIntegerAttr(
        value.getType(), APInt::getOneBitSet(bits, bits - places)));
    Value isSmall = compare(arith::CmpIPredicate::ult, value, limit);
    Value moved =
        arith::ShLIOp::create(builder, loc, value, integer(bits, places));
    value = select(isSmall, moved, value);
    count = arith::OrIOp::create(
        builder, loc, count,
        select(isSmall, integer(countBits, step), integer(countBits, 0)));
  }
  return {value, count};
}

Value ProcessBuilder::sumRows(Value terms, unsigned most) {
  int64_t width = cast<VectorType>(terms.getType()).getDimSize(1);
  int64_t lanes = cast<VectorType>(terms.getType()).getDimSize(0), count = 1;
  unsigned bits = ::getBits(terms);
  auto getBits = [&](int64_t terms) {
    return std::min(most, bits + llvm::Log2_64_Ceil(uint64_t(terms)));
  };
  auto grow = [&](Value value, int64_t terms) {
    return resize(value, getBits(terms), /*isSigned=*/true);
  };
  auto slice = [&](Value value, int64_t first, int64_t count) -> Value {
    return vector::ExtractStridedSliceOp::create(
        builder, loc, value, ArrayRef<int64_t>{first, 0},
        ArrayRef<int64_t>{count, width}, ArrayRef<int64_t>{1, 1});
  };
  SmallVector<std::pair<Value, int64_t>> odd;
  for (Value sum = terms;; lanes /= 2, count *= 2) {
    if (lanes == 1) {
      odd.emplace_back(getLane(sum, 0), count);
      break;
    }
    if (lanes % 2)
      odd.emplace_back(getLane(sum, lanes - 1), count);
    int64_t half = lanes / 2;
    sum = add(grow(slice(sum, 0, half), 2 * count),
              grow(slice(sum, half, half), 2 * count));
  }
  Value sum = odd.front().first;
  count = odd.front().second;
  for (auto [other, more] : llvm::drop_begin(odd)) {
    count += more;
    sum = add(grow(sum, count), grow(other, count));
  }
  return resize(sum, most, /*isSigned=*/true);
}

Value ProcessBuilder::sumLanes(Value lanes, unsigned bits) {
  auto type = cast<VectorType>(lanes.getType());
  Value column = vector::ShapeCastOp::create(
      builder, loc,
      VectorType::get({type.getNumElements(), 1}, type.getElementType()),
      lanes);
  return getLane(sumRows(column, bits), 0);
}

Value ProcessBuilder::resize(Value value, unsigned bits, bool isSigned) {
  unsigned from = getBits(value);
  if (from == bits)
    return value;
  Type type = builder.getIntegerType(bits);
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  if (bits < from)
    return arith::TruncIOp::create(builder, loc, type, value);
  if (isSigned)
    return arith::ExtSIOp::create(builder, loc, type, value);
  return arith::ExtUIOp::create(builder, loc, type, value);
}

Value ProcessBuilder::multiply(Value a, bool isASigned, Value b, bool isBSigned,
                               bool inLuts) {
  unsigned bits = getBits(a) + !isASigned + getBits(b) + !isBSigned;
  auto product = arith::MulIOp::create(builder, loc, resize(a, bits, isASigned),
                                       resize(b, bits, isBSigned));
  if (inLuts)
    setInLuts(product);
  return product;
}

Value ProcessBuilder::constant(TypedAttr value) {
  return arith::ConstantOp::create(builder, loc, value);
}

Value ProcessBuilder::splat(Type type, int64_t value) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return integer(type.getIntOrFloatBitWidth(), value);
  APInt number(vector.getElementTypeBitWidth(), uint64_t(value),
               /*isSigned=*/false, /*implicitTrunc=*/true);
  return constant(DenseElementsAttr::get(vector, number));
}

Value ProcessBuilder::memory(int64_t depth, Type word,
                             DenseIntElementsAttr contents) {
  MemoryStyle style =
      chooseMemoryStyle(depth, countBits(word), /*isWritten=*/!contents);
  return MemoryOp::create(builder, loc,
                          MemoryType::get(builder.getContext(), depth, word),
                          style, contents, IntegerAttr());
}

Value ProcessBuilder::memoryApart(int64_t depth, Type word, int64_t apart) {
  Value made = memory(depth, word);
  made.getDefiningOp<MemoryOp>().setApart(apart);
  return made;
}

Value ProcessBuilder::lookUpInBlock(ArrayRef<int64_t> table, unsigned bits,
                                    Value address) {
  auto depth = int64_t(table.size());
  auto type = MemoryType::get(builder.getContext(), depth,
                              builder.getIntegerType(bits));
  return load(
      MemoryOp::create(builder, loc, type, MemoryStyle::Block,
                       makeTensor(builder.getContext(), depth, bits, table),
                       IntegerAttr()),
      address);
}

Value ProcessBuilder::lookUp(DenseIntElementsAttr contents, Value address) {
  RankedTensorType type = cast<RankedTensorType>(contents.getType());
  int64_t depth = type.getDimSize(0);
  auto word =
      VectorType::get(type.getShape().drop_front(), type.getElementType());
  if (depth == 1)
    return constant(contents.reshape(word));
  return load(memory(depth, word, contents), address);
}

Value ProcessBuilder::load(Value memory, Value address) {
  auto type = cast<MemoryType>(memory.getType());
  return LoadOp::create(
      builder, loc, memory,
      resize(address, type.getAddressType().getWidth(), /*isSigned=*/false));
}

void ProcessBuilder::store(Value word, Value memory, Value address,
                           Value condition) {
  auto type = cast<MemoryType>(memory.getType());
  StoreOp::create(
      builder, loc, word, memory,
      resize(address, type.getAddressType().getWidth(), /*isSigned=*/false),
      condition);
}

Value ProcessBuilder::read(size_t number, Value condition) {
  Value stream = process.getReadStreams()[number];
  Value word = ReadOp::create(builder, loc, stream, condition);
  return vector::BroadcastOp::create(
      builder, loc, getWordVector(cast<StreamType>(stream.getType())), word);
}

Value ProcessBuilder::readOrKeep(size_t number, Value isNew, int64_t depth,
                                 Value address) {
  Value fresh = read(number, isNew);
  Value kept = memory(depth, fresh.getType());
  Value old = load(kept, address);
  store(fresh, kept, address, isNew);
  return select(isNew, fresh, old);
}

void ProcessBuilder::write(size_t number, Value word, Value condition) {
  Value stream = process.getWrittenStreams()[number];
  if (cast<StreamType>(stream.getType()).getLanes() == 1)
    word = vector::ExtractOp::create(builder, loc, word, int64_t(0));
  WriteOp::create(builder, loc, word, stream, condition);
}

Value ProcessBuilder::broadcast(Value value, int64_t lanes) {
  return vector::BroadcastOp::create(
      builder, loc,
      VectorType::get(lanes, getElementTypeOrSelf(value.getType())), value);
}

Value ProcessBuilder::getLane(Value vector, int64_t lane) {
  return vector::ExtractOp::create(builder, loc, vector, lane);
}

Value ProcessBuilder::shuffle(Value a, Value b, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(builder, loc, a, b, lanes);
}

ProcessOp ProcessBuilder::finish() {
  NextOp::create(builder, loc, next);
  return process;
}
