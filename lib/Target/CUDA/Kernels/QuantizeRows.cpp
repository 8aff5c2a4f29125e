//===- QuantizeRows.cpp - activations to codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowEncoder.h"
#include "RowNorm.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kInputs = RowTeam::kInputs;

namespace {
class RowsEmitter {
public:
  RowsEmitter(QTensorType type, bool isStatic, const NormSpec &norm)
      : type(type), layout(cast<RowsAttr>(type.getLayout())),
        features(type.getShape().back()),
        rowBytes(llvm::alignTo(features, layout.getPad())), isStatic(isStatic),
        normSpec(norm), team(features), encoder(type), norm(normSpec, team) {}

  Kernel describe();
  std::string getName() const;
  void emit(KernelBuilder &k, ValueRange args);

private:
  Values load(KernelBuilder &k, Value first) const;
  RowEncoder::Params chooseParams(KernelBuilder &k) const;
  void encode(KernelBuilder &k, Value codes, Value sums,
              const RowEncoder::Params &params) const;

  QTensorType type;
  RowsAttr layout;
  int64_t features, rowBytes;
  bool isStatic;
  const NormSpec &normSpec;
  RowTeam team;
  RowEncoder encoder;
  RowNorm norm;
};
} // namespace

Kernel RowsEmitter::describe() {
  Kernel kernel;
  kernel.threads = team.getThreads();
  kernel.sharedBytes = team.getSharedBytes();
  for (const char *name : {"x", "scale", "zero"})
    kernel.addInput(name);
  for (const char *name : {"codes", "scales", "zeros", "sums"})
    kernel.addOutput(name);
  kernel.grid[0].by(kernel.addSize("rows"));
  RowNorm::addArguments(normSpec, kernel);
  return kernel;
}

std::string RowsEmitter::getName() const {
  std::string text;
  llvm::raw_string_ostream(text)
      << "quantize_rows_" << type.getFormat().getName() << "_" << features
      << "p" << rowBytes << "s" << layout.getSums()
      << (layout.getExcess() ? "e" : "") << (type.hasZeros() ? "_zero" : "")
      << (isStatic ? "_static" : "") << normSpec.getName();
  return text;
}

/// Inputs first .. first + 3; those that do not exist are zero, as are NaNs.
Values RowsEmitter::load(KernelBuilder &k, Value first) const {
  Values numbers = norm.load(k, first);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    number = RowEncoder::zeroIfNaN(k, number);
    if (normSpec.kind == NormSpec::Kind::None)
      continue;
    Value exists = k.ltS(k.addC(first, int64_t(i)), k.c32(int32_t(features)));
    number = k.select(exists, number, k.cf32(0));
  }
  return numbers;
}

/// Of the least and the largest number of the row, 0 among them.
RowEncoder::Params RowsEmitter::chooseParams(KernelBuilder &k) const {
  auto join = [&](ValueRange a, ValueRange b) {
    return Values{k.minF(a[0], b[0]), k.maxF(a[1], b[1])};
  };
  Values none(2, k.cf32(0));
  Values found = team.fold(k, none, [&](Value first, ValueRange sofar) {
    Values best(sofar);
    for (Value number : load(k, first))
      best = join(best, {number, number});
    return best;
  });
  found = team.reduce(k, found, join);
  return encoder.choose(k, found[0], found[1]);
}

void RowsEmitter::encode(KernelBuilder &k, Value codes, Value sums,
                         const RowEncoder::Params &params) const {
  int64_t group = layout.getSums();
  Value lane = k.remC(k.threadId(), kWarp);
  team.forEach(k, rowBytes, [&](Value first) {
    Value word = k.c32(0), sum = k.c32(0);
    for (auto [i, number] : llvm::enumerate(load(k, first))) {
      Value code =
          k.addC(encoder.encode(k, number, params), layout.getExcess());
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
  norm.prepare(k, k.atRow(args[0], row, 4 * features), args.drop_front(8));
  RowEncoder::Params params;
  if (isStatic) {
    Value scale = k.load(k.f32(), args[1], 4);
    params = {scale, type.hasZeros() ? k.load(k.f32(), args[2], 4) : k.cf32(0),
              scale};
  } else {
    params = chooseParams(k);
  }
  int64_t perRow =
      layout.getSums() ? llvm::divideCeil(features, layout.getSums()) : 0;
  encode(k, k.atRow(args[3], row, rowBytes), k.atRow(args[6], row, 4 * perRow),
         params);
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
                                        bool isStatic, const NormSpec &norm) {
  RowsEmitter emitter(type, isStatic, norm);
  return lib.get(
      emitter.getName(), emitter.describe(),
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
