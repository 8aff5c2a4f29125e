//===- Rotate.cpp - rows in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Hadamard matrix is the Kronecker product of a dense one and Sylvester's: a
// fast Walsh-Hadamard transform of runs of neighbours, then the dense factor
// over numbers at the distance of a run. Products with 1 and -1 are exact, so
// that fused ones change nothing.
//
//===----------------------------------------------------------------------===//
#include "Rotate.h"

#include "Lanes.h"

#include "qnt/Dialect/QNT/Hadamard.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

std::string RotationShape::getName() const {
  if (hasMatrices)
    return llvm::formatv("rotate.{0}.by{1}{2}", features, block,
                         transposed ? ".transposed" : "");
  return llvm::formatv("rotate.{0}.hadamard{1}{2}{3}", features, block,
                       seed ? llvm::formatv(".seed{0}", seed).str() : "",
                       transposed ? ".transposed" : "");
}

RotationShape RotationShape::of(RotateOp op) {
  HadamardAttr hadamard = op.getHadamardAttr();
  return {op.getType().getShape().back(), op.getBlock(),
          hadamard ? hadamard.getSeed() : 0, op.getTransposed(), !hadamard};
}

static Value zeros(KernelBuilder &k) { return k.constant(k.vec(k.f32()), 0); }

static Value shuffle(KernelBuilder &k, Value x, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(k.b, k.loc, x, x, lanes);
}

RowRotation::RowRotation(KernelLibrary &lib, const RotationShape &shape)
    : shape(shape), ways(lib.isa.vectorRegisters >= 32  ? 8
                         : lib.isa.vectorRegisters >= 8 ? 4
                                                        : 2) {
  if (shape.hasMatrices)
    return;
  HadamardOrder order = *getHadamardOrder(shape.block);
  dense = order.dense;
  sylvester = order.sylvester;
  Builder b(lib.module.getContext());
  auto addArray = [&](const std::string &name, auto &&numbers, Type element) {
    auto type = RankedTensorType::get(int64_t(numbers.size()), element);
    return getConstantArray(lib, name,
                            DenseElementsAttr::get(type, ArrayRef(numbers)));
  };
  if (shape.seed) {
    float factor = shape.transposed ? 1 / std::sqrt(float(shape.block)) : 1;
    SmallVector<float> numbers;
    for (int8_t sign : getHadamardSigns(shape.seed, 0, shape.features))
      numbers.push_back(factor * sign);
    signs = addArray(shape.getName() + ".signs", numbers, b.getF32Type());
  }
  if (dense == 1)
    return;
  SmallVector<int8_t> h = getDenseHadamard(dense);
  auto entry = [&](int64_t i, int64_t j) {
    return shape.transposed ? h[j * dense + i] : h[i * dense + j];
  };
  std::string name = llvm::formatv("hadamard.{0}{1}", dense,
                                   shape.transposed ? ".transposed" : "");
  if (sylvester >= kLanes) {
    SmallVector<float> numbers;
    for (int64_t i = 0; i < dense; ++i)
      for (int64_t j = 0; j < dense; ++j)
        numbers.push_back(entry(i, j));
    entries = addArray(name, numbers, b.getF32Type());
    return;
  }
  int64_t padded = llvm::alignTo(shape.block, kLanes);
  SmallVector<int8_t> numbers;
  for (int64_t i = 0; i < dense; ++i)
    for (int64_t f = 0; f < padded; ++f)
      numbers.push_back(f < shape.block ? entry(i, f / sylvester) : 0);
  entries = addArray(name + ".by" + std::to_string(sylvester), numbers,
                     b.getI8Type());
}

int64_t RowRotation::getScratchBytes() const {
  if (dense == 1)
    return 0;
  return sylvester >= kLanes ? 4 * kLanes * dense : 4 * shape.block;
}

int64_t RowRotation::getCost() const {
  int64_t perNumber = shape.hasMatrices
                          ? shape.block
                          : 2 * llvm::Log2_64_Ceil(sylvester) + dense;
  return shape.features * std::max<int64_t>(2, perNumber / 4);
}

//===----------------------------------------------------------------------===//
// Sylvester's factor
//===----------------------------------------------------------------------===//

Value RowRotation::finish(KernelBuilder &k, Value lanes, Value index,
                          Value count) const {
  if (signs && shape.transposed)
    return k.mul(lanes, loadLanes(k, addressOf(k, signs), index, count));
  float factor = 1 / std::sqrt(float(shape.block));
  return k.mul(lanes, k.splat(k.cf32(factor)));
}

Value RowRotation::loadSigned(KernelBuilder &k, Value x, Value index,
                              Value count) const {
  Value lanes = loadLanes(k, x, index, count);
  if (!signs || shape.transposed)
    return lanes;
  return k.mul(lanes, loadLanes(k, addressOf(k, signs), index, count));
}

/// Butterflies of lanes at distance `step`: the partner plus or minus itself.
static Value crossLanes(KernelBuilder &k, Value x, int64_t step) {
  SmallVector<int64_t> partners;
  SmallVector<float> factors;
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    partners.push_back(lane ^ step);
    factors.push_back(lane & step ? -1 : 1);
  }
  return k.fma(x, k.table(factors), shuffle(k, x, partners));
}

/// Butterflies of whole vectors, neighbours first.
static void crossVectors(KernelBuilder &k, MutableArrayRef<Value> x) {
  for (size_t step = 1; step < x.size(); step *= 2)
    for (size_t i = 0; i < x.size(); ++i)
      if (!(i & step)) {
        Value a = x[i], b = x[i + step];
        x[i] = k.add(a, b);
        x[i + step] = k.sub(a, b);
      }
}

void RowRotation::emitButterflies(KernelBuilder &k, Value x, Value out) const {
  if (sylvester < kLanes) {
    k.overLanes(shape.features, [&](Value index, Value count) {
      Value lanes = loadSigned(k, x, index, count);
      for (int64_t step = 1; step < sylvester; step *= 2)
        lanes = crossLanes(k, lanes, step);
      if (dense == 1)
        lanes = finish(k, lanes, index, count);
      storeLanes(k, lanes, out, index, count);
    });
    return;
  }
  int64_t done = std::min(sylvester, ways * kLanes);
  bool isLast = done == sylvester && dense == 1;
  k.loop(k.c64(0), k.c64(shape.features), done, [&](Value first) {
    Vectors x16;
    for (int64_t i = 0; i < done; i += kLanes) {
      Value lanes = loadSigned(k, x, k.add(first, k.c64(i)), Value());
      for (int64_t step = 1; step < kLanes; step *= 2)
        lanes = crossLanes(k, lanes, step);
      x16.push_back(lanes);
    }
    crossVectors(k, x16);
    for (auto [i, lanes] : llvm::enumerate(x16)) {
      Value index = k.add(first, k.c64(int64_t(i) * kLanes));
      storeLanes(k, isLast ? finish(k, lanes, index, Value()) : lanes, out,
                 index, Value());
    }
  });
  while (done < sylvester) {
    int64_t count = std::min(ways, sylvester / done);
    emitStages(k, out, done, count);
    done *= count;
  }
}

/// Butterflies of `count` numbers at distance `done`, in place.
void RowRotation::emitStages(KernelBuilder &k, Value out, int64_t done,
                             int64_t count) const {
  bool isLast = done * count == sylvester && dense == 1;
  k.loop(k.c64(0), k.c64(shape.features), done * count, [&](Value base) {
    k.loop(k.c64(0), k.c64(done), kLanes, [&](Value offset) {
      Value first = k.add(base, offset);
      Vectors x, places;
      for (int64_t i = 0; i < count; ++i) {
        places.push_back(k.add(first, k.c64(i * done)));
        x.push_back(loadLanes(k, out, places.back(), Value()));
      }
      crossVectors(k, x);
      for (auto [lanes, index] : llvm::zip_equal(x, places))
        storeLanes(k, isLast ? finish(k, lanes, index, Value()) : lanes, out,
                   index, Value());
    });
  });
}

//===----------------------------------------------------------------------===//
// The dense factor
//===----------------------------------------------------------------------===//

/// A block in place, `first` its first feature, one vector of each run after
/// another.
void RowRotation::emitDense(KernelBuilder &k, Value block, Value first,
                            Value tile) const {
  k.loop(k.c64(0), k.c64(sylvester), kLanes, [&](Value column) {
    // The runs lie at a power of two from each other, which caches dislike.
    k.loop(k.c64(0), k.c64(dense), 1, [&](Value i) {
      Value index = k.add(k.mul(i, k.c64(sylvester)), column);
      k.store(loadLanes(k, block, index, Value()),
              k.at(tile, k.mul(i, k.c64(4 * kLanes))), 4);
    });
    auto emitTile = [&](Value j, int64_t count) {
      Vectors sums(count, zeros(k));
      sums = k.loop(
          k.c64(0), k.c64(dense), 1, sums, [&](Value i, ValueRange state) {
            Value x = k.load(k.vec(k.f32()),
                             k.at(tile, k.mul(i, k.c64(4 * kLanes))), 4);
            Value row = k.add(k.mul(i, k.c64(dense)), j);
            Vectors next;
            for (auto [t, sum] : llvm::enumerate(state)) {
              Value entry = k.load(k.f32(),
                                   f32At(k, addressOf(k, entries),
                                         k.add(row, k.c64(int64_t(t)))),
                                   4);
              next.push_back(k.fma(x, k.splat(entry), sum));
            }
            return next;
          });
      for (auto [t, sum] : llvm::enumerate(sums)) {
        Value index =
            k.add(k.mul(k.add(j, k.c64(int64_t(t))), k.c64(sylvester)), column);
        storeLanes(k, finish(k, sum, k.add(first, index), Value()), block,
                   index, Value());
      }
    };
    int64_t whole = dense / ways * ways;
    k.loop(k.c64(0), k.c64(whole), ways, [&](Value j) { emitTile(j, ways); });
    if (whole < dense)
      emitTile(k.c64(whole), dense - whole);
  });
}

/// The same where runs are shorter than vectors: lanes are features, whose
/// inputs are runs again and again.
void RowRotation::emitShortDense(KernelBuilder &k, Value block, Value first,
                                 Value tile) const {
  int64_t n = shape.block, padded = llvm::alignTo(n, kLanes);
  k.overLanes(n, [&](Value index, Value count) {
    storeLanes(k, loadLanes(k, block, index, count), tile, index, count);
  });
  SmallVector<int64_t> again;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    again.push_back(lane % sylvester);
  // Features [f, end) in vectors, the last one perhaps partial.
  auto emitTile = [&](Value f, int64_t features) {
    int64_t count = llvm::divideCeil(features, kLanes);
    Vectors sums(count, zeros(k));
    sums =
        k.loop(k.c64(0), k.c64(dense), 1, sums, [&](Value i, ValueRange state) {
          Value from = f32At(k, tile, k.mul(i, k.c64(sylvester)));
          Value run = k.load(k.vec(k.f32(), sylvester), from, 4);
          Value x = shuffle(k, run, again);
          Value row = k.add(k.mul(i, k.c64(padded)), f);
          Vectors next;
          for (auto [t, sum] : llvm::enumerate(state)) {
            Value at = k.add(row, k.c64(int64_t(t) * kLanes));
            Value bytes =
                k.load(k.vec(k.i8()), k.at(addressOf(k, entries), at));
            Value entry = k.sitofp(k.sext(bytes, k.i32()), k.f32());
            next.push_back(k.fma(x, entry, sum));
          }
          return next;
        });
    for (auto [t, sum] : llvm::enumerate(sums)) {
      int64_t left = features - int64_t(t) * kLanes;
      Value valid = left < kLanes ? k.c64(left) : Value();
      Value index = k.add(f, k.c64(int64_t(t) * kLanes));
      storeLanes(k, finish(k, sum, k.add(first, index), valid), block, index,
                 valid);
    }
  };
  int64_t step = ways * kLanes, whole = n / step * step;
  k.loop(k.c64(0), k.c64(whole), step, [&](Value f) { emitTile(f, step); });
  if (whole < n)
    emitTile(k.c64(whole), n - whole);
}

//===----------------------------------------------------------------------===//
// Other matrices
//===----------------------------------------------------------------------===//

void RowRotation::emitMatrices(KernelBuilder &k, Value x, Value matrices,
                               Value out) const {
  int64_t n = shape.block;
  k.loop(k.c64(0), k.c64(shape.features), n, [&](Value first) {
    Value block = f32At(k, matrices, k.mul(first, k.c64(n)));
    auto emitTile = [&](Value j, int64_t features) {
      int64_t count = llvm::divideCeil(features, kLanes);
      auto validOf = [&](int64_t t) {
        int64_t left = features - t * kLanes;
        return left < kLanes ? k.c64(left) : Value();
      };
      Vectors sums(count, zeros(k));
      sums =
          k.loop(k.c64(0), k.c64(n), 1, sums, [&](Value i, ValueRange state) {
            Value number =
                k.splat(k.load(k.f32(), f32At(k, x, k.add(first, i)), 4));
            Value row = k.add(k.mul(i, k.c64(n)), j);
            Vectors next;
            for (auto [t, sum] : llvm::enumerate(state)) {
              Value index = k.add(row, k.c64(int64_t(t) * kLanes));
              next.push_back(
                  k.fma(number, loadLanes(k, block, index, validOf(t)), sum));
            }
            return next;
          });
      for (auto [t, sum] : llvm::enumerate(sums))
        storeLanes(k, sum, out,
                   k.add(first, k.add(j, k.c64(int64_t(t) * kLanes))),
                   validOf(t));
    };
    int64_t step = ways * kLanes, whole = n / step * step;
    k.loop(k.c64(0), k.c64(whole), step, [&](Value j) { emitTile(j, step); });
    if (whole < n)
      emitTile(k.c64(whole), n - whole);
  });
}

void RowRotation::emitTransposed(KernelBuilder &k, Value x, Value matrices,
                                 Value out) const {
  int64_t n = shape.block;
  k.loop(k.c64(0), k.c64(shape.features), n, [&](Value first) {
    Value from = f32At(k, x, first);
    k.loop(k.c64(0), k.c64(n), 1, [&](Value j) {
      Value feature = k.add(first, j);
      Value row = f32At(k, matrices, k.mul(feature, k.c64(n)));
      Value sum = foldLanes(
          k, n, zeros(k),
          [&](Value sum, Value i, Value count) {
            return k.fma(loadLanes(k, from, i, count),
                         loadLanes(k, row, i, count), sum);
          },
          [&](Value a, Value b) { return k.add(a, b); });
      k.store(k.reduceAdd(sum), f32At(k, out, feature), 4);
    });
  });
}

void RowRotation::emit(KernelBuilder &k, Value x, Value matrices, Value out,
                       Value scratch) const {
  if (shape.hasMatrices) {
    if (shape.transposed)
      emitTransposed(k, x, matrices, out);
    else
      emitMatrices(k, x, matrices, out);
    return;
  }
  emitButterflies(k, x, out);
  if (dense == 1)
    return;
  k.loop(k.c64(0), k.c64(shape.features), shape.block, [&](Value first) {
    Value block = f32At(k, out, first);
    if (sylvester >= kLanes)
      emitDense(k, block, first, scratch);
    else
      emitShortDense(k, block, first, scratch);
  });
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

Kernel qnt::cpu::getRotateKernel(KernelLibrary &lib,
                                 const RotationShape &shape) {
  RowRotation rotation(lib, shape);
  int64_t rowBytes = 4 * shape.features;
  return getRowsKernel(
      lib, shape.getName(), argTypes(lib, 3, 1), rotation.getCost(),
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value row, Value scratch) {
        Value offset = k.mul(row, k.c64(rowBytes));
        rotation.emit(k, k.at(args[0], offset), args[1], k.at(args[2], offset),
                      scratch);
      },
      rotation.getScratchBytes());
}

Kernel qnt::cpu::getSelectFeaturesKernel(KernelLibrary &lib, int64_t features,
                                         int64_t chosen) {
  return getRowsKernel(
      lib, llvm::formatv("select_features.{0}to{1}", features, chosen).str(),
      argTypes(lib, 3, 1), 2 * chosen,
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value x = k.at(args[0], k.mul(row, k.c64(4 * features)));
        Value out = k.at(args[2], k.mul(row, k.c64(4 * chosen)));
        k.overLanes(chosen, [&](Value i, Value count) {
          Value from = f32At(k, args[1], i);
          Value indices = count ? k.loadPartial(k.i32(), from, count)
                                : k.load(k.vec(k.i32()), from, 4);
          Value offsets = k.shl(k.sext(indices, k.i64()), 2);
          storeLanes(k, gatherNumbers(k, k.f32(), x, offsets, count), out, i,
                     count);
        });
      });
}
