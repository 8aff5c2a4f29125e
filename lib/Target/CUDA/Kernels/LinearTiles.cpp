//===- LinearTiles.cpp - which linear layers there are, and their tiles --===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Decode.h"
#include "Epilogue.h"
#include "LinearStage.h"
#include "TensorEmitter.h"

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

const MatrixInstruction *qnt::cuda::findBlockScaled(QTensorType type) {
  if (!type.hasSmallScales() || type.getFormat().getName() != "e2m1")
    return nullptr;
  return findBlockScaledMma(type.hasRowScales() ? NVVM::BlockScaleFormat::UE4M3
                                                : NVVM::BlockScaleFormat::UE8M0,
                            type.getGroupSize());
}

/// What is wrong with activations that are codes of floats.
static std::string checkFloats(const LinearShape &shape) {
  QTensorType weight = shape.weight, input = shape.input;
  auto rows = dyn_cast_if_present<RowsAttr>(input.getLayout());
  if (!rows || rows.getPad() % 16 || rows.getSums() || rows.getExcess())
    return "expected an input in #qnt.rows padded to a multiple of 16";
  if (shape.isBlockScaled()) {
    if (findBlockScaled(input) &&
        findBlockScaled(input) == findBlockScaled(weight))
      return {};
    return "expected e2m1 on both sides, in groups of 16 with scales f8E4M3FN "
           "or in groups of 32 with scales f8E8M0FNU";
  }
  if (!findFloat8Mma(input.getFormat().getName(), weight.getFormat().getName()))
    return "expected e4m3 or e5m2 on both sides, got " +
           input.getFormat().getName() + " and " + weight.getFormat().getName();
  if (input.getBlock().getKind() == BlockKind::Group)
    return "expected scales of rows for an input of floats of 8 bits, got "
           "groups";
  if (weight.hasSmallScales())
    return "expected scales of 16 or 32 bits for a weight of 8 bits";
  return {};
}

std::string qnt::cuda::checkLinear(const LinearShape &shape, const Chip &chip) {
  if (shape.isBlockScaled() && !chip.hasBlockScaledMma && !chip.hasTcgen05)
    return "the chip has no products of blocks with scales of 8 bits";
  if (shape.isOfFloats() && !chip.hasFloat8)
    return "the chip has no products of floats of 8 bits";
  return {};
}

std::string qnt::cuda::checkLinear(const LinearShape &shape) {
  QTensorType weight = shape.weight;
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  int64_t quad = shape.isBlockScaled() ? 8
                 : shape.input         ? mmaS8S8.getQuad()
                                       : mmaF16.getQuad();
  auto layout = dyn_cast_if_present<FragmentsAttr>(weight.getLayout());
  if (!layout || layout.getQuad() != quad || 64 % layout.getColumns())
    return llvm::formatv("expected a weight in #qnt.fragments with quads of "
                         "{0} and up to 64 columns",
                         quad);
  bool isInteger = spec.map == DecodeSpec::Map::Affine && spec.bits >= 2 &&
                   spec.bits <= 8 && spec.multiplier == 1 && spec.offset == 0;
  bool isHalf = !shape.input && Decoder::canDecodeHalves(weight.getFormat());
  if (shape.isOfFloats()) {
    if (std::string reason = checkFloats(shape); !reason.empty())
      return reason;
  } else if (weight.hasSmallScales()) {
    return "expected activations of the weight's own format for scales of 8 "
           "bits";
  } else if (!isInteger && !isHalf)
    return llvm::formatv("expected a weight of integers of 2 to 8 bits{0}, got "
                         "{1}",
                         shape.input ? "" : " or of floats within f16 or bf16",
                         weight.getFormat().getName());
  if (!Epilogue::isSupported(shape.epilogue))
    return "expected an epilogue of f32 steps";
  auto g = FragmentGeometry::of(weight, layout);
  if (shape.isBlockScaled())
    return {};
  const MatrixInstruction &dot = shape.input ? mmaS8S8 : mmaF16;
  if (FragmentGeometry::chunkInputs / g.groupsPerChunk < dot.k)
    return llvm::formatv("expected groups of at least {0}, got {1}", dot.k,
                         g.group);
  if (shape.isOfFloats())
    return {};
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

/// Whether rows go by warpgroups: many of them, but not where the rescale of a
/// step's sums takes longer than the step, or where every lane would read the
/// sums of activations; any number where only tcgen05 has the products.
static bool wantsWarpgroups(const LinearShape &shape, const Chip &chip,
                            const FragmentGeometry &g, int64_t rows) {
  if (shape.isBlockScaled())
    return chip.hasTcgen05;
  return rows > 64 && (chip.hasWgmma || chip.hasTcgen05) &&
         g.groupsPerChunk <= 2 && !(shape.input && shape.weight.hasZeros());
}

/// Two blocks for each multiprocessor, where there are `blocks` tiles, but a
/// few chunks for each block, so that copies run ahead.
static int64_t chooseSplits(const Chip &chip, const FragmentGeometry &g,
                            int64_t blocks) {
  int64_t splits = std::clamp<int64_t>(2 * chip.multiprocessors / blocks, 1,
                                       std::max<int64_t>(1, g.chunks / 4));
  // Without blocks that have nothing to do.
  return llvm::divideCeil(g.chunks, llvm::divideCeil(g.chunks, splits));
}

static LinearTile chooseWarpgroupTile(const LinearShape &shape,
                                      const Chip &chip,
                                      const FragmentGeometry &g, int64_t rows) {
  int64_t features = shape.weight.getShape()[0];
  struct Size {
    int64_t warpgroups, blockM;
  };
  // Lanes of weights in groups, or of small floats, hold numbers: of wgmma
  // blockM / 2, and as many sums, of tcgen05 blockM, beside the codes that they
  // decode. Otherwise sums of tcgen05 lie in tensor memory, which limits both
  // sides.
  SmallVector<Size> sizes;
  if (rows <= 64)
    sizes = {{1, rows <= 16 ? 16 : rows <= 32 ? 32 : 64}};
  else if (chip.hasTcgen05)
    sizes = g.groups > 1 && !shape.isBlockScaled()
                ? SmallVector<Size>{{2, 64}, {1, 64}}
                : SmallVector<Size>{{2, 128}, {1, 128}, {1, 64}};
  else if (g.groups > 1 || shape.isOfFloats())
    sizes = {{2, 128}, {2, 64}};
  else
    sizes = {{2, 256}, {2, 128}, {2, 64}};
  LinearTile tile;
  tile.warpsM = 1;
  // The most rows that leave no multiprocessor without work and let copies run
  // two chunks ahead.
  for (Size size : sizes) {
    tile.warpgroups = size.warpgroups;
    tile.warpsN = size.warpgroups * (kWarpgroup / kWarp);
    tile.blockN = size.warpgroups * (chip.hasTcgen05 ? 128 : 64);
    tile.blockM = size.blockM;
    int64_t inputBits = shape.getInputBits();
    WarpgroupStage stage = WarpgroupStage::of(g, tile, inputBits);
    int64_t bytes = chip.sharedBytes;
    if (chip.hasTcgen05)
      bytes -=
          TensorPlan::of(g, tile, inputBits).getSharedBytes(tile.warpgroups);
    tile.stages = std::min<int64_t>(6, bytes / stage.getSharedBytes(1));
    int64_t blocks = llvm::divideCeil(features, tile.blockN) *
                     llvm::divideCeil(rows, tile.blockM);
    // Few rows take the weight's time; of more than 16, adding up the sums of
    // several blocks takes more registers than there are.
    if (rows <= 16)
      tile.splits = chooseSplits(chip, g, blocks);
    if (blocks >= chip.multiprocessors && tile.stages >= 3)
      break;
  }
  return tile;
}

LinearTile qnt::cuda::chooseLinearTile(const LinearShape &shape,
                                       const Chip &chip, int64_t rows) {
  auto g = FragmentGeometry::of(shape.weight,
                                cast<FragmentsAttr>(shape.weight.getLayout()));
  if (wantsWarpgroups(shape, chip, g, rows))
    return chooseWarpgroupTile(shape, chip, g, rows);
  int64_t features = shape.weight.getShape()[0];
  LinearTile tile;
  // Only the chips with products of blocks have mma.sync of e4m3 in hardware.
  bool isUnpacked = shape.isOfFloats() && !chip.hasBlockScaledMma;
  if (rows <= 16) {
    // Reading the weight is all: as many blocks as there are multiprocessors.
    int64_t blocks = llvm::divideCeil(features, 64);
    tile = {16, blocks < chip.multiprocessors ? 32 : 64, 1, 4, 0};
  } else if (rows <= 32) {
    tile = {32, 64, 1, 4, 0};
  } else if (rows <= 64) {
    tile = {64, 64, 2, 2, 0};
  } else if ((g.groups > 1 &&
              (g.zeroBytes || (!shape.input && g.groupsPerChunk > 1))) ||
             isUnpacked) {
    // Zero points of groups take registers beside the sums, and so do several
    // groups of a chunk whose codes become f16, or both sides that do.
    tile = {128, 64, 4, 2, 0};
  } else {
    tile = {128, 128, 2, 4, 0};
  }
  auto getBytes = [&] {
    return LinearStage::of(g, tile, shape.getInputBits()).bytes;
  };
  // Two stages at least.
  if (2 * getBytes() > chip.sharedBytes)
    tile = {128, 64, 4, 2, 0};
  int64_t bytes = getBytes();
  tile.stages = std::clamp<int64_t>(chip.sharedBytes / bytes, 2, 4);
  tile.splits = chooseSplits(chip, g,
                             llvm::divideCeil(features, tile.blockN) *
                                 llvm::divideCeil(rows, tile.blockM));
  return tile;
}
