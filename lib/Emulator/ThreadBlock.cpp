//===- ThreadBlock.cpp - a block of lanes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ThreadBlock.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>

using namespace qnt::emu;
namespace context = boost::context::detail;

// Machine code of kernels keeps what does not fit registers there.
static constexpr size_t kStackBytes = 256 << 10;
// What shared memory is aligned to; swizzles of TMA need this much.
static constexpr size_t kSharedAlign = 1024;
// Of what works in the background for lanes: warpgroups and mbarriers.
static constexpr size_t kMaxAgents = 128;

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

const std::byte *Execution::getOperand(size_t i, unsigned index) const {
  return lanes[i]->operands + site.operandOffsets[index];
}

void Execution::fail(size_t i, const std::string &why) {
  block.fail(*lanes[i], site.name, why);
}

bool Execution::access(size_t i, const void *pointer, size_t bytes,
                       bool isWrite) {
  std::string why = block.check(*lanes[i], static_cast<const char *>(pointer),
                                bytes, isWrite);
  if (!why.empty())
    fail(i, why);
  return why.empty();
}

//===----------------------------------------------------------------------===//
// Fibres
//===----------------------------------------------------------------------===//

ThreadBlock::ThreadBlock(std::string kernel, const Launch &launch, Entry entry,
                         llvm::ArrayRef<uint64_t> args)
    : kernel(std::move(kernel)), launch(launch), entry(entry), args(args),
      lanes(size_t(launch.block[0]) * launch.block[1] * launch.block[2]),
      warps(llvm::divideCeil(lanes.size(), kWarp)),
      warpgroups(llvm::divideCeil(lanes.size(), kWarpgroup)),
      memory(launch.sharedBytes + kSharedAlign), allocator(kStackBytes) {
  shared = reinterpret_cast<char *>(
      llvm::alignTo(reinterpret_cast<uintptr_t>(memory.data()), kSharedAlign));
  for (auto [i, lane] : llvm::enumerate(lanes)) {
    lane.index = i;
    lane.block = this;
    lane.shared = shared;
    std::copy(launch.block.begin(), launch.block.end(), lane.blockDim);
    std::copy(launch.grid.begin(), launch.grid.end(), lane.gridDim);
    lane.threadId[0] = i % launch.block[0];
    lane.threadId[1] = i / launch.block[0] % launch.block[1];
    lane.threadId[2] = i / launch.block[0] / launch.block[1];
    warps[i / kWarp].lanes.push_back(&lane);
    warpgroups[i / kWarpgroup].lanes.push_back(&lane);
    block.lanes.push_back(&lane);
    stacks.push_back(allocator.allocate());
  }
}

// Fibres that have not ended are dropped, not unwound: there is nothing to
// destroy on their stacks.
ThreadBlock::~ThreadBlock() {
  for (boost::context::stack_context &stack : stacks)
    allocator.deallocate(stack);
}

void ThreadBlock::enter(context::transfer_t from) {
  Lane &lane = *static_cast<Lane *>(from.data);
  ThreadBlock &block = *lane.block;
  block.scheduler = from.fctx;
  block.entry(&lane, block.args.data());
  lane.state = Lane::State::Done;
  block.leave(lane);
}

void ThreadBlock::leave(Lane &lane) {
  scheduler = context::jump_fcontext(scheduler, &lane).fctx;
}

void ThreadBlock::resume(Lane &lane) {
  lane.context = context::jump_fcontext(lane.context, &lane).fctx;
}

bool ThreadBlock::run(uint32_t x, uint32_t y, uint32_t z) {
  uint32_t id[3] = {x, y, z};
  shadow.reset(launch.sharedBytes, lanes.size());
  for (auto [i, group] : llvm::enumerate(warpgroups)) {
    group.agent =
        shadow.addAgent(llvm::formatv("a product of warpgroup {0}", i));
    group.products = 0;
  }
  size_t clocks = lanes.size() + kMaxAgents;
  barriers.reset(shadow, clocks);
  tensor.reset(shadow, barriers, clocks);
  // Something that no kernel expects.
  std::fill_n(shared, launch.sharedBytes, char(0xff));
  auto none = std::make_shared<const LaneClock::Vector>(clocks);
  for (auto [lane, stack] : llvm::zip_equal(lanes, stacks)) {
    std::copy(id, id + 3, lane.blockId);
    lane.clock = {lane.index, 1, none, none};
    lane.state = Lane::State::Ready;
    lane.copies.assign(1, {});
    lane.context = context::make_fcontext(stack.sp, stack.size, enter);
  }
  for (bool any = true; any;) {
    any = false;
    for (Lane &lane : lanes) {
      if (lane.state == Lane::State::Blocked && !isBlocked(lane))
        lane.state = Lane::State::Ready;
      if (error.empty() && lane.state == Lane::State::Ready) {
        any = true;
        resume(lane);
      }
      if (!error.empty())
        return false;
    }
    if (any)
      continue;
    any = completeWork();
    if (!error.empty())
      return false;
  }
  reportStall();
  if (error.empty() && tensor.isAllocated())
    fail(lanes[0], "the end", "tensor memory is still allocated");
  return error.empty();
}

bool ThreadBlock::completeWork() {
  // As late as can be.
  std::string why;
  bool isCopy = barriers.completeCopy(shared);
  if (!isCopy && !tensor.completeCommit(why))
    return false;
  bool isOver = llvm::all_of(
      lanes, [](const Lane &lane) { return lane.state == Lane::State::Done; });
  if (isOver && why.empty())
    why = isCopy ? "a bulk copy to shared memory goes on"
                 : "products of tensor memory go on";
  if (!why.empty())
    fail(lanes[0], isOver ? "the end" : "tcgen05.commit", why);
  return true;
}

bool ThreadBlock::isBlocked(Lane &lane) {
  Lane *one = &lane;
  Execution execution(*lane.site, *this, one);
  return !lane.site->isReady(execution);
}

void ThreadBlock::reportStall() {
  for (Lane &lane : lanes)
    if (lane.state == Lane::State::Blocked) {
      Lane *one = &lane;
      Execution execution(*lane.site, *this, one);
      return lane.site->run(execution);
    }
  auto isWaiting = [](const Lane &lane) {
    return lane.state == Lane::State::Waiting;
  };
  auto waiting = llvm::find_if(lanes, isWaiting);
  if (waiting == lanes.end())
    return;
  const Group &group = groupOf(*waiting, waiting->site->scope);
  fail(*waiting, waiting->site->name,
       llvm::formatv("only {0} of {1} lanes came", group.arrived,
                     group.lanes.size()));
}

ThreadBlock::Group &ThreadBlock::groupOf(const Lane &lane, Scope scope) {
  switch (scope) {
  case Scope::Warp:
    return warps[lane.index / kWarp];
  case Scope::Warpgroup:
    return warpgroups[lane.index / kWarpgroup];
  default:
    return block;
  }
}

void ThreadBlock::execute(Lane &lane, const Site &site,
                          const std::byte *operands, std::byte *result) {
  lane.site = &site;
  lane.operands = operands;
  lane.result = result;
  auto runFor = [&](llvm::ArrayRef<Lane *> lanes) {
    Execution execution(site, *this, lanes);
    site.run(execution);
  };
  if (site.scope == Scope::Lane) {
    if (site.isReady && isBlocked(lane) && error.empty()) {
      lane.state = Lane::State::Blocked;
      return leave(lane);
    }
    if (!site.isReady)
      runFor({&lane});
    if (!error.empty())
      leave(lane);
    return;
  }
  Group &group = groupOf(lane, site.scope);
  if (site.scope == Scope::Warpgroup && group.lanes.size() != kWarpgroup) {
    fail(lane, site.name, "is no part of a whole warpgroup");
    leave(lane);
  }
  for (const Lane *other : group.lanes)
    if (other->state == Lane::State::Waiting && other->site != &site &&
        other->site->scope == site.scope) {
      fail(lane, site.name,
           llvm::formatv("lane {0} waits at {1}", other->index,
                         other->site->name));
      leave(lane);
    }
  lane.state = Lane::State::Waiting;
  if (++group.arrived < group.lanes.size())
    return leave(lane);
  group.arrived = 0;
  runFor(group.lanes);
  for (Lane *other : group.lanes)
    other->state = Lane::State::Ready;
  if (!error.empty())
    leave(lane);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

bool ThreadBlock::isShared(const void *pointer) const {
  return pointer >= shared && pointer < shared + launch.sharedBytes;
}

std::string ThreadBlock::checkGlobal(const char *pointer, size_t bytes,
                                     bool isWrite) {
  const char *verb = isWrite ? "writes" : "reads";
  for (const Buffer &buffer : launch.buffers) {
    auto *data = static_cast<const char *>(buffer.data);
    if (pointer < data || pointer >= data + buffer.bytes)
      continue;
    if (pointer + bytes > data + buffer.bytes)
      return llvm::formatv("{0} {1} bytes at {2} of '{3}', which has {4}", verb,
                           bytes, pointer - data, buffer.name, buffer.bytes);
    if (isWrite && !buffer.writable)
      return llvm::formatv("writes {0} bytes at {1} of the input '{2}'", bytes,
                           pointer - data, buffer.name);
    return {};
  }
  // The nearest buffer before tells most about an index that ran away.
  const Buffer *nearest = nullptr;
  for (const Buffer &buffer : launch.buffers)
    if (buffer.data <= pointer && (!nearest || buffer.data > nearest->data))
      nearest = &buffer;
  if (!nearest)
    return llvm::formatv("{0} {1} bytes outside of all buffers", verb, bytes);
  return llvm::formatv("{0} {1} bytes outside of all buffers, {2} after the "
                       "start of '{3}'",
                       verb, bytes,
                       pointer - static_cast<const char *>(nearest->data),
                       nearest->name);
}

std::string ThreadBlock::check(Lane &lane, const char *pointer, size_t bytes,
                               bool isWrite) {
  // Shared memory ends where nothing else begins.
  bool isNearShared =
      pointer >= shared && pointer < memory.data() + memory.size();
  if (!isNearShared)
    return checkGlobal(pointer, bytes, isWrite);
  size_t offset = offsetOf(pointer);
  if (offset + bytes > launch.sharedBytes)
    return llvm::formatv("{0} {1} bytes at {2} of shared memory, which has {3}",
                         isWrite ? "writes" : "reads", bytes, offset,
                         launch.sharedBytes);
  return isWrite ? shadow.write(lane.clock, offset, bytes)
                 : shadow.read(lane.clock, offset, bytes);
}

void ThreadBlock::access(Lane &lane, const char *pointer, size_t bytes,
                         bool isWrite, const char *what) {
  std::string why;
  if (reinterpret_cast<uintptr_t>(pointer) % llvm::bit_floor(bytes))
    why = llvm::formatv("{0} bytes at an address that is no multiple", bytes);
  else
    why = check(lane, pointer, bytes, isWrite);
  if (why.empty())
    return;
  fail(lane, what, why);
  why = {};
  leave(lane);
}

void ThreadBlock::fail(const Lane &lane, llvm::StringRef what,
                       const std::string &why) {
  if (error.empty())
    error = llvm::formatv("kernel '{0}', block ({1}, {2}, {3}), lane {4}, {5}: "
                          "{6}",
                          kernel, lane.blockId[0], lane.blockId[1],
                          lane.blockId[2], lane.index, what, why);
}
