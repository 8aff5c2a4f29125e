//===- Sha256.h - hashes of parameter files ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PARAMS_SHA256_H
#define QNT_LIB_PARAMS_SHA256_H

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace qnt::params {

/// SHA-256 (FIPS 180-4) of bytes that arrive in pieces.
class Sha256 {
public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  /// Lower-case hex. Ends the hash: no update after it.
  std::string finish();

private:
  struct Context;
  std::unique_ptr<Context> context;
};

} // namespace qnt::params

#endif // QNT_LIB_PARAMS_SHA256_H
