//===- TensorMemory.cpp - tensor memory of a block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TensorMemory.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace qnt::emu;

// Columns are allocated in powers of two, this many at least.
static constexpr uint32_t kLeastColumns = 32;

void TensorMemory::reset(Shadow &blockShadow, MBarriers &blockBarriers,
                         size_t clockCount) {
  shadow = &blockShadow;
  barriers = &blockBarriers;
  clocks = clockCount;
  shadowAt = 0;
  mayAllocate = true;
  allocated.clear();
  agents.clear();
  stores.clear();
  commits.clear();
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

static bool isCount(uint32_t columns) {
  return columns >= kLeastColumns && columns <= kTensorColumns &&
         llvm::isPowerOf2_32(columns);
}

std::string TensorMemory::allocate(uint32_t columns, uint32_t &address) {
  if (!isCount(columns))
    return llvm::formatv("allocates {0} columns; there are powers of two from "
                         "{1} to {2}",
                         columns, kLeastColumns, kTensorColumns);
  if (!mayAllocate)
    return "allocates after tcgen05.relinquish_alloc_permit";
  // From the last column down, so that nobody takes 0 for granted.
  auto first =
      uint32_t(allocated.empty() ? kTensorColumns : allocated.begin()->first);
  if (columns > first)
    return llvm::formatv("allocates {0} columns, of which {1} are left; it "
                         "would wait without an end",
                         columns, first);
  if (!shadowAt)
    shadowAt = shadow->addTensorMemory();
  if (!cells)
    cells = std::make_unique<Cells>();
  address = first - columns;
  allocated[address] = columns;
  return {};
}

std::string TensorMemory::deallocate(const LaneClock &lane, uint32_t address,
                                     uint32_t columns) {
  auto found = allocated.find(address);
  if (found == allocated.end() || found->second != columns)
    return llvm::formatv("gives back {0} columns at {1}, which were not "
                         "allocated together",
                         columns, address);
  // Everybody is done with them.
  for (size_t row = 0; row < kTensorLanes; ++row) {
    size_t offset = shadowAt + row * kTensorColumns + address;
    std::string error =
        shadow->write(lane.inTensorMemory(), offset, size_t(columns));
    if (!error.empty())
      return error;
  }
  allocated.erase(found);
  return {};
}

std::string TensorMemory::find(Place place, size_t count,
                               size_t &offset) const {
  auto after = allocated.upper_bound(uint32_t(place.column));
  bool isInside = place.lane < kTensorLanes && after != allocated.begin();
  if (isInside) {
    auto [first, columns] = *std::prev(after);
    isInside = place.column + count <= first + columns;
  }
  if (!isInside)
    return llvm::formatv("accesses {0} columns of tensor memory from {1} on, "
                         "in lane {2}, which are not allocated",
                         count, place.column, place.lane);
  offset = place.lane * kTensorColumns + place.column;
  return {};
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

std::string TensorMemory::load(const LaneClock &lane, Place place,
                               llvm::MutableArrayRef<uint32_t> values) {
  return read(lane, Shadow::of(lane.lane, lane.now), place, values);
}

std::string TensorMemory::store(const LaneClock &lane, Place place,
                                uint32_t value) {
  size_t offset = 0;
  std::string error = find(place, 1, offset);
  if (error.empty())
    error = shadow->beginCopy(lane.inTensorMemory(), shadowAt + offset, 1);
  if (!error.empty())
    return error;
  (*cells)[offset] = value;
  stores[lane.lane].push_back(shadowAt + offset);
  return {};
}

void TensorMemory::endStores(const LaneClock &lane) {
  for (size_t offset : stores[lane.lane])
    shadow->endCopy(lane, offset, 1);
  stores[lane.lane].clear();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Shadow::Epoch TensorMemory::beginProduct(const LaneClock &lane) {
  Agent &agent = agents[lane.lane];
  if (!agent.products)
    agent.agent =
        shadow->addAgent(llvm::formatv("a product of lane {0}", lane.lane));
  ++agent.products;
  return agent.agent < clocks ? Shadow::of(agent.agent, agent.products) : 0;
}

std::string TensorMemory::read(const LaneClock &lane, Shadow::Epoch by,
                               Place place,
                               llvm::MutableArrayRef<uint32_t> values) {
  size_t offset = 0;
  std::string error = find(place, values.size(), offset);
  if (error.empty())
    error = shadow->read(lane.inTensorMemory(), by, shadowAt + offset,
                         values.size());
  if (error.empty())
    std::copy_n(cells->begin() + offset, values.size(), values.begin());
  return error;
}

std::string TensorMemory::write(const LaneClock &lane, Shadow::Epoch by,
                                Place place, llvm::ArrayRef<uint32_t> values) {
  size_t offset = 0;
  std::string error = find(place, values.size(), offset);
  if (error.empty())
    error = shadow->write(lane.inTensorMemory(), by, shadowAt + offset,
                          values.size());
  if (error.empty())
    std::copy(values.begin(), values.end(), cells->begin() + offset);
  return error;
}

std::string TensorMemory::commit(const LaneClock &lane, size_t at) {
  std::string error = barriers->beginArrival(lane, at);
  if (error.empty())
    commits.push_back({at, agents[lane.lane]});
  return error;
}

bool TensorMemory::completeCommit(std::string &error) {
  if (commits.empty())
    return false;
  Commit commit = commits.front();
  commits.pop_front();
  error = barriers->endArrival(commit.barrier, commit.upTo.agent,
                               commit.upTo.products);
  return true;
}
