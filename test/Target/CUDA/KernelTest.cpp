//===- KernelTest.cpp - kernels in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QGPU/QGPU.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

std::mt19937_64 qnt::test::makeRandom() {
  using Clock = std::chrono::steady_clock;
  const char *given = std::getenv("QNT_SEED");
  uint64_t seed = given ? std::strtoull(given, nullptr, 10)
                        : uint64_t(Clock::now().time_since_epoch().count());
  llvm::outs() << "seed " << seed << "\n";
  return std::mt19937_64(seed);
}

std::unique_ptr<MLIRContext> qnt::test::makeContext() {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, gpu::GPUDialect,
                  linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect,
                  NVVM::NVVMDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect, nn::NNDialect, QNTDialect,
                  qgpu::QGPUDialect>();
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

void Report::add(StringRef name, llvm::function_ref<std::string()> run) {
  auto start = std::chrono::steady_clock::now();
  std::string error = run();
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  if (std::getenv("QNT_VERBOSE"))
    llvm::outs() << name << ": " << seconds.count() << " s\n";
  if (error.empty())
    return;
  ++failures;
  llvm::outs() << name << ": " << error << "\n";
}

//===----------------------------------------------------------------------===//
// Launcher
//===----------------------------------------------------------------------===//

Launcher::Launcher(MLIRContext &context, Get get, StringRef chip)
    : module(ModuleOp::create(UnknownLoc::get(&context))) {
  OpBuilder b = OpBuilder::atBlockBegin(module->getBody());
  auto kernels = gpu::GPUModuleOp::create(b, module->getLoc(), "kernels");
  cuda::KernelLibrary library(kernels, *cuda::findChip(chip));
  kernel = get(library);
  values.resize(kernel.args.size());
  isSet.resize(kernel.args.size());
  if (failed(verify(*module))) {
    error = "is no valid kernel";
    return;
  }
  code = emu::load(kernels, kernel.code.getName());
  if (!code)
    error = "cannot be loaded";
}

unsigned Launcher::find(StringRef name) {
  for (auto [i, argument] : llvm::enumerate(kernel.args))
    if (argument.name == name) {
      isSet[i] = true;
      return unsigned(i);
    }
  error = llvm::formatv("takes no '{0}'", name);
  return 0;
}

void Launcher::set(StringRef name, int64_t size) { values[find(name)] = size; }

void Launcher::bind(StringRef name, void *data, size_t bytes) {
  unsigned i = find(name);
  bool isInput = kernel.args[i].kind == cuda::Argument::Kind::Input ||
                 kernel.args[i].kind == cuda::Argument::Kind::TensorMap;
  buffers.push_back({data, bytes, !isInput, name.str()});
  values[i] = int64_t(emu::toArgument(data));
}

std::string Launcher::run() {
  emu::Launch launch;
  for (auto [to, extent] : llvm::zip_equal(launch.grid, kernel.grid))
    to = uint32_t(extent.get(values));
  size_t tiles = size_t(launch.grid[0]) * launch.grid[1];
  std::vector<char> workspace(tiles * size_t(kernel.workspaceBytes) + 1);
  std::vector<int32_t> counters(tiles);
  for (const cuda::Argument &argument : kernel.args) {
    if (argument.name == "workspace")
      set("workspace", workspace);
    if (argument.name == "counters")
      set("counters", counters);
  }
  for (auto [argument, given] : llvm::zip_equal(kernel.args, isSet))
    if (!given && error.empty())
      error = llvm::formatv("is not given '{0}'", argument.name);
  if (!error.empty())
    return error;
  launch.block[0] = uint32_t(kernel.threads);
  launch.sharedBytes = size_t(kernel.sharedBytes);
  launch.buffers = buffers;
  std::vector<uint64_t> args(values.begin(), values.end());
  for (auto [word, argument] : llvm::zip_equal(args, kernel.args)) {
    if (argument.kind != cuda::Argument::Kind::TensorMap)
      continue;
    const cuda::TensorMap &map = argument.map;
    maps.push_back({reinterpret_cast<const void *>(word), uint64_t(map.columns),
                    uint64_t(values[map.rows]), uint64_t(map.rowBytes),
                    uint32_t(map.boxColumns), uint32_t(map.boxRows),
                    uint32_t(map.elementBytes), uint32_t(map.getSwizzle())});
    word = emu::toArgument(&maps.back());
  }
  if (!code->run(launch, args, error))
    return error;
  if (llvm::any_of(counters, [](int32_t count) { return count != 0; }))
    return "counters are not as they were";
  return {};
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::vector<float> qnt::test::drawFloats(std::mt19937_64 &random, int64_t count,
                                         float deviation) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(normal(random));
  return numbers;
}

int64_t qnt::test::draw(std::mt19937_64 &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

std::string qnt::test::compare(ArrayRef<float> got, ArrayRef<float> want,
                               double limit, double relative) {
  if (got.size() != want.size())
    return llvm::formatv("got {0} numbers, expected {1}", got.size(),
                         want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if ((std::isnan(got[i]) && std::isnan(want[i])) || got[i] == want[i])
      continue;
    double reach = limit + relative * std::abs(double(want[i]));
    if (std::isinf(want[i]) ||
        !(std::abs(double(got[i]) - double(want[i])) <= reach))
      return llvm::formatv(
          "number {0} of {1}: got {2:e}, expected {3:e} +- {4:e}", i,
          got.size(), got[i], want[i], reach);
  }
  return {};
}

GroupRows test::packGroupRows(QTensorType type, ArrayRef<uint32_t> codes,
                              ArrayRef<float> scales, ArrayRef<float> factors) {
  auto rows = int64_t(factors.size());
  auto layout = cast<RowsAttr>(type.getLayout());
  int64_t features = type.getShape().back(), groups = type.getGroupsPerRow();
  int64_t rowBytes =
      llvm::alignTo(llvm::divideCeil(features, 2), layout.getPad());
  int64_t scaleBytes = llvm::alignTo(groups, 16);
  NumberFormat e4m3 = parseFormat("e4m3", type.getContext());
  GroupRows result;
  result.scales = factors.vec();
  result.codes.assign(size_t(rows * rowBytes), 0);
  std::vector<uint8_t> bytes(size_t(rows * scaleBytes), 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < features; ++i)
      result.codes[size_t(row * rowBytes + i / 2)] |=
          int8_t(codes[row * features + i] << (i % 2 * 4));
    ArrayRef<float> own = scales.slice(row * groups, groups);
    float factor = factors[row];
    for (int64_t group = 0; group < groups; ++group)
      bytes[size_t(row * scaleBytes + group)] =
          type.hasRowScales() ? uint8_t(e4m3.encode(own[group] / factor))
                              : uint8_t(std::ilogb(own[group]) + 127);
  }
  result.groups.resize(bytes.size() / 4);
  std::memcpy(result.groups.data(), bytes.data(), bytes.size());
  return result;
}
