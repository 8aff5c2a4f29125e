//===- WarpgroupScales.cpp - scales of what warpgroups multiply -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WarpgroupPipeline.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// The first input of chunk `c` in a row.
Value WarpgroupPipeline::getInput(KernelBuilder &k, Value c) const {
  constexpr int64_t inputs = FragmentGeometry::chunkInputs;
  if (g.groups == 1 || g.groupsPerChunk > 1 || g.group % inputs == 0)
    return k.mulC(c, inputs);
  return k.add(k.mulC(k.divC(c, g.chunksPerGroup), g.group),
               k.mulC(k.remC(c, g.chunksPerGroup), inputs));
}

/// Where group `group` of chunk `c` lies among those of the stage: where it
/// does not exist, the last one.
Value WarpgroupPipeline::getLine(KernelBuilder &k, Value c,
                                 int64_t group) const {
  Value line = k.c32(int32_t(group));
  if (!hasPartialChunk())
    return line;
  Value last = k.sub(k.c32(int32_t(g.groups - 1)), k.mulC(c, g.groupsPerChunk));
  return k.minS(line, last);
}

/// What to take off decoded codes of float products: of a weight with one zero
/// point a row.
WarpgroupPipeline::Values
WarpgroupPipeline::loadRowOffsets(KernelBuilder &k, const Context &context,
                                  int64_t tiles) const {
  Values offsets;
  Value first = k.add(k.add(context.firstColumn, context.feature),
                      k.mulC(context.panel, g.columns));
  for (int64_t i = 0; i < tiles; ++i) {
    Value zero;
    if (g.zeroBytes)
      zero =
          k.load(k.i8(),
                 locateColumn(k, context.args,
                              k.addC(first, i * FragmentGeometry::tileColumns),
                              features - 1)
                     .at(k, g.zerosAt, 1),
                 1);
    offsets.push_back(decoder.getHalfOffset(k, zero));
  }
  return offsets;
}

/// Of the group whose zero points are line `line` of the stage at `at`.
WarpgroupPipeline::Values
WarpgroupPipeline::loadGroupOffsets(KernelBuilder &k, const Context &context,
                                    Value at, Value line, int64_t tiles) const {
  Values offsets;
  for (int64_t i = 0; i < tiles; ++i) {
    Value zero;
    if (g.zeroBytes) {
      Value place = k.add(k.mulC(context.panel, stage.zeroBytes),
                          k.mulC(line, g.zeroBytes));
      place = k.add(place, context.feature);
      zero =
          k.load(k.i8(),
                 k.at(at, k.addC(place, stage.zerosAt +
                                            i * FragmentGeometry::tileColumns)),
                 1);
    }
    offsets.push_back(decoder.getHalfOffset(k, zero));
  }
  return offsets;
}

Value WarpgroupPipeline::getGroup(KernelBuilder &k, Value c,
                                  int64_t group) const {
  return k.addC(k.mulC(k.divC(c, g.chunksPerGroup), g.groupsPerChunk), group);
}

WarpgroupPipeline::Factor
WarpgroupPipeline::loadGroupFactor(KernelBuilder &k, const Context &context,
                                   Value at, Value c, int64_t group,
                                   Value feature) const {
  Value line = getLine(k, c, group);
  auto pointer = [&](int64_t first, int64_t panelBytes, int64_t lineBytes) {
    Value place =
        k.add(k.mulC(context.panel, panelBytes), k.mulC(line, lineBytes));
    place = k.add(place, k.mulC(feature, lineBytes / g.columns));
    return k.at(at, k.addC(place, first));
  };
  Factor factor =
      loadFactor(k, pointer(stage.scalesAt, stage.scaleBytes, g.scaleBytes),
                 pointer(stage.zerosAt, stage.zeroBytes, g.zeroBytes));
  if (!hasPartialChunk())
    return factor;
  Value exists = k.ltS(getGroup(k, c, group), k.c32(int32_t(g.groups)));
  factor.factor = k.select(exists, factor.factor, k.cf32(0));
  if (factor.less)
    factor.less = k.select(exists, factor.less, k.cf32(0));
  return factor;
}

WarpgroupPipeline::Pair WarpgroupPipeline::exchange(KernelBuilder &k,
                                                    Value isOdd, Value first,
                                                    Value second,
                                                    int64_t mask) const {
  Value other = k.shuffleXor(k.select(isOdd, first, second), mask);
  return {k.select(isOdd, other, first), k.select(isOdd, second, other)};
}
