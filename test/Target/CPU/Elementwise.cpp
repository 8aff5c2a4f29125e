//===- Elementwise.cpp - sums, products, lookups, copies -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

#include "qnt/Support/Half.h"

using namespace qnt;
using namespace qnt::cpu;
using namespace qnt::test;

static void testBinary(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  struct Case {
    Kernel kernel;
    BinaryKind kind;
    int64_t features;
    bool row;
  };
  std::vector<Case> cases;
  for (int64_t features : oddFeatures)
    for (BinaryKind kind : {BinaryKind::Add, BinaryKind::Mul})
      for (bool row : {false, true})
        cases.push_back({row ? getBinaryRowKernel(kernels.library(), kind)
                             : getBinaryKernel(kernels.library(), kind),
                         kind, features, row});
  for (Case &c : cases) {
    int64_t rows = suite.integer(0, 9);
    size_t size = rows * c.features;
    Floats x = suite.normal(size), y = suite.normal(c.row ? c.features : size);
    Floats out(size + 16, 7);
    std::vector<double> want;
    for (size_t i = 0; i < size; ++i) {
      float v = y[c.row ? i % c.features : i];
      want.push_back(c.kind == BinaryKind::Add ? x[i] + v : x[i] * v);
    }
    want.resize(out.size(), 7);
    if (c.row)
      kernels.run(c.kernel, 3, x.data(), y.data(), out.data(), rows,
                  c.features);
    else
      kernels.run(c.kernel, 3, x.data(), y.data(), out.data(), int64_t(size));
    suite.close("binary of " + std::to_string(c.features), out, want, 0, 1e-7);
  }
}

static void testEmbedding(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  mlir::Builder b(&suite.context);
  const mlir::Type elements[] = {b.getF32Type(), b.getF16Type(),
                                 b.getBF16Type()};
  std::vector<Kernel> functions;
  const int64_t sizes[] = {5, 16, 40};
  for (mlir::Type element : elements)
    for (int64_t features : sizes)
      functions.push_back(
          getEmbeddingKernel(kernels.library(), element, features));
  for (size_t e = 0, f = 0; e < 3; ++e)
    for (int64_t features : sizes) {
      int64_t vocabulary = 11, rows = suite.integer(1, 8);
      Floats table = suite.normal(vocabulary * features);
      GuardedVector<uint16_t> narrow;
      for (float &value : table)
        if (e == 1) {
          narrow.push_back(support::floatToF16(value));
          value = support::f16ToFloat(narrow.back());
        } else if (e == 2) {
          narrow.push_back(support::floatToBf16(value));
          value = support::bf16ToFloat(narrow.back());
        }
      GuardedVector<int32_t> ids;
      Floats want, out(rows * features);
      for (int64_t r = 0; r < rows; ++r) {
        ids.push_back(suite.integer(0, vocabulary - 1));
        auto from = table.begin() + ids[r] * features;
        want.insert(want.end(), from, from + features);
      }
      const void *data = e ? (const void *)narrow.data() : table.data();
      kernels.run(functions[f++], 2, ids.data(), data, out.data(), rows);
      suite.equal<float>("embedding of " + std::to_string(features), out, want);
    }
}

static void testQuantizedEmbedding(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  auto *context = &suite.context;
  struct Case {
    const char *format;
    BlockKind kind;
    int64_t group, features;
    ZeroKind zero;
    Kernel kernel = {};
    QTensorType type = {};
  };
  constexpr auto none = ZeroKind::None;
  std::vector<Case> cases = {
      {"int8", BlockKind::PerChannel, 0, 50, none},
      {"uint4", BlockKind::Group, 32, 80, ZeroKind::Point},
      {"uint4", BlockKind::Group, 32, 80, ZeroKind::Offset},
      {"int3", BlockKind::Group, 16, 64, none},
      {"int1", BlockKind::PerTensor, 0, 33, none},
      {"e4m3", BlockKind::PerChannel, 0, 33, none},
      {"e2m1", BlockKind::Group, 32, 96, none}};
  int64_t vocabulary = 13, rows = 6;
  for (Case &c : cases) {
    c.type = QTensorType::get(
        context, {vocabulary, c.features}, parseFormat(c.format, context),
        BlockAttr::get(context, c.kind, c.group),
        mlir::Float32Type::get(context), c.zero, mlir::Attribute());
    c.kernel = getQuantizedEmbeddingKernel(kernels.library(), c.type);
  }
  for (Case &c : cases) {
    int64_t group = c.group ? c.group : c.features;
    int64_t groups = (c.features + group - 1) / group;
    unsigned bits = c.type.getFormat().getBits();
    GuardedVector<uint8_t> codes(vocabulary * c.features);
    // Without the codes of NaN, which equal nothing.
    for (uint8_t &code : codes)
      do
        code = suite.integer(0, (1 << bits) - 1);
      while (c.type.getFormat().decode(code) !=
             c.type.getFormat().decode(code));
    Floats scales = suite.normal(vocabulary * groups);
    Floats offsets = suite.normal(scales.size());
    GuardedVector<uint8_t> zeros(scales.size());
    if (c.zero == ZeroKind::Point)
      for (uint8_t &zero : zeros)
        zero = suite.integer(0, 15);
    GuardedVector<int32_t> ids;
    Floats out(rows * c.features), want;
    for (int64_t r = 0; r < rows; ++r) {
      int64_t id = suite.integer(0, vocabulary - 1);
      ids.push_back(id);
      for (int64_t i = 0; i < c.features; ++i) {
        int64_t block =
            c.kind == BlockKind::PerTensor ? 0 : id * groups + i / group;
        float number = c.type.getFormat().decode(codes[id * c.features + i]);
        float scaled = scales[block] * (number - float(zeros[block]));
        want.push_back(c.type.hasOffsets() ? scaled - offsets[block] : scaled);
      }
    }
    kernels.run(c.kernel, 2, ids.data(), codes.data(), scales.data(),
                c.type.hasOffsets() ? static_cast<void *>(offsets.data())
                : c.type.hasZeros() ? zeros.data()
                                    : nullptr,
                out.data(), rows);
    suite.equal<float>(std::string("embedding of ") + c.format, out, want);
  }
}

static void testRows(Suite &suite) {
  Kernels kernels(suite.context, suite.isa);
  Kernel positions = getPositionIdsKernel(kernels.library());
  Kernel select = getSelectRowsKernel(kernels.library(), 21);
  Kernel copy = getCopyKernel(kernels.library());
  for (bool given : {false, true}) {
    int64_t batch = 3, tokens = suite.integer(1, 40);
    GuardedVector<int32_t> start = {0, 5, 700}, ids(batch * tokens + 1, -1),
                           want;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t t = 0; t < tokens; ++t)
        want.push_back((given ? start[b] : 0) + t);
    want.push_back(-1);
    kernels.run(positions, 2, given ? start.data() : nullptr, ids.data(), batch,
                tokens);
    suite.equal<int32_t>("position ids", ids, want);

    Floats x = suite.normal(batch * tokens * 21), out(batch * 21), picked;
    GuardedVector<int32_t> rows;
    for (int64_t b = 0; b < batch; ++b) {
      rows.push_back(suite.integer(0, tokens - 1));
      auto from =
          x.begin() + (b * tokens + (given ? rows[b] : tokens - 1)) * 21;
      picked.insert(picked.end(), from, from + 21);
    }
    kernels.run(select, 2, x.data(), given ? rows.data() : nullptr, out.data(),
                batch, tokens);
    suite.equal<float>("selected rows", out, picked);
  }
  for (int64_t bytes : {0, 3, 65536, 200001}) {
    GuardedVector<uint8_t> from(bytes), to(bytes + 1, 9);
    for (uint8_t &byte : from)
      byte = suite.integer(0, 255);
    kernels.run(copy, 3, from.data(), to.data(), bytes);
    from.push_back(9);
    suite.equal<uint8_t>("copy", to, from);
  }
}

void test::testElementwise(Suite &suite) {
  testBinary(suite);
  testEmbedding(suite);
  testQuantizedEmbedding(suite);
  testRows(suite);
}
