//===- Linear.cpp - decode, dot, rescale, epilogue -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

static const MatrixInstruction &chooseDot(const LinearShape &shape) {
  if (!shape.input)
    return mmaF16;
  if (shape.isBlockScaled())
    return *findBlockScaled(shape.input);
  if (shape.isOfFloats())
    return *findFloat8Mma(shape.input.getFormat().getName(),
                          shape.weight.getFormat().getName());
  return Decoder(shape.weight).isSigned() ? mmaS8S8 : mmaS8U8;
}

LinearEmitter::LinearEmitter(KernelLibrary &lib, const LinearShape &shape,
                             const LinearTile &tile)
    : LinearScaling(shape, chooseDot(shape).isInteger), lib(lib), tile(tile),
      dot(chooseDot(shape)),
      stage(LinearStage::of(g, tile, shape.getInputBits())),
      rowTiles(tile.blockM / tile.warpsM / dot.m),
      columnTiles(tile.blockN / tile.warpsN / dot.n) {}

std::string LinearEmitter::makeName() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "linear_" << dot.name << getName() << "_t" << tile.blockM << "x"
     << tile.blockN << "w" << tile.warpsM << "x" << tile.warpsN << "s"
     << tile.stages;
  if (tile.splits > 1)
    os << "p" << tile.splits;
  return text;
}

LinearEmitter::Values LinearEmitter::makeSums(KernelBuilder &k) const {
  return Values(size_t(getSize()), dot.isInteger ? k.c32(0) : k.cf32(0));
}

LinearEmitter::Values LinearEmitter::makeState(KernelBuilder &k) const {
  return isGrouped() ? Values(size_t(getSize()), k.cf32(0)) : makeSums(k);
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

/// Word `word` of B; codes of blocks are what the instruction takes.
Value LinearEmitter::decode(KernelBuilder &k, TileCodes &codes, int64_t word,
                            Value offset) const {
  if (dot.scale)
    return codes.get(k, /*plane=*/0, word);
  return isFloat() ? decoder.decodeHalves(k, g, codes, word, offset)
                   : decoder.decodeBytes(k, g, codes, word);
}

/// The products of one k step of a chunk.
void LinearEmitter::emitStep(KernelBuilder &k, const Context &context, Value at,
                             int64_t step, MutableArrayRef<TileCodes> codes,
                             ArrayRef<Value> offsets, Values &sums) {
  // 16 rows of 32 bytes are 4 matrices: two of 8 rows, twice.
  Value row = k.remC(context.lane, 16);
  Value column = k.addC(k.divC(context.lane, 16), 2 * step);
  Value address = k.add(k.mulC(k.add(context.warpRow, row), stage.rowBytes),
                        k.mulC(stage.swizzle(k, column, row), 16));
  SmallVector<Values> a;
  for (int64_t m = 0; m < rowTiles; ++m)
    a.push_back(k.loadMatrices(
        k.at(at, k.addC(address, m * dot.m * stage.rowBytes)), 4));
  for (int64_t n = 0; n < columnTiles; ++n) {
    Values b;
    for (unsigned r = 0; r < dot.bRegisters; ++r) {
      int64_t w = dot.bRegisters * step + r;
      b.push_back(decode(k, codes[n], w, offsets[n]));
    }
    for (int64_t m = 0; m < rowTiles; ++m) {
      int64_t index = getIndex(m, n);
      Values c(ArrayRef(sums).slice(index, 4));
      Values products = dot.scale ? multiply(k, m, n, step, a[m], b, c)
                                  : k.multiply(dot, a[m], b, c);
      llvm::copy(products, sums.begin() + index);
    }
  }
}

/// One chunk in the stage at `at`.
LinearEmitter::Values LinearEmitter::emitChunk(KernelBuilder &k,
                                               const Context &context, Value at,
                                               Value c, ValueRange state) {
  Values next(state), offsets(context.offsets);
  offsets.resize(size_t(columnTiles));
  if (dot.scale)
    scaleWords = loadScaleWords(k, context, at);
  SmallVector<TileCodes> codes;
  Value firstTile = k.divC(context.warpColumn, dot.n);
  for (int64_t n = 0; n < columnTiles; ++n)
    codes.emplace_back(
        g,
        k.at(at,
             k.addC(k.mulC(k.addC(firstTile, n), g.tileBytes), stage.codesAt)),
        context.lane);
  Values sums = isGrouped() || promotes() ? makeSums(k) : next;
  int64_t stepsPerGroup = getSteps() / (isGrouped() ? g.groupsPerChunk : 1);
  for (int64_t step = 0; step < getSteps(); ++step) {
    int64_t group = step / stepsPerGroup;
    if (isFloat() && isGrouped() && step % stepsPerGroup == 0)
      offsets = loadGroupOffsets(k, context, at, group);
    emitStep(k, context, at, step, codes, offsets, sums);
    if (!isGrouped() || (step + 1) % stepsPerGroup)
      continue;
    rescale(k, context, at, c, group, sums, next);
    sums = makeSums(k);
  }
  if (promotes())
    return promote(k, next, sums);
  return isGrouped() ? next : sums;
}

/// Chunks [begin, end): what copies bring is multiplied `stages` - 1 chunks
/// later.
LinearEmitter::Values LinearEmitter::emitChunks(KernelBuilder &k,
                                                const Context &context,
                                                Value begin, Value end) {
  LinearCopies copies(k, g, tile,
                      {context.args.x, context.args.sums, context.args.rows,
                       getRowBytes(), shape.getInputBits(), context.args.weight,
                       features, context.firstRow, context.firstColumn});
  auto start = [&](Value at, Value c) {
    k.ifThen(k.ltS(c, end),
             [&] { copies.start(k, k.at(context.shared, at), c); });
    k.commitCopies();
  };
  for (int64_t s = 0; s < tile.stages - 1; ++s)
    start(k.c32(int32_t(s * stage.bytes)), k.addC(begin, s));
  Values state = makeState(k);
  // The stage that is read, and the one before it, which is written.
  int64_t last = (tile.stages - 1) * stage.bytes;
  state.push_back(k.c32(0));
  state.push_back(k.c32(int32_t(last)));
  state = k.loop(begin, end, 1, state, [&](Value c, ValueRange carried) {
    Value reads = carried[getSize()], writes = carried[getSize() + 1];
    k.waitCopies(unsigned(tile.stages - 2));
    k.barrier();
    start(writes, k.addC(c, tile.stages - 1));
    Values next = emitChunk(k, context, k.at(context.shared, reads), c,
                            carried.take_front(getSize()));
    Value isLast = k.eq(reads, k.c32(int32_t(last)));
    next.push_back(k.select(isLast, k.c32(0), k.addC(reads, stage.bytes)));
    next.push_back(reads);
    return next;
  });
  state.truncate(size_t(getSize()));
  return state;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

LinearEmitter::Context LinearEmitter::makeContext(KernelBuilder &k,
                                                  ValueRange args) const {
  Context context(args);
  context.firstRow = k.mulC(k.blockId(gpu::Dimension::y), tile.blockM);
  context.firstColumn = k.mulC(k.blockId(gpu::Dimension::x), tile.blockN);
  context.shared = k.shared();
  context.thread = k.threadId();
  Value warp = k.divC(context.thread, kWarp);
  context.lane = k.remC(context.thread, kWarp);
  context.warpRow =
      k.mulC(k.divC(warp, tile.warpsN), tile.blockM / tile.warpsM);
  context.warpColumn =
      k.mulC(k.remC(warp, tile.warpsN), tile.blockN / tile.warpsN);
  std::tie(context.row, context.column) = k.locate(dot.cMap, context.lane);
  if (isFloat() && !isGrouped())
    context.offsets = loadRowOffsets(k, context);
  return context;
}

void LinearEmitter::emitBody(KernelBuilder &k, ValueRange args) {
  Context context = makeContext(k, args);
  Value begin = k.c32(0), end = k.c32(int32_t(g.chunks));
  if (tile.splits > 1) {
    begin = k.mulC(k.blockId(gpu::Dimension::z), getChunksPerSplit());
    end = k.minS(k.addC(begin, getChunksPerSplit()), end);
  }
  Values state = emitChunks(k, context, begin, end);
  auto rest = [&](ValueRange sums) { finishTile(k, context, sums); };
  if (tile.splits > 1)
    reduceSplits(k, context.args, tile,
                 {context.thread, context.shared, tile.getThreads()}, state,
                 rest);
  else
    rest(state);
}

Kernel LinearEmitter::emit() {
  Kernel kernel;
  kernel.threads = tile.getThreads();
  kernel.sharedBytes = tile.stages * stage.bytes;
  if (tile.splits > 1)
    kernel.workspaceBytes = tile.splits * kernel.threads * getSize() * 4;
  unsigned rows = LinearArguments::declare(kernel, shape, {"x"});
  kernel.grid[0].blocks = llvm::divideCeil(features, tile.blockN);
  kernel.grid[1].by(rows, 1, tile.blockM);
  kernel.grid[2].blocks = tile.splits;
  return lib.get(makeName(), kernel, [&](KernelBuilder &k, ValueRange values) {
    emitBody(k, values);
  });
}

Kernel qnt::cuda::getLinearKernel(KernelLibrary &lib, const LinearShape &shape,
                                  const LinearTile &tile) {
  if (!tile.warpgroups)
    return LinearEmitter(lib, shape, tile).emit();
  return lib.chip.hasTcgen05 ? getTensorKernel(lib, shape, tile)
                             : getWarpgroupKernel(lib, shape, tile);
}
