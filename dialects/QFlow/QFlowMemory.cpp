//===- QFlowMemory.cpp - units on weights in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "UnitChecks.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::qflow;

//===----------------------------------------------------------------------===//
// Fetch
//===----------------------------------------------------------------------===//

static bool isPowerOf2(int64_t number, int64_t least, int64_t most) {
  return number >= least && number <= most &&
         llvm::isPowerOf2_64(uint64_t(number));
}

bool FetchOp::isPort(int64_t bits) { return isPowerOf2(bits, 32, 1024); }

std::string FetchOp::getImage() {
  StreamType type = getResult().getType();
  const auto port = unsigned(getPort());
  unsigned bits = type.getElement().getWidth();
  auto element = getContents().getValues<APInt>().begin();
  std::string image;
  image.reserve(size_t(getBytes()));
  for (int64_t number = 0; number < type.getWords(); ++number) {
    APInt word(port, 0);
    for (int64_t lane = 0; lane < type.getLanes(); ++lane, ++element)
      word.insertBits(*element, unsigned(lane) * bits);
    for (unsigned at = 0; at < port; at += 8)
      image += char(word.extractBitsAsZExtValue(8, at));
  }
  return image;
}

LogicalResult FetchOp::verify() {
  StreamType to = getResult().getType();
  auto type = dyn_cast<RankedTensorType>(getContents().getType());
  auto element = IntegerType::get(getContext(), to.getElement().getWidth());
  if (!type || type.getShape() != to.getShape() ||
      type.getElementType() != element) // (C1)
    return emitOpError("expected contents of type ")
           << RankedTensorType::get(to.getShape(), element) << ", got "
           << getContents().getType();
  int64_t port = getPort(), burst = getBurst();
  if (!isPort(port) || to.getWordBits() > port) // (C2)
    return emitOpError("expected a port of a power of two bits from 32 to "
                       "1024, at least ")
           << to.getWordBits() << ", got " << port;
  if (!isPowerOf2(burst, 1, std::min<int64_t>(256, 4096 * 8 / port))) // (C3)
    return emitOpError("expected bursts of a power of two words, at most 256 "
                       "and 4096 bytes, got ")
           << burst << " of " << port / 8 << " bytes";
  if (!isPowerOf2(getAhead(), 2 * burst, 65536)) // (C4)
    return emitOpError("expected a power of two words ahead from two bursts, ")
           << 2 * burst << ", to 65536, got " << getAhead();
  for (Operation &other : *(*this)->getBlock()) // (C5)
    if (auto fetch = dyn_cast<FetchOp>(other);
        fetch && fetch != *this && fetch.getName() == getName())
      return emitOpError("expected a name of its own, got '")
             << getName() << "' twice";
  return success();
}

//===----------------------------------------------------------------------===//
// Tiled dot
//===----------------------------------------------------------------------===//

int64_t TiledDotOp::getVectors() {
  return llvm::product_of(getInput().getType().getShape().drop_back());
}

std::optional<Minifloat> TiledDotOp::getFormat() {
  return readFormat(getMinifloat());
}

LogicalResult TiledDotOp::verify() {
  StreamType from = getInput().getType(), weights = getWeights().getType(),
             to = getResult().getType();
  for (StreamType type : {from, weights, to}) // (C3)
    if (type.getElement().getWidth() > Interval::maxBits)
      return emitOpError("expected elements of at most ")
             << Interval::maxBits << " bits, got " << type.getElement();
  int64_t lanes = from.getLanes(), rows = to.getLanes();
  int64_t steps = from.getShape().back() / lanes;
  ArrayRef<int64_t> tiles = weights.getShape();
  if (tiles.size() != 3 || tiles[1] != steps || tiles[2] != lanes * rows ||
      weights.getLanes() != tiles[2]) // (C1)
    return emitOpError("expected weights [tiles, ")
           << steps << ", " << lanes * rows
           << "] in words of the last dimension, got " << weights;
  int64_t vectors = getVectors();
  bool isTiled = to.getShape() == ArrayRef({tiles[0], vectors, rows});
  bool isVector = vectors == 1 && to.getShape() == ArrayRef({tiles[0] * rows});
  if (!isTiled && !isVector)
    return emitOpError("expected a result [")
           << tiles[0] << ", " << vectors << ", " << rows << "], got " << to;
  if (getMinifloat() && failed(checkMinifloat(*this, *getMinifloat()))) // (C2)
    return failure();
  auto format = getFormat();
  if (format ? !weights.getElement().isUnsigned() ||
                   weights.getElement().getWidth() != format->getBits()
             : !weights.getElement().isSigned())
    return emitOpError("expected signed weights, or unsigned codes of "
                       "minifloats, got ")
           << weights.getElement();
  if (!to.getElement().isSigned())
    return emitOpError("expected signed sums, got ") << to.getElement();
  if (getBias() && getBias()->getType().getShape() !=
                       ArrayRef<int64_t>({tiles[0] * rows})) // (C4)
    return emitOpError("expected a bias [")
           << tiles[0] * rows << "], got " << getBias()->getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Reorder
//===----------------------------------------------------------------------===//

LogicalResult ReorderOp::verify() {
  StreamType from = getInput().getType(), to = getResult().getType();
  ArrayRef<int64_t> order = getPermutation();
  SmallVector<int64_t> sorted(order);
  llvm::sort(sorted);
  if (sorted !=
      llvm::to_vector(llvm::seq(int64_t(from.getShape().size())))) // (C1)
    return emitOpError("expected a permutation of ")
           << from.getShape().size() << " dimensions, got [" << order << "]";
  if (to.getElements() != from.getElements() ||
      to.getElement() != from.getElement() || to.getLanes() != from.getLanes())
    return emitOpError("expected as many elements of the input's type and "
                       "lanes, got ")
           << to;
  if (from.getLanes() > 1 && order.back() != int64_t(order.size()) - 1) // (C2)
    return emitOpError("expected the last dimension to stay, as words have ")
           << from.getLanes() << " elements";
  return success();
}
