//===- Instructions.cpp - matrix instructions as data -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Instructions.h"

#include "llvm/ADT/STLExtras.h"

using namespace qnt::cuda;
using mlir::NVVM::MMATypes;
namespace qgpu = qnt::qgpu;

FragmentMap::Step FragmentMap::get(int64_t laneIndex,
                                   int64_t placeIndex) const {
  Step sum;
  auto add = [&](const auto &steps, int64_t index) {
    for (const Step &step : steps) {
      sum.row += index % 2 * step.row;
      sum.column += index % 2 * step.column;
      index /= 2;
    }
  };
  add(lane, laneIndex);
  add(place, placeIndex);
  return sum;
}

// PTX ISA, "Matrix Fragments for mma.m16n8k32" and "m16n8k16".
static constexpr FragmentMap sums = {{{{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}}},
                                     {{{0, 1}, {8, 0}}}};
static constexpr FragmentMap bytesA = {
    {{{0, 4}, {0, 8}, {1, 0}, {2, 0}, {4, 0}}},
    {{{0, 1}, {0, 2}, {8, 0}, {0, 16}}}};
static constexpr FragmentMap bytesB = {
    {{{4, 0}, {8, 0}, {0, 1}, {0, 2}, {0, 4}}}, {{{1, 0}, {2, 0}, {16, 0}}}};
static constexpr FragmentMap halvesA = {
    {{{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}}}, {{{0, 1}, {8, 0}, {0, 8}}}};
static constexpr FragmentMap halvesB = {
    {{{2, 0}, {4, 0}, {0, 1}, {0, 2}, {0, 4}}}, {{{1, 0}, {8, 0}}}};

// "Matrix Fragments for mma.m16n8k64".
static constexpr FragmentMap nibblesA = {
    {{{0, 8}, {0, 16}, {1, 0}, {2, 0}, {4, 0}}},
    {{{0, 1}, {0, 2}, {0, 4}, {8, 0}, {0, 32}}}};
static constexpr FragmentMap nibblesB = {
    {{{8, 0}, {16, 0}, {0, 1}, {0, 2}, {0, 4}}},
    {{{1, 0}, {2, 0}, {4, 0}, {32, 0}}}};
// "Block Scaling", selectors 0: of a quad lanes 0 and 1 give the scales of A,
// lane 0 those of B.
static constexpr FragmentMap scalesA = {
    {{{8, 0}, {0, 0}, {1, 0}, {2, 0}, {4, 0}}}, {{{0, 1}, {0, 2}}}};
static constexpr FragmentMap scalesB = {
    {{{0, 0}, {0, 0}, {0, 1}, {0, 2}, {0, 4}}}, {{{1, 0}, {2, 0}}}};

/// Of 8 bits, or of 16.
static constexpr MatrixInstruction ofBytes(llvm::StringLiteral name, MMATypes a,
                                           MMATypes b, bool isInteger) {
  return {name, 16, 8, 32, a, b, 4, 2, isInteger, bytesA, bytesB, sums};
}
static constexpr MatrixInstruction ofHalves(llvm::StringLiteral name,
                                            MMATypes type) {
  return {name,    16,      8,   16, type, type, 4, 2, /*isInteger=*/false,
          halvesA, halvesB, sums};
}

const MatrixInstruction qnt::cuda::mmaS8S8 =
    ofBytes("s8s8", MMATypes::s8, MMATypes::s8, /*isInteger=*/true);
const MatrixInstruction qnt::cuda::mmaS8U8 =
    ofBytes("s8u8", MMATypes::s8, MMATypes::u8, /*isInteger=*/true);
const MatrixInstruction qnt::cuda::mmaF16 = ofHalves("f16", MMATypes::f16);
const MatrixInstruction qnt::cuda::mmaBF16 = ofHalves("bf16", MMATypes::bf16);

static constexpr MatrixInstruction float8Mma[] = {
    ofBytes("e4m3e4m3", MMATypes::e4m3, MMATypes::e4m3, /*isInteger=*/false),
    ofBytes("e4m3e5m2", MMATypes::e4m3, MMATypes::e5m2, /*isInteger=*/false),
    ofBytes("e5m2e4m3", MMATypes::e5m2, MMATypes::e4m3, /*isInteger=*/false),
    ofBytes("e5m2e5m2", MMATypes::e5m2, MMATypes::e5m2, /*isInteger=*/false)};

/// The instruction whose name is those of A and B.
template <typename Instructions>
static auto find(const Instructions &instructions, llvm::StringRef a,
                 llvm::StringRef b) {
  auto found = llvm::find_if(instructions, [&](const auto &instruction) {
    llvm::StringRef name = instruction.name;
    return name.consume_front(a) && name == b;
  });
  return found == std::end(instructions) ? nullptr : found;
}

const MatrixInstruction *qnt::cuda::findFloat8Mma(llvm::StringRef a,
                                                  llvm::StringRef b) {
  return find(float8Mma, a, b);
}

static constexpr BlockScale nvfp4 = {16,
                                     mlir::NVVM::ScaleVecSize::X4,
                                     mlir::NVVM::BlockScaleFormat::UE4M3,
                                     mlir::NVVM::MMABlockScaleKind::MXF4NVF4,
                                     scalesA,
                                     scalesB};
static constexpr BlockScale mxfp4 = {32,
                                     mlir::NVVM::ScaleVecSize::X2,
                                     mlir::NVVM::BlockScaleFormat::UE8M0,
                                     mlir::NVVM::MMABlockScaleKind::MXF4,
                                     scalesA,
                                     scalesB};
static constexpr MatrixInstruction ofNibbles(llvm::StringLiteral name,
                                             const BlockScale &scale) {
  return {name,
          16,
          8,
          64,
          MMATypes::e2m1,
          MMATypes::e2m1,
          4,
          2,
          /*isInteger=*/false,
          nibblesA,
          nibblesB,
          sums,
          &scale};
}
static constexpr MatrixInstruction blockScaledMma[] = {
    ofNibbles("nvfp4", nvfp4), ofNibbles("mxfp4", mxfp4)};

const MatrixInstruction *
qnt::cuda::findBlockScaledMma(mlir::NVVM::BlockScaleFormat format,
                              int64_t group) {
  for (const MatrixInstruction &mma : blockScaledMma)
    if (mma.scale->format == format && mma.scale->group == group)
      return &mma;
  return nullptr;
}

const WarpgroupInstruction qnt::cuda::wgmmaS8S8 = {"s8s8", qgpu::Element::S8,
                                                   qgpu::Element::S8, mmaS8S8};
const WarpgroupInstruction qnt::cuda::wgmmaU8S8 = {"u8s8", qgpu::Element::U8,
                                                   qgpu::Element::S8, mmaS8S8};
const WarpgroupInstruction qnt::cuda::wgmmaF16 = {"f16", qgpu::Element::F16,
                                                  qgpu::Element::F16, mmaF16};

static constexpr WarpgroupInstruction float8Wgmma[] = {
    {"e4m3e4m3", qgpu::Element::E4M3, qgpu::Element::E4M3, float8Mma[0]},
    {"e4m3e5m2", qgpu::Element::E4M3, qgpu::Element::E5M2, float8Mma[1]},
    {"e5m2e4m3", qgpu::Element::E5M2, qgpu::Element::E4M3, float8Mma[2]},
    {"e5m2e5m2", qgpu::Element::E5M2, qgpu::Element::E5M2, float8Mma[3]}};

const WarpgroupInstruction *qnt::cuda::findFloat8Wgmma(llvm::StringRef a,
                                                       llvm::StringRef b) {
  return find(float8Wgmma, a, b);
}

static constexpr WarpgroupInstruction blockScaledTensor[] = {
    {"nvfp4", qgpu::Element::E2M1, qgpu::Element::E2M1, blockScaledMma[0]},
    {"mxfp4", qgpu::Element::E2M1, qgpu::Element::E2M1, blockScaledMma[1]}};

const WarpgroupInstruction &
qnt::cuda::getBlockScaledTensor(const MatrixInstruction &warp) {
  return *llvm::find_if(blockScaledTensor, [&](const auto &instruction) {
    return &instruction.warp == &warp;
  });
}
