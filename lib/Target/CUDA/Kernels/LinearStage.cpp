//===- LinearStage.cpp - what a block reads of a chunk -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearStage.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// Bytes of a copy.
static constexpr int64_t kCopy = 16;
static constexpr int64_t kStageAlign = 128;

LinearStage LinearStage::of(const FragmentGeometry &g, const LinearTile &tile,
                            int64_t inputBits) {
  LinearStage stage;
  stage.rowBytes = FragmentGeometry::chunkInputs * inputBits / 8;
  stage.codesAt = tile.blockM * stage.rowBytes;
  stage.scalesAt =
      stage.codesAt + tile.blockN / FragmentGeometry::tileColumns * g.tileBytes;
  if (g.groups > 1 || g.hasSmallScales) {
    stage.scaleBytes = g.scaleBytes / g.columns * tile.blockN;
    stage.zeroBytes = g.zeroBytes / g.columns * tile.blockN;
  }
  stage.zerosAt = stage.scalesAt + g.groupsPerChunk * stage.scaleBytes;
  stage.rowScalesAt = stage.zerosAt + g.groupsPerChunk * stage.zeroBytes;
  int64_t rowScales = g.hasSmallScales ? tile.blockM * g.groupsPerChunk : 0;
  stage.bytes = llvm::alignTo(stage.rowScalesAt + rowScales, kStageAlign);
  return stage;
}

LinearCopies::LinearCopies(KernelBuilder &k, const FragmentGeometry &geometry,
                           const LinearTile &tile, const Source &source)
    : g(geometry), tile(tile), source(source) {
  LinearStage stage = LinearStage::of(g, tile, source.inputBits);
  int64_t columns = stage.rowBytes / kCopy;
  add(k, Kind::Activations, tile.blockM * columns, [&](Value i, Copy &copy) {
    Value row = k.divC(i, columns), column = k.remC(i, columns);
    copy.to = k.add(k.mulC(row, stage.rowBytes),
                    k.mulC(stage.swizzle(k, column, row), kCopy));
    Value at = k.add(source.firstRow, row);
    copy.place = k.mulC(column, kCopy);
    copy.from = k.at(k.atRow(source.x, at, source.rowBytes), copy.place);
    copy.exists = k.ltS(at, source.rows);
  });
  if (g.hasSmallScales)
    add(k, Kind::RowScales, tile.blockM, [&](Value row, Copy &copy) {
      copy.to = k.addC(k.mulC(row, g.groupsPerChunk), stage.rowScalesAt);
      Value at = k.add(source.firstRow, row);
      copy.from = k.atRow(source.scales, at, llvm::alignTo(g.groups, kCopy));
      copy.exists = k.ltS(at, source.rows);
    });
  int64_t tiles = FragmentGeometry::tileColumns;
  addPanels(k, Kind::Codes, 0, stage.codesAt, 1,
            tile.blockN / tiles * g.tileBytes, g.chunkBytes);
  // Of a chunk, a feature's scales of 8 bits lie together.
  if (g.hasSmallScales)
    addPanels(k, Kind::Scales, g.scalesAt, stage.scalesAt, 1,
              g.groupsPerChunk * stage.scaleBytes,
              g.groupsPerChunk * g.scaleBytes);
  else if (stage.scaleBytes)
    addPanels(k, Kind::Scales, g.scalesAt, stage.scalesAt, g.groupsPerChunk,
              stage.scaleBytes, g.scaleBytes);
  if (stage.zeroBytes)
    addPanels(k, Kind::Zeros, g.zerosAt, stage.zerosAt, g.groupsPerChunk,
              stage.zeroBytes, g.zeroBytes);
}

void LinearCopies::add(KernelBuilder &k, Kind kind, int64_t count,
                       std::function<void(Value, Copy &)> describe) {
  Value lane = k.threadId();
  int64_t threads = tile.getThreads();
  for (int64_t first = 0; first < count; first += threads) {
    Copy copy{kind, {}, {}, {}, {}, {}};
    Value index = k.addC(lane, first);
    if (first + threads > count)
      copy.takesPart = k.ltS(index, k.c32(int32_t(count)));
    describe(index, copy);
    copies.push_back(copy);
  }
}

/// Copies of `lines` lines of the block's columns, `stageLine` bytes each, from
/// panels whose lines, of all columns, have `panelLine`, and begin at `at`.
void LinearCopies::addPanels(KernelBuilder &k, Kind kind, int64_t at,
                             int64_t stageAt, int64_t lines, int64_t stageLine,
                             int64_t panelLine) {
  int64_t panels = llvm::divideCeil(source.features, g.columns);
  // Of a line: bytes that lie in one panel.
  int64_t inPanel = std::min(stageLine, panelLine);
  add(k, kind, lines * stageLine / kCopy, [&](Value i, Copy &copy) {
    copy.place = k.divC(i, stageLine / kCopy);
    Value byte = k.mulC(k.remC(i, stageLine / kCopy), kCopy);
    copy.to = k.addC(k.mulC(i, kCopy), stageAt);
    Value panel = k.divC(source.firstColumn, g.columns);
    Value from = k.add(byte, k.mulC(copy.place, panelLine));
    if (tile.blockN > g.columns) {
      panel = k.add(panel, k.divC(byte, inPanel));
      from = k.add(k.remC(byte, inPanel), k.mulC(copy.place, panelLine));
      copy.exists = k.ltS(panel, k.c32(int32_t(panels)));
    } else {
      Value column = k.remC(source.firstColumn, g.columns);
      from = k.add(from, k.mulC(column, panelLine / g.columns));
    }
    copy.from =
        k.at(k.atRow(source.weight, panel, g.panelBytes), k.addC(from, at));
  });
}

Value LinearCopies::getStep(KernelBuilder &k, Kind kind, Value c) const {
  int64_t bytes = FragmentGeometry::chunkInputs * source.inputBits / 8;
  Value group = k.mulC(k.divC(c, g.chunksPerGroup), g.groupsPerChunk);
  switch (kind) {
  case Kind::Activations:
    if (g.groups == 1 || g.group % FragmentGeometry::chunkInputs == 0 ||
        g.groupsPerChunk > 1)
      return k.mulC(c, bytes);
    return k.add(k.mulC(group, g.group * source.inputBits / 8),
                 k.mulC(k.remC(c, g.chunksPerGroup), bytes));
  case Kind::RowScales:
    return k.mulC(c, g.groupsPerChunk);
  case Kind::Codes:
    return k.mulC(c, g.chunkBytes);
  case Kind::Scales:
    return k.mulC(group, g.scaleBytes);
  case Kind::Zeros:
    return k.mulC(group, g.zeroBytes);
  }
  llvm_unreachable("unknown copy");
}

Value LinearCopies::isInside(KernelBuilder &k, const Copy &copy,
                             Value c) const {
  constexpr int64_t inputs = FragmentGeometry::chunkInputs;
  switch (copy.kind) {
  case Kind::Activations: {
    int64_t lastGroup = (g.chunks - 1) / g.chunksPerGroup;
    int64_t last = g.groupsPerChunk > 1 || g.groups == 1
                       ? (g.chunks - 1) * inputs
                       : lastGroup * g.group + (g.chunksPerGroup - 1) * inputs;
    if ((last + inputs) * source.inputBits / 8 <= source.rowBytes)
      return Value();
    Value first = k.add(getStep(k, copy.kind, c), copy.place);
    return k.ltS(first, k.c32(int32_t(source.rowBytes)));
  }
  // Padded to whole chunks.
  case Kind::RowScales:
  case Kind::Codes:
    return Value();
  case Kind::Scales:
  case Kind::Zeros:
    if (g.hasSmallScales || g.groups % g.groupsPerChunk == 0)
      return Value();
    return k.ltS(k.add(k.mulC(c, g.groupsPerChunk), copy.place),
                 k.c32(int32_t(g.groups)));
  }
  llvm_unreachable("unknown copy");
}

void LinearCopies::start(KernelBuilder &k, Value to, Value c) const {
  for (const Copy &copy : copies) {
    auto emit = [&] {
      Value valid = copy.exists, inside = isInside(k, copy, c);
      if (valid && inside)
        valid = k.band(valid, inside);
      else if (inside)
        valid = inside;
      k.copyAsync(k.at(to, copy.to), k.at(copy.from, getStep(k, copy.kind, c)),
                  valid,
                  copy.kind == Kind::RowScales ? g.groupsPerChunk : kCopy);
    };
    if (copy.takesPart)
      k.ifThen(copy.takesPart, emit);
    else
      emit();
  }
}
