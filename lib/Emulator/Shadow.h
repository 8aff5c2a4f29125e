//===- Shadow.h - order of accesses to shared memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_SHADOW_H
#define QNT_LIB_EMULATOR_SHADOW_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qnt::emu {

/// Tensor memory of a multiprocessor: cells of 32 bits.
constexpr size_t kTensorLanes = 128, kTensorColumns = 512;

/// What a lane knows of the order of things: its own clock, and the clocks of
/// all lanes of the block that it has synchronised with.
struct LaneClock {
  using Vector = std::vector<uint32_t>;
  uint32_t lane = 0, now = 1;
  std::shared_ptr<const Vector> seen;
  /// What it had seen at its last tcgen05.fence::after_thread_sync.
  std::shared_ptr<const Vector> seenByTensor;

  /// Makes all that `lanes` did so far come before what each of them does next.
  static void synchronize(llvm::ArrayRef<LaneClock *> lanes);
  /// Adds all that the lane did and saw so far to `into`.
  void release(Vector &into);
  /// All that `from` holds comes before what the lane does next.
  void acquire(const Vector &from);
  /// What the lane's accesses to tensor memory come after.
  LaneClock inTensorMemory() const { return {lane, now, seenByTensor, {}}; }
};

/// Who touched each byte of a block's shared memory last: lanes, and agents
/// that work in the background for them, which are numbered behind the lanes.
/// Methods return an empty string, or what is wrong.
class Shadow {
public:
  /// A lane or agent at a clock; 0 is nobody.
  using Epoch = uint32_t;
  static Epoch of(uint32_t lane, uint32_t clock);

  /// Forgets everything.
  void reset(size_t bytes, size_t lanes);
  /// From here on there are cells of tensor memory too, as bytes from the
  /// returned offset on: 512 columns of each of 128 lanes.
  size_t addTensorMemory();
  /// A new agent, by what it is called in errors.
  uint32_t addAgent(std::string name);

  std::string read(const LaneClock &lane, size_t offset, size_t bytes);
  std::string write(const LaneClock &lane, size_t offset, size_t bytes);
  /// The destination of a copy that goes on in the background, and its end.
  std::string beginCopy(const LaneClock &lane, size_t offset, size_t bytes);
  void endCopy(const LaneClock &lane, size_t offset, size_t bytes);

  /// The same of an agent's copy, which `lane` asked for.
  std::string beginCopy(const LaneClock &lane, Epoch by, size_t offset,
                        size_t bytes);
  void endCopy(Epoch by, size_t offset, size_t bytes);
  /// An agent reads for `lane`, by the async proxy.
  std::string read(const LaneClock &lane, Epoch by, size_t offset,
                   size_t bytes);
  std::string write(const LaneClock &lane, Epoch by, size_t offset,
                    size_t bytes);
  /// What the lane wrote so far is there for the async proxy
  /// (fence.proxy.async).
  void fence(LaneClock &lane);
  /// The lane's accesses to tensor memory so far come before what others do
  /// there once they wait for the lane (tcgen05.fence::before_thread_sync).
  void fenceTensorMemory(LaneClock &lane);

  /// Whether what happened at `epoch` comes before what the lane does now.
  static bool isBefore(Epoch epoch, const LaneClock &lane);
  /// Who wrote a byte last.
  Epoch getWriter(size_t offset) const { return bytes[offset].write; }

private:
  static Epoch of(const LaneClock &lane);
  std::string nameOf(Epoch epoch) const;
  /// What memory is called there, and where in it that is.
  std::string describe(size_t offset) const;
  std::string conflict(const char *what, const LaneClock &lane, size_t offset,
                       const char *other, Epoch epoch) const;
  /// Whether `epoch` comes before what `by` does for `lane`.
  static bool isBefore(Epoch epoch, const LaneClock &lane, Epoch by);
  std::string checkRead(const LaneClock &lane, Epoch by, size_t offset) const;
  /// Whether fences of tensor memory leave out what happened at `epoch`.
  bool lacksTensorFence(Epoch epoch, Epoch by, size_t offset) const;
  std::string describePending(const char *what, const LaneClock &lane,
                              size_t offset) const;
  std::string checkWrite(const LaneClock &lane, Epoch by, size_t offset,
                         size_t bytes);

  struct Byte {
    Epoch write = 0, reads[2] = {0, 0};
    bool isPending = false;
  };
  std::vector<Byte> bytes;
  size_t lanes = 0;
  std::vector<std::string> agents;
  /// The clock of each lane's last fence.
  std::vector<uint32_t> fences, tensorFences;
  /// Where cells of tensor memory begin.
  size_t tensorAt = SIZE_MAX;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_SHADOW_H
