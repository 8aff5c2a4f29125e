//===- Rows.cpp - units that see a row before they give one -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rows.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

Rows::Rows(ProcessBuilder &process, ArrayRef<int64_t> loops) {
  auto isNot = [&](Value index, int64_t value) {
    return process.compare(
        arith::CmpIPredicate::ne, index,
        process.integer(index.getType().getIntOrFloatBitWidth(), value));
  };
  reads = isNot(process.index(0), loops.front() - 1);
  gives = isNot(process.index(0), 0);
  isFirst = isLast = process.isTrue();
  for (size_t loop = 1; loop < loops.size(); ++loop) {
    Value index = process.index(loop);
    isFirst = process.both(isFirst, process.isAt(index, 0));
    isLast = process.both(isLast, process.isAt(index, loops[loop] - 1));
  }
}

Value Rows::hold(ProcessBuilder &process, Value value,
                 TypedAttr initial) const {
  Value held = process.addState(initial);
  process.setNext(held, process.select(isLast, value, held));
  return held;
}

RowWords::RowWords(ProcessBuilder &process, const Rows &rows, int64_t words) {
  Value word = process.index(1);
  fresh = process.read(0, rows.reads);
  Value row = process.memory(words, fresh.getType());
  before = process.load(row, word);
  process.store(fresh, row, word, rows.reads);
}
