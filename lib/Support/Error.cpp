//===- Error.cpp - errors in files ----------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Error.h"

#include <algorithm>

using namespace qnt::support;

std::string qnt::support::oneLine(std::string_view message) {
  // Room for the longest path that Linux takes, and a sentence.
  constexpr size_t longest = 5000;
  std::string line(message.substr(0, longest));
  if (message.size() > longest) {
    // Not in the middle of a UTF-8 sequence.
    while (!line.empty() && (message[line.size()] & 0xc0) == 0x80)
      line.pop_back();
    line += "...";
  }
  std::replace_if(
      line.begin(), line.end(),
      [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}
