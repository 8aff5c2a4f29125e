//===- cuda-fragments.cpp - who holds what -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The fragment maps of instructions against the formulas of the PTX manual, and
// #qnt.fragments against the maps: lanes hold what B wants without exchanging
// anything, and what is packed can be unpacked.
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Dialect/QNT/FragmentGeometry.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

static int failures = 0;

static void expect(bool ok, const llvm::Twine &what) {
  failures += !ok;
  if (!ok)
    llvm::outs() << what << "\n";
}

static void testMaps(const cuda::MatrixInstruction &mma) {
  // Elements of a register.
  int64_t packed = mma.getQuad(), half = mma.k / 2;
  for (int64_t lane = 0; lane < 32; ++lane) {
    int64_t g = lane / 4, t = lane % 4;
    auto is = [&](cuda::FragmentMap::Step got, int64_t row, int64_t column,
                  const char *operand, int64_t i) {
      expect(got.row == row && got.column == column,
             mma.name + ", " + operand + "[" + llvm::Twine(i) + "] of lane " +
                 llvm::Twine(lane));
    };
    for (int64_t i = 0; i < 4 * packed; ++i) {
      bool isUpper = (i / packed) % 2 == 0;
      is(mma.aMap.get(lane, i), isUpper ? g : g + 8,
         packed * t + i % packed + (i < 2 * packed ? 0 : half), "a", i);
    }
    for (int64_t i = 0; i < 2 * packed; ++i)
      is(mma.bMap.get(lane, i),
         packed * t + i % packed + (i < packed ? 0 : half), g, "b", i);
    for (int64_t i = 0; i < 4; ++i)
      is(mma.cMap.get(lane, i), i < 2 ? g : g + 8, 2 * t + i % 2, "c", i);
  }
}

/// Of a weight of one panel, ones and zeros: each stored bit is where the
/// instruction looks for it.
static void testOrder(MLIRContext &context, const cuda::MatrixInstruction &mma,
                      std::mt19937_64 &random) {
  int64_t quad = mma.getQuad(), bits = quad == 8 ? 4 : 8;
  std::string text = "!qnt.tensor<8x128, uint" + std::to_string(bits) +
                     ", per_channel, scale f32, "
                     "#qnt.fragments<columns = 8, quad = " +
                     std::to_string(quad) + ">>";
  auto type = cast<QTensorType>(parseType(text, &context));
  auto layout = cast<FragmentsAttr>(type.getLayout());
  auto g = FragmentGeometry::of(type, layout);
  std::vector<uint32_t> codes(8 * 128);
  for (uint32_t &code : codes)
    code = uint32_t(random() % (1u << bits));
  std::vector<float> scales(8, 1);
  std::vector<char> blob(size_t(layout.getByteSize(type)));
  layout.packRows(type, {0, 8, codes, scales, {}}, blob);
  int64_t fields = g.getCell() / bits;
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t step = 0; step < 128 / mma.k; ++step)
      for (int64_t place = 0; place < mma.bRegisters * quad; ++place) {
        cuda::FragmentMap::Step at = mma.bMap.get(lane, place);
        int64_t w = step * mma.bRegisters + place / quad;
        int64_t bit = place % quad * g.getCell() + w % fields * bits;
        uint32_t word;
        std::memcpy(&word,
                    blob.data() + g.planes[0].getWordOffset(lane, w / fields),
                    4);
        int64_t input = step * mma.k + at.row;
        expect((word >> bit & ((1u << bits) - 1)) ==
                   codes[at.column * 128 + input],
               mma.name + ", input " + llvm::Twine(input) + ", feature " +
                   llvm::Twine(at.column));
      }
}

/// Of a quad, lanes 0 and 1 give the scales of rows g and g + 8, lane 0 those
/// of column g.
static void testScales(const cuda::MatrixInstruction &mma) {
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < mma.k / mma.scale->group; ++i) {
      int64_t g = lane / 4, t = lane % 4;
      cuda::FragmentMap::Step a = mma.scale->aMap.get(lane, i),
                              b = mma.scale->bMap.get(lane, i);
      expect(t > 1 || (a.row == g + 8 * t && a.column == i),
             mma.name + ", scale of A of lane " + llvm::Twine(lane));
      expect(t > 0 || (b.column == g && b.row == i),
             mma.name + ", scale of B of lane " + llvm::Twine(lane));
    }
}

/// Of scales of 8 bits: those of a chunk's features together.
static void testSmallScales(MLIRContext &context, std::mt19937_64 &random) {
  for (const char *format : {"e2m1, group<16>, scale f8E4M3FN",
                             "e2m1, group<32>, scale f8E8M0FNU"}) {
    int64_t rows = 1 + int64_t(random() % 150);
    int64_t inputs = 1 + int64_t(random() % 700);
    std::string text = "!qnt.tensor<" + std::to_string(rows) + "x" +
                       std::to_string(inputs) + ", " + format +
                       ", #qnt.fragments<columns = 64, quad = 8>>";
    auto type = cast<QTensorType>(parseType(text, &context));
    std::vector<float> values(size_t(rows * inputs));
    std::normal_distribution<float> normal;
    for (float &value : values)
      value = std::exp(4 * normal(random)) * normal(random);
    size_t groups = size_t(rows * type.getGroupsPerRow());
    std::vector<uint32_t> codes(values.size()), codesBack(values.size());
    std::vector<float> scales(groups), scalesBack(groups);
    quantizeRows(type.withLayout({}), ClipMethod::AbsMax, values, rows, codes,
                 scales, {});
    auto layout = cast<Layout>(type.getLayout());
    std::vector<char> blob(size_t(layout.getByteSize(type)));
    layout.packRows(type, {0, rows, codes, scales, {}}, blob);
    layout.unpack(type, blob, codesBack, scalesBack, {});
    expect(codes == codesBack && scales == scalesBack, text);
  }
}

static void testRoundTrip(MLIRContext &context, std::string format,
                          std::string rest, int64_t rows, int64_t inputs,
                          std::mt19937_64 &random) {
  std::string text = "!qnt.tensor<" + std::to_string(rows) + "x" +
                     std::to_string(inputs) + ", " + format + ", " + rest + ">";
  auto type = cast<QTensorType>(parseType(text, &context));
  auto layout = cast<Layout>(type.getLayout());
  auto number = [&](int64_t count) {
    return int64_t(random() % uint64_t(count));
  };
  int64_t groups = type.getGroupsPerRow(),
          range = int64_t(1) << type.getFormat().getBits();
  std::vector<uint32_t> codes(size_t(rows * inputs)), codesBack(codes.size());
  std::vector<float> scales(size_t(rows * groups)), scalesBack(scales.size());
  std::vector<float> zeros(type.hasZeros() ? scales.size() : 0),
      zerosBack(zeros.size());
  for (uint32_t &code : codes)
    code = uint32_t(number(range));
  for (float &scale : scales)
    scale = std::ldexp(float(1 + number(127)), int(number(8)) - 8);
  for (float &zero : zeros)
    zero = type.getFormat().getMin() + float(number(range));
  std::vector<char> blob(size_t(layout.getByteSize(type)));
  // In two parts, as parameters are packed.
  int64_t first = std::min<int64_t>(layout.getRowMultiple(), rows);
  auto pack = [&](int64_t begin, int64_t end, MutableArrayRef<char> to) {
    auto part = [&](auto &values, int64_t width) {
      return ArrayRef(values).slice(size_t(begin * width),
                                    size_t((end - begin) * width));
    };
    layout.packRows(type,
                    {begin, end - begin, part(codes, inputs),
                     part(scales, groups),
                     part(zeros, zeros.empty() ? 0 : groups)},
                    to);
  };
  size_t panel = blob.size() / size_t(llvm::divideCeil(rows, first));
  if (first < rows) {
    pack(0, first, MutableArrayRef(blob).take_front(panel));
    pack(first, rows, MutableArrayRef(blob).drop_front(panel));
  } else {
    pack(0, rows, blob);
  }
  layout.unpack(type, blob, codesBack, scalesBack, zerosBack);
  expect(codes == codesBack && scales == scalesBack && zeros == zerosBack,
         text);
}

int main() {
  std::mt19937_64 random = makeRandom();
  MLIRContext context;
  context.loadDialect<QNTDialect>();
  for (const auto *mma :
       {&cuda::mmaS8S8, &cuda::mmaS8U8, &cuda::mmaF16, &cuda::mmaBF16}) {
    testMaps(*mma);
    testOrder(context, *mma, random);
  }
  using Format = NVVM::BlockScaleFormat;
  for (const auto *mma : {cuda::findBlockScaledMma(Format::UE4M3, 16),
                          cuda::findBlockScaledMma(Format::UE8M0, 32)}) {
    testMaps(*mma);
    testOrder(context, *mma, random);
    testScales(*mma);
  }
  for (const char *a : {"e4m3", "e5m2"})
    for (const char *b : {"e4m3", "e5m2"})
      testMaps(*cuda::findFloat8Mma(a, b));
  for (std::string quad : {"2", "4"})
    for (const char *format : {"int1", "int2", "int3", "uint3", "int4", "uint5",
                               "int6", "int7", "int8", "uint8", "e4m3"})
      for (const char *block :
           {"per_channel, scale f32", "group<32>, scale f16",
            "group<96>, scale bf16", "group<256>, scale f32"}) {
        bool isInteger = StringRef(format).contains("int");
        const char *zeros = isInteger ? ", zero" : "";
        testRoundTrip(context, format,
                      std::string(block) + (random() % 2 ? zeros : "") +
                          ", #qnt.fragments<columns = 64, quad = " + quad +
                          ", sums = true>",
                      1 + int64_t(random() % 150), 1 + int64_t(random() % 400),
                      random);
      }
  testSmallScales(context, random);
  return failures != 0;
}
