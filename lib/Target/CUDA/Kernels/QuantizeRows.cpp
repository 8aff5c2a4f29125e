//===- QuantizeRows.cpp - activations to codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GroupEncoder.h"
#include "RowEncoder.h"
#include "RowNorm.h"
#include "RowRotation.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kInputs = RowTeam::kInputs;

namespace {
class RowsEmitter {
public:
  RowsEmitter(QTensorType type, bool isStatic, const NormSpec &norm,
              const std::optional<RotationSpec> &spec)
      : type(type), layout(cast<RowsAttr>(type.getLayout())),
        features(type.getShape().back()),
        rowBytes(llvm::alignTo(
            type.hasSmallScales() ? llvm::divideCeil(features, 2) : features,
            layout.getPad())),
        isStatic(isStatic), normSpec(norm), team(features), encoder(type),
        groups(type), norm(normSpec, team), rotationSpec(spec) {
    if (rotationSpec)
      rotation.emplace(*rotationSpec, team);
  }

  Kernel describe();
  std::string getName() const;
  void emit(KernelBuilder &k, ValueRange args);

private:
  Values load(KernelBuilder &k, Value first, bool keepsNaN = false) const;
  Values findRange(KernelBuilder &k) const;
  RowEncoder::Params chooseParams(KernelBuilder &k) const;
  void emitGroups(KernelBuilder &k, Value codes, Value scales,
                  Value rowScale) const;
  /// Bytes of the scales of a row.
  int64_t getScaleBytes() const {
    return llvm::alignTo(type.getGroupsPerRow(), 16);
  }
  void encode(KernelBuilder &k, Value codes, Value sums,
              const RowEncoder::Params &params) const;

  QTensorType type;
  RowsAttr layout;
  int64_t features, rowBytes;
  bool isStatic;
  const NormSpec &normSpec;
  RowTeam team;
  RowEncoder encoder;
  GroupEncoder groups;
  RowNorm norm;
  const std::optional<RotationSpec> &rotationSpec;
  std::optional<RowRotation> rotation;
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
  if (rotation)
    rotation->describe(kernel);
  return kernel;
}

std::string RowsEmitter::getName() const {
  std::string text;
  llvm::raw_string_ostream(text)
      << "quantize_rows_" << type.getFormat().getName() << "_" << features
      << "p" << rowBytes << "s" << layout.getSums()
      << (layout.getExcess() ? "e" : "") << (type.hasZeros() ? "_zero" : "")
      << (isStatic ? "_static" : "");
  if (type.hasSmallScales())
    text += "_g" + std::to_string(type.getGroupSize());
  text += normSpec.getName();
  if (rotationSpec)
    text += rotationSpec->getName();
  return text;
}

/// Inputs first .. first + 3; those that do not exist are zero, as are NaNs
/// unless they are kept.
Values RowsEmitter::load(KernelBuilder &k, Value first, bool keepsNaN) const {
  Values numbers = rotation ? rotation->load(k, first) : norm.load(k, first);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    if (!keepsNaN)
      number = RowEncoder::zeroIfNaN(k, number);
    if (normSpec.kind == NormSpec::Kind::None && !rotation)
      continue;
    Value exists = k.ltS(k.addC(first, int64_t(i)), k.c32(int32_t(features)));
    number = k.select(exists, number, k.cf32(0));
  }
  return numbers;
}

/// The least and the largest number of the row, 0 among them.
Values RowsEmitter::findRange(KernelBuilder &k) const {
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
  return team.reduce(k, found, join);
}

RowEncoder::Params RowsEmitter::chooseParams(KernelBuilder &k) const {
  Values range = findRange(k);
  return encoder.choose(k, range[0], range[1]);
}

/// Codes of half a byte, and scales of groups, whose numbers lie in
/// neighbouring lanes.
void RowsEmitter::emitGroups(KernelBuilder &k, Value codes, Value scales,
                             Value rowScale) const {
  int64_t group = type.getGroupSize(), lanes = group / kInputs;
  Value inGroup = k.remC(k.remC(k.threadId(), kWarp), lanes);
  int64_t size = std::max(2 * rowBytes, getScaleBytes() * group);
  team.forEach(k, size, [&](Value first) {
    Values numbers = load(k, first);
    Value largest = k.cf32(0);
    for (Value number : numbers)
      largest = k.maxF(largest, k.absF(number));
    for (int64_t mask = 1; mask < lanes; mask *= 2)
      largest = k.maxF(largest, k.shuffleXor(largest, mask));
    GroupEncoder::Scale scale = groups.choose(k, largest, rowScale);
    Value word = groups.encode(k, numbers, scale.scale);
    k.ifThen(k.ltS(first, k.c32(int32_t(2 * rowBytes))), [&] {
      k.store(k.trunc(word, k.i16()), k.at(codes, k.divC(first, 2)), 2);
    });
    Value index = k.divC(first, group);
    Value exists = k.ltS(index, k.c32(int32_t(type.getGroupsPerRow())));
    Value hasPlace = k.ltS(index, k.c32(int32_t(getScaleBytes())));
    k.ifThen(k.band(k.eq(inGroup, k.c32(0)), hasPlace), [&] {
      Value code = k.select(exists, scale.code, k.c32(0));
      k.store(k.trunc(code, k.i8()), k.at(scales, index), 1);
    });
  });
}

void RowsEmitter::encode(KernelBuilder &k, Value codes, Value sums,
                         const RowEncoder::Params &params) const {
  int64_t group = layout.getSums();
  Value lane = k.remC(k.threadId(), kWarp);
  auto store = [&](Value word, Value first) {
    k.ifThen(k.ltS(first, k.c32(int32_t(rowBytes))),
             [&] { k.store(word, k.at(codes, first), kInputs); });
  };
  if (encoder.isFloat())
    return team.forEach(k, rowBytes, [&](Value first) {
      Values numbers = load(k, first, /*keepsNaN=*/true);
      store(encoder.encodeFloats(k, numbers, params), first);
    });
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
    store(word, first);
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
  norm.prepare(k, k.atRow(args[0], row, 4 * features),
               args.slice(8, RowNorm::getNumArguments(normSpec)));
  if (rotation)
    rotation->prepare(k, args,
                      [&](Value first) { return norm.load(k, first); });
  auto store = [&](Value scale, Value zero) {
    k.ifThen(k.eq(k.threadId(), k.c32(0)), [&] {
      k.store(scale, k.atRow(args[4], row, 4), 4);
      k.store(zero, k.atRow(args[5], row, 4), 4);
    });
  };
  Value codes = k.atRow(args[3], row, rowBytes);
  if (type.hasSmallScales()) {
    Value rowScale = k.cf32(1);
    if (type.hasRowScales()) {
      Values range = findRange(k);
      rowScale = groups.chooseRowScale(k, k.maxF(k.negF(range[0]), range[1]));
    }
    emitGroups(k, codes, k.atRow(args[6], row, getScaleBytes()), rowScale);
    return store(rowScale, k.cf32(0));
  }
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
  encode(k, codes, k.atRow(args[6], row, 4 * perRow), params);
  store(params.stored, k.add(params.zero, k.cf32(float(layout.getExcess()))));
}

std::string qnt::cuda::checkQuantizeRows(QTensorType type) {
  auto layout = dyn_cast_if_present<RowsAttr>(type.getLayout());
  if (!layout || layout.getPad() % 16)
    return "expected a result in #qnt.rows padded to a multiple of 16";
  if (GroupEncoder::isSupported(type) && !layout.getSums())
    return {};
  std::string format = type.getFormat().getName();
  bool isInteger = type.isInteger() && type.getFormat().getBits() >= 2;
  if ((!isInteger && format != "e4m3" && format != "e5m2") ||
      !type.getScaleType().isF32() || type.hasOffsets())
    return "expected integers of 2 to 8 bits, e4m3 or e5m2, with scales in "
           "f32, got " +
           format;
  if (type.getBlock().getKind() == BlockKind::Group)
    return llvm::formatv("expected scales of rows, or one, got groups of {0}",
                         type.getBlock().getGroup());
  if (!isInteger && layout.getSums())
    return "expected floats without sums";
  if (int64_t sums = layout.getSums(); sums && (sums < 4 || 128 % sums))
    return llvm::formatv("expected sums over groups that divide 128, got {0}",
                         sums);
  return {};
}

Kernel qnt::cuda::getQuantizeRowsKernel(KernelLibrary &lib, QTensorType type,
                                        bool isStatic, const NormSpec &norm,
                                        std::optional<RotationSpec> rotation) {
  RowsEmitter emitter(type, isStatic, norm, rotation);
  return lib.get(
      emitter.getName(), emitter.describe(),
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
