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

/// What a lane knows of the order of things: its own clock, and the clocks of
/// all lanes of the block that it has synchronised with.
struct LaneClock {
  using Vector = std::vector<uint32_t>;
  uint32_t lane = 0, now = 1;
  std::shared_ptr<const Vector> seen;

  /// Makes all that `lanes` did so far come before what each of them does next.
  static void synchronize(llvm::ArrayRef<LaneClock *> lanes);
};

/// Who touched each byte of a block's shared memory last. Methods return an
/// empty string, or what is wrong.
class Shadow {
public:
  /// Forgets everything.
  void reset(size_t bytes);

  std::string read(const LaneClock &lane, size_t offset, size_t bytes);
  std::string write(const LaneClock &lane, size_t offset, size_t bytes);
  /// The destination of a copy that goes on in the background, and its end.
  std::string beginCopy(const LaneClock &lane, size_t offset, size_t bytes);
  void endCopy(const LaneClock &lane, size_t offset, size_t bytes);

private:
  /// A lane at a clock; 0 is nobody.
  using Epoch = uint32_t;
  static Epoch of(const LaneClock &lane);
  static bool isBefore(Epoch epoch, const LaneClock &lane);
  static std::string conflict(const char *what, const LaneClock &lane,
                              size_t offset, const char *other, Epoch epoch);
  std::string checkWrite(const LaneClock &lane, size_t offset, size_t bytes);

  struct Byte {
    Epoch write = 0, reads[2] = {0, 0};
    bool isPending = false;
  };
  std::vector<Byte> bytes;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_SHADOW_H
