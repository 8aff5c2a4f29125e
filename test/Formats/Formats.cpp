//===- Formats.cpp - codecs and layouts for tests -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// test-formats FILE runs the jobs in FILE, one a line, fields separated by
// tabs:
//
//   spec FORMAT OUT         what the format tells of itself, as text
//   decode FORMAT IN OUT    u32 codes to f32 numbers
//   encode FORMAT IN OUT    f32 numbers to u32 codes
//   pack TYPE IN OUT        a weight in its layout; IN holds u32 codes [N, K],
//                           f32 scales [N, groups], f32 zero points [N, groups]
//
// Files hold little-endian words one after the other.
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace llvm;
using namespace mlir;
using namespace qnt;

[[noreturn]] static void fail(const Twine &message) {
  errs() << "test-formats: " << message << "\n";
  exit(1);
}

template <typename T> static std::vector<T> read(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    fail("cannot read " + path);
  std::vector<T> words((*buffer)->getBufferSize() / sizeof(T));
  std::memcpy(words.data(), (*buffer)->getBufferStart(),
              words.size() * sizeof(T));
  return words;
}

template <typename T> static void write(StringRef path, ArrayRef<T> words) {
  std::error_code error;
  raw_fd_ostream os(path, error);
  if (error)
    fail("cannot write " + path);
  os.write(reinterpret_cast<const char *>(words.data()),
           words.size() * sizeof(T));
}

static void writeSpec(NumberFormat format, StringRef path) {
  DecodeSpec spec = format.getDecodeSpec();
  std::string text;
  raw_string_ostream os(text);
  os << format.getName() << " " << format.getBits() << " " << format.isScaled()
     << " " << format.isLegalBlock(16) << format.isLegalBlock(24)
     << format.isLegalBlock(0) << " ";
  os << std::to_string(format.getMin()) << " "
     << std::to_string(format.getMax()) << "\n"
     << spec.bits << " ";
  switch (spec.map) {
  case DecodeSpec::Map::Affine:
    os << "affine " << spec.isSigned << " " << spec.multiplier << " "
       << spec.offset;
    break;
  case DecodeSpec::Map::MiniFloat:
    os << "minifloat " << spec.exponent << " " << spec.mantissa << " "
       << int(spec.special);
    break;
  case DecodeSpec::Map::Table:
    os << "table";
    for (float number : spec.table)
      os << " " << std::to_string(bit_cast<uint32_t>(number));
    break;
  }
  write<char>(path, ArrayRef(text.data(), text.size()));
}

static void pack(QTensorType type, StringRef in, StringRef out) {
  auto layout = dyn_cast_if_present<Layout>(type.getLayout());
  if (!layout)
    fail("expected a type with a layout");
  auto words = read<uint32_t>(in);
  int64_t rows = type.getShape()[0], k = type.getShape()[1];
  int64_t groups = type.getGroupsPerRow();
  auto floats = [&](int64_t first, int64_t count) {
    return ArrayRef(reinterpret_cast<const float *>(words.data()) + first,
                    count);
  };
  int64_t codes = rows * k, scales = type.hasScale() ? rows * groups : 0;
  int64_t zeros = type.hasZeros() ? scales : 0;
  if (int64_t(words.size()) != codes + scales + zeros)
    fail("expected " + Twine(codes + scales + zeros) + " words in " + in);
  // In two calls, as a producer that streams its rows does.
  std::vector<char> blob(layout.getByteSize(type), char(0xa5));
  int64_t multiple = layout.getRowMultiple();
  int64_t split =
      std::min<int64_t>(rows, divideCeil(rows / 2, multiple) * multiple);
  int64_t splitBytes = layout.getByteSize(type.withShape({split, k}));
  for (auto [first, last] : {std::pair(int64_t(0), split), {split, rows}}) {
    if (first == last)
      continue;
    RowBlock block;
    block.first = first;
    block.rows = last - first;
    block.codes = ArrayRef(words).slice(first * k, block.rows * k);
    if (scales)
      block.scales = floats(codes + first * groups, block.rows * groups);
    if (zeros)
      block.zeros =
          floats(codes + scales + first * groups, block.rows * groups);
    int64_t begin = first == 0 ? 0 : splitBytes;
    int64_t end = last == rows ? int64_t(blob.size()) : splitBytes;
    layout.packRows(type, block,
                    MutableArrayRef(blob).slice(begin, end - begin));
  }
  write<char>(out, blob);
}

int main(int argc, char **argv) {
  if (argc != 2)
    fail("expected a file of jobs");
  MLIRContext context;
  context.loadDialect<QNTDialect>();
  auto file = MemoryBuffer::getFile(argv[1]);
  if (!file)
    fail(Twine("cannot read ") + argv[1]);
  SmallVector<StringRef> lines;
  (*file)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    SmallVector<StringRef, 4> job;
    line.split(job, '\t');
    if (job.size() < 3)
      fail("malformed job '" + line + "'");
    if (job[0] == "pack") {
      auto type = dyn_cast_if_present<QTensorType>(parseType(job[1], &context));
      if (!type)
        fail("expected a quantised tensor, got " + job[1]);
      pack(type, job[2], job[3]);
      continue;
    }
    NumberFormat format = parseFormat(job[1], &context);
    if (!format)
      fail("unknown format " + job[1]);
    if (job[0] == "spec") {
      writeSpec(format, job[2]);
    } else if (job[0] == "decode") {
      std::vector<float> numbers;
      for (uint32_t code : read<uint32_t>(job[2]))
        numbers.push_back(format.decode(code));
      write<float>(job[3], numbers);
    } else if (job[0] == "encode") {
      std::vector<uint32_t> codes;
      for (float number : read<float>(job[2]))
        codes.push_back(format.encode(number));
      write<uint32_t>(job[3], codes);
    } else {
      fail("unknown job " + job[0]);
    }
  }
  return 0;
}
