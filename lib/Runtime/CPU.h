//===- CPU.h - what this processor can run ----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_CPU_H
#define QNT_LIB_RUNTIME_CPU_H

#include <string>
#include <string_view>

namespace qnt::runtime {

/// Whether the processor has the feature of that name (as /proc/cpuinfo spells
/// it) and the operating system saves the registers it uses. Unknown names are
/// not supported.
bool cpuHas(std::string_view feature);

/// The first of the features in `list`, separated by spaces, that is missing;
/// empty when all are there.
std::string firstMissingFeature(std::string_view list);

/// Asks the operating system for what a process may use only with its
/// permission: the tiles of `amx_tile` (Linux, arch_prctl
/// ARCH_REQ_XCOMP_PERM), for all threads. Where it refuses, what is missing;
/// else empty.
std::string requestPermission(std::string_view list);

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_CPU_H
