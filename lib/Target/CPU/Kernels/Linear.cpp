//===- Linear.cpp - decode, dot, rescale, epilogue --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A linear layer is composed of a decoder of the weight's format (Decode.h), a
// dot product that accumulates a tile of rows x panels in registers (integers
// or f32), the rescaling of its accumulators, and the epilogue. The driver
// cuts the rows into tiles by the strategy's buckets.
//
//===----------------------------------------------------------------------===//
#include "Joined.h"
#include "LinearEmitter.h"
#include "TileProducts.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The key: everything that the code depends on, and no more.
std::string LinearEmitter::makeName() const {
  QTensorType weight = shape.weight;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "linear." << shape.strategy.getKernel() << "."
     << weight.getFormat().getName();
  if (weight.getScaleType())
    os << "."
       << (panels.groups > 1 ? "g" + std::to_string(panels.group)
                             : std::string("channel"))
       << "." << typeName(weight.getScaleType());
  if (weight.hasZeros())
    os << (weight.hasOffsets() ? ".offset" : ".zero");
  if (shape.input)
    os << ".x" << (decoder.isStoredSigned() ? "u" : "s") << inputBits()
       << ".sums" << rows.sumGroup;
  if (panels.sumBytes)
    os << ".colsums";
  os << ".k" << weight.getShape()[1] << ".n" << features;
  os << shape.epilogue.getName() << ".t";
  for (auto [r, p] :
       llvm::zip(shape.strategy.getRows(), shape.strategy.getPanels()))
    os << "_" << r << "x" << p;
  return text;
}

LinearEmitter::TileArgs
LinearEmitter::moveRows(KernelBuilder &k, const TileArgs &args, Value row) {
  return {k.at(args.x, k.mul(row, k.c64(inRowBytes()))),
          k.at(args.scales, k.mul(row, k.c64(4))),
          k.at(args.zeros, k.mul(row, k.c64(4))),
          k.at(args.sums, k.mul(row, k.c64(4 * rows.sumsPerRow))),
          args.weight,
          args.columns,
          /*distance=*/{},
          epilogue.move(k, args.results, k.c64(0), k.c64(0), row, k.c64(0))};
}

/// Up to kTileRows rows: sums in AMX's tiles, the rest row by row.
void LinearEmitter::emitTileProducts(KernelBuilder &k, const TileArgs &args,
                                     Value rowCount, int64_t tilePanels) {
  TileProducts(panels, decoder, inRowBytes())
      .emit(
          k, args.x, args.weight, rowCount, tilePanels,
          [&](Value g, Value row, ValueRange sums, ValueRange state) {
            return emitGroup(k, moveRows(k, args, row), g, state, 1, tilePanels,
                             [&](Value, Tile &dots) {
                               for (int64_t p = 0; p < tilePanels; ++p)
                                 dots[0][p] = k.add(dots[0][p], sums[p]);
                             });
          },
          [&](Value row, ValueRange state) {
            TileArgs moved = moveRows(k, args, row);
            emitEpilogue(k, moved, scaleRows(k, moved, state, 1, tilePanels));
          });
}

//===----------------------------------------------------------------------===//
// Tiles and the driver
//===----------------------------------------------------------------------===//

void LinearEmitter::emitEpilogue(KernelBuilder &k, const TileArgs &args,
                                 const Tile &tile) {
  int64_t tileRows = tile.size(), tilePanels = tile.front().size();
  if (!args.distance) {
    Epilogue::Tile flat{1, tileRows, tilePanels, {}};
    for (const auto &row : tile)
      llvm::append_range(flat.values, row);
    epilogue.emit(k, flat, args.results,
                  [&](int64_t p) { return lanesLeft(k, args, p); });
    return;
  }
  for (int64_t p = 0; p < tilePanels; ++p) {
    Epilogue::Tile column{1, tileRows, 1, {}};
    for (const auto &row : tile)
      column.values.push_back(row[p]);
    epilogue.emit(k, column,
                  epilogue.move(k, args.results, k.c64(0), k.c64(0), k.c64(0),
                                distanceTo(k, args, p, kLanes)),
                  [&](int64_t) { return lanesLeft(k, args, p); });
  }
}

Kernel LinearEmitter::getTile(int64_t tileRows, int64_t tilePanels,
                              bool apart) {
  OpBuilder types(lib.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext());
  SmallVector<Type> args(5, pointer);
  args.append(apart ? 2 : 1, types.getI64Type());
  args.append(shape.epilogue.getNumPointers(), pointer);
  bool isTall = usesTiles() && tileRows == kTileRows;
  if (isTall)
    args.push_back(types.getI64Type());
  std::string tileName = name + ".tile" + std::to_string(tileRows) + "x" +
                         std::to_string(tilePanels) + (apart ? ".apart" : "");
  Kernel tile = lib.get(tileName, args, [&](KernelBuilder &k, ValueRange v) {
    TileArgs tileArgs{v[0], v[1], v[2], v[3], v[4], v[5], {}, {}};
    if (apart)
      tileArgs.distance = v[6];
    llvm::append_range(tileArgs.results,
                       v.slice(apart ? 7 : 6, shape.epilogue.getNumPointers()));
    if (isTall)
      return emitTileProducts(k, tileArgs, v.back(), tilePanels);
    Tile result = shape.input
                      ? emitIntegerDot(k, tileArgs, tileRows, tilePanels)
                      : emitFloatDot(k, tileArgs, tileRows, tilePanels);
    emitEpilogue(k, tileArgs, result);
  });
  tile.setNoInline(true);
  return tile;
}

Kernel LinearEmitter::emit() {
  OpBuilder types(lib.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext());
  Type i64 = types.getI64Type();
  // x, scales, zeros, sums, weight, rows, result and operands.
  SmallVector<Type> argTypes(5, pointer);
  argTypes.push_back(i64);
  argTypes.append(shape.epilogue.getNumPointers(), pointer);

  ArrayRef<int64_t> bucketRows = shape.strategy.getRows();
  ArrayRef<int64_t> bucketPanels = shape.strategy.getPanels();
  int64_t panelCount = llvm::divideCeil(features, kLanes);

  // Work is cut along the output features, so that every thread reads its own
  // weights; the unit is the widest tile.
  int64_t unit = *llvm::max_element(bucketPanels);
  auto count = [&](KernelBuilder &k, ValueRange) {
    return k.c64(getLinearUnits(shape.weight, shape.strategy));
  };
  auto task = [&](KernelBuilder &k, ValueRange v, Value begin, Value end) {
    Value rowCount = v[5];
    Value firstPanel = k.mul(begin, k.c64(unit));
    Value lastPanel = k.minS(k.mul(end, k.c64(unit)), k.c64(panelCount));
    // All rows for `tilePanels` panels from `panel`, by tiles of bucket i and
    // below.
    auto rowsOf = [&](unsigned bucket, int64_t tilePanels, Value panel,
                      Value distance = {}) {
      Value weight = k.at(v[4], k.mul(panel, k.c64(panels.panelBytes)));
      Value column = k.mul(panel, k.c64(kLanes));
      Value columns = k.sub(k.c64(features), column);
      Value done = k.c64(0);
      for (int64_t i = bucket; i >= 0; --i) {
        int64_t step = bucketRows[i];
        Value stop =
            k.add(done, k.mul(k.divS(k.sub(rowCount, done), k.c64(step)),
                              k.c64(step)));
        bool isTall = usesTiles() && step == kTileRows;
        if (isTall)
          stop =
              k.select(k.ltS(k.c64(bucketRows[i - 1]), k.sub(rowCount, stop)),
                       rowCount, stop);
        k.loop(done, stop, step, [&](Value row) {
          SmallVector<Value> args{
              k.at(v[0], k.mul(row, k.c64(inRowBytes()))),
              k.at(v[1], k.mul(row, k.c64(4))),
              k.at(v[2], k.mul(row, k.c64(4))),
              k.at(v[3], k.mul(row, k.c64(4 * rows.sumsPerRow))),
              weight,
              columns};
          if (distance)
            args.push_back(distance);
          llvm::append_range(args, epilogue.move(k, v.drop_front(6), k.c64(0),
                                                 k.c64(0), row, column));
          if (isTall)
            args.push_back(k.minS(k.sub(rowCount, row), k.c64(step)));
          k.call(getTile(step, tilePanels, bool(distance)), args);
        });
        done = stop;
      }
    };
    auto bucketBody = [&](unsigned bucket) {
      int64_t wide = bucketPanels[bucket];
      Value count = k.divS(k.sub(lastPanel, firstPanel), k.c64(wide));
      Value whole = k.add(firstPanel, k.mul(count, k.c64(wide)));
      // Few rows are as fast as their weights come from memory, which is
      // fastest in few streams that go on and on.
      if (wide > 1 && bucket + 1 < bucketRows.size())
        k.loop(firstPanel, k.add(firstPanel, count), 1,
               [&](Value panel) { rowsOf(bucket, wide, panel, count); });
      else
        k.loop(firstPanel, whole, wide,
               [&](Value panel) { rowsOf(bucket, wide, panel); });
      // What a slice has beside whole tiles.
      if (panelCount % wide || unit % wide)
        k.loop(whole, lastPanel, 1,
               [&](Value panel) { rowsOf(bucket, 1, panel); });
      if (usesTiles() && bucketRows[bucket] == kTileRows)
        releaseTiles(k);
    };
    // The smallest bucket that holds all rows, else the last.
    std::function<void(unsigned)> dispatch = [&](unsigned bucket) {
      if (bucket + 1 == bucketRows.size())
        return bucketBody(bucket);
      k.ifElse(
          k.ltS(rowCount, k.c64(bucketRows[bucket] + 1)),
          [&] { bucketBody(bucket); }, [&] { dispatch(bucket + 1); });
    };
    dispatch(0);
  };
  return lib.getParallel(name, argTypes, count, task);
}

int64_t qnt::cpu::getLinearUnits(QTensorType weight,
                                 PanelStrategyAttr strategy) {
  return llvm::divideCeil(llvm::divideCeil(weight.getShape()[0], kLanes),
                          *llvm::max_element(strategy.getPanels()));
}

Kernel qnt::cpu::getLinearKernel(KernelLibrary &lib, const LinearShape &shape) {
  return LinearEmitter(lib, shape).emit();
}
