//===- Guarded.cpp - memory that ends where it ends -----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Guarded.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

using namespace qnt::test;

constexpr size_t kPage = 4096;

static std::mutex &mutex() {
  static std::mutex instance;
  return instance;
}

/// All that live. What a handler of faults reads, without the lock: the program
/// ends there.
static std::vector<Guarded *> &living() {
  static std::vector<Guarded *> instance;
  return instance;
}

Guarded::Guarded(std::string name, size_t bytes, size_t alignment)
    : name_(std::move(name)), bytes(bytes) {
  size_t room = (bytes + kPage - 1) / kPage * kPage;
  mapped = room + 2 * kPage;
  void *pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    throw std::bad_alloc();
  base = static_cast<std::byte *>(pages);
  std::memset(base + kPage, 0xff, room);
  mprotect(base, kPage, PROT_NONE);
  mprotect(base + kPage + room, kPage, PROT_NONE);
  start = base + kPage + (room - bytes) / alignment * alignment;
  std::lock_guard<std::mutex> lock(mutex());
  living().push_back(this);
}

Guarded::~Guarded() {
  std::lock_guard<std::mutex> lock(mutex());
  std::erase(living(), this);
  munmap(base, mapped);
}

void Guarded::makeReadOnly() {
  mprotect(base + kPage, mapped - 2 * kPage, PROT_READ);
}

bool Guarded::isIntact() const {
  auto untouched = [](std::byte byte) { return byte == std::byte(0xff); };
  return std::all_of(base + kPage, start, untouched) &&
         std::all_of(start + bytes, base + mapped - kPage, untouched);
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

namespace qnt::test {
struct FaultReport {
  [[noreturn]] static void handle(int, siginfo_t *info, void *) {
    auto *address = static_cast<std::byte *>(info->si_addr);
    char line[400] = "access to memory that is nobody's\n";
    for (const Guarded *memory : living())
      if (address >= memory->base && address < memory->base + memory->mapped)
        std::snprintf(
            line, sizeof(line),
            "access to byte %td of %s, which has %zu bytes%s\n",
            address - memory->start, memory->name_.c_str(), memory->bytes,
            address >= memory->start && address < memory->start + memory->bytes
                ? " and is read only"
                : "");
    [[maybe_unused]] ssize_t written =
        write(STDERR_FILENO, line, std::strlen(line));
    _exit(3);
  }
};
} // namespace qnt::test

void qnt::test::reportGuardedFaults() {
  struct sigaction action{};
  action.sa_sigaction = FaultReport::handle;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

void *qnt::test::allocateGuarded(size_t bytes, size_t alignment) {
  return (new Guarded("a vector", bytes, alignment))->data();
}

void qnt::test::freeGuarded(void *data) {
  std::unique_ptr<Guarded> memory;
  {
    std::lock_guard<std::mutex> lock(mutex());
    memory.reset(*std::ranges::find_if(
        living(), [&](const Guarded *one) { return one->data() == data; }));
  }
  if (memory->isIntact())
    return;
  std::fprintf(stderr, "written around a vector of %zu bytes\n",
               memory->size());
  std::exit(3);
}
