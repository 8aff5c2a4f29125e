//===- ProcessBuilder.cpp - builds a process -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ProcessBuilder.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

VectorType fpga::getWordVector(StreamType stream) {
  return VectorType::get(
      stream.getLanes(),
      IntegerType::get(stream.getContext(), stream.getElement().getWidth()));
}

ProcessBuilder::ProcessBuilder(OpBuilder &place, Location loc, const Spec &spec)
    : builder(place), loc(loc) {
  process = ProcessOp::create(builder, loc, spec.results,
                              builder.getStringAttr(spec.name), spec.inputs,
                              builder.getDenseI64ArrayAttr(spec.loops),
                              builder.getArrayAttr(spec.initial));
  SmallVector<Type> types(spec.inputs.getTypes());
  llvm::append_range(types, spec.results);
  for (int64_t count : spec.loops)
    types.push_back(builder.getIntegerType(ProcessOp::getIndexBits(count)));
  for (Attribute initial : spec.initial)
    types.push_back(cast<TypedAttr>(initial).getType());
  SmallVector<Location> locations(types.size(), loc);
  builder.createBlock(&process.getBody(), {}, types, locations);
}

Value ProcessBuilder::integer(unsigned bits, int64_t value) {
  return arith::ConstantOp::create(
      builder, loc,
      builder.getIntegerAttr(builder.getIntegerType(bits),
                             APInt(bits, value, /*isSigned=*/false,
                                   /*implicitTrunc=*/true)));
}

Value ProcessBuilder::isAt(Value index, int64_t value) {
  return arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::eq, index,
      integer(index.getType().getIntOrFloatBitWidth(), value));
}

Value ProcessBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(builder, loc, condition, yes, no);
}

Value ProcessBuilder::read(size_t number, Value condition) {
  Value stream = process.getReadStreams()[number];
  Value word = ReadOp::create(builder, loc, stream, condition);
  return vector::BroadcastOp::create(
      builder, loc, getWordVector(cast<StreamType>(stream.getType())), word);
}

void ProcessBuilder::write(size_t number, Value word, Value condition) {
  Value stream = process.getWrittenStreams()[number];
  if (cast<StreamType>(stream.getType()).getLanes() == 1)
    word = vector::ExtractOp::create(builder, loc, word, int64_t(0));
  WriteOp::create(builder, loc, word, stream, condition);
}

Value ProcessBuilder::shuffle(Value a, Value b, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(builder, loc, a, b, lanes);
}

ProcessOp ProcessBuilder::finish(ValueRange states) {
  NextOp::create(builder, loc, states);
  return process;
}
