//===- Shadow.cpp - order of accesses to shared memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace qnt::emu;

// 11 bits of lane or agent, 21 of clock.
static constexpr uint32_t kClockBits = 21;
static uint32_t laneOf(uint32_t epoch) { return epoch >> kClockBits; }
static uint32_t clockOf(uint32_t epoch) {
  return epoch & ((1u << kClockBits) - 1);
}

void LaneClock::synchronize(llvm::ArrayRef<LaneClock *> lanes) {
  auto joined = std::make_shared<Vector>(*lanes.front()->seen);
  const Vector *last = lanes.front()->seen.get();
  for (const LaneClock *lane : lanes)
    if (lane->seen.get() != last) {
      last = lane->seen.get();
      for (size_t i = 0; i < joined->size(); ++i)
        (*joined)[i] = std::max((*joined)[i], (*last)[i]);
    }
  for (LaneClock *lane : lanes)
    (*joined)[lane->lane] = lane->now++;
  for (LaneClock *lane : lanes)
    lane->seen = joined;
}

void LaneClock::release(Vector &into) {
  for (size_t i = 0; i < into.size(); ++i)
    into[i] = std::max(into[i], (*seen)[i]);
  into[lane] = now++;
}

void LaneClock::acquire(const Vector &from) {
  bool isKnown = true;
  for (size_t i = 0; i < from.size() && isKnown; ++i)
    isKnown = from[i] <= (*seen)[i];
  if (isKnown)
    return;
  auto joined = std::make_shared<Vector>(*seen);
  for (size_t i = 0; i < from.size(); ++i)
    (*joined)[i] = std::max((*joined)[i], from[i]);
  seen = joined;
}

Shadow::Epoch Shadow::of(uint32_t lane, uint32_t clock) {
  return lane << kClockBits | clock;
}

Shadow::Epoch Shadow::of(const LaneClock &lane) {
  return of(lane.lane, lane.now);
}

bool Shadow::isBefore(Epoch epoch, const LaneClock &lane) {
  return epoch == 0 || laneOf(epoch) == lane.lane ||
         (*lane.seen)[laneOf(epoch)] >= clockOf(epoch);
}

std::string Shadow::nameOf(Epoch epoch) const {
  size_t lane = laneOf(epoch);
  return lane < lanes ? "lane " + std::to_string(lane) : agents[lane - lanes];
}

bool Shadow::isBefore(Epoch epoch, const LaneClock &lane, Epoch by) {
  return laneOf(epoch) == laneOf(by) || isBefore(epoch, lane);
}

std::string Shadow::describe(size_t offset) const {
  if (offset < tensorAt)
    return llvm::formatv("shared memory at {0}", offset);
  size_t cell = offset - tensorAt;
  return llvm::formatv("tensor memory at lane {0}, column {1}",
                       cell / kTensorColumns, cell % kTensorColumns);
}

std::string Shadow::conflict(const char *what, const LaneClock &lane,
                             size_t offset, const char *other,
                             Epoch epoch) const {
  return llvm::formatv("race: lane {0} {1} {2} that {3} {4} without a barrier "
                       "between",
                       lane.lane, what, describe(offset), nameOf(epoch), other);
}

std::string Shadow::describePending(const char *what, const LaneClock &lane,
                                    size_t offset) const {
  Epoch writer = bytes[offset].write;
  const char *how = offset < tensorAt ? "copy" : "store";
  return llvm::formatv(
      "lane {0} {1} {2} before {3}", lane.lane, what, describe(offset),
      laneOf(writer) < lanes ? nameOf(writer) + " has waited for its " + how
                             : nameOf(writer) + " is complete");
}

void Shadow::reset(size_t count, size_t laneCount) {
  bytes.assign(count, {});
  lanes = laneCount;
  agents.clear();
  fences.assign(lanes, 0);
  tensorFences.assign(lanes, 0);
  tensorAt = SIZE_MAX;
}

size_t Shadow::addTensorMemory() {
  tensorAt = bytes.size();
  bytes.resize(tensorAt + kTensorLanes * kTensorColumns);
  return tensorAt;
}

uint32_t Shadow::addAgent(std::string name) {
  agents.push_back(std::move(name));
  return uint32_t(lanes + agents.size() - 1);
}

void Shadow::fence(LaneClock &lane) { fences[lane.lane] = lane.now++; }
void Shadow::fenceTensorMemory(LaneClock &lane) {
  tensorFences[lane.lane] = lane.now++;
}

bool Shadow::lacksTensorFence(Epoch epoch, Epoch by, size_t offset) const {
  size_t lane = laneOf(epoch);
  return offset >= tensorAt && lane < lanes && lane != laneOf(by) &&
         tensorFences[lane] < clockOf(epoch);
}

std::string Shadow::checkRead(const LaneClock &lane, Epoch by, size_t i) const {
  const Byte &byte = bytes[i];
  if (byte.write == 0)
    return llvm::formatv("lane {0} reads {1}, which nobody wrote", lane.lane,
                         describe(i));
  if (byte.isPending)
    return describePending("reads", lane, i);
  if (!isBefore(byte.write, lane, by))
    return conflict("reads", lane, i, "wrote", byte.write);
  size_t writer = laneOf(byte.write);
  if (i < tensorAt && laneOf(by) >= lanes && writer < lanes &&
      fences[writer] < clockOf(byte.write))
    return llvm::formatv("{0} reads {1} that lane {2} wrote without a "
                         "fence.proxy.async between",
                         nameOf(by), describe(i), writer);
  if (lacksTensorFence(byte.write, by, i))
    return llvm::formatv("{0} reads {1} that lane {2} wrote without a "
                         "tcgen05.fence::before_thread_sync between",
                         nameOf(by), describe(i), writer);
  return {};
}

std::string Shadow::read(const LaneClock &lane, size_t offset, size_t count) {
  return read(lane, of(lane), offset, count);
}

std::string Shadow::read(const LaneClock &lane, Epoch by, size_t offset,
                         size_t count) {
  for (size_t i = offset; i < offset + count; ++i) {
    std::string error = checkRead(lane, by, i);
    if (!error.empty())
      return error;
    Byte &byte = bytes[i];
    if (laneOf(byte.reads[0]) != laneOf(by))
      byte.reads[1] = byte.reads[0];
    byte.reads[0] = by;
  }
  return {};
}

std::string Shadow::checkWrite(const LaneClock &lane, Epoch by, size_t offset,
                               size_t count) {
  for (size_t i = offset; i < offset + count; ++i) {
    const Byte &byte = bytes[i];
    if (byte.isPending)
      return describePending("writes", lane, i);
    if (!isBefore(byte.write, lane, by))
      return conflict("writes", lane, i, "wrote", byte.write);
    for (Epoch read : byte.reads) {
      if (!isBefore(read, lane, by))
        return conflict("writes", lane, i, "read", read);
      if (read && lacksTensorFence(read, by, i))
        return llvm::formatv("{0} writes {1} that lane {2} read without a "
                             "tcgen05.fence::before_thread_sync between",
                             nameOf(by), describe(i), laneOf(read));
    }
  }
  return {};
}

std::string Shadow::write(const LaneClock &lane, size_t offset, size_t count) {
  return write(lane, of(lane), offset, count);
}

std::string Shadow::write(const LaneClock &lane, Epoch by, size_t offset,
                          size_t count) {
  std::string error = checkWrite(lane, by, offset, count);
  if (error.empty())
    endCopy(by, offset, count);
  return error;
}

std::string Shadow::beginCopy(const LaneClock &lane, size_t offset,
                              size_t count) {
  return beginCopy(lane, of(lane), offset, count);
}

std::string Shadow::beginCopy(const LaneClock &lane, Epoch by, size_t offset,
                              size_t count) {
  std::string error = checkWrite(lane, of(lane), offset, count);
  if (error.empty())
    std::fill_n(bytes.begin() + offset, count,
                Byte{by, {0, 0}, /*isPending=*/true});
  return error;
}

void Shadow::endCopy(const LaneClock &lane, size_t offset, size_t count) {
  endCopy(of(lane), offset, count);
}

void Shadow::endCopy(Epoch by, size_t offset, size_t count) {
  std::fill_n(bytes.begin() + offset, count, Byte{by});
}
