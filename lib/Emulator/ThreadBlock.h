//===- ThreadBlock.h - a block of lanes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_THREADBLOCK_H
#define QNT_LIB_EMULATOR_THREADBLOCK_H

#include "TensorMemory.h"

#include "qnt/Emulator/Emulator.h"

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include <functional>

namespace qnt::emu {

class ThreadBlock;
struct Site;

constexpr unsigned kWarp = 32, kWarpgroup = 128;

/// A copy from global to shared memory that has not been waited for.
struct PendingCopy {
  char *to;
  const char *from;
  /// Bytes written, and those of them that are read; the others become zero.
  size_t bytes, valid;
};

/// One lane, a fibre. Machine code reads what stands before `index`.
struct Lane {
  uint32_t threadId[3], blockId[3], blockDim[3], gridDim[3];
  char *shared;

  uint32_t index;
  ThreadBlock *block;
  LaneClock clock;
  /// Waiting is for other lanes to come, Blocked for what its instruction asks.
  enum class State { Ready, Waiting, Blocked, Done } state;
  /// Where it waits, and what it brought there.
  const Site *site;
  const std::byte *operands;
  std::byte *result;
  /// Asynchronous copies: those of the open group last.
  std::vector<std::vector<PendingCopy>> copies;
  boost::context::detail::fcontext_t context;
};

/// The lanes that execute an instruction together.
class Execution {
public:
  Execution(const Site &site, ThreadBlock &block, llvm::ArrayRef<Lane *> lanes)
      : site(site), block(block), lanes(lanes) {}

  size_t size() const { return lanes.size(); }
  Lane &lane(size_t i) { return *lanes[i]; }
  llvm::ArrayRef<Lane *> all() { return lanes; }
  /// Operand `index` of lane i, in memory as the llvm dialect lays it out.
  template <typename T> const T &operand(size_t i, unsigned index) const {
    return *reinterpret_cast<const T *>(getOperand(i, index));
  }
  /// Element `index` of the result of lane i, seen as an array of T.
  template <typename T> T &result(size_t i, size_t index = 0) {
    return reinterpret_cast<T *>(lanes[i]->result)[index];
  }
  /// Ends the launch with this error, blamed on lane i.
  void fail(size_t i, const std::string &why);
  /// Whether lane i may read or write `bytes` at `pointer`, which it then has.
  bool access(size_t i, const void *pointer, size_t bytes, bool isWrite);

  const Site &site;
  ThreadBlock &block;

private:
  const std::byte *getOperand(size_t i, unsigned index) const;
  llvm::ArrayRef<Lane *> lanes;
};

/// Who must come before an instruction is executed.
enum class Scope { Lane, Warp, Warpgroup, Block };

/// One op of a kernel.
struct Site {
  std::string name;
  Scope scope;
  std::vector<size_t> operandOffsets;
  std::function<void(Execution &)> run;
  /// Of a lane's instructions that may take long: whether it can go on.
  std::function<bool(Execution &)> isReady;
};

/// Runs the blocks of a launch, one at a time.
class ThreadBlock {
public:
  using Entry = void (*)(Lane *, const uint64_t *args);

  ThreadBlock(std::string kernel, const Launch &launch, Entry entry,
              llvm::ArrayRef<uint64_t> args);
  ~ThreadBlock();
  ThreadBlock(const ThreadBlock &) = delete;

  /// False after an error, which `getError` tells.
  bool run(uint32_t x, uint32_t y, uint32_t z);
  const std::string &getError() const { return error; }

  /// Called by lanes. `access` does not return after an error.
  void execute(Lane &lane, const Site &site, const std::byte *operands,
               std::byte *result);
  void access(Lane &lane, const char *pointer, size_t bytes, bool isWrite,
              const char *what);

  /// What is wrong with an access, or an empty string, in which case it has
  /// taken place as far as the shadow knows.
  std::string check(Lane &lane, const char *pointer, size_t bytes,
                    bool isWrite);
  void fail(const Lane &lane, llvm::StringRef what, const std::string &why);
  bool isShared(const void *pointer) const;
  size_t offsetOf(const void *pointer) const {
    return static_cast<const char *>(pointer) - shared;
  }
  char *getShared() { return shared; }
  Shadow shadow;
  MBarriers barriers;
  TensorMemory tensor;

  /// Lanes that come together, and how many have.
  struct Group {
    std::vector<Lane *> lanes;
    size_t arrived = 0;
    /// Of a warpgroup: who reads for its products, and how many it has begun.
    uint32_t agent = 0, products = 0;
  };
  Group &groupOf(const Lane &lane, Scope scope);

private:
  static void enter(boost::context::detail::transfer_t from);
  /// To the scheduler; returns when it chooses the lane again.
  void leave(Lane &lane);
  void resume(Lane &lane);
  std::string checkGlobal(const char *pointer, size_t bytes, bool isWrite);
  void reportStall();

  bool isBlocked(Lane &lane);
  /// Ends something that goes on in the background; false where there is
  /// nothing.
  bool completeWork();

  std::string kernel;
  const Launch &launch;
  Entry entry;
  llvm::ArrayRef<uint64_t> args;
  std::vector<Lane> lanes;
  std::vector<Group> warps, warpgroups;
  Group block;
  std::vector<char> memory;
  char *shared = nullptr;
  std::vector<boost::context::stack_context> stacks;
  boost::context::protected_fixedsize_stack allocator;
  boost::context::detail::fcontext_t scheduler = nullptr;
  std::string error;
};

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_THREADBLOCK_H
