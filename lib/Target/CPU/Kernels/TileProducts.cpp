//===- TileProducts.cpp - products of bytes in AMX's tiles ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tiles 0 to 3 hold sums (row tile i, panel p: 2 i + p), 4 and 5 rows, 6 and 7
// panels. LLVM's intrinsics with numbers of tiles leave both the configuration
// and the choice of registers to us.
//
//===----------------------------------------------------------------------===//
#include "TileProducts.h"

#include <numeric>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

constexpr int64_t kTileSide = 16, kTileBytes = 64;
/// Bytes of a vector of a panel, or of a row of a tile of sums.
constexpr int64_t kVectorBytes = 4 * kLanes;
/// Inputs that are decoded at a time, so that the vectors have left the store
/// buffer when tiles are loaded from them.
constexpr int64_t kDecodedInputs = 256;

static void callTile(KernelBuilder &k, const Twine &name, ValueRange operands) {
  LLVM::CallIntrinsicOp::create(
      k.b, k.loc, k.b.getStringAttr("llvm.x86." + name), operands);
}
static Value tile(KernelBuilder &k, int64_t number) {
  return k.constant(k.i8(), double(number));
}

/// Inputs that one product of tiles takes.
static int64_t getStep(const PanelGeometry &panels) {
  return panels.groups == 1 ? kTileBytes : std::gcd(panels.group, kTileBytes);
}

bool qnt::cpu::fitsTiles(QTensorType weight) {
  auto layout = dyn_cast_or_null<PanelsAttr>(weight.getLayout());
  if (!layout || weight.getFormat().getBits() > 8)
    return false;
  // Shorter blocks leave most of a tile empty.
  return getStep(PanelGeometry::of(weight, layout)) >= kTileBytes / 2;
}

void qnt::cpu::releaseTiles(KernelBuilder &k) {
  callTile(k, "tilerelease", {});
}

TileProducts::TileProducts(const PanelGeometry &panels, const Decoder &decoder,
                           int64_t rowBytes)
    : panels(panels), decoder(decoder), rowBytes(rowBytes),
      step(getStep(panels)) {}

bool TileProducts::isStoredAsBytes() const {
  return panels.planes.front().width == 8;
}

/// Palette 1: byte 0; from byte 16 on 16-bit bytes a row of each tile, from
/// byte 48 on its rows.
void TileProducts::configure(KernelBuilder &k, Value rows) const {
  Value config = k.stack(64);
  k.store(k.constant(k.vec(k.i32()), 0), config, 64);
  k.store(k.constant(k.i8(), 1), config);
  auto place = [&](int64_t number, int64_t columnBytes, Value tileRows) {
    k.store(k.constant(k.i16(), double(columnBytes)),
            k.at(config, 16 + 2 * number));
    k.store(tileRows, k.at(config, 48 + number));
  };
  // Tiles of no rows are not allowed; those that stay unused have one.
  Value side = k.c64(kTileSide);
  Value lower = k.trunc(k.minS(rows, side), k.i8());
  Value upper = k.trunc(k.maxS(k.sub(rows, side), k.c64(1)), k.i8());
  for (int64_t p = 0; p < 2; ++p) {
    place(p, kVectorBytes, lower);
    place(2 + p, kVectorBytes, upper);
    place(6 + p, kVectorBytes, k.constant(k.i8(), double(step / 4)));
  }
  place(4, step, lower);
  place(5, step, upper);
  callTile(k, "ldtilecfg", {config});
}

/// `inputs` codes of a panel, whole chunks, as vectors of four inputs.
void TileProducts::decode(KernelBuilder &k, Value codes, Value bytes,
                          int64_t inputs) const {
  auto chunk = [&](Value from, Value to) {
    SmallVector<Value> words = decoder.loadWords(k, panels, from);
    for (int64_t quad = 0; quad < panels.chunk / 4; ++quad)
      k.store(decoder.decodeBytes(k, panels, words, quad),
              k.at(to, quad * kVectorBytes), kVectorBytes);
  };
  k.loop(k.c64(0), k.c64(inputs / panels.chunk), 1, [&](Value c) {
    chunk(k.at(codes, k.mul(c, k.c64(panels.chunkBytes))),
          k.at(bytes, k.mul(c, k.c64(panels.chunk / 4 * kVectorBytes))));
  });
}

/// Adds the products of `step` inputs. `x` is the first row's, `weights` are
/// each panel's.
void TileProducts::multiplyStep(KernelBuilder &k, Value x,
                                ArrayRef<Value> weights,
                                int64_t tileRows) const {
  for (int64_t i = 0; i < tileRows; ++i)
    callTile(
        k, "tileloadd64",
        {tile(k, 4 + i), k.at(x, i * kTileSide * rowBytes), k.c64(rowBytes)});
  for (auto [p, weight] : llvm::enumerate(weights))
    callTile(k, "tileloadd64", {tile(k, 6 + p), weight, k.c64(kVectorBytes)});
  StringRef product = decoder.isStoredSigned() ? "tdpbusd" : "tdpbsud";
  for (int64_t i = 0; i < tileRows; ++i)
    for (size_t p = 0; p < weights.size(); ++p)
      callTile(k, product,
               {tile(k, 2 * i + p), tile(k, 4 + i), tile(k, 6 + p)});
}

/// The sums of one scale block, whose first codes are `x` and `codes`, into
/// `sums`: i32 [row][panel][column].
void TileProducts::multiply(KernelBuilder &k, Value x, Value codes,
                            int64_t tileRows, int64_t count, Value bytes,
                            Value sums) const {
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t p = 0; p < count; ++p)
      callTile(k, "tilezero", {tile(k, 2 * i + p)});
  const int64_t scratch = kDecodedInputs / 4 * kVectorBytes;
  const int64_t stepBytes = step / 4 * kVectorBytes;
  // Inputs [first, first + inputs), first a multiple of a chunk.
  auto decoded = [&](Value first, int64_t inputs) {
    Value chunks =
        k.mul(k.divU(first, k.c64(panels.chunk)), k.c64(panels.chunkBytes));
    for (int64_t p = 0; p < count; ++p)
      decode(k, k.at(k.at(codes, p * panels.panelBytes), chunks),
             k.at(bytes, p * scratch), inputs);
    // Where inputs end within a tile, those of the rows are zero, whatever the
    // bytes.
    k.loop(k.c64(0), k.c64(llvm::divideCeil(inputs, step)), 1, [&](Value s) {
      SmallVector<Value> weights;
      for (int64_t p = 0; p < count; ++p)
        weights.push_back(
            k.at(k.at(bytes, p * scratch), k.mul(s, k.c64(stepBytes))));
      multiplyStep(k, k.at(x, k.add(first, k.mul(s, k.c64(step)))), weights,
                   tileRows);
    });
  };
  const int64_t inputs = panels.chunksPerGroup * panels.chunk;
  // Panels of bytes need decoding for the last tile alone, which may pass their
  // end.
  const int64_t unit = isStoredAsBytes() ? step : kDecodedInputs;
  const int64_t whole = inputs / unit * unit;
  if (isStoredAsBytes())
    k.loop(k.c64(0), k.c64(whole), step, [&](Value first) {
      SmallVector<Value> weights;
      for (int64_t p = 0; p < count; ++p)
        weights.push_back(k.at(k.at(codes, p * panels.panelBytes),
                               k.mul(first, k.c64(kVectorBytes / 4))));
      multiplyStep(k, k.at(x, first), weights, tileRows);
    });
  else
    k.loop(k.c64(0), k.c64(whole), unit,
           [&](Value first) { decoded(first, unit); });
  if (whole < inputs)
    decoded(k.c64(whole), inputs - whole);
  const int64_t sumsRow = count * kVectorBytes;
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t p = 0; p < count; ++p)
      callTile(k, "tilestored64",
               {tile(k, 2 * i + p),
                k.at(sums, i * kTileSide * sumsRow + p * kVectorBytes),
                k.c64(sumsRow)});
}

void TileProducts::emit(KernelBuilder &k, Value x, Value weight, Value rows,
                        int64_t count, Rescale rescale, Finish finish) const {
  configure(k, rows);
  const int64_t rowSize = count * kVectorBytes;
  Value bytes = k.stack(count * kDecodedInputs / 4 * kVectorBytes);
  Value sums = k.stack(kTileRows * rowSize);
  Value numbers = panels.groups > 1 ? k.stack(kTileRows * rowSize) : Value();
  Value zero = k.constant(k.vec(k.f32()), 0);
  auto loadRow = [&](Type element, Value from, Value row) {
    SmallVector<Value> values;
    for (int64_t p = 0; p < count; ++p)
      values.push_back(
          k.load(k.vec(element),
                 k.at(k.at(from, k.mul(row, k.c64(rowSize))), p * kVectorBytes),
                 kVectorBytes));
    return values;
  };
  auto storeRow = [&](ValueRange values, Value row) {
    for (auto [p, value] : llvm::enumerate(values))
      k.store(value,
              k.at(k.at(numbers, k.mul(row, k.c64(rowSize))), p * kVectorBytes),
              kVectorBytes);
  };
  auto products = [&](Value group) {
    Value codes = k.at(weight, k.mul(group, k.c64(panels.groupBytes)));
    codes = k.at(codes, panels.scaleBytes + panels.zeroBytes);
    Value from = k.at(x, k.mul(group, k.c64(panels.group)));
    k.ifElse(
        k.ltS(k.c64(kTileSide), rows),
        [&] { multiply(k, from, codes, 2, count, bytes, sums); },
        [&] { multiply(k, from, codes, 1, count, bytes, sums); });
  };
  SmallVector<Value> zeros(count, zero);
  if (panels.groups == 1) {
    products(k.c64(0));
    k.loop(k.c64(0), rows, 1, [&](Value row) {
      finish(row, rescale(k.c64(0), row, loadRow(k.i32(), sums, row), zeros));
    });
    return;
  }
  k.loop(k.c64(0), rows, 1, [&](Value row) { storeRow(zeros, row); });
  k.loop(k.c64(0), k.c64(panels.groups), 1, [&](Value group) {
    products(group);
    k.loop(k.c64(0), rows, 1, [&](Value row) {
      storeRow(rescale(group, row, loadRow(k.i32(), sums, row),
                       loadRow(k.f32(), numbers, row)),
               row);
    });
  });
  k.loop(k.c64(0), rows, 1,
         [&](Value row) { finish(row, loadRow(k.f32(), numbers, row)); });
}
