//===- CPU.cpp - what this processor can run ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CPU.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cerrno>
#include <cpuid.h>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

using namespace qnt::runtime;

#if defined(__x86_64__)
namespace {

enum Register { EAX, EBX, ECX, EDX };

/// Register files that the operating system must save on a context switch, as
/// bits of XCR0 (Intel SDM volume 1, 13.3).
enum State : uint64_t {
  None = 0,
  Ymm = 0x6,
  Zmm = 0xe6,
  Tile = 0x60000,
};

/// Where CPUID reports a feature (Intel SDM volume 2, CPUID).
struct Feature {
  std::string_view name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  State state;
};

constexpr Feature features[] = {
    {"sse2", 1, 0, EDX, 26, None},
    {"pni", 1, 0, ECX, 0, None},
    {"ssse3", 1, 0, ECX, 9, None},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"sse4_1", 1, 0, ECX, 19, None},
    {"sse4_2", 1, 0, ECX, 20, None},
    {"movbe", 1, 0, ECX, 22, None},
    {"popcnt", 1, 0, ECX, 23, None},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"bmi1", 7, 0, EBX, 3, None},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, None},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512_vbmi2", 7, 0, ECX, 6, Zmm},
    {"gfni", 7, 0, ECX, 8, None},
    {"vpclmulqdq", 7, 0, ECX, 10, Ymm},
    {"avx512_vnni", 7, 0, ECX, 11, Zmm},
    {"avx512_bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512_vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"amx_bf16", 7, 0, EDX, 22, Tile},
    {"avx512_fp16", 7, 0, EDX, 23, Zmm},
    {"amx_tile", 7, 0, EDX, 24, Tile},
    {"amx_int8", 7, 0, EDX, 25, Tile},
    {"avx_vnni", 7, 1, EAX, 4, Ymm},
    {"avx512_bf16", 7, 1, EAX, 5, Zmm},
    {"abm", 0x80000001, 0, ECX, 5, None},
};

/// Register files that the operating system saves.
uint64_t savedState() {
  uint32_t r[4];
  if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
    return 0;
  constexpr uint32_t osxsave = 1u << 27;
  if (!(r[ECX] & osxsave))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

} // namespace

bool qnt::runtime::cpuHas(std::string_view feature) {
  for (const Feature &f : features) {
    if (f.name != feature)
      continue;
    uint32_t r[4];
    if (!__get_cpuid_count(f.leaf, f.subleaf, &r[EAX], &r[EBX], &r[ECX],
                           &r[EDX]))
      return false;
    return (r[f.reg] >> f.bit & 1) && (savedState() & f.state) == f.state;
  }
  return false;
}

std::string qnt::runtime::requestPermission(std::string_view list) {
  if (list.find("amx_tile") == list.npos)
    return "";
  // Documentation/arch/x86/xstate.rst of Linux.
  constexpr long requestPermissionFor = 0x1023, tileData = 18;
  if (syscall(SYS_arch_prctl, requestPermissionFor, tileData) == 0)
    return "";
  return std::string("permission to use AMX's tiles (arch_prctl: ") +
         std::strerror(errno) + ")";
}
#elif defined(__aarch64__)
bool qnt::runtime::cpuHas(std::string_view feature) {
  // Bits of the kernel's elf_hwcaps.
  if (feature == "asimddp")
    return getauxval(AT_HWCAP) >> 20 & 1;
  if (feature == "i8mm")
    return getauxval(AT_HWCAP2) >> 13 & 1;
  return false;
}
#else
bool qnt::runtime::cpuHas(std::string_view) { return false; }
#endif

#if !defined(__x86_64__)
std::string qnt::runtime::requestPermission(std::string_view) { return ""; }
#endif

std::string qnt::runtime::firstMissingFeature(std::string_view list) {
  while (!list.empty()) {
    size_t end = list.find(' ');
    std::string_view feature = list.substr(0, end);
    if (!feature.empty() && !cpuHas(feature))
      return std::string(feature);
    list.remove_prefix(end == list.npos ? list.size() : end + 1);
  }
  return "";
}
