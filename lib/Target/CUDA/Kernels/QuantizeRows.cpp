//===- QuantizeRows.cpp - activations to codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// A block has one row; a lane takes 4 neighbouring inputs at a time.
static constexpr int64_t kThreads = 256, kInputs = 4;

namespace {
class RowsEmitter {
public:
  RowsEmitter(QTensorType type, bool isStatic)
      : type(type), layout(cast<RowsAttr>(type.getLayout())),
        features(type.getShape().back()),
        rowBytes(llvm::alignTo(features, layout.getPad())),
        lowest(type.getFormat().getMin()), highest(type.getFormat().getMax()),
        isStatic(isStatic) {}

  std::string getName() const;
  void emit(KernelBuilder &k, ValueRange args);

private:
  using Join = llvm::function_ref<Value(Value, Value)>;
  struct Params {
    Value scale, zero, stored;
  };

  void forEach(KernelBuilder &k, std::function<void(Value first)> body) const;
  SmallVector<Value> load(KernelBuilder &k, Value x, Value first) const;
  SmallVector<Value> findExtremes(KernelBuilder &k, Value x) const;
  Params chooseParams(KernelBuilder &k, Value x) const;
  void encode(KernelBuilder &k, Value x, Value codes, Value sums,
              Params params) const;

  QTensorType type;
  RowsAttr layout;
  int64_t features, rowBytes;
  float lowest, highest;
  bool isStatic;
};
} // namespace

std::string RowsEmitter::getName() const {
  std::string text;
  llvm::raw_string_ostream(text)
      << "quantize_rows_" << type.getFormat().getName() << "_" << features
      << "p" << rowBytes << "s" << layout.getSums()
      << (layout.getExcess() ? "e" : "") << (type.hasZeros() ? "_zero" : "")
      << (isStatic ? "_static" : "");
  return text;
}

/// The first inputs of what the lane takes, padding included.
void RowsEmitter::forEach(KernelBuilder &k,
                          std::function<void(Value)> body) const {
  // All lanes of a warp go on together, as they exchange sums.
  int64_t step = kThreads * kInputs;
  Value begin = k.mulC(k.threadId(), kInputs);
  Value warpBegin = k.mulC(k.divC(k.threadId(), kWarp), kWarp * kInputs);
  Value inWarp = k.sub(begin, warpBegin);
  k.loop(warpBegin, k.c32(int32_t(rowBytes)), step,
         [&](Value first) { body(k.add(first, inWarp)); });
}

/// Inputs first .. first + 3; those that do not exist are zero, as are NaNs.
SmallVector<Value> RowsEmitter::load(KernelBuilder &k, Value x,
                                     Value first) const {
  SmallVector<Value> numbers;
  Value zero = k.cf32(0);
  if (features % kInputs == 0) {
    Value at = k.mulC(k.minC(first, features - kInputs), 4);
    Value all = k.load(k.vec(k.f32(), kInputs), k.at(x, at), 16);
    Value exists = k.ltS(first, k.c32(int32_t(features)));
    for (int64_t i = 0; i < kInputs; ++i)
      numbers.push_back(k.select(
          exists, vector::ExtractOp::create(k.b, k.loc, all, i), zero));
  } else {
    for (int64_t i = 0; i < kInputs; ++i) {
      Value index = k.addC(first, i);
      Value at = k.mulC(k.minC(index, features - 1), 4);
      numbers.push_back(k.select(k.ltS(index, k.c32(int32_t(features))),
                                 k.load(k.f32(), k.at(x, at), 4), zero));
    }
  }
  for (Value &number : numbers) {
    Value isNaN = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO,
                                        number, number);
    number = k.select(isNaN, zero, number);
  }
  return numbers;
}

/// The least and the largest number of the row, 0 among them, in all lanes.
SmallVector<Value> RowsEmitter::findExtremes(KernelBuilder &k, Value x) const {
  auto join = [&](ValueRange a, ValueRange b) {
    return SmallVector<Value>{k.minF(a[0], b[0]), k.maxF(a[1], b[1])};
  };
  SmallVector<Value> none(2, k.cf32(0));
  Value begin = k.mulC(k.threadId(), kInputs);
  SmallVector<Value> found =
      k.loop(begin, k.c32(int32_t(features)), kThreads * kInputs, none,
             [&](Value first, ValueRange state) {
               SmallVector<Value> best(state);
               for (Value number : load(k, x, first))
                 best = join(best, {number, number});
               return best;
             });
  for (int64_t mask = kWarp / 2; mask; mask /= 2)
    found = join(found,
                 {k.shuffleXor(found[0], mask), k.shuffleXor(found[1], mask)});
  // Each warp leaves its two in shared memory.
  Value warp = k.divC(k.threadId(), kWarp), lane = k.remC(k.threadId(), kWarp);
  k.ifThen(k.eq(lane, k.c32(0)), [&] {
    Value pair = vector::FromElementsOp::create(k.b, k.loc, k.vec(k.f32(), 2),
                                                ValueRange(found));
    k.store(pair, k.at(k.shared(), k.mulC(warp, 8)), 8);
  });
  k.barrier();
  found = none;
  for (int64_t i = 0; i < kThreads / kWarp; ++i) {
    Value pair =
        k.load(k.vec(k.f32(), 2), k.at(k.shared(), k.c32(int32_t(8 * i))), 8);
    found = join(found, {vector::ExtractOp::create(k.b, k.loc, pair, 0),
                         vector::ExtractOp::create(k.b, k.loc, pair, 1)});
  }
  return found;
}

static Value roundEven(KernelBuilder &k, Value x) {
  return math::RoundEvenOp::create(k.b, k.loc, x);
}

/// As BlockQuantizer chooses them, each operation rounded to f32.
RowsEmitter::Params RowsEmitter::chooseParams(KernelBuilder &k, Value x) const {
  SmallVector<Value> found = findExtremes(k, x);
  Value low = found[0], high = found[1], range;
  double steps = highest;
  if (type.hasZeros()) {
    range = k.sub(high, low);
    steps = highest - lowest;
  } else {
    range = k.maxF(k.negF(low), high);
  }
  Value scale = k.fdiv(range, k.cf32(float(steps)));
  scale = k.minF(scale, k.cf32(std::numeric_limits<float>::max()));
  scale = k.maxF(scale, k.cf32(std::numeric_limits<float>::min()));
  Value hasRange = k.gtF(range, k.cf32(0));
  Params params{k.select(hasRange, scale, k.cf32(1)), k.cf32(0),
                k.select(hasRange, scale, k.cf32(0))};
  if (type.hasZeros()) {
    Value place = roundEven(k, k.fdiv(low, params.scale));
    Value zero = k.sub(k.cf32(lowest), place);
    params.zero = k.minF(k.maxF(zero, k.cf32(lowest)), k.cf32(highest));
  }
  return params;
}

void RowsEmitter::encode(KernelBuilder &k, Value x, Value codes, Value sums,
                         Params params) const {
  Value low = k.sub(k.cf32(lowest), params.zero);
  Value high = k.sub(k.cf32(highest), params.zero);
  auto toInt = [&](Value number) -> Value {
    return arith::FPToSIOp::create(k.b, k.loc, k.i32(), number);
  };
  Value offset = k.addC(toInt(params.zero), layout.getExcess());
  int64_t group = layout.getSums();
  Value lane = k.remC(k.threadId(), kWarp);
  forEach(k, [&](Value first) {
    Value word = k.c32(0), sum = k.c32(0);
    for (auto [i, number] : llvm::enumerate(load(k, x, first))) {
      Value code = k.fdiv(number, params.scale);
      code = roundEven(k, k.minF(k.maxF(code, low), high));
      code = k.add(toInt(code), offset);
      // Padding is 0 as stored.
      Value exists = k.ltS(k.addC(first, int64_t(i)), k.c32(int32_t(features)));
      code = k.select(exists, code, k.c32(0));
      sum = k.add(sum, code);
      word = k.bor(word, k.shl(k.band(code, k.c32(255)), 8 * unsigned(i)));
    }
    k.ifThen(k.ltS(first, k.c32(int32_t(rowBytes))),
             [&] { k.store(word, k.at(codes, first), kInputs); });
    if (!group)
      return;
    // Neighbouring lanes share a group.
    for (int64_t mask = 1; mask < group / kInputs; mask *= 2)
      sum = k.add(sum, k.shuffleXor(sum, mask));
    Value isFirst = k.eq(k.remC(lane, group / kInputs), k.c32(0));
    Value isInside = k.ltS(first, k.c32(int32_t(features)));
    k.ifThen(k.band(isFirst, isInside), [&] {
      k.store(sum, k.at(sums, k.mulC(k.divC(first, group), 4)), 4);
    });
  });
}

void RowsEmitter::emit(KernelBuilder &k, ValueRange args) {
  Value row = k.blockId(gpu::Dimension::x);
  Value x = k.atRow(args[0], row, 4 * features);
  Params params;
  if (isStatic) {
    Value scale = k.load(k.f32(), args[1], 4);
    params = {scale, type.hasZeros() ? k.load(k.f32(), args[2], 4) : k.cf32(0),
              scale};
  } else {
    params = chooseParams(k, x);
  }
  int64_t perRow =
      layout.getSums() ? llvm::divideCeil(features, layout.getSums()) : 0;
  encode(k, x, k.atRow(args[3], row, rowBytes),
         k.atRow(args[6], row, 4 * perRow), params);
  k.ifThen(k.eq(k.threadId(), k.c32(0)), [&] {
    k.store(params.stored, k.atRow(args[4], row, 4), 4);
    Value zero = k.add(params.zero, k.cf32(float(layout.getExcess())));
    k.store(zero, k.atRow(args[5], row, 4), 4);
  });
}

std::string qnt::cuda::checkQuantizeRows(QTensorType type) {
  auto layout = dyn_cast_if_present<RowsAttr>(type.getLayout());
  if (!layout || layout.getPad() % 16)
    return "expected a result in #qnt.rows padded to a multiple of 16";
  if (!type.isInteger() || type.getFormat().getBits() < 2 ||
      !type.getScaleType().isF32() || type.hasOffsets())
    return "expected integers of 2 to 8 bits with scales in f32, got " +
           type.getFormat().getName();
  if (int64_t sums = layout.getSums(); sums && (sums < 4 || 128 % sums))
    return llvm::formatv("expected sums over groups that divide 128, got {0}",
                         sums);
  return {};
}

Kernel qnt::cuda::getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                                        bool isStatic) {
  RowsEmitter emitter(type, isStatic);
  Kernel kernel;
  kernel.threads = kThreads;
  kernel.sharedBytes = kThreads / kWarp * 8;
  for (const char *name : {"x", "scale", "zero"})
    kernel.addInput(name);
  for (const char *name : {"codes", "scales", "zeros", "sums"})
    kernel.addOutput(name);
  kernel.grid[0].by(kernel.addSize("rows"));
  return lib.get(
      emitter.getName(), kernel,
      [&](KernelBuilder &k, ValueRange values) { emitter.emit(k, values); });
}
