//===- LinearTiles.cpp - which linear layers there are, and their tiles -*- C++
//-*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Decode.h"
#include "Epilogue.h"
#include "LinearStage.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// What is wrong with activations of integers.
static std::string checkInput(const LinearShape &shape,
                              const FragmentGeometry &g) {
  QTensorType weight = shape.weight, input = shape.input;
  auto rows = dyn_cast_if_present<RowsAttr>(input.getLayout());
  if (!rows || rows.getPad() % 16)
    return "expected an input in #qnt.rows padded to a multiple of 16";
  bool isSigned = input.getFormat().getMin() < 0;
  unsigned bits = input.getFormat().getBits();
  if (!input.isInteger() || bits > 8 ||
      rows.getExcess() != (bits == 8 && !isSigned ? -128 : 0))
    return "expected an input of integers stored as signed bytes, got " +
           input.getFormat().getName();
  if ((input.hasZeros() || rows.getExcess()) && !g.hasSums)
    return "expected a weight with sums for an input with zero points";
  if (weight.hasZeros() && g.groups > 1 && g.chunksPerGroup > 1)
    return llvm::formatv("expected zero points or offsets of groups of up to "
                         "128, got {0}",
                         g.group);
  if (weight.hasZeros() && rows.getSums() != g.group)
    return llvm::formatv("expected sums of the input over groups of {0}, got "
                         "{1}",
                         g.group, rows.getSums());
  // Sums of products that fit 32 bits: codes at the top of bytes.
  int64_t longest = weight.getFormat().getMin() < 0 ? 1 << 17 : 1 << 16;
  if (g.groups == 1 && weight.getShape()[1] > longest)
    return llvm::formatv("expected scales for at most {0} inputs each, got {1}",
                         longest, weight.getShape()[1]);
  return {};
}

std::string qnt::cuda::checkLinear(const LinearShape &shape) {
  QTensorType weight = shape.weight;
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  int64_t quad = shape.input ? mmaS8S8.getQuad() : mmaF16.getQuad();
  auto layout = dyn_cast_if_present<FragmentsAttr>(weight.getLayout());
  if (!layout || layout.getQuad() != quad || 64 % layout.getColumns())
    return llvm::formatv("expected a weight in #qnt.fragments with quads of "
                         "{0} and up to 64 columns",
                         quad);
  bool isInteger = spec.map == DecodeSpec::Map::Affine && spec.bits >= 2 &&
                   spec.bits <= 8 && spec.multiplier == 1 && spec.offset == 0;
  bool isHalf = !shape.input && Decoder::canDecodeHalves(weight.getFormat());
  if (!isInteger && !isHalf)
    return llvm::formatv("expected a weight of integers of 2 to 8 bits{0}, got "
                         "{1}",
                         shape.input ? "" : " or of floats within f16 or bf16",
                         weight.getFormat().getName());
  if (!Epilogue::isSupported(shape.epilogue))
    return "expected an epilogue of f32 steps";
  auto g = FragmentGeometry::of(weight, layout);
  const MatrixInstruction &dot = shape.input ? mmaS8S8 : mmaF16;
  if (FragmentGeometry::chunkInputs / g.groupsPerChunk < dot.k)
    return llvm::formatv("expected groups of at least {0}, got {1}", dot.k,
                         g.group);
  if (shape.input)
    return checkInput(shape, g);
  if (weight.hasOffsets())
    return "expected zero points or none for an input of floats, got offsets";
  // Padding within a row is no zero there.
  if (weight.hasZeros() && g.groups > 1 && g.groupsPerChunk == 1 &&
      g.group % FragmentGeometry::chunkInputs)
    return llvm::formatv(
        "expected zero points of groups that divide 128 or are "
        "multiples of it, got {0}",
        g.group);
  return {};
}

LinearTile qnt::cuda::chooseLinearTile(const LinearShape &shape,
                                       const Chip &chip, int64_t rows) {
  auto g = FragmentGeometry::of(shape.weight,
                                cast<FragmentsAttr>(shape.weight.getLayout()));
  int64_t features = shape.weight.getShape()[0];
  LinearTile tile;
  if (rows <= 16) {
    // Reading the weight is all: as many blocks as there are multiprocessors.
    int64_t blocks = llvm::divideCeil(features, 64);
    tile = {16, blocks < chip.multiprocessors ? 32 : 64, 1, 4, 0};
  } else if (rows <= 32) {
    tile = {32, 64, 1, 4, 0};
  } else if (rows <= 64) {
    tile = {64, 64, 2, 2, 0};
  } else if (g.groups > 1 &&
             (g.zeroBytes || (!shape.input && g.groupsPerChunk > 1))) {
    // Zero points of groups take registers beside the sums, and so do several
    // groups of a chunk whose codes become f16.
    tile = {128, 64, 4, 2, 0};
  } else {
    tile = {128, 128, 2, 4, 0};
  }
  auto getBytes = [&] {
    return LinearStage::of(g, tile, shape.getInputBytes()).bytes;
  };
  // Two stages at least.
  if (2 * getBytes() > chip.sharedBytes)
    tile = {128, 64, 4, 2, 0};
  int64_t bytes = getBytes();
  tile.stages = std::clamp<int64_t>(chip.sharedBytes / bytes, 2, 4);
  // Two blocks for each multiprocessor, but a few chunks for each block, so
  // that copies run ahead.
  int64_t blocks = llvm::divideCeil(features, tile.blockN) *
                   llvm::divideCeil(rows, tile.blockM);
  int64_t splits = std::clamp<int64_t>(2 * chip.multiprocessors / blocks, 1,
                                       std::max<int64_t>(1, g.chunks / 4));
  // Without blocks that have nothing to do.
  tile.splits = llvm::divideCeil(g.chunks, llvm::divideCeil(g.chunks, splits));
  return tile;
}
