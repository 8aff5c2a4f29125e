//===- MBarriers.cpp - mbarriers and bulk copies of a block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MBarriers.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace qnt::emu;

static constexpr size_t kBytes = 8;
// Of counts and of outstanding bytes.
static constexpr uint32_t kMost = (1u << 20) - 1;

void MBarriers::reset(Shadow &blockShadow, size_t clockCount) {
  shadow = &blockShadow;
  clocks = clockCount;
  barriers.clear();
  copies.clear();
}

std::string MBarriers::init(const LaneClock &lane, size_t at, uint32_t count) {
  if (count == 0 || count > kMost)
    return llvm::formatv("expects {0} arrivals; there are 1 to {1}", count,
                         kMost);
  std::string error = shadow->write(lane, at, kBytes);
  if (!error.empty())
    return error;
  MBarrier barrier;
  barrier.expected = barrier.pending = count;
  barrier.agent =
      shadow->addAgent(llvm::formatv("a copy that counts at {0}", at));
  if (barrier.agent >= clocks)
    return "is one barrier more than can be told apart";
  barrier.creator = shadow->getWriter(at);
  barrier.arriving.resize(clocks);
  barrier.published.resize(clocks);
  barriers[at] = std::move(barrier);
  return {};
}

std::string MBarriers::find(const LaneClock &lane, size_t at,
                            MBarrier *&found) {
  auto place = barriers.find(at);
  if (place == barriers.end() || shadow->getWriter(at) != place->second.creator)
    return llvm::formatv("there is no mbarrier at {0} of shared memory", at);
  found = &place->second;
  if (!Shadow::isBefore(found->creator, lane))
    return llvm::formatv("race: lane {0} uses the mbarrier at {1}, whose "
                         "initialisation it may not see",
                         lane.lane, at);
  return {};
}

void MBarriers::fence(const LaneClock &lane) {
  for (auto &[at, barrier] : barriers)
    barrier.isFenced |= Shadow::isBefore(barrier.creator, lane);
}

void MBarriers::endPhase(MBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.pending = barrier.expected;
  barrier.arriving[barrier.agent] = ++barrier.phase;
  barrier.published = barrier.arriving;
}

std::string MBarriers::expect(const LaneClock &lane, size_t at,
                              uint32_t bytes) {
  MBarrier *barrier = nullptr;
  std::string error = find(lane, at, barrier);
  if (!error.empty())
    return error;
  barrier->bytes += bytes;
  if (barrier->bytes > kMost)
    return llvm::formatv("expects {0} bytes; there are up to {1}",
                         barrier->bytes, kMost);
  return {};
}

std::string MBarriers::arrive(LaneClock &lane, size_t at, uint32_t count) {
  MBarrier *barrier = nullptr;
  std::string error = find(lane, at, barrier);
  if (!error.empty())
    return error;
  if (count == 0 || count > barrier->pending)
    return llvm::formatv("arrives {0} times at an mbarrier that expects {1}",
                         count, barrier->pending);
  lane.release(barrier->arriving);
  barrier->pending -= count;
  endPhase(*barrier);
  return {};
}

std::string MBarriers::tryWait(LaneClock &lane, size_t at, uint32_t parity,
                               bool &done) {
  MBarrier *barrier = nullptr;
  std::string error = find(lane, at, barrier);
  if (!error.empty())
    return error;
  // Before the first phase has ended, the one before it has.
  done = barrier->phase % 2 != parity % 2;
  if (done)
    lane.acquire(barrier->published);
  return {};
}

std::string MBarriers::describe(size_t at) const {
  const MBarrier &barrier = barriers.at(at);
  return llvm::formatv("waits for phase {0} of the mbarrier at {1}, where {2} "
                       "arrivals and {3} bytes are missing",
                       barrier.phase, at, barrier.pending, barrier.bytes);
}

std::string MBarriers::findFenced(const LaneClock &lane, size_t at,
                                  MBarrier *&found) {
  std::string error = find(lane, at, found);
  if (error.empty() && !found->isFenced)
    return llvm::formatv("counts at the mbarrier at {0}, which no "
                         "fence.mbarrier_init or fence.proxy.async made known "
                         "to copies",
                         at);
  return error;
}

std::string MBarriers::beginCopy(const LaneClock &lane, char *shared,
                                 Copy copy) {
  MBarrier *barrier = nullptr;
  std::string error = findFenced(lane, copy.barrier, barrier);
  if (!error.empty())
    return error;
  error = shadow->beginCopy(lane, Shadow::of(barrier->agent, 1), copy.to,
                            copy.image.size());
  if (!error.empty())
    return error;
  std::memset(shared + copy.to, 0xff, copy.image.size());
  copies.push_back(std::move(copy));
  return {};
}

bool MBarriers::completeCopy(char *shared) {
  if (copies.empty())
    return false;
  Copy copy = std::move(copies.front());
  copies.pop_front();
  MBarrier &barrier = barriers.at(copy.barrier);
  std::memcpy(shared + copy.to, copy.image.data(), copy.image.size());
  shadow->endCopy(Shadow::of(barrier.agent, barrier.phase + 1), copy.to,
                  copy.image.size());
  barrier.bytes -= int64_t(copy.image.size());
  endPhase(barrier);
  return true;
}

std::string MBarriers::beginArrival(const LaneClock &lane, size_t at) {
  MBarrier *barrier = nullptr;
  return findFenced(lane, at, barrier);
}

std::string MBarriers::endArrival(size_t at, uint32_t agent, uint32_t clock) {
  MBarrier &barrier = barriers.at(at);
  if (!barrier.pending)
    return llvm::formatv("a commit arrives at the mbarrier at {0}, which has "
                         "had all arrivals of its phase",
                         at);
  if (clock)
    barrier.arriving[agent] = std::max(barrier.arriving[agent], clock);
  --barrier.pending;
  endPhase(barrier);
  return {};
}
