//===- StridedCopy.cpp - copies of boxes ------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StridedCopy.h"

#include "Common.h"
#include "Lanes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt::cpu;

/// Bytes that a slice of work should at least copy.
constexpr int64_t kSliceBytes = 65536;

Kernel qnt::cpu::getStridedCopyKernel(KernelLibrary &lib, int64_t rank,
                                      int64_t width, bool dense) {
  std::string name = llvm::formatv("strided_copy.{0}d.{1}{2}", rank, width,
                                   dense ? ".dense" : "");
  auto rows = [=](KernelBuilder &k, ValueRange args) {
    Value count = k.c64(1);
    for (int64_t i = 0; i + 1 < rank; ++i)
      count = k.mul(count, args[2 + i]);
    return count;
  };
  auto grain = [=](KernelBuilder &k, ValueRange args) {
    Value bytes = k.maxS(k.mul(args[2 + rank - 1], k.c64(width)), k.c64(1));
    return k.maxS(k.divS(k.c64(kSliceBytes), bytes), k.c64(1));
  };
  return lib.getParallel(
      name, argTypes(lib, 2, 3 * rank),
      [=](KernelBuilder &k, ValueRange args) {
        Value size = grain(k, args);
        return k.divU(k.add(rows(k, args), k.sub(size, k.c64(1))), size);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        ValueRange sizes = args.slice(2, rank);
        ValueRange fromStrides = args.slice(2 + rank, rank);
        ValueRange toStrides = args.slice(2 + 2 * rank, rank);
        Value size = grain(k, args);
        Value last = k.minS(k.mul(end, size), rows(k, args));
        k.loop(k.mul(begin, size), last, 1, [&](Value row) {
          Value rest = row, from = args[0], to = args[1];
          for (int64_t i = rank - 2; i >= 0; --i) {
            Value index = i == 0 ? rest : k.remU(rest, sizes[i]);
            if (i > 0)
              rest = k.divU(rest, sizes[i]);
            from = k.at(from, k.mul(index, fromStrides[i]));
            to = k.at(to, k.mul(index, toStrides[i]));
          }
          Value count = sizes[rank - 1];
          if (dense) {
            copyBytes(k, to, from, k.mul(count, k.c64(width)));
            return;
          }
          Type word = IntegerType::get(k.b.getContext(), 8 * width);
          k.loop(k.c64(0), count, 1, [&](Value i) {
            Value element =
                k.load(word, k.at(from, k.mul(i, fromStrides[rank - 1])));
            k.store(element, k.at(to, k.mul(i, toStrides[rank - 1])));
          });
        });
      });
}

Kernel qnt::cpu::getTransposedCopyKernel(KernelLibrary &lib, int64_t rank,
                                         int64_t width) {
  std::string name = llvm::formatv("transposed_copy.{0}d.{1}", rank, width);
  // A unit is 16 elements of the last dimension but one, by all of the last.
  auto units = [=](KernelBuilder &k, ValueRange args) {
    Value count = k.ceilDiv(args[2 + rank - 2], kLanes);
    for (int64_t i = 0; i + 2 < rank; ++i)
      count = k.mul(count, args[2 + i]);
    return count;
  };
  auto grain = [=](KernelBuilder &k, ValueRange args) {
    Value bytes =
        k.maxS(k.mul(args[2 + rank - 1], k.c64(kLanes * width)), k.c64(1));
    return k.maxS(k.divS(k.c64(kSliceBytes), bytes), k.c64(1));
  };
  return lib.getParallel(
      name, argTypes(lib, 2, 3 * rank),
      [=](KernelBuilder &k, ValueRange args) {
        Value size = grain(k, args);
        return k.divU(k.add(units(k, args), k.sub(size, k.c64(1))), size);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        ValueRange sizes = args.slice(2, rank);
        ValueRange fromStrides = args.slice(2 + rank, rank);
        ValueRange toStrides = args.slice(2 + 2 * rank, rank);
        Type word = IntegerType::get(k.b.getContext(), 8 * width);
        Value size = grain(k, args);
        Value last = k.minS(k.mul(end, size), units(k, args));
        Value height = sizes[rank - 2], length = sizes[rank - 1];
        Value step = fromStrides[rank - 1], rowStep = toStrides[rank - 2];
        Value offsets = k.mul(k.sext(k.iota(), k.i64()), k.splat(step));
        k.loop(k.mul(begin, size), last, 1, [&](Value unit) {
          Value blocks = k.ceilDiv(height, kLanes);
          Value first = k.mul(k.remU(unit, blocks), k.c64(kLanes));
          Value rest = k.divU(unit, blocks), from = args[0], to = args[1];
          for (int64_t i = rank - 3; i >= 0; --i) {
            Value index = i == 0 ? rest : k.remU(rest, sizes[i]);
            if (i > 0)
              rest = k.divU(rest, sizes[i]);
            from = k.at(from, k.mul(index, fromStrides[i]));
            to = k.at(to, k.mul(index, toStrides[i]));
          }
          Value rows = k.minS(k.sub(height, first), k.c64(kLanes));
          from = k.at(from, k.mul(first, k.c64(width)));
          to = k.at(to, k.mul(first, rowStep));
          auto column = [&](Value at, Value count) {
            Value source = k.at(from, k.mul(at, step));
            Value target = k.at(to, k.mul(at, k.c64(width)));
            k.loop(k.c64(0), rows, 1, [&](Value row) {
              Value lanes =
                  gatherNumbers(k, word, k.at(source, k.mul(row, k.c64(width))),
                                offsets, count);
              storeNumbers(k, lanes, word, k.at(target, k.mul(row, rowStep)),
                           count);
            });
          };
          Value whole = k.sub(length, k.band(length, k.c64(kLanes - 1)));
          k.loop(k.c64(0), whole, kLanes,
                 [&](Value at) { column(at, Value()); });
          // A gather takes as long for a few lanes as for all: few columns,
          // such as the colours of an image, are copied one by one.
          constexpr int64_t few = 8;
          Value left = k.sub(length, whole);
          k.ifElse(
              k.ltS(left, k.c64(few)),
              [&] {
                k.loop(whole, length, 1, [&](Value at) {
                  Value source = k.at(from, k.mul(at, step));
                  Value target = k.at(to, k.mul(at, k.c64(width)));
                  k.loop(k.c64(0), rows, 1, [&](Value row) {
                    Value element =
                        k.load(word, k.at(source, k.mul(row, k.c64(width))));
                    k.store(element, k.at(target, k.mul(row, rowStep)));
                  });
                });
              },
              [&] { column(whole, left); });
        });
      });
}

/// (ctx, to, elements, ...): writes what `value` gives everywhere.
static Kernel
getFill(KernelLibrary &lib, const std::string &name, TypeRange args,
        Type element,
        std::function<Value(KernelBuilder &, ValueRange args)> value) {
  int64_t width = getByteWidth(element);
  int64_t slice = kSliceBytes / width;
  return lib.getParallel(
      name, args,
      [=](KernelBuilder &k, ValueRange args) {
        return k.ceilDiv(args[1], slice);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value number = value(k, args);
        Value last = k.minS(k.mul(end, k.c64(slice)), args[1]);
        k.loop(k.mul(begin, k.c64(slice)), last, 1, [&](Value i) {
          storeNumber(k, number, element,
                      k.at(args[0], k.mul(i, k.c64(width))));
        });
      });
}

Kernel qnt::cpu::getFillKernel(KernelLibrary &lib, TypedAttr value) {
  return getFill(
      lib, llvm::formatv("fill.{0}", Attribute(value)).str(),
      argTypes(lib, 1, 1), value.getType(),
      [=](KernelBuilder &k, ValueRange) { return emitNumber(k, value); });
}

Kernel qnt::cpu::getFillFromKernel(KernelLibrary &lib, int64_t width) {
  SmallVector<Type> args = argTypes(lib, 1, 1);
  args.push_back(args.front());
  Type element = IntegerType::get(lib.module.getContext(), 8 * width);
  return getFill(lib, llvm::formatv("fill.from.{0}", width).str(), args,
                 element, [=](KernelBuilder &k, ValueRange args) {
                   return k.load(element, args[2], 1);
                 });
}
