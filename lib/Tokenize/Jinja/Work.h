//===- Work.h - what a rendering may cost -----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A template comes with a model, and a few characters of it can ask for work
// without end or memory without limit. Whatever makes text or values counts
// what it makes, here, in units of about a byte; a rendering that has used up
// its units fails. Conversations of a megabyte take a small part of them.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_WORK_H
#define QNT_LIB_TOKENIZE_JINJA_WORK_H

#include "qnt/Tokenize/Tokenizer.h"

namespace qnt::tokenize::jinja {

class Work {
public:
  /// Of one expression, one turn of a loop, one item of a list or mapping.
  static constexpr size_t perExpression = 64, perTurn = 1024, perItem = 32;
  static constexpr size_t most = size_t(1) << 27;

  /// Throws TokenizerError when the calling thread's rendering has no more.
  static void spend(size_t units) {
    if (units > left)
      throw TokenizerError("the template takes too much work or memory");
    left -= units;
  }
  /// A new rendering begins on the calling thread.
  static void begin() { left = most; }

private:
  static inline thread_local size_t left = most;
};

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_WORK_H
