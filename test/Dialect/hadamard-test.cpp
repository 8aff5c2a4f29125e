//===- hadamard-test.cpp - the matrices of #qnt.hadamard -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// hadamard-test LIMIT SEED FIRST TRANSPOSED FILE
//
// Prints, for each n from 1 to LIMIT, the largest block of n features. Writes
// the matrices sqrt(n) R (or R^T) of all orders that are known, as
// rotateHadamard applies them to features from FIRST on: signed bytes, row by
// row.
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Hadamard.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdlib>
#include <vector>

using namespace qnt;

int main(int argc, char **argv) {
  if (argc != 6) {
    llvm::errs() << "expected LIMIT SEED FIRST TRANSPOSED FILE\n";
    return 1;
  }
  int64_t limit = std::atoll(argv[1]), first = std::atoll(argv[3]);
  uint64_t seed = std::strtoull(argv[2], nullptr, 10);
  bool transposed = llvm::StringRef(argv[4]) == "1";
  std::error_code error;
  llvm::raw_fd_ostream file(argv[5], error);
  for (int64_t n = 1; n <= limit; ++n) {
    llvm::outs() << n << " " << getLargestHadamardBlock(n) << "\n";
    if (!getHadamardOrder(n))
      continue;
    std::vector<double> rows(n * n);
    for (int64_t i = 0; i < n; ++i)
      rows[i * n + i] = std::sqrt(double(n));
    rotateHadamard(rows, n, n, seed, first, transposed);
    for (double entry : rows) {
      if (std::fabs(std::fabs(entry) - 1) > 1e-12) {
        llvm::errs() << n << ": entry " << entry << "\n";
        return 1;
      }
      file << char(entry > 0 ? 1 : -1);
    }
  }
  return 0;
}
