//===- Lanes.cpp - where lanes of vectors come from -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lanes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;

int64_t fpga::getElementBits(Type type) {
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth();
}

int64_t fpga::countLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

/// Of each lane of a vector of this shape, row-major, its place in each
/// dimension.
static void forEachPlace(ArrayRef<int64_t> shape,
                         function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> strides = computeStrides(shape);
  for (int64_t lane = 0; lane < computeProduct(shape); ++lane)
    visit(delinearize(lane, strides));
}

/// Dimensions that the source lacks, or has one of, repeat it.
static SmallVector<int64_t> getBroadcastLanes(vector::BroadcastOp op) {
  auto vector = dyn_cast<VectorType>(op.getSource().getType());
  SmallVector<int64_t> shape;
  if (vector)
    llvm::append_range(shape, vector.getShape());
  SmallVector<int64_t> strides = computeStrides(shape), lanes;
  forEachPlace(
      op.getResultVectorType().getShape(), [&](ArrayRef<int64_t> place) {
        int64_t lane = 0;
        for (auto [at, size, stride] :
             llvm::zip_equal(place.take_back(shape.size()), shape, strides))
          lane += size == 1 ? 0 : at * stride;
        lanes.push_back(lane);
      });
  return lanes;
}

static SmallVector<int64_t> getSliceLanes(vector::ExtractStridedSliceOp op) {
  ArrayRef<int64_t> shape =
      cast<VectorType>(op.getSource().getType()).getShape();
  SmallVector<int64_t> offsets(shape.size(), 0);
  for (auto [offset, attr] :
       llvm::zip(offsets, op.getOffsets().getAsRange<IntegerAttr>()))
    offset = attr.getInt();
  SmallVector<int64_t> strides = computeStrides(shape), lanes;
  forEachPlace(cast<VectorType>(op.getType()).getShape(),
               [&](ArrayRef<int64_t> place) {
                 int64_t lane = 0;
                 for (auto [at, offset, stride] :
                      llvm::zip_equal(place, offsets, strides))
                   lane += (at + offset) * stride;
                 lanes.push_back(lane);
               });
  return lanes;
}

static SmallVector<int64_t> getExtractedLanes(vector::ExtractOp op) {
  auto shape = cast<VectorType>(op.getSource().getType()).getShape();
  int64_t count = countLanes(op.getType()), first = 0;
  for (auto [at, stride] :
       llvm::zip(op.getStaticPosition(), computeStrides(shape)))
    first += at * stride;
  return llvm::to_vector(llvm::seq(first, first + count));
}

SmallVector<Gather::Run> Gather::getRuns() const {
  SmallVector<Run> runs;
  for (size_t begin = 0, end; begin < lanes.size(); begin = end) {
    auto source = sources.begin();
    int64_t first = lanes[begin], size;
    while (size = countLanes(source->getType()), first >= size) {
      first -= size;
      ++source;
    }
    for (end = begin + 1; end < lanes.size(); ++end)
      if (lanes[end] != lanes[end - 1] + 1 ||
          first + int64_t(end - begin) == size)
        break;
    runs.push_back({int64_t(begin), int64_t(end - begin), *source, first});
  }
  return runs;
}

/// The same without sources that no lane comes from.
static Gather dropUnused(const Gather &all) {
  Gather used;
  used.lanes.resize(all.lanes.size());
  int64_t before = 0, kept = 0;
  for (Value source : all.sources) {
    int64_t size = countLanes(source.getType());
    bool isUsed = false;
    for (auto [lane, from] : llvm::zip_equal(used.lanes, all.lanes))
      if (from >= before && from < before + size) {
        lane = from - before + kept;
        isUsed = true;
      }
    before += size;
    if (isUsed) {
      used.sources.push_back(source);
      kept += size;
    }
  }
  return used;
}

std::optional<Gather> fpga::getGather(Operation *op) {
  using Lanes = SmallVector<int64_t>;
  using Result = std::optional<Gather>;
  auto all = [&] {
    return llvm::to_vector(
        llvm::seq<int64_t>(0, countLanes(op->getResult(0).getType())));
  };
  auto gather = [&](Lanes lanes) {
    Gather all{SmallVector<Value>(op->getOperands()), std::move(lanes)};
    return dropUnused(all);
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case(
          [&](vector::BroadcastOp op) { return gather(getBroadcastLanes(op)); })
      .Case<vector::ShapeCastOp, vector::FromElementsOp>(
          [&](auto) { return gather(all()); })
      .Case([&](vector::ExtractOp op) { return gather(getExtractedLanes(op)); })
      .Case([&](vector::ExtractStridedSliceOp op) {
        return gather(getSliceLanes(op));
      })
      .Case([&](vector::ShuffleOp op) { return gather(Lanes(op.getMask())); })
      .Default([](Operation *) { return std::nullopt; });
}
