//===- WarpgroupPipeline.cpp - linear layers by warpgroups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WarpgroupPipeline.h"

#include "LinearStage.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// The most of a row of a box that a swizzle takes.
static constexpr int64_t kBoxRow = 128;
// Registers of a lane that copies, and where it also multiplies in tensor
// memory; the most of one that decodes.
static constexpr int64_t kCopyRegisters = 40, kProductRegisters = 64,
                         kMostRegisters = 240;
// What boxes are aligned to, so that the swizzle's pattern begins with them,
// and without one.
static constexpr int64_t kBoxAlign = 1024, kPlainAlign = 128;

WarpgroupStage WarpgroupStage::of(const FragmentGeometry &g,
                                  const LinearTile &tile, int64_t inputBits) {
  WarpgroupStage stage;
  stage.panels = tile.blockN / g.columns;
  int64_t chunkRow = FragmentGeometry::chunkInputs * inputBits / 8;
  stage.rowBytes = std::min(chunkRow, kBoxRow);
  stage.boxes = chunkRow / stage.rowBytes;
  stage.boxBytes = tile.blockM * stage.rowBytes;
  stage.codesAt = stage.boxes * stage.boxBytes;
  stage.scalesAt = stage.codesAt + stage.panels * g.chunkBytes;
  if (g.groups > 1 || g.hasSmallScales) {
    stage.scaleBytes = g.groupsPerChunk * g.scaleBytes;
    stage.zeroBytes = g.groupsPerChunk * g.zeroBytes;
  }
  stage.zerosAt = stage.scalesAt + stage.panels * stage.scaleBytes;
  stage.rowScalesAt = llvm::alignTo(
      stage.zerosAt + stage.panels * stage.zeroBytes, kPlainAlign);
  int64_t rowScales =
      g.hasSmallScales ? tile.blockM * WarpgroupStage::scaleRow : 0;
  stage.bytes = llvm::alignTo(stage.rowScalesAt + rowScales, kBoxAlign);
  return stage;
}

static const WarpgroupInstruction &chooseDot(const LinearShape &shape) {
  if (!shape.input)
    return wgmmaF16;
  if (shape.isBlockScaled())
    return getBlockScaledTensor(*findBlockScaled(shape.input));
  if (shape.isOfFloats())
    return *findFloat8Wgmma(shape.weight.getFormat().getName(),
                            shape.input.getFormat().getName());
  return Decoder(shape.weight).isSigned() ? wgmmaS8S8 : wgmmaU8S8;
}

WarpgroupPipeline::WarpgroupPipeline(KernelLibrary &lib,
                                     const LinearShape &shape,
                                     const LinearTile &tile)
    : LinearScaling(shape, chooseDot(shape).isInteger()), lib(lib), tile(tile),
      dot(chooseDot(shape)),
      stage(WarpgroupStage::of(g, tile, shape.getInputBits())) {}

int64_t WarpgroupPipeline::getStepOffset(int64_t step) const {
  int64_t first = step * dot.getK() * shape.getInputBits() / 8;
  return first / stage.rowBytes * stage.boxBytes + first % stage.rowBytes;
}

Value WarpgroupPipeline::decode(KernelBuilder &k, TileCodes &codes, int64_t w,
                                Value offset) const {
  // Codes of blocks are what the instruction takes.
  if (shape.isBlockScaled())
    return codes.get(k, /*plane=*/0, w);
  return isFloat() ? decoder.decodeHalves(k, g, codes, w, offset)
                   : decoder.decodeBytes(k, g, codes, w);
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

void WarpgroupPipeline::initStages(KernelBuilder &k, const Context &context,
                                   int64_t arrivals) const {
  for (int64_t s = 0; s < tile.stages; ++s) {
    // What one lane copies.
    k.initBarrier(k.at(context.barriers, 16 * s), 1);
    k.initBarrier(k.at(context.barriers, 16 * s + 8), arrivals);
  }
}

WarpgroupPipeline::Place WarpgroupPipeline::getFirst(KernelBuilder &k,
                                                     bool isEmpty) const {
  // All stages are empty: the phase before the first one has ended.
  return {k.c32(0), k.c32(0), k.c32(isEmpty)};
}

Value WarpgroupPipeline::getFull(KernelBuilder &k, const Context &context,
                                 const Place &place) const {
  return k.at(context.barriers, k.mulC(place.stage, 16));
}
Value WarpgroupPipeline::getEmpty(KernelBuilder &k, const Context &context,
                                  const Place &place) const {
  return k.at(getFull(k, context, place), 8);
}

void WarpgroupPipeline::leaveStage(KernelBuilder &k, const Context &context,
                                   const Place &place) const {
  k.syncWarp();
  k.ifThen(k.eq(context.lane, k.c32(0)),
           [&] { k.arrive(getEmpty(k, context, place)); });
}

WarpgroupPipeline::Place WarpgroupPipeline::next(KernelBuilder &k,
                                                 const Place &place) const {
  Value isLast = k.eq(place.stage, k.c32(int32_t(tile.stages - 1)));
  return {k.select(isLast, k.c32(0), k.addC(place.offset, stage.bytes)),
          k.select(isLast, k.c32(0), k.addC(place.stage, 1)),
          k.bxor(place.parity, k.zext(isLast, k.i32()))};
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void WarpgroupPipeline::emitCopy(KernelBuilder &k, const Context &context,
                                 const Place &place, Value c,
                                 ArrayRef<Value> panels) const {
  Value at = k.at(context.shared, place.offset);
  Value full = getFull(k, context, place);
  // Scales and zero points of the groups that there are.
  Value group = k.mulC(k.divC(c, g.chunksPerGroup), g.groupsPerChunk);
  Value isLast = k.eq(c, k.c32(int32_t(g.chunks - 1)));
  auto bytesOf = [&](int64_t ofChunk) {
    int64_t last = ofChunk / g.groupsPerChunk * getLastGroups();
    return hasPartialChunk()
               ? k.select(isLast, k.c32(int32_t(last)), k.c32(int32_t(ofChunk)))
               : k.c32(int32_t(ofChunk));
  };
  Value lines = bytesOf(stage.panels * (stage.scaleBytes + stage.zeroBytes));
  int64_t fixed = stage.codesAt + stage.panels * g.chunkBytes;
  if (shape.isBlockScaled())
    fixed += tile.blockM * WarpgroupStage::scaleRow;
  k.arriveExpecting(full, k.addC(lines, fixed));
  int64_t columns = stage.rowBytes / shape.getInputBytes();
  Value column = getInput(k, c);
  if (shape.getInputBits() == 4)
    column = k.divC(column, 2);
  for (int64_t box = 0; box < stage.boxes; ++box)
    k.copyBox(k.at(at, box * stage.boxBytes), context.args.x,
              k.addC(column, box * columns), context.firstRow, full);
  if (shape.isBlockScaled())
    k.copyBox(k.at(at, stage.rowScalesAt), context.args.sums,
              k.mulC(c, g.groupsPerChunk), context.firstRow, full);
  for (auto [i, panel] : llvm::enumerate(panels)) {
    auto p = int64_t(i);
    k.copyBulk(k.at(at, stage.codesAt + p * g.chunkBytes),
               k.at(panel, k.mulC(c, g.chunkBytes)),
               k.c32(int32_t(g.chunkBytes)), full);
    auto copyLines = [&](int64_t to, int64_t from, int64_t bytes,
                         int64_t line) {
      if (bytes)
        k.copyBulk(k.at(at, to + p * bytes),
                   k.at(panel, k.addC(k.mulC(group, line), from)),
                   bytesOf(bytes), full);
    };
    copyLines(stage.scalesAt, g.scalesAt, stage.scaleBytes, g.scaleBytes);
    copyLines(stage.zerosAt, g.zerosAt, stage.zeroBytes, g.zeroBytes);
  }
}

void WarpgroupPipeline::emitCopies(KernelBuilder &k,
                                   const Context &context) const {
  k.prefetchMap(context.args.x);
  if (shape.isBlockScaled())
    k.prefetchMap(context.args.sums);
  // Of panels that do not exist, the last one.
  int64_t panels = llvm::divideCeil(features, g.columns);
  Value first = k.divC(context.firstColumn, g.columns);
  SmallVector<Value> pointers;
  for (int64_t p = 0; p < stage.panels; ++p)
    pointers.push_back(k.atRow(context.args.weight,
                               k.minC(k.addC(first, p), panels - 1),
                               g.panelBytes));
  Place start = getFirst(k, /*isEmpty=*/true);
  k.loop(k.c32(0), context.chunks, 1, start.get(),
         [&](Value i, ValueRange carried) {
           Value c = k.add(context.firstChunk, i);
           Place place = Place::of(carried);
           k.waitPhase(getEmpty(k, context, place), place.parity);
           emitCopy(k, context, place, c, pointers);
           return Values(next(k, place).get());
         });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

WarpgroupPipeline::Context
WarpgroupPipeline::makeContext(KernelBuilder &k, ValueRange args) const {
  Context context(args);
  context.firstRow = k.mulC(k.blockId(gpu::Dimension::y), tile.blockM);
  context.firstColumn = k.mulC(k.blockId(gpu::Dimension::x), tile.blockN);
  context.shared = k.shared();
  context.barriers = k.at(context.shared, tile.stages * stage.bytes);
  int64_t perSplit = llvm::divideCeil(g.chunks, tile.splits);
  context.firstChunk = k.c32(0);
  context.chunks = k.c32(int32_t(g.chunks));
  if (tile.splits > 1) {
    context.firstChunk = k.mulC(k.blockId(gpu::Dimension::z), perSplit);
    context.chunks =
        k.minC(k.sub(context.chunks, context.firstChunk), perSplit);
  }
  context.thread = k.threadId();
  context.warpgroup = k.divC(context.thread, kWarpgroup);
  context.warp = k.divC(k.remC(context.thread, kWarpgroup), kWarp);
  context.lane = k.remC(context.thread, kWarp);
  context.eighth = k.divC(context.lane, 4);
  return context;
}

void WarpgroupPipeline::emitRoles(KernelBuilder &k, const Context &context,
                                  function_ref<void()> multiply,
                                  function_ref<void()> copy) const {
  // Lanes begin with as many registers each; those that copy give theirs away.
  int64_t all = k.chip.registers / kWarpgroup;
  int64_t begin = llvm::alignDown(all / (tile.warpgroups + 1), 8);
  int64_t others = k.chip.hasTcgen05 ? kProductRegisters : kCopyRegisters;
  int64_t most =
      std::min(kMostRegisters,
               int64_t(llvm::alignDown((all - others) / tile.warpgroups, 8)));
  bool moves = begin < most;
  k.ifElse(
      k.ltS(context.thread, k.c32(int32_t(getLanes()))),
      [&] {
        if (moves)
          k.limitRegisters(most, /*isMore=*/true);
        multiply();
      },
      [&] {
        if (moves)
          k.limitRegisters(others, /*isMore=*/false);
        copy();
      });
}

Kernel WarpgroupPipeline::makeKernel(StringRef products, int64_t sharedBytes,
                                     KernelLibrary::Body body) const {
  std::string name;
  llvm::raw_string_ostream(name)
      << "linear_" << products << "_" << dot.name << getName() << "_t"
      << tile.blockM << "x" << tile.blockN << "s" << tile.stages;
  if (tile.splits > 1)
    name += "p" + std::to_string(tile.splits);
  Kernel kernel;
  kernel.threads = tile.getThreads();
  kernel.sharedBytes = stage.getSharedBytes(tile.stages) + sharedBytes;
  int64_t inputBytes = shape.getInputBytes();
  Argument input{"x", Argument::Kind::TensorMap}, sums{"sums"};
  input.map = {inputBytes, getRowBytes() / inputBytes,  getRowBytes(),
               /*rows=*/0, stage.rowBytes / inputBytes, tile.blockM};
  if (shape.isBlockScaled()) {
    int64_t scaleBytes = llvm::alignTo(g.groups, WarpgroupStage::scaleRow);
    sums.kind = Argument::Kind::TensorMap;
    sums.map = {1,          scaleBytes,
                scaleBytes,
                /*rows=*/0, WarpgroupStage::scaleRow,
                tile.blockM};
  }
  unsigned rows = LinearArguments::declare(kernel, shape, input, sums);
  for (Argument &argument : kernel.args)
    argument.map.rows = rows;
  kernel.grid[0].blocks = llvm::divideCeil(features, tile.blockN);
  kernel.grid[1].by(rows, 1, tile.blockM);
  kernel.grid[2].blocks = tile.splits;
  if (tile.splits > 1)
    kernel.workspaceBytes = tile.splits * getLanes() * tile.blockM * 4;
  return lib.get(name, kernel, std::move(body));
}
