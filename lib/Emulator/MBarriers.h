//===- MBarriers.h - mbarriers and bulk copies of a block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_MBARRIERS_H
#define QNT_LIB_EMULATOR_MBARRIERS_H

#include "Shadow.h"

#include <deque>
#include <map>

namespace qnt::emu {

/// An mbarrier object (PTX ISA, "Parallel Synchronization and Communication
/// Instructions: mbarrier"). A phase ends when as many arrivals as expected
/// have come and no bytes are outstanding.
struct MBarrier {
  uint32_t expected = 0, pending = 0;
  /// Phases that have ended.
  uint32_t phase = 0;
  int64_t bytes = 0;
  /// The agent whose writes are the copies that count here; its clock is the
  /// number of phases.
  uint32_t agent = 0;
  /// Who initialised it; whether a fence made that known to the async proxy.
  Shadow::Epoch creator = 0;
  bool isFenced = false;
  /// What arrivals of this phase bring, and what those of the last one brought.
  LaneClock::Vector arriving, published;
};

/// Methods that return a string return an empty one, or what is wrong. Barriers
/// are named by the offset of their 8 bytes in shared memory.
class MBarriers {
public:
  /// Forgets everything; `lanes` and agents of other kinds are known to
  /// `shadow`.
  void reset(Shadow &shadow, size_t clocks);

  std::string init(const LaneClock &lane, size_t at, uint32_t count);
  /// The lane's initialisations are known to the async proxy.
  void fence(const LaneClock &lane);
  std::string expect(const LaneClock &lane, size_t at, uint32_t bytes);
  std::string arrive(LaneClock &lane, size_t at, uint32_t count);
  /// Whether the phase of this parity has ended; then what it published is
  /// known to the lane.
  std::string tryWait(LaneClock &lane, size_t at, uint32_t parity, bool &done);
  /// Why a wait would go on.
  std::string describe(size_t at) const;

  /// A copy whose bytes are written when `complete` chooses to; until then they
  /// are poisoned.
  struct Copy {
    size_t barrier, to;
    std::vector<char> image;
  };
  std::string beginCopy(const LaneClock &lane, char *shared, Copy copy);
  /// Completes the copy that was begun first; false where there is none.
  bool completeCopy(char *shared);

  /// An arrival that comes when an agent's work up to `clock` is over; without
  /// work there is no agent, and `clock` is 0.
  std::string beginArrival(const LaneClock &lane, size_t at);
  std::string endArrival(size_t at, uint32_t agent, uint32_t clock);

private:
  /// One that what works in the background may count at.
  std::string findFenced(const LaneClock &lane, size_t at, MBarrier *&found);
  std::string find(const LaneClock &lane, size_t at, MBarrier *&found);
  void endPhase(MBarrier &barrier);

  Shadow *shadow = nullptr;
  size_t clocks = 0;
  std::map<size_t, MBarrier> barriers;
  std::deque<Copy> copies;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_MBARRIERS_H
