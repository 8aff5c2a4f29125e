//===- Elementwise.cpp - elementwise kernels and lookups --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;
using llvm::formatv;

/// (ctx, x, out, count): out = f(x), [count] f32, f on lanes.
static Kernel
getUnaryKernel(KernelLibrary &lib, const std::string &name,
               std::function<Value(KernelBuilder &, Value)> function) {
  return getFlatKernel(
      lib, name, argTypes(lib, 2, 1), 4,
      [=](KernelBuilder &k, ValueRange args, Value i, Value count) {
        Value x = loadLanes(k, args[0], i, count);
        storeLanes(k, function(k, x), args[1], i, count);
      });
}

Kernel qnt::cpu::getActivationKernel(KernelLibrary &lib,
                                     nn::ActivationKind kind) {
  return getUnaryKernel(
      lib, nn::stringifyActivationKind(kind).str(),
      [=](KernelBuilder &k, Value x) { return emitActivation(k, kind, x); });
}

Kernel qnt::cpu::getClampKernel(KernelLibrary &lib, float low, float high) {
  std::string name =
      formatv("clamp.{0:x-}_{1:x-}", llvm::bit_cast<uint32_t>(low),
              llvm::bit_cast<uint32_t>(high));
  return getUnaryKernel(lib, name, [=](KernelBuilder &k, Value x) {
    // A NaN as second operand passes.
    Value above = k.maxF(k.constant(x.getType(), low), x);
    return k.minF(k.constant(x.getType(), high), above);
  });
}

static const char *getName(BinaryKind kind) {
  return kind == BinaryKind::Add ? "add" : "mul";
}

static Value emitBinaryLanes(KernelBuilder &k, BinaryKind kind, Value x,
                             Value y) {
  return kind == BinaryKind::Add ? k.add(x, y) : k.mul(x, y);
}

Kernel qnt::cpu::getBinaryKernel(KernelLibrary &lib, BinaryKind kind) {
  return getFlatKernel(
      lib, getName(kind), argTypes(lib, 3, 1), 2,
      [=](KernelBuilder &k, ValueRange args, Value i, Value count) {
        Value x = loadLanes(k, args[0], i, count);
        Value y = loadLanes(k, args[1], i, count);
        storeLanes(k, emitBinaryLanes(k, kind, x, y), args[2], i, count);
      });
}

Kernel qnt::cpu::getBinaryRowKernel(KernelLibrary &lib, BinaryKind kind) {
  return getRowsKernel(
      lib, formatv("{0}.row", getName(kind)).str(), argTypes(lib, 3, 2),
      [](KernelBuilder &k, ValueRange args) { return k.shl(args[4], 1); },
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value offset = k.shl(k.mul(row, args[4]), 2);
        Value from = k.at(args[0], offset), to = k.at(args[2], offset);
        k.overLanes(k.c64(0), args[4], [&](Value i, Value count) {
          Value x = loadLanes(k, from, i, count);
          Value y = loadLanes(k, args[1], i, count);
          storeLanes(k, emitBinaryLanes(k, kind, x, y), to, i, count);
        });
      });
}

/// The table row that id `row` names, as i64.
static Value loadId(KernelBuilder &k, Value ids, Value row) {
  return k.sext(k.load(k.i32(), k.at(ids, k.shl(row, 2)), 4), k.i64());
}

Kernel qnt::cpu::getEmbeddingKernel(KernelLibrary &lib, Type element,
                                    int64_t features) {
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  return getRowsKernel(
      lib, formatv("embedding.{0}.{1}", element, features).str(),
      argTypes(lib, 3, 1), 2 * features,
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value id = loadId(k, args[0], row);
        Value from = k.at(args[1], k.mul(id, k.c64(bytes * features)));
        Value out = k.at(args[2], k.mul(row, k.c64(4 * features)));
        k.overLanes(features, [&](Value i, Value count) {
          Value source = k.at(from, k.mul(i, k.c64(bytes)));
          Value lanes = count ? k.loadAsF32Partial(element, source, count)
                              : k.loadAsF32(element, source);
          storeLanes(k, lanes, out, i, count);
        });
      });
}

/// The numbers that all codes of a format stand for, as an array of the module.
static LLVM::GlobalOp getDecodeTable(KernelLibrary &lib, NumberFormat format) {
  SmallVector<float> numbers;
  for (uint32_t code = 0; code < (1u << format.getBits()); ++code)
    numbers.push_back(format.decode(code));
  auto type = RankedTensorType::get({int64_t(numbers.size())},
                                    Float32Type::get(lib.module.getContext()));
  return getConstantArray(lib, "decode." + format.getName(),
                          DenseElementsAttr::get(type, ArrayRef(numbers)));
}

/// 16 codes, one a byte, as the numbers they stand for.
static Value decodeLanes(KernelBuilder &k, NumberFormat format, Value table,
                         Value bytes) {
  DecodeSpec spec = format.getDecodeSpec();
  Value codes = k.zext(bytes, k.i32());
  if (spec.map == DecodeSpec::Map::Affine) {
    if (spec.isSigned)
      codes = k.shrS(k.shl(codes, 32 - spec.bits), 32 - spec.bits);
    Value number = k.sitofp(codes, k.f32());
    Type type = number.getType();
    return k.fma(number, k.constant(type, spec.multiplier),
                 k.constant(type, spec.offset));
  }
  Type pointers = LLVM::getVectorType(k.ptr(), kLanes);
  Value places = LLVM::GEPOp::create(k.b, k.loc, pointers, k.f32(), table,
                                     ArrayRef<LLVM::GEPArg>{codes});
  Value all = k.constant(k.vec(k.b.getI1Type()), 1);
  return LLVM::masked_gather::create(k.b, k.loc, k.vec(k.f32()), places, all,
                                     ValueRange{k.constant(k.vec(k.f32()), 0)},
                                     4);
}

/// One stored scale in all lanes.
static Value loadScale(KernelBuilder &k, Type type, Value pointer) {
  if (type.isF32())
    return k.splat(k.load(type, pointer, 4));
  Value bits = k.splat(k.load(k.i16(), pointer, 2));
  if (type.isBF16())
    return k.bitcast(k.shl(k.zext(bits, k.i32()), 16), k.vec(k.f32()));
  return k.extF(k.bitcast(bits, k.vec(type)), k.f32());
}

Kernel qnt::cpu::getQuantizedEmbeddingKernel(KernelLibrary &lib,
                                             QTensorType table) {
  NumberFormat format = table.getFormat();
  int64_t features = table.getShape().back();
  BlockKind kind = table.getBlock().getKind();
  int64_t group = kind == BlockKind::Group ? table.getGroupSize() : features;
  int64_t groups = llvm::divideCeil(features, group);
  // One scale for the whole table: every row reads the first.
  int64_t rowGroups = kind == BlockKind::PerTensor ? 0 : groups;
  Type scaleType = table.getScaleType();
  int64_t scaleBytes = scaleType.getIntOrFloatBitWidth() / 8;
  bool hasZero = table.hasZeros(), hasOffset = table.hasOffsets();
  bool affine = table.isInteger();
  std::string name = formatv("embedding.{0}.{1}x{2}.{3}{4}{5}",
                             format.getName(), features, group, scaleType,
                             hasOffset ? ".offset"
                             : hasZero ? ".zero"
                                       : "",
                             rowGroups ? "" : ".per_tensor");
  LLVM::GlobalOp numbers = affine ? nullptr : getDecodeTable(lib, format);
  return getRowsKernel(
      lib, name, argTypes(lib, 5, 1), 2 * features,
      [](KernelBuilder &, ValueRange args) { return args[5]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value id = loadId(k, args[0], row);
        Value codes = k.at(args[1], k.mul(id, k.c64(features)));
        Value firstGroup = k.mul(id, k.c64(rowGroups));
        Value out = k.at(args[4], k.mul(row, k.c64(4 * features)));
        Value lookup = affine ? Value() : addressOf(k, numbers);
        auto decodeGroup = [&](Value g, int64_t elements) {
          Value block = k.add(firstGroup, g);
          Value scale = loadScale(
              k, scaleType, k.at(args[2], k.mul(block, k.c64(scaleBytes))));
          Value zero;
          if (hasOffset) {
            zero = loadScale(k, k.f32(), k.at(args[3], k.shl(block, 2)));
          } else if (hasZero) {
            Value byte = k.load(k.i8(), k.at(args[3], block), 1);
            Value wide = format.getMin() < 0 ? k.sext(byte, k.i32())
                                             : k.zext(byte, k.i32());
            zero = k.splat(k.sitofp(wide, k.f32()));
          }
          Value first = k.mul(g, k.c64(group));
          k.overLanes(elements, [&](Value i, Value count) {
            Value index = k.add(first, i), from = k.at(codes, index);
            Value bytes = count ? k.loadPartial(k.i8(), from, count)
                                : k.load(k.vec(k.i8()), from);
            Value number = decodeLanes(k, format, lookup, bytes);
            if (hasZero && !hasOffset)
              number = k.sub(number, zero);
            number = k.mul(number, scale);
            if (hasOffset)
              number = k.sub(number, zero);
            storeLanes(k, number, out, index, count);
          });
        };
        int64_t whole = features / group;
        k.loop(k.c64(0), k.c64(whole), 1,
               [&](Value g) { decodeGroup(g, group); });
        if (whole < groups)
          decodeGroup(k.c64(whole), features - whole * group);
      });
}

Kernel qnt::cpu::getPositionIdsKernel(KernelLibrary &lib) {
  return lib.getParallel(
      "position_ids", argTypes(lib, 2, 2),
      [](KernelBuilder &, ValueRange args) { return args[2]; },
      [](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value tokens = args[3];
        k.loop(begin, end, 1, [&](Value b) {
          Value start = loadIndexOr(k, args[0], b, k.c64(0));
          Value out = k.at(args[1], k.shl(k.mul(b, tokens), 2));
          k.loop(k.c64(0), tokens, kLanes, [&](Value t) {
            Value first = k.trunc(k.add(start, t), k.i32());
            k.storePartial(k.add(k.splat(first), k.iota()),
                           k.at(out, k.shl(t, 2)), k.sub(tokens, t));
          });
        });
      });
}

Kernel qnt::cpu::getSelectRowsKernel(KernelLibrary &lib, int64_t features) {
  return getRowsKernel(
      lib, formatv("select_rows.{0}", features).str(), argTypes(lib, 3, 2),
      2 * features, [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value b) {
        Value tokens = args[4], bytes = k.c64(4 * features);
        Value row = loadIndexOr(k, args[1], b, k.sub(tokens, k.c64(1)));
        Value index = k.add(k.mul(b, tokens), row);
        copyBytes(k, k.at(args[2], k.mul(b, bytes)),
                  k.at(args[0], k.mul(index, bytes)), bytes);
      });
}

Kernel qnt::cpu::getCopyKernel(KernelLibrary &lib) {
  constexpr int64_t slice = 65536;
  return lib.getParallel(
      "copy", argTypes(lib, 2, 1),
      [](KernelBuilder &k, ValueRange args) {
        return k.ceilDiv(args[2], slice);
      },
      [](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value first = k.mul(begin, k.c64(slice));
        Value last = k.minS(k.mul(end, k.c64(slice)), args[2]);
        copyBytes(k, k.at(args[1], first), k.at(args[0], first),
                  k.sub(last, first));
      });
}
