//===- Sha256.cpp - hashes of parameter files -----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sha256.h"

#include "qnt/Params/SafeTensors.h"

#include <openssl/evp.h>

using namespace qnt::params;

struct Sha256::Context {
  EVP_MD_CTX *state = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(state); }
};

namespace {
void check(int status) {
  if (status != 1)
    throw ParamsError("libcrypto cannot compute SHA-256");
}
} // namespace

Sha256::Sha256() : context(std::make_unique<Context>()) {
  check(context->state != nullptr &&
        EVP_DigestInit_ex(context->state, EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context->state, bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context->state, digest, &size));
  std::string hex;
  for (unsigned i = 0; i < size; ++i)
    for (int digit : {digest[i] >> 4, digest[i] & 15})
      hex += "0123456789abcdef"[digit];
  return hex;
}
