//===- Norms.cpp - rows normalised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowNorm.h"
#include "RowRotation.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

std::string NormSpec::getName() const {
  switch (kind) {
  case Kind::None:
    return "";
  case Kind::RMS:
    return llvm::formatv("_rms{0:x-}", llvm::bit_cast<uint32_t>(float(eps)));
  case Kind::Layer:
    return llvm::formatv("_layer{0:x-}", llvm::bit_cast<uint32_t>(float(eps)));
  case Kind::L2:
    return "_l2";
  }
  llvm_unreachable("unknown norm");
}

unsigned RowNorm::getNumArguments(const NormSpec &spec) {
  switch (spec.kind) {
  case NormSpec::Kind::RMS:
    return 1;
  case NormSpec::Kind::Layer:
    return 2;
  default:
    return 0;
  }
}

void RowNorm::addArguments(const NormSpec &spec, Kernel &kernel) {
  unsigned count = getNumArguments(spec);
  if (count > 0)
    kernel.addInput("norm_scale");
  if (count > 1)
    kernel.addInput("norm_shift");
}

void RowNorm::prepare(KernelBuilder &k, Value row, ValueRange args) {
  x = row;
  if (spec.kind == NormSpec::Kind::None)
    return;
  if (!args.empty())
    scale = args[0];
  auto sumOf = [&](llvm::function_ref<Value(Value number, Value sum)> add) {
    Value zero = k.cf32(0);
    Value mine = team.fold(k, zero, [&](Value first, ValueRange sofar) {
      Value sum = sofar[0];
      for (auto [i, number] : llvm::enumerate(team.load(k, x, first))) {
        Value next = add(number, sum);
        // Only the last numbers of a row may be none.
        bool isWhole = team.features % RowTeam::kInputs == 0;
        Value exists =
            k.ltS(k.addC(first, int64_t(i)), k.c32(int32_t(team.features)));
        sum = isWhole ? next : k.select(exists, next, sum);
      }
      return Values{sum};
    })[0];
    return team.sum(k, mine);
  };
  auto square = [&](Value number, Value sum) {
    return k.fma(number, number, sum);
  };
  Value count = k.cf32(float(team.features));
  Value one = k.cf32(1), eps = k.cf32(float(spec.eps));
  if (spec.kind == NormSpec::Kind::L2) {
    Value length = k.sqrt(sumOf(square));
    factor = k.fdiv(one, k.maxF(length, k.cf32(1e-12f)));
    return;
  }
  if (spec.kind == NormSpec::Kind::Layer) {
    shift = args[1];
    Value sum =
        sumOf([&](Value number, Value sum) { return k.add(number, sum); });
    mean = k.fdiv(sum, count);
  }
  Value squares = sumOf([&](Value number, Value sum) {
    return square(mean ? k.sub(number, mean) : number, sum);
  });
  Value root = k.sqrt(k.add(k.fdiv(squares, count), eps));
  factor = k.fdiv(one, root);
}

Values RowNorm::load(KernelBuilder &k, Value first) const {
  Values numbers = team.load(k, x, first);
  if (!factor)
    return numbers;
  Values scales, shifts;
  if (scale)
    scales = team.load(k, scale, first);
  if (shift)
    shifts = team.load(k, shift, first);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    if (mean)
      number = k.sub(number, mean);
    number = k.mul(number, factor);
    if (scale)
      number = k.mul(number, scales[i]);
    if (shift)
      number = k.add(number, shifts[i]);
  }
  return numbers;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// A row of f16, padded with zeros.
static void storeHalves(KernelBuilder &k, ValueRange numbers, Value out,
                        Value first, int64_t features, int64_t width) {
  VectorType type = k.vec(k.f32(), RowTeam::kInputs);
  Values kept;
  for (auto [i, number] : llvm::enumerate(numbers)) {
    Value exists = k.ltS(k.addC(first, int64_t(i)), k.c32(int32_t(features)));
    kept.push_back(k.select(exists, number, k.cf32(0)));
  }
  Value all = vector::FromElementsOp::create(k.b, k.loc, type, kept);
  k.ifThen(k.ltS(first, k.c32(int32_t(width))), [&] {
    k.store(k.truncF(all, k.f16()), k.at(out, k.mulC(first, 2)), 8);
  });
}

Kernel qnt::cuda::getRowsKernel(KernelLibrary &lib, const RowsSpec &spec) {
  RowTeam team(spec.features);
  bool isHalf = spec.output == RowsSpec::Output::F16;
  int64_t width = isHalf ? llvm::alignTo(spec.features, 8) : spec.features;
  Kernel kernel;
  kernel.threads = team.getThreads();
  kernel.sharedBytes = team.getSharedBytes();
  kernel.addInput("x");
  RowNorm::addArguments(spec.norm, kernel);
  unsigned out = kernel.addOutput("out");
  kernel.grid[0].by(kernel.addSize("rows"));
  std::string name = llvm::formatv("rows{0}_{1}_{2}", spec.norm.getName(),
                                   spec.features, isHalf ? "f16" : "f32");
  std::optional<RowRotation> rotation;
  if (spec.rotation) {
    rotation.emplace(*spec.rotation, team);
    rotation->describe(kernel);
    name += spec.rotation->getName();
  }
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    Value row = k.blockId(gpu::Dimension::x);
    RowNorm norm(spec.norm, team);
    norm.prepare(k, k.atRow(args[0], row, 4 * spec.features),
                 args.slice(1, RowNorm::getNumArguments(spec.norm)));
    Value to = k.atRow(args[out], row, (isHalf ? 2 : 4) * width);
    if (rotation)
      rotation->prepare(k, args,
                        [&](Value first) { return norm.load(k, first); });
    team.forEach(k, width, [&](Value first) {
      Values numbers =
          rotation ? rotation->load(k, first) : norm.load(k, first);
      if (isHalf)
        storeHalves(k, numbers, to, first, spec.features, width);
      else
        team.store(k, numbers, to, first);
    });
  });
}

Kernel qnt::cuda::getSoftmaxKernel(KernelLibrary &lib) {
  RowTeam team(int64_t(1) << 20);
  Kernel kernel;
  kernel.threads = team.getThreads();
  kernel.sharedBytes = team.getSharedBytes();
  kernel.addInput("x");
  kernel.addOutput("out");
  kernel.grid[0].by(kernel.addSize("rows"));
  kernel.addSize("features");
  return lib.get("softmax", kernel, [&](KernelBuilder &k, ValueRange args) {
    Value features = args[3], row = k.blockId(gpu::Dimension::x);
    Value start = k.mul(k.zext(row, k.i64()), k.zext(features, k.i64()));
    auto at = [&](Value tensor, Value i) {
      Value index = k.add(start, k.zext(i, k.i64()));
      return k.at(tensor, k.shl(index, 2));
    };
    auto fold = [&](float first, llvm::function_ref<Value(Value, Value)> add) {
      return k.loop(k.threadId(), features, team.getThreads(),
                    ValueRange{k.cf32(first)}, [&](Value i, ValueRange sofar) {
                      return Values{
                          add(sofar[0], k.load(k.f32(), at(args[0], i), 4))};
                    })[0];
    };
    Value most = fold(-std::numeric_limits<float>::infinity(),
                      [&](Value x, Value y) { return k.maxF(x, y); });
    most = team.reduce(k, {most}, [&](ValueRange x, ValueRange y) {
      return Values{k.maxF(x[0], y[0])};
    })[0];
    auto weigh = [&](Value x) { return k.exp(k.sub(x, most)); };
    Value sum = team.sum(
        k, fold(0, [&](Value sum, Value x) { return k.add(sum, weigh(x)); }));
    k.loop(k.threadId(), features, team.getThreads(), [&](Value i) {
      Value weight = weigh(k.load(k.f32(), at(args[0], i), 4));
      k.store(k.fdiv(weight, sum), at(args[1], i), 4);
    });
  });
}
