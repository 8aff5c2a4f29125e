//===- Sha256.h - FIPS 180-4 hash of a parameter file -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_SHA256_H
#define QNT_LIB_RUNTIME_SHA256_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace qnt::runtime {

/// SHA-256 of `bytes` (FIPS 180-4), lower-case hex.
std::string sha256(std::span<const std::byte> bytes);

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_SHA256_H
