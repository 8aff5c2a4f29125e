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
#include "../Kernels.h"
#include "Decode.h"
#include "Epilogue.h"
#include "Joined.h"
#include "TileProducts.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {

/// Generates the code of one linear layer.
class LinearEmitter {
public:
  LinearEmitter(KernelLibrary &lib, const LinearShape &shape)
      : lib(lib), shape(shape),
        panels(PanelGeometry::of(shape.weight,
                                 cast<PanelsAttr>(shape.weight.getLayout()))),
        decoder(shape.weight),
        epilogue(shape.epilogue, /*finite=*/shape.input != nullptr,
                 /*apart=*/false) {
    if (shape.input)
      rows = RowsGeometry::of(shape.input);
    features = shape.weight.getShape()[0];
    name = makeName();
  }

  Kernel emit();

private:
  /// Arguments of a tile function, all pointing at the tile's first row and
  /// column. `columns` is the number of output features that are left,
  /// `distance` the panels from one of the tile to its next; null where they
  /// are neighbours.
  struct TileArgs {
    Value x, scales, zeros, sums, weight, columns, distance;
    SmallVector<Value> results;
  };
  using Tile = SmallVector<SmallVector<Value>>; // [row][panel]

  std::string makeName() const;
  Kernel getTile(int64_t tileRows, int64_t tilePanels, bool apart);
  Tile emitFloatDot(KernelBuilder &k, const TileArgs &args, int64_t tileRows,
                    int64_t tilePanels);
  Tile emitIntegerDot(KernelBuilder &k, const TileArgs &args, int64_t tileRows,
                      int64_t tilePanels);
  void emitIntegerChunks(KernelBuilder &k, const TileArgs &args, Value codes,
                         Value input, Tile &acc);
  /// Adds to the i32 sums `dots` the products of a scale block, whose first
  /// codes are those of `codes`.
  using Products = llvm::function_ref<void(Value codes, Tile &dots)>;
  SmallVector<Value> emitGroup(KernelBuilder &k, const TileArgs &args, Value g,
                               ValueRange state, int64_t tileRows,
                               int64_t tilePanels, Products products);
  Tile scaleRows(KernelBuilder &k, const TileArgs &args, ValueRange acc,
                 int64_t tileRows, int64_t tilePanels);
  void emitTileProducts(KernelBuilder &k, const TileArgs &args, Value rowCount,
                        int64_t tilePanels);
  TileArgs moveRows(KernelBuilder &k, const TileArgs &args, Value row);
  void emitEpilogue(KernelBuilder &k, const TileArgs &args, const Tile &tile);
  bool usesTiles() const { return shape.strategy.getKernel() == kTileDot; }
  bool isPartial() const { return features % kLanes != 0; }
  unsigned inputBits() const { return shape.input.getFormat().getBits(); }
  /// Whether sums of two products of bytes fit 16 bits: those of unsigned codes
  /// of a bits and signed ones of b are below 2^(a + b).
  bool isNarrow() const {
    return shape.weight.getFormat().getBits() + inputBits() < 16;
  }
  int64_t inRowBytes() const {
    return shape.input ? rows.rowBytes : shape.weight.getShape()[1] * 4;
  }
  /// `scale` times the distance from a tile's first panel to panel `p`.
  Value distanceTo(KernelBuilder &k, const TileArgs &args, int64_t p,
                   int64_t scale) {
    return args.distance ? k.mul(args.distance, k.c64(p * scale))
                         : k.c64(p * scale);
  }
  /// Where in panel `p` lies what is at `place` in the tile's first.
  Value inPanel(KernelBuilder &k, const TileArgs &args, Value place,
                int64_t p) {
    return k.at(place, distanceTo(k, args, p, panels.panelBytes));
  }
  /// Lanes of panel `p` of a tile that exist; null when all do.
  Value lanesLeft(KernelBuilder &k, const TileArgs &args, int64_t p) {
    return isPartial() ? k.sub(args.columns, distanceTo(k, args, p, kLanes))
                       : Value();
  }
  Value scaleOf(KernelBuilder &k, Value group) {
    return k.loadAsF32(shape.weight.getScaleType(), group);
  }

  KernelLibrary &lib;
  const LinearShape &shape;
  PanelGeometry panels;
  Decoder decoder;
  Epilogue epilogue;
  RowsGeometry rows;
  int64_t features = 0;
  std::string name;
};

std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

} // namespace

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

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

/// f32 activations: codes are decoded to scaled f32 lanes, once for all rows.
LinearEmitter::Tile LinearEmitter::emitFloatDot(KernelBuilder &k,
                                                const TileArgs &args,
                                                int64_t tileRows,
                                                int64_t tilePanels) {
  VectorType lanes = k.vec(k.f32());
  int64_t inputs = shape.weight.getShape()[1];
  // A lone row would be one dependent chain of additions per panel.
  int64_t chains = tileRows == 1 ? 2 : 1;
  SmallVector<Value> acc(chains * tileRows * tilePanels, k.constant(lanes, 0));
  auto index = [&](int64_t chain, int64_t row, int64_t panel) {
    return (chain * tileRows + row) * tilePanels + panel;
  };
  // Multiplies `count` consecutive inputs from `first` of the row with decoded
  // weights weightAt(panel, i).
  auto accumulate = [&](Value x, int64_t count, SmallVectorImpl<Value> &state,
                        llvm::function_ref<Value(int64_t, int64_t)> weightAt) {
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> weights;
      for (int64_t p = 0; p < tilePanels; ++p)
        weights.push_back(weightAt(p, i));
      for (int64_t r = 0; r < tileRows; ++r) {
        Value a =
            k.splat(k.load(k.f32(), k.at(x, r * inRowBytes() + 4 * i), 4));
        for (int64_t p = 0; p < tilePanels; ++p) {
          Value &sum = state[index(i % chains, r, p)];
          sum = k.fma(a, weights[p], sum);
        }
      }
    }
  };

  if (panels.chunk == 1) {
    // Wide codes, one vector an input.
    constexpr int64_t unroll = 4;
    auto body = [&](Value first, int64_t count, ValueRange state) {
      SmallVector<Value> next(state);
      Value x = k.at(args.x, k.mul(first, k.c64(4)));
      Value w = k.at(args.weight, k.mul(first, k.c64(panels.chunkBytes)));
      accumulate(x, count, next, [&](int64_t p, int64_t i) {
        return decoder.decodeWide(
            k, k.at(inPanel(k, args, w, p), i * panels.chunkBytes));
      });
      return next;
    };
    int64_t whole = inputs / unroll * unroll;
    acc = k.loop(
        k.c64(0), k.c64(whole), unroll, acc,
        [&](Value iv, ValueRange state) { return body(iv, unroll, state); });
    if (whole < inputs)
      acc = body(k.c64(whole), inputs - whole, acc);
  } else {
    auto chunkBody = [&](Value x, Value codes, ArrayRef<Value> scale,
                         ArrayRef<Value> zero, int64_t count,
                         SmallVectorImpl<Value> &state) {
      SmallVector<SmallVector<Value>> words(tilePanels);
      for (int64_t p = 0; p < tilePanels; ++p)
        words[p] = decoder.loadWords(k, panels, inPanel(k, args, codes, p));
      accumulate(x, count, state, [&](int64_t p, int64_t i) {
        return decoder.decodeLane(k, panels, words[p], i, scale[p], zero[p]);
      });
    };
    auto groupBody = [&](Value group, int64_t count, ValueRange state) {
      SmallVector<Value> next(state), scale, zero;
      Value base = k.at(args.weight, k.mul(group, k.c64(panels.groupBytes)));
      Value x = k.at(args.x, k.mul(group, k.c64(panels.group * 4)));
      for (int64_t p = 0; p < tilePanels; ++p) {
        Value panel = inPanel(k, args, base, p);
        scale.push_back(panels.scaleBytes ? scaleOf(k, panel) : Value());
        zero.push_back(panels.zeroBytes
                           ? decoder.loadZero(k, k.at(panel, panels.scaleBytes))
                           : Value());
      }
      Value codes = k.at(base, panels.scaleBytes + panels.zeroBytes);
      int64_t whole = count / panels.chunk;
      next = k.loop(
          k.c64(0), k.c64(whole), 1, next, [&](Value chunk, ValueRange inner) {
            SmallVector<Value> values(inner);
            chunkBody(k.at(x, k.mul(chunk, k.c64(panels.chunk * 4))),
                      k.at(codes, k.mul(chunk, k.c64(panels.chunkBytes))),
                      scale, zero, panels.chunk, values);
            return values;
          });
      if (int64_t rest = count % panels.chunk)
        chunkBody(k.at(x, whole * panels.chunk * 4),
                  k.at(codes, whole * panels.chunkBytes), scale, zero, rest,
                  next);
      return next;
    };
    int64_t whole = inputs / panels.group;
    acc = k.loop(k.c64(0), k.c64(whole), 1, acc,
                 [&](Value group, ValueRange state) {
                   return groupBody(group, panels.group, state);
                 });
    if (int64_t rest = inputs % panels.group)
      acc = groupBody(k.c64(whole), rest, acc);
  }

  Tile tile(tileRows, SmallVector<Value>(tilePanels));
  for (int64_t r = 0; r < tileRows; ++r)
    for (int64_t p = 0; p < tilePanels; ++p) {
      tile[r][p] = acc[index(0, r, p)];
      for (int64_t c = 1; c < chains; ++c)
        tile[r][p] = k.add(tile[r][p], acc[index(c, r, p)]);
    }
  return tile;
}

/// One scale block's worth of integer products, added to `acc`. `codes` is the
/// first panel's first chunk of the block, `input` the first row's first code.
void LinearEmitter::emitIntegerChunks(KernelBuilder &k, const TileArgs &args,
                                      Value codes, Value input, Tile &acc) {
  int64_t tileRows = acc.size(), tilePanels = acc.front().size();
  SmallVector<Value> state;
  for (auto &row : acc)
    llvm::append_range(state, row);
  auto body = [&](Value w, Value x, SmallVectorImpl<Value> &sums) {
    SmallVector<SmallVector<Value>> words(tilePanels);
    for (int64_t p = 0; p < tilePanels; ++p)
      words[p] = decoder.loadWords(k, panels, inPanel(k, args, w, p));
    for (int64_t quad = 0; quad < panels.chunk / 4; ++quad) {
      SmallVector<Value> weights;
      for (int64_t p = 0; p < tilePanels; ++p)
        weights.push_back(decoder.decodeBytes(k, panels, words[p], quad));
      for (int64_t r = 0; r < tileRows; ++r) {
        Value a =
            k.splat(k.load(k.i32(), k.at(x, r * inRowBytes() + 4 * quad), 4));
        for (int64_t p = 0; p < tilePanels; ++p) {
          Value &sum = sums[r * tilePanels + p];
          sum = decoder.isStoredSigned()
                    ? k.dot4(sum, a, weights[p], isNarrow())
                    : k.dot4(sum, weights[p], a, isNarrow(),
                             decoder.isBelow128());
        }
      }
    }
  };
  // Short blocks are unrolled, longer ones loop over chunks.
  if (panels.chunksPerGroup <= 2) {
    for (int64_t c = 0; c < panels.chunksPerGroup; ++c)
      body(k.at(codes, c * panels.chunkBytes), k.at(input, c * panels.chunk),
           state);
  } else {
    state = k.loop(k.c64(0), k.c64(panels.chunksPerGroup), 1, state,
                   [&](Value c, ValueRange inner) {
                     SmallVector<Value> sums(inner);
                     body(k.at(codes, k.mul(c, k.c64(panels.chunkBytes))),
                          k.at(input, k.mul(c, k.c64(panels.chunk))), sums);
                     return sums;
                   });
  }
  for (int64_t r = 0; r < tileRows; ++r)
    for (int64_t p = 0; p < tilePanels; ++p)
      acc[r][p] = state[r * tilePanels + p];
}

/// One scale block: its exact i32 sums, rescaled and added to `state`.
SmallVector<Value> LinearEmitter::emitGroup(KernelBuilder &k,
                                            const TileArgs &args, Value g,
                                            ValueRange state, int64_t tileRows,
                                            int64_t tilePanels,
                                            Products products) {
  VectorType words = k.vec(k.i32());
  int64_t multiplier = decoder.getMultiplier();
  int64_t offset = decoder.getOffset();
  int64_t sumStride = 4 * rows.sumsPerRow;
  int64_t sumsPerGroup =
      rows.sumGroup ? llvm::divideCeil(panels.group, rows.sumGroup) : 0;
  // The sum of the stored codes of row r over the block.
  auto blockSum = [&](int64_t r) {
    Value sum;
    for (int64_t i = 0; i < sumsPerGroup; ++i) {
      Value at = k.at(args.sums, k.mul(g, k.c64(4 * sumsPerGroup)));
      Value part = k.load(k.i32(), k.at(at, r * sumStride + 4 * i), 4);
      sum = sum ? k.add(sum, part) : part;
    }
    return sum;
  };

  SmallVector<Value> next(state);
  Value base = k.at(args.weight, k.mul(g, k.c64(panels.groupBytes)));
  Tile dots(tileRows, SmallVector<Value>(tilePanels));
  SmallVector<Value> sums(tileRows);
  for (int64_t r = 0; r < tileRows; ++r) {
    if (offset || panels.zeroBytes)
      sums[r] = blockSum(r);
    // The constant zero point of the stored codes starts the sum.
    Value start = offset && multiplier == 1
                      ? k.splat(k.mul(sums[r], k.c32(offset)))
                      : k.constant(words, 0);
    for (int64_t p = 0; p < tilePanels; ++p)
      dots[r][p] = start;
  }
  products(k.at(base, panels.scaleBytes + panels.zeroBytes), dots);
  for (int64_t p = 0; p < tilePanels; ++p) {
    Value panel = inPanel(k, args, base, p);
    Value scale = scaleOf(k, panel);
    Value zero = panels.zeroBytes
                     ? decoder.loadZero(k, k.at(panel, panels.scaleBytes))
                     : Value();
    for (int64_t r = 0; r < tileRows; ++r) {
      Value dot = dots[r][p];
      if (multiplier != 1)
        dot = k.add(k.mul(dot, k.constant(words, multiplier)),
                    k.splat(k.mul(sums[r], k.c32(offset))));
      Value number = k.sitofp(dot, k.f32());
      Value inputs = zero ? k.splat(k.sitofp(sums[r], k.f32())) : Value();
      Value &sum = next[r * tilePanels + p];
      if (zero && !decoder.hasOffsets())
        number = k.sub(number, k.mul(zero, inputs));
      sum = k.fma(scale, number, sum);
      if (zero && decoder.hasOffsets())
        sum = k.sub(sum, k.mul(zero, inputs));
    }
  }
  return next;
}

/// Integer activations: exact i32 sums over each scale block, rescaled to f32.
LinearEmitter::Tile LinearEmitter::emitIntegerDot(KernelBuilder &k,
                                                  const TileArgs &args,
                                                  int64_t tileRows,
                                                  int64_t tilePanels) {
  SmallVector<Value> acc(tileRows * tilePanels, k.constant(k.vec(k.f32()), 0));
  auto group = [&](Value g, ValueRange state) {
    Value input = k.at(args.x, k.mul(g, k.c64(panels.group)));
    return emitGroup(k, args, g, state, tileRows, tilePanels,
                     [&](Value codes, Tile &dots) {
                       emitIntegerChunks(k, args, codes, input, dots);
                     });
  };
  if (panels.groups == 1)
    acc = group(k.c64(0), acc);
  else
    acc = k.loop(k.c64(0), k.c64(panels.groups), 1, acc, group);
  return scaleRows(k, args, acc, tileRows, tilePanels);
}

/// The accumulators of a tile by the scales of its rows, less what these's zero
/// points add.
LinearEmitter::Tile LinearEmitter::scaleRows(KernelBuilder &k,
                                             const TileArgs &args,
                                             ValueRange acc, int64_t tileRows,
                                             int64_t tilePanels) {
  VectorType lanes = k.vec(k.f32());
  Tile tile(tileRows, SmallVector<Value>(tilePanels));
  int64_t sumsAt = panels.groups * panels.groupBytes;
  for (int64_t r = 0; r < tileRows; ++r) {
    Value scale = k.splat(k.load(k.f32(), k.at(args.scales, 4 * r), 4));
    Value zero = panels.sumBytes
                     ? k.splat(k.load(k.f32(), k.at(args.zeros, 4 * r), 4))
                     : Value();
    for (int64_t p = 0; p < tilePanels; ++p) {
      Value number = acc[r * tilePanels + p];
      if (zero) {
        Value columnSums =
            k.load(lanes, k.at(inPanel(k, args, args.weight, p), sumsAt), 4);
        number = k.sub(number, k.mul(zero, columnSums));
      }
      tile[r][p] = k.mul(scale, number);
    }
  }
  return tile;
}

LinearEmitter::TileArgs
LinearEmitter::moveRows(KernelBuilder &k, const TileArgs &args, Value row) {
  TileArgs moved{k.at(args.x, k.mul(row, k.c64(inRowBytes()))),
                 k.at(args.scales, k.mul(row, k.c64(4))),
                 k.at(args.zeros, k.mul(row, k.c64(4))),
                 k.at(args.sums, k.mul(row, k.c64(4 * rows.sumsPerRow))),
                 args.weight,
                 args.columns,
                 {}};
  moved.results =
      epilogue.move(k, args.results, k.c64(0), k.c64(0), row, k.c64(0));
  return moved;
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
