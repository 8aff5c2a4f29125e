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

// 10 bits of lane, 22 of clock.
static constexpr uint32_t kClockBits = 22;
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

Shadow::Epoch Shadow::of(const LaneClock &lane) {
  return lane.lane << kClockBits | lane.now;
}

bool Shadow::isBefore(Epoch epoch, const LaneClock &lane) {
  return epoch == 0 || laneOf(epoch) == lane.lane ||
         (*lane.seen)[laneOf(epoch)] >= clockOf(epoch);
}

std::string Shadow::conflict(const char *what, const LaneClock &lane,
                             size_t offset, const char *other, Epoch epoch) {
  return llvm::formatv("race: lane {0} {1} shared memory at {2} that lane {3} "
                       "{4} without a barrier between",
                       lane.lane, what, offset, laneOf(epoch), other);
}

void Shadow::reset(size_t count) { bytes.assign(count, {}); }

std::string Shadow::read(const LaneClock &lane, size_t offset, size_t count) {
  Epoch now = of(lane);
  for (size_t i = offset; i < offset + count; ++i) {
    Byte &byte = bytes[i];
    if (byte.write == 0)
      return llvm::formatv("lane {0} reads shared memory at {1}, which nobody "
                           "wrote",
                           lane.lane, i);
    if (byte.isPending)
      return llvm::formatv("lane {0} reads shared memory at {1} before lane "
                           "{2} has waited for its copy",
                           lane.lane, i, laneOf(byte.write));
    if (!isBefore(byte.write, lane))
      return conflict("reads", lane, i, "wrote", byte.write);
    if (laneOf(byte.reads[0]) != lane.lane)
      byte.reads[1] = byte.reads[0];
    byte.reads[0] = now;
  }
  return {};
}

std::string Shadow::checkWrite(const LaneClock &lane, size_t offset,
                               size_t count) {
  for (size_t i = offset; i < offset + count; ++i) {
    const Byte &byte = bytes[i];
    if (byte.isPending)
      return llvm::formatv("lane {0} writes shared memory at {1} before lane "
                           "{2} has waited for its copy",
                           lane.lane, i, laneOf(byte.write));
    if (!isBefore(byte.write, lane))
      return conflict("writes", lane, i, "wrote", byte.write);
    for (Epoch read : byte.reads)
      if (!isBefore(read, lane))
        return conflict("writes", lane, i, "read", read);
  }
  return {};
}

std::string Shadow::write(const LaneClock &lane, size_t offset, size_t count) {
  std::string error = checkWrite(lane, offset, count);
  if (error.empty())
    endCopy(lane, offset, count);
  return error;
}

std::string Shadow::beginCopy(const LaneClock &lane, size_t offset,
                              size_t count) {
  std::string error = checkWrite(lane, offset, count);
  if (error.empty())
    std::fill_n(bytes.begin() + offset, count,
                Byte{of(lane), {0, 0}, /*isPending=*/true});
  return error;
}

void Shadow::endCopy(const LaneClock &lane, size_t offset, size_t count) {
  std::fill_n(bytes.begin() + offset, count, Byte{of(lane)});
}
