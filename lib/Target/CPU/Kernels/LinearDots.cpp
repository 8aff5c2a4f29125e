//===- LinearDots.cpp - sums of a linear layer's tile -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

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
    if (decoder.getStep() != 1)
      scale = k.mul(scale, k.constant(scale.getType(), decoder.getStep()));
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
