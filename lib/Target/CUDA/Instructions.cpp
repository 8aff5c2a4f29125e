//===- Instructions.cpp - matrix instructions as data -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Instructions.h"

using namespace qnt::cuda;
using mlir::NVVM::MMATypes;

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

const MatrixInstruction qnt::cuda::mmaS8S8 = {"s8s8",
                                              16,
                                              8,
                                              32,
                                              MMATypes::s8,
                                              MMATypes::s8,
                                              4,
                                              2,
                                              /*isInteger=*/true,
                                              bytesA,
                                              bytesB,
                                              sums};
const MatrixInstruction qnt::cuda::mmaS8U8 = {"s8u8",
                                              16,
                                              8,
                                              32,
                                              MMATypes::s8,
                                              MMATypes::u8,
                                              4,
                                              2,
                                              /*isInteger=*/true,
                                              bytesA,
                                              bytesB,
                                              sums};
const MatrixInstruction qnt::cuda::mmaF16 = {"f16",
                                             16,
                                             8,
                                             16,
                                             MMATypes::f16,
                                             MMATypes::f16,
                                             4,
                                             2,
                                             /*isInteger=*/false,
                                             halvesA,
                                             halvesB,
                                             sums};
const MatrixInstruction qnt::cuda::mmaBF16 = {"bf16",
                                              16,
                                              8,
                                              16,
                                              MMATypes::bf16,
                                              MMATypes::bf16,
                                              4,
                                              2,
                                              /*isInteger=*/false,
                                              halvesA,
                                              halvesB,
                                              sums};
