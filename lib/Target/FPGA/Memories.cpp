//===- Memories.cpp - what memories and FIFOs are made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Memories.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Words of a LUT.
static constexpr int64_t lutDepth = 64;
/// Of constants: block RAM pays where more LUTs would be needed.
static constexpr int64_t manyLuts = 128;

MemoryStyle fpga::chooseMemoryStyle(int64_t depth, int64_t wordBits,
                                    bool isWritten) {
  int64_t luts = wordBits * llvm::divideCeil(depth, lutDepth);
  bool isSmall = depth <= lutDepth || (!isWritten && luts <= manyLuts);
  return isSmall ? MemoryStyle::Distributed : MemoryStyle::Block;
}

/// The widest word that so many bits, less parity, have at a depth: parity
/// bits are there from 8 bits on.
static int64_t getWidth(int64_t bits, int64_t depth) {
  int64_t words = int64_t(llvm::PowerOf2Ceil(uint64_t(depth)));
  int64_t width = std::min<int64_t>(bits / words, bits / 512);
  return width >= 8 ? width / 8 * 9 : width;
}

SmallVector<int64_t> fpga::getBlockColumns(int64_t depth, int64_t wordBits) {
  int64_t width = std::max<int64_t>(1, getWidth(32768, depth));
  SmallVector<int64_t> columns(wordBits / width, width);
  if (int64_t rest = wordBits % width)
    columns.push_back(rest);
  return columns;
}

/// Of a column that is a block wide, or less, where 18 Kib hold `ofHalf` bits.
static int64_t countHalfBlocks(int64_t depth, int64_t columnBits,
                               int64_t ofHalf) {
  if (columnBits == 0)
    return 0;
  return columnBits <= ofHalf ? 1 : 2 * llvm::divideCeil(depth, 32768);
}

int64_t fpga::countHalfBlocks(int64_t depth, int64_t wordBits) {
  int64_t halves = 0;
  for (int64_t bits : getBlockColumns(depth, wordBits))
    halves += ::countHalfBlocks(depth, bits, getWidth(16384, depth));
  return halves;
}

/// The bits of a word that differ between words.
static APInt findChanging(DenseIntElementsAttr contents, int64_t depth) {
  auto values = contents.getValues<APInt>();
  size_t lanes = values.size() / size_t(depth);
  SmallVector<APInt> first(values.begin(), values.begin() + lanes);
  unsigned bits = first.front().getBitWidth();
  SmallVector<APInt> ofLanes(lanes, APInt(bits, 0));
  for (auto [at, value] : llvm::enumerate(values))
    ofLanes[at % lanes] |= value ^ first[at % lanes];
  APInt changing(unsigned(lanes) * bits, 0);
  for (auto [lane, ofLane] : llvm::enumerate(ofLanes))
    changing.insertBits(ofLane, unsigned(lane) * bits);
  return changing;
}

int64_t fpga::countHalfBlocks(MemoryOp memory) {
  MemoryType type = memory.getMemory().getType();
  int64_t depth = type.getDepth(), wordBits = type.getWordBits();
  auto contents =
      dyn_cast_if_present<DenseIntElementsAttr>(memory.getContentsAttr());
  if (!contents)
    return countHalfBlocks(depth, wordBits);
  APInt changing = findChanging(contents, depth);
  // Of words that are only read, several may lie side by side in 36 bits, of
  // which logic takes one: by any number, not powers of two alone.
  int64_t ofHalf = std::max(getWidth(16384, depth),
                            36 / int64_t(llvm::divideCeil(depth, 512)));
  int64_t halves = 0, low = 0;
  for (int64_t bits : getBlockColumns(depth, wordBits)) {
    halves += ::countHalfBlocks(
        depth, changing.extractBits(unsigned(bits), unsigned(low)).popcount(),
        ofHalf);
    low += bits;
  }
  return halves;
}

int64_t fpga::countRAMLuts(int64_t depth, int64_t wordBits, int64_t readers) {
  int64_t bits = depth <= 32 ? 2 : 1;
  // Of three ports for reading one reader has all, or three have one each.
  int64_t ofOne = readers * llvm::divideCeil(wordBits, 3 * bits);
  int64_t ofThree =
      llvm::divideCeil(readers, 3) * llvm::divideCeil(wordBits, bits);
  return 4 * std::min(ofOne, ofThree) * llvm::divideCeil(depth, lutDepth);
}
