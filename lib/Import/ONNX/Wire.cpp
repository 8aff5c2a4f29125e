//===- Wire.cpp - protobuf's wire format, read in place -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Wire.h"

#include "llvm/Support/Endian.h"

using namespace qnt::onnx;
using llvm::StringRef;

uint64_t WireReader::takeVarint(StringRef &bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    uint8_t byte = bytes[i];
    value |= uint64_t(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      bytes = bytes.drop_front(i + 1);
      return value;
    }
  }
  throw ImportError(bytes.size() < 10 ? "the file is truncated"
                                      : "a number of more than 10 bytes");
}

bool WireReader::next() {
  if (rest.empty())
    return false;
  uint64_t tag = takeVarint(rest);
  type = tag & 7;
  number = uint32_t(tag >> 3);
  if (number == 0 || tag >> 3 > 0x1fffffff)
    throw ImportError("not a protobuf message: field " +
                      std::to_string(tag >> 3));
  uint64_t size = 0;
  switch (type) {
  case Varint: {
    StringRef start = rest;
    takeVarint(rest);
    payload = start.drop_back(rest.size());
    return true;
  }
  case Fixed64:
    size = 8;
    break;
  case Fixed32:
    size = 4;
    break;
  case Bytes:
    size = takeVarint(rest);
    break;
  default:
    throw ImportError("not a protobuf message: wire type " +
                      std::to_string(type));
  }
  if (size > rest.size())
    throw ImportError("the file is truncated: a field of " +
                      std::to_string(size) + " bytes where " +
                      std::to_string(rest.size()) + " are left");
  payload = rest.take_front(size);
  rest = rest.drop_front(size);
  return true;
}

void WireReader::wrongType() const {
  throw ImportError("field " + std::to_string(number) +
                    " of a message has the wire type " + std::to_string(type) +
                    ", which is not that of its definition");
}

int64_t WireReader::integer() const {
  if (type != Varint)
    wrongType();
  StringRef bytes = payload;
  return int64_t(takeVarint(bytes));
}

float WireReader::real() const {
  if (type != Fixed32)
    wrongType();
  return llvm::bit_cast<float>(llvm::support::endian::read32le(payload.data()));
}

StringRef WireReader::bytes() const {
  if (type != Bytes)
    wrongType();
  return payload;
}

void WireReader::append(llvm::SmallVectorImpl<int64_t> &values) const {
  if (type != Varint && type != Bytes)
    wrongType();
  for (StringRef bytes = payload; !bytes.empty();)
    values.push_back(int64_t(takeVarint(bytes)));
}

void WireReader::append(llvm::SmallVectorImpl<float> &values) const {
  if ((type != Fixed32 && type != Bytes) || payload.size() % 4 != 0)
    wrongType();
  for (StringRef bytes = payload; !bytes.empty(); bytes = bytes.drop_front(4))
    values.push_back(
        llvm::bit_cast<float>(llvm::support::endian::read32le(bytes.data())));
}

void WireReader::appendPayload(llvm::SmallVectorImpl<StringRef> &pieces) const {
  if (!payload.empty())
    pieces.push_back(payload);
}
