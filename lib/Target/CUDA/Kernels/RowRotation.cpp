//===- RowRotation.cpp - a row in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Hadamard matrix is the Kronecker product of a dense one and Sylvester's: a
// fast Walsh-Hadamard transform of runs of neighbours, the first 128 of them in
// a warp's registers, then in shared memory; then the dense factor over numbers
// at the distance of a run. Products with 1 and -1 are exact, so that fused
// ones change nothing.
//
//===----------------------------------------------------------------------===//
#include "RowRotation.h"

#include "qnt/Dialect/QNT/Hadamard.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kInputs = RowTeam::kInputs;
/// Neighbours that a warp has, and what a lane takes of longer runs at once.
static constexpr int64_t kWarpRun = kWarp * kInputs, kWays = 16;

std::string RotationSpec::getName() const {
  return llvm::formatv("_{0}{1}{2}{3}", hasMatrices ? "by" : "hadamard", block,
                       hasSigns ? "_signs" : "", transposed ? "_t" : "");
}

RowRotation::RowRotation(const RotationSpec &spec, const RowTeam &team)
    : spec(spec), team(team) {
  if (spec.hasMatrices)
    return;
  HadamardOrder order = *getHadamardOrder(spec.block);
  dense = order.dense;
  sylvester = order.sylvester;
}

void RowRotation::describe(Kernel &kernel) {
  if (spec.hasSigns)
    signs = kernel.addInput("signs");
  if (hasProducts())
    numbers = kernel.addInput(spec.hasMatrices ? "matrices" : "entries");
  kernel.sharedBytes = int64_t(llvm::alignTo(team.getSharedBytes(), 16)) +
                       (hasProducts() ? 2 : 1) * getBufferBytes();
}

std::string qnt::cuda::checkRotation(const RotationSpec &spec,
                                     const Chip &chip) {
  RowTeam team(spec.features);
  Kernel kernel;
  RowRotation(spec, team).describe(kernel);
  if (kernel.sharedBytes > chip.sharedBytes)
    return llvm::formatv("expected rows that fit {0} bytes of shared memory, "
                         "but {1} features take {2}",
                         chip.sharedBytes, spec.features, kernel.sharedBytes);
  return {};
}

Value RowRotation::buffer(KernelBuilder &k, int64_t index) const {
  int64_t first = int64_t(llvm::alignTo(team.getSharedBytes(), 16));
  return k.at(k.shared(), first + index * getBufferBytes());
}

static void cross(KernelBuilder &k, Value &x, Value &y) {
  Value sum = k.add(x, y);
  y = k.sub(x, y);
  x = sum;
}

/// Butterflies of `numbers`, `step` apart first.
static void cross(KernelBuilder &k, MutableArrayRef<Value> numbers,
                  size_t most) {
  for (size_t step = 1; step < most; step *= 2)
    for (size_t i = 0; i < numbers.size(); ++i)
      if (!(i & step))
        cross(k, numbers[i], numbers[i + step]);
}

/// Of a lane, then of the lanes of a warp.
void RowRotation::crossNeighbours(KernelBuilder &k, Values &numbers) const {
  cross(k, numbers, size_t(std::min(sylvester, kInputs)));
  Value lane = k.remC(k.threadId(), kWarp);
  for (int64_t mask = 1; mask * kInputs < std::min(sylvester, kWarpRun);
       mask *= 2) {
    Value isFirst = k.eq(k.band(lane, k.c32(int32_t(mask))), k.c32(0));
    Value sign = k.select(isFirst, k.cf32(1), k.cf32(-1));
    for (Value &number : numbers)
      number = k.fma(number, sign, k.shuffleXor(number, mask));
  }
}

/// Butterflies of `count` numbers at the distance `done`, in place.
void RowRotation::crossRuns(KernelBuilder &k, int64_t done,
                            int64_t count) const {
  Value row = buffer(k, 0);
  k.loop(k.threadId(), k.c32(int32_t(spec.features / count)), team.getThreads(),
         [&](Value i) {
           Value first =
               k.add(k.mulC(k.divC(i, done), done * count), k.remC(i, done));
           Value place = k.at(row, k.mulC(first, 4));
           Values numbers;
           for (int64_t j = 0; j < count; ++j)
             numbers.push_back(k.load(k.f32(), k.at(place, 4 * j * done), 4));
           cross(k, numbers, numbers.size());
           for (int64_t j = 0; j < count; ++j)
             k.store(numbers[size_t(j)], k.at(place, 4 * j * done), 4);
         });
  k.barrier();
}

void RowRotation::multiplyDense(KernelBuilder &k, Value entries) const {
  Value from = buffer(k, 0), to = buffer(k, 1);
  k.loop(k.threadId(), k.c32(int32_t(spec.features)), team.getThreads(),
         [&](Value feature) {
           Value inBlock = k.remC(feature, spec.block);
           Value column = k.divC(inBlock, sylvester);
           // The first of the numbers that it is a sum of.
           Value first =
               k.add(k.sub(feature, inBlock), k.remC(inBlock, sylvester));
           Value sum =
               k.loop(k.c32(0), k.c32(int32_t(dense)), 1, ValueRange{k.cf32(0)},
                      [&](Value i, ValueRange sofar) {
                        Value x = k.add(first, k.mulC(i, sylvester));
                        Value entry = k.add(k.mulC(i, dense), column);
                        return Values{k.fma(
                            k.load(k.f32(), k.at(from, k.mulC(x, 4)), 4),
                            k.load(k.f32(), k.at(entries, k.mulC(entry, 4)), 4),
                            sofar[0])};
                      })[0];
           k.store(sum, k.at(to, k.mulC(feature, 4)), 4);
         });
  k.barrier();
}

/// Lanes have neighbouring columns, four where these lie together.
void RowRotation::multiplyMatrices(KernelBuilder &k, Value matrices) const {
  Value from = buffer(k, 0), to = buffer(k, 1);
  int64_t n = spec.block;
  int64_t width = spec.transposed || n % kInputs ? 1 : kInputs;
  k.loop(k.threadId(), k.c32(int32_t(spec.features / width)), team.getThreads(),
         [&](Value i) {
           Value feature = k.mulC(i, width), column = k.remC(feature, n);
           Value block = k.sub(feature, column);
           Value x = k.at(from, k.mulC(block, 4));
           // Of entry 0 of the column, or of the row of a transposed one.
           Value matrix = k.atRow(matrices, block, 4 * n);
           matrix = k.at(matrix, k.mulC(column, spec.transposed ? 4 * n : 4));
           Values sums = k.loop(
               k.c32(0), k.c32(int32_t(n)), 1, Values(size_t(width), k.cf32(0)),
               [&](Value j, ValueRange sofar) {
                 Value number = k.load(k.f32(), k.at(x, k.mulC(j, 4)), 4);
                 Value place =
                     k.at(matrix, k.mulC(j, spec.transposed ? 4 : 4 * n));
                 Values entries =
                     width == 1
                         ? Values{k.load(k.f32(), place, 4)}
                         : k.elements(k.load(k.vec(k.f32(), width), place, 16));
                 Values next;
                 for (auto [entry, sum] : llvm::zip_equal(entries, sofar))
                   next.push_back(k.fma(number, entry, sum));
                 return next;
               });
           Value all = width == 1 ? sums[0] : k.pack(sums);
           k.store(all, k.at(to, k.mulC(feature, 4)), unsigned(4 * width));
         });
  k.barrier();
}

void RowRotation::prepare(KernelBuilder &k, ValueRange args,
                          llvm::function_ref<Values(Value)> load) {
  bool signsFirst = spec.hasSigns && !spec.transposed;
  Value row = buffer(k, 0);
  team.forEach(k, spec.features, [&](Value first) {
    Values numbers = load(first);
    if (signsFirst)
      for (auto [number, sign] :
           llvm::zip_equal(numbers, team.load(k, args[signs], first)))
        number = k.mul(number, sign);
    crossNeighbours(k, numbers);
    team.store(k, numbers, row, first);
  });
  k.barrier();
  for (int64_t done = kWarpRun; done < sylvester;) {
    int64_t count = std::min(kWays, sylvester / done);
    crossRuns(k, done, count);
    done *= count;
  }
  if (spec.hasMatrices)
    multiplyMatrices(k, args[numbers]);
  else if (dense > 1)
    multiplyDense(k, args[numbers]);
  if (spec.hasSigns && spec.transposed)
    lastSigns = args[signs];
}

Values RowRotation::load(KernelBuilder &k, Value first) const {
  Values row = team.load(k, buffer(k, hasProducts()), first);
  if (spec.hasMatrices)
    return row;
  Values last(row.size(), k.cf32(1));
  if (lastSigns)
    last = team.load(k, lastSigns, first);
  Value factor = k.cf32(1 / std::sqrt(float(spec.block)));
  for (auto [number, sign] : llvm::zip_equal(row, last))
    number = k.mul(number, k.mul(sign, factor));
  return row;
}

Kernel qnt::cuda::getRotateKernel(KernelLibrary &lib,
                                  const RotationSpec &spec) {
  RowTeam team(spec.features);
  RowRotation rotation(spec, team);
  Kernel kernel;
  kernel.threads = team.getThreads();
  kernel.addInput("x");
  kernel.addOutput("out");
  kernel.grid[0].by(kernel.addSize("rows"));
  rotation.describe(kernel);
  std::string name = "rotate_" + std::to_string(spec.features) + spec.getName();
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    Value row = k.blockId(gpu::Dimension::x);
    Value x = k.atRow(args[0], row, 4 * spec.features);
    Value out = k.atRow(args[1], row, 4 * spec.features);
    rotation.prepare(k, args,
                     [&](Value first) { return team.load(k, x, first); });
    team.forEach(k, spec.features, [&](Value first) {
      team.store(k, rotation.load(k, first), out, first);
    });
  });
}
