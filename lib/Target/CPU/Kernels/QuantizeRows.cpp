//===- QuantizeRows.cpp - quantising activations ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numerics are those of BlockQuantizer, to the bit: true divisions, codes
// clamped before they are rounded. Only the scale of a row of zeros is stored
// as 0 instead of 1.
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

RowsGeometry RowsGeometry::of(QTensorType type) {
  auto layout = cast<RowsAttr>(type.getLayout());
  RowsGeometry rows;
  rows.features = type.getShape().back();
  rows.rowBytes =
      llvm::alignTo(rows.features, std::max<int64_t>(1, layout.getPad()));
  rows.sumGroup = layout.getSums();
  if (rows.sumGroup)
    rows.sumsPerRow = llvm::divideCeil(rows.features, rows.sumGroup);
  rows.excess = layout.getExcess();
  return rows;
}

namespace {
/// Emits the quantisation of one row.
struct RowQuantizer {
  KernelBuilder &k;
  QTensorType type;
  RowsGeometry geometry;
  double lowest, highest;

  RowQuantizer(KernelBuilder &k, QTensorType type)
      : k(k), type(type), geometry(RowsGeometry::of(type)),
        lowest(type.getFormat().getMin()), highest(type.getFormat().getMax()) {
    assert(type.isInteger() && type.getFormat().getBits() >= 2 &&
           type.getFormat().getBits() <= 8 && "an integer format");
    assert(geometry.sumGroup % kLanes == 0 && "sums over whole vectors");
  }

  struct Params {
    Value scale, zero;
    /// The scale to store: 0 for a row of zeros, so that what linear layers
    /// make of it is exactly 0 whatever zero points they subtract.
    Value stored;
  };

  /// NaN compares false: it does not count.
  Value extreme(Value x, bool largest, bool magnitude) {
    Value zero = k.constant(k.vec(k.f32()), 0);
    auto join = [&](Value value, Value best) {
      return largest ? k.maxF(value, best) : k.minF(value, best);
    };
    Value lanes = foldLanes(
        k, geometry.features, zero,
        [&](Value best, Value i, Value count) {
          Value value = loadLanes(k, x, i, count);
          return join(magnitude ? k.absF(value) : value, best);
        },
        join);
    return largest ? k.reduceMaxF(lanes) : k.reduceMinF(lanes);
  }

  /// A positive scale within the normal numbers; 1 for a range of zero.
  Value scaleOf(Value range, double steps) {
    Value scale = k.fdiv(range, k.cf32(float(steps)));
    scale = k.minF(scale, k.cf32(std::numeric_limits<float>::max()));
    scale = k.maxF(scale, k.cf32(std::numeric_limits<float>::min()));
    return k.select(k.gtF(range, k.cf32(0)), scale, k.cf32(1));
  }

  Params chooseParams(Value x) {
    auto storedOf = [&](Value range, Value scale) {
      return k.select(k.gtF(range, k.cf32(0)), scale, k.cf32(0));
    };
    if (!type.hasZeros()) {
      Value range = extreme(x, /*largest=*/true, /*magnitude=*/true);
      Value scale = scaleOf(range, highest);
      return {scale, k.cf32(0), storedOf(range, scale)};
    }
    Value high = extreme(x, /*largest=*/true, /*magnitude=*/false);
    Value low = extreme(x, /*largest=*/false, /*magnitude=*/false);
    Value range = k.sub(high, low);
    Value scale = scaleOf(range, highest - lowest);
    // Rounding after clamping gives the same at integer bounds.
    Value steps = k.fdiv(low, scale);
    steps = k.minF(k.maxF(steps, k.cf32(float(lowest - highest))), k.cf32(0));
    Value zero =
        k.sub(k.cf32(float(lowest)), k.sitofp(k.roundToInt(steps), k.f32()));
    return {scale, zero, storedOf(range, scale)};
  }

  /// Stored codes of 16 numbers, as i32.
  Value encode(Value x, Value scale, Value low, Value high, Value offset) {
    Value number = zeroIfNaN(k, x);
    Value code = k.minF(k.maxF(k.fdiv(number, scale), low), high);
    return k.add(k.roundToInt(code), offset);
  }

  /// Codes of inputs [first, first + elements), and their sum.
  Value encodeSpan(Value x, Value codes, Params params, Value first,
                   int64_t elements) {
    Value scale = k.splat(params.scale);
    Value low = k.splat(k.sub(k.cf32(float(lowest)), params.zero));
    Value high = k.splat(k.sub(k.cf32(float(highest)), params.zero));
    Value zero = k.roundToInt(params.zero);
    Value offset = k.splat(k.add(zero, k.c32(int32_t(geometry.excess))));
    Value none = k.constant(k.vec(k.i32()), 0);
    Value sums = foldLanes(
        k, elements, none,
        [&](Value sum, Value i, Value count) {
          Value index = k.add(first, i);
          Value code =
              encode(loadLanes(k, x, index, count), scale, low, high, offset);
          code = zeroBeyond(k, code, count);
          Value bytes = k.trunc(code, k.i8()), to = k.at(codes, index);
          if (count)
            k.storePartial(bytes, to, count);
          else
            k.store(bytes, to);
          return k.add(sum, code);
        },
        [&](Value a, Value b) { return k.add(a, b); });
    return k.reduceAdd(sums);
  }

  void encodeRow(Value x, Value codes, Value sums, Params params) {
    int64_t features = geometry.features;
    if (!geometry.sumGroup) {
      encodeSpan(x, codes, params, k.c64(0), features);
    } else {
      int64_t group = geometry.sumGroup, whole = features / group;
      auto encodeGroup = [&](Value g, int64_t elements) {
        Value sum =
            encodeSpan(x, codes, params, k.mul(g, k.c64(group)), elements);
        k.store(sum, k.at(sums, k.shl(g, 2)), 4);
      };
      if (whole)
        k.loop(k.c64(0), k.c64(whole), 1,
               [&](Value g) { encodeGroup(g, group); });
      if (whole * group < features)
        encodeGroup(k.c64(whole), features - whole * group);
    }
    Value padding = k.constant(k.vec(k.i8()), 0);
    for (int64_t i = features; i < geometry.rowBytes; i += kLanes)
      k.storePartial(padding, k.at(codes, i), k.c64(geometry.rowBytes - i));
  }
};
} // namespace

Kernel qnt::cpu::getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                                       bool isStatic) {
  assert(isStatic == (type.getBlock().getKind() == BlockKind::PerTensor) &&
         "per row from the row itself, per tensor from given scales");
  RowsGeometry geometry = RowsGeometry::of(type);
  std::string name = llvm::formatv(
      "quantize_rows.{0}.{1}p{2}s{3}e{4}{5}{6}", type.getFormat().getName(),
      geometry.features, geometry.rowBytes, geometry.sumGroup, geometry.excess,
      type.hasZeros() ? ".zero" : "", isStatic ? ".static" : "");
  return getRowsKernel(
      lib, name, argTypes(lib, 7, 1), 4 * geometry.features,
      [](KernelBuilder &, ValueRange args) { return args[7]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        RowQuantizer quantizer(k, type);
        Value x = k.at(args[0], k.mul(row, k.c64(4 * geometry.features)));
        Value codes = k.at(args[3], k.mul(row, k.c64(geometry.rowBytes)));
        Value sums = k.at(args[6], k.mul(row, k.c64(4 * geometry.sumsPerRow)));
        RowQuantizer::Params params;
        if (isStatic) {
          Value scale = k.load(k.f32(), args[1], 4);
          params = {scale,
                    type.hasZeros() ? k.load(k.f32(), args[2], 4) : k.cf32(0),
                    scale};
        } else {
          params = quantizer.chooseParams(x);
        }
        quantizer.encodeRow(x, codes, sums, params);
        k.store(params.stored, f32At(k, args[4], row), 4);
        k.store(k.add(params.zero, k.cf32(float(geometry.excess))),
                f32At(k, args[5], row), 4);
      });
}
