//===- TensorMemory.h - tensor memory of a block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_TENSORMEMORY_H
#define QNT_LIB_EMULATOR_TENSORMEMORY_H

#include "MBarriers.h"

#include <array>

namespace qnt::emu {

/// Tensor memory of the multiprocessor that runs the block, of which it may
/// allocate columns, and the products that work on it in the background (PTX
/// ISA, "Tensor Memory" and "tcgen05"). Products take place when they are asked
/// for, but are over for nobody before what commits them arrives at an
/// mbarrier, which is as late as can be. Methods return an empty string, or
/// what is wrong.
class TensorMemory {
public:
  /// Forgets everything.
  void reset(Shadow &shadow, MBarriers &barriers, size_t clocks);

  /// An address is a lane, from bit 16 on, and a column.
  struct Place {
    size_t lane, column;
    static Place of(uint32_t address) {
      return {address >> 16, address & 0xffff};
    }
  };

  /// For the block; `address` is that of the first column.
  std::string allocate(uint32_t columns, uint32_t &address);
  std::string deallocate(const LaneClock &lane, uint32_t address,
                         uint32_t columns);
  /// Nothing is allocated from here on.
  void relinquish() { mayAllocate = false; }
  bool isAllocated() const { return !allocated.empty(); }

  /// Cells of one lane of tensor memory, from `place` on.
  std::string load(const LaneClock &lane, Place place,
                   llvm::MutableArrayRef<uint32_t> values);
  /// In the background, until the lane waits for its stores.
  std::string store(const LaneClock &lane, Place place, uint32_t value);
  void endStores(const LaneClock &lane);

  /// One product of a lane: what reads and writes for it, at the clock that
  /// this begins. 0 where there are too many lanes that multiply.
  Shadow::Epoch beginProduct(const LaneClock &lane);
  std::string read(const LaneClock &lane, Shadow::Epoch by, Place place,
                   llvm::MutableArrayRef<uint32_t> values);
  std::string write(const LaneClock &lane, Shadow::Epoch by, Place place,
                    llvm::ArrayRef<uint32_t> values);
  /// The mbarrier at `at` of shared memory gets an arrival when the lane's
  /// products so far are over.
  std::string commit(const LaneClock &lane, size_t at);
  /// Ends the products that were committed first; false where there are none.
  bool completeCommit(std::string &error);

private:
  using Cells = std::array<uint32_t, kTensorLanes * kTensorColumns>;
  struct Agent {
    uint32_t agent = 0, products = 0;
  };
  struct Commit {
    size_t barrier;
    Agent upTo;
  };
  /// Where `count` cells from `place` on begin, or an error.
  std::string find(Place place, size_t count, size_t &offset) const;

  Shadow *shadow = nullptr;
  MBarriers *barriers = nullptr;
  size_t clocks = 0;
  /// Of the first cell in the shadow.
  size_t shadowAt = 0;
  bool mayAllocate = true;
  std::unique_ptr<Cells> cells;
  /// First columns, and how many.
  std::map<uint32_t, uint32_t> allocated;
  /// Of each lane that multiplies.
  std::map<uint32_t, Agent> agents;
  /// Offsets of cells that a lane stores to.
  std::map<uint32_t, std::vector<size_t>> stores;
  std::deque<Commit> commits;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_TENSORMEMORY_H
