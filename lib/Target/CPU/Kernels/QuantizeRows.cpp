//===- QuantizeRows.cpp - activations to codes and back ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row's scale and codes are RowEncoder's.
//
//===----------------------------------------------------------------------===//
#include "Norms.h"
#include "Rotate.h"
#include "RowEncoder.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {
/// Emits the quantisation of one row.
struct RowQuantizer {
  KernelBuilder &k;
  RowsGeometry geometry;
  RowEncoder encoder;

  RowQuantizer(KernelBuilder &k, QTensorType type)
      : k(k), geometry(RowsGeometry::of(type)),
        encoder(k, geometry.features, type.getFormat().getMin(),
                type.getFormat().getMax(), type.hasZeros(),
                type.getScaleType()) {
    assert(type.isInteger() && type.getFormat().getBits() >= 2 &&
           type.getFormat().getBits() <= 8 && "an integer format");
    assert(geometry.sumGroup % kLanes == 0 && "sums over whole vectors");
  }

  /// Codes of inputs [first, first + elements), and their sum.
  Value encodeSpan(Value x, Value codes, RowEncoder::Params params, Value first,
                   int64_t elements) {
    RowEncoder::Map map = encoder.getMap(params, geometry.excess);
    Value none = k.constant(k.vec(k.i32()), 0);
    Value sums = foldLanes(
        k, elements, none,
        [&](Value sum, Value i, Value count) {
          Value index = k.add(first, i);
          Value code = encoder.encode(map, loadLanes(k, x, index, count));
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

  void encodeRow(Value x, Value codes, Value sums, RowEncoder::Params params) {
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
                                       bool isStatic, const RowSource &source) {
  assert(isStatic == (type.getBlock().getKind() == BlockKind::PerTensor) &&
         "per row from the row itself, per tensor from given scales");
  RowsGeometry geometry = RowsGeometry::of(type);
  std::string name = llvm::formatv(
      "quantize_rows.{0}.{1}p{2}s{3}e{4}{5}.{6}{7}", type.getFormat().getName(),
      geometry.features, geometry.rowBytes, geometry.sumGroup, geometry.excess,
      type.hasZeros() ? ".zero" : "", type.getScaleType(),
      isStatic ? ".static" : "");
  int64_t rowBytes = 4 * geometry.features, cost = 4 * geometry.features;
  int64_t stepBytes = llvm::alignTo(rowBytes, 64), scratchBytes = 0;
  bool hasMatrices = source.rotation && source.rotation->hasMatrices;
  if (source.norm) {
    name += ".rms_norm." + getKey(*source.norm);
    cost += 2 * geometry.features;
    scratchBytes += stepBytes;
  }
  std::optional<RowRotation> basis;
  if (source.rotation) {
    name += "." + source.rotation->getName();
    basis.emplace(lib, *source.rotation);
    cost += basis->getCost();
    scratchBytes += stepBytes + basis->getScratchBytes();
  }
  unsigned pointers = 7 + source.norm.has_value() + hasMatrices;
  return getRowsKernel(
      lib, name, argTypes(lib, pointers, 1), cost,
      [](KernelBuilder &, ValueRange args) { return args.back(); },
      [=](KernelBuilder &k, ValueRange args, Value row, Value scratch) {
        RowQuantizer quantizer(k, type);
        Value x = k.at(args[0], k.mul(row, k.c64(rowBytes)));
        ValueRange extra = args.drop_front(7);
        if (source.norm) {
          emitRMSNorm(k, x, extra.front(), scratch, geometry.features,
                      *source.norm);
          x = scratch;
          extra = extra.drop_front();
          scratch = k.at(scratch, stepBytes);
        }
        if (basis) {
          basis->emit(k, x, hasMatrices ? extra.front() : Value(), scratch,
                      k.at(scratch, stepBytes));
          x = scratch;
        }
        Value codes = k.at(args[3], k.mul(row, k.c64(geometry.rowBytes)));
        Value sums = k.at(args[6], k.mul(row, k.c64(4 * geometry.sumsPerRow)));
        RowEncoder::Params params;
        if (isStatic) {
          Value scale = k.load(k.f32(), args[1], 4);
          params = {scale,
                    type.hasZeros() ? k.load(k.f32(), args[2], 4) : k.cf32(0),
                    scale};
        } else {
          params = quantizer.encoder.chooseParams(x);
        }
        quantizer.encodeRow(x, codes, sums, params);
        k.store(params.stored, f32At(k, args[4], row), 4);
        k.store(k.add(params.zero, k.cf32(float(geometry.excess))),
                f32At(k, args[5], row), 4);
      },
      scratchBytes);
}

Kernel qnt::cpu::getDequantizeRowsKernel(KernelLibrary &lib, QTensorType type) {
  RowsGeometry geometry = RowsGeometry::of(type);
  bool isSigned =
      cast<IntFormatAttr>(type.getFormat()).getIsSigned() == !geometry.excess;
  std::string name =
      llvm::formatv("dequantize_rows.{0}p{1}{2}", geometry.features,
                    geometry.rowBytes, isSigned ? "s" : "u");
  return getRowsKernel(
      lib, name, argTypes(lib, 4, 1), 4 * geometry.features,
      [](KernelBuilder &, ValueRange args) { return args.back(); },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value codes = k.at(args[0], k.mul(row, k.c64(geometry.rowBytes)));
        Value y = k.at(args[3], k.mul(row, k.c64(4 * geometry.features)));
        Value scale = k.splat(k.load(k.f32(), f32At(k, args[1], row), 4));
        Value zero = k.splat(k.load(k.f32(), f32At(k, args[2], row), 4));
        k.overLanes(geometry.features, [&](Value i, Value count) {
          Value at = k.at(codes, i);
          Value code = count ? k.loadPartial(k.i8(), at, count)
                             : k.load(k.vec(k.i8()), at);
          code = isSigned ? k.sext(code, k.i32()) : k.zext(code, k.i32());
          Value number = k.sub(k.sitofp(code, k.f32()), zero);
          storeLanes(k, k.mul(number, scale), y, i, count);
        });
      });
}
