//===- Npy.cpp - fuzzes .npy and .npz files ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include "qnt/Support/Npy.h"

using namespace qnt;

static void use(const support::NpyArray &array) {
  array.toFloats();
  try {
    array.toInts();
  } catch (const support::FileError &error) {
    fuzz::checkError(error.what());
  }
  // What was read can be written and read again.
  std::string path = fuzz::scratchFolder() + "/copy.npy";
  try {
    support::writeNpy(path, array.type, array.shape, array.bytes);
  } catch (const support::FileError &error) {
    fuzz::checkError(error.what());
    return;
  }
  support::NpyArray copy = support::readNpy(path);
  if (copy.type != array.type || copy.shape != array.shape ||
      copy.bytes != array.bytes)
    std::abort();
}

bool fuzz::readInput(std::string_view input) {
  try {
    if (input.starts_with("PK")) {
      for (const auto &[name, array] :
           support::readNpz(writeFile("input.npz", input)))
        use(array);
    } else {
      use(support::parseNpy(std::as_bytes(std::span(input)), "input"));
    }
    return true;
  } catch (const support::FileError &error) {
    checkError(error.what());
    return false;
  }
}
