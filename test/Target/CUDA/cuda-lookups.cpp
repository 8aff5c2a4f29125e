//===- cuda-lookups.cpp - lookups in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Embeddings, positions, chosen rows and features, means and rope against the
// interpreter. What only moves numbers is to be equal.
//===----------------------------------------------------------------------===//
#include "InterpreterTest.h"
#include "KernelTest.h"

#include "qnt/Support/Half.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

using Floats = std::vector<float>;
using Ints = std::vector<int32_t>;

namespace {
/// What all tests here share.
struct Lookups {
  MLIRContext &context;
  std::mt19937_64 &random;

  int64_t size(int64_t low, int64_t high) { return draw(random, low, high); }
  Ints drawIds(int64_t count, int64_t end) {
    Ints ids;
    for (int64_t i = 0; i < count; ++i)
      ids.push_back(int32_t(size(0, end - 1)));
    return ids;
  }
  static interp::Datum ints(ArrayRef<int64_t> shape, const Ints &numbers) {
    std::vector<int64_t> wide(numbers.begin(), numbers.end());
    return interp::Tensor::ofInts(interp::ElementKind::I32, shape, wide);
  }

  std::string testEmbedding(StringRef element, int64_t features);
  std::string testCodes(const std::string &type, int64_t features);
  std::string testPositions(bool hasStart);
  std::string testSelectRows(bool hasRows, int64_t features);
  std::string testSelectFeatures();
  std::string testMeanPool(int64_t features);
  std::string testRopeTable();
  std::string testRope(const cuda::RopeSpec &spec);
};
} // namespace

std::string Lookups::testEmbedding(StringRef element, int64_t features) {
  int64_t rows = size(1, 9), entries = size(1, 30);
  Ints ids = drawIds(rows, entries);
  Floats table = drawFloats(random, entries * features), want;
  std::vector<uint16_t> halves;
  for (float &number : table) {
    bool isF16 = element == "f16";
    if (element == "f32")
      break;
    halves.push_back(isF16 ? support::floatToF16(number)
                           : support::floatToBf16(number));
    number = isF16 ? support::f16ToFloat(halves.back())
                   : support::bf16ToFloat(halves.back());
  }
  for (int32_t id : ids)
    want.insert(want.end(), table.begin() + id * features,
                table.begin() + (id + 1) * features);
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    OpBuilder b(&context);
    Type type = b.getF32Type();
    if (element == "f16")
      type = b.getF16Type();
    else if (element == "bf16")
      type = b.getBF16Type();
    return cuda::getEmbeddingKernel(library, type, features);
  });
  launcher.set("ids", ids);
  if (element == "f32")
    launcher.set("table", table);
  else
    launcher.set("table", halves);
  launcher.set("out", out);
  launcher.set("rows", rows);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 0) : error;
}

std::string Lookups::testCodes(const std::string &type, int64_t features) {
  int64_t rows = size(1, 9), entries = size(1, 30);
  Ints ids = drawIds(rows, entries);
  Floats numbers = drawFloats(random, entries * features);
  std::string text = llvm::formatv(
      "func.func @f(%i: tensor<{0}xi32>, %x: tensor<{1}x{2}xf32>) -> "
      "(tensor<{0}x{2}xf32>, !qnt.tensor<{1}x{2}, {3}>) {{\n"
      "%t = qnt.quantize %x : tensor<{1}x{2}xf32> -> "
      "!qnt.tensor<{1}x{2}, {3}>\n"
      "%y = qnt.embedding %i, %t : tensor<{0}xi32>, "
      "!qnt.tensor<{1}x{2}, {3}>\n"
      "return %y, %t : tensor<{0}x{2}xf32>, !qnt.tensor<{1}x{2}, {3}>\n}",
      rows, entries, features, type);
  auto results = interpret(
      context, text, {ints({rows}, ids), floats({entries, features}, numbers)});
  Floats want = std::get<interp::Tensor>(results[0]).toFloats();
  auto table = std::get<interp::QuantizedTensor>(results[1]);
  std::vector<uint8_t> codes(table.codes.begin(), table.codes.end());
  Floats offsets, meanings;
  std::vector<int8_t> zeros;
  std::vector<uint16_t> scales;
  for (float scale : table.scales)
    scales.push_back(support::floatToF16(scale));
  for (float zero : table.zeros) {
    offsets.push_back(zero);
    zeros.push_back(int8_t(int32_t(zero)));
  }
  for (unsigned code = 0; code < 256; ++code)
    meanings.push_back(table.type.getFormat().decode(
        code & ((1u << table.type.getFormat().getBits()) - 1)));
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getQuantizedEmbeddingKernel(library, table.type);
  });
  launcher.set("ids", ids);
  launcher.set("codes", codes);
  launcher.set("scales", scales);
  if (table.type.hasOffsets())
    launcher.set("zeros", offsets);
  else if (table.type.hasZeros())
    launcher.set("zeros", zeros);
  if (!table.type.isInteger())
    launcher.set("numbers", meanings);
  launcher.set("out", out);
  launcher.set("rows", rows);
  std::string error = launcher.run();
  // Offsets come off products, which the machine may fuse.
  return error.empty() ? compare(out, want, table.type.hasOffsets() ? 1e-6 : 0)
                       : error;
}

std::string Lookups::testPositions(bool hasStart) {
  int64_t batch = size(1, 4), tokens = size(1, 300);
  Ints start = drawIds(batch, 1000), want, out(batch * tokens, -1);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < tokens; ++t)
      want.push_back(int32_t((hasStart ? start[b] : 0) + t));
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getPositionIdsKernel(library, hasStart);
  });
  launcher.set("out", out);
  launcher.set("batch", batch);
  launcher.set("tokens", tokens);
  if (hasStart)
    launcher.set("start", start);
  std::string error = launcher.run();
  return error.empty() && out != want ? "positions differ" : error;
}

std::string Lookups::testSelectRows(bool hasRows, int64_t features) {
  int64_t batch = size(1, 4), tokens = size(1, 9);
  Ints rows = drawIds(batch, tokens);
  Floats x = drawFloats(random, batch * tokens * features), want;
  for (int64_t b = 0; b < batch; ++b) {
    auto from =
        x.begin() + (b * tokens + (hasRows ? rows[b] : tokens - 1)) * features;
    want.insert(want.end(), from, from + features);
  }
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getSelectRowsKernel(library, features, hasRows);
  });
  launcher.set("x", x);
  launcher.set("out", out);
  launcher.set("batch", batch);
  launcher.set("tokens", tokens);
  if (hasRows)
    launcher.set("rows", rows);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 0) : error;
}

std::string Lookups::testSelectFeatures() {
  int64_t rows = size(1, 5), features = size(1, 50), chosen = size(1, 20);
  Ints indices = drawIds(chosen, features);
  Floats x = drawFloats(random, rows * features), want;
  for (int64_t row = 0; row < rows; ++row)
    for (int32_t i : indices)
      want.push_back(x[row * features + i]);
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getSelectFeaturesKernel(library, features, chosen);
  });
  launcher.set("x", x);
  launcher.set("indices", indices);
  launcher.set("out", out);
  launcher.set("rows", rows);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 0) : error;
}

std::string Lookups::testMeanPool(int64_t features) {
  int64_t batch = size(1, 4), tokens = size(1, 40);
  Ints lengths = drawIds(batch, tokens);
  for (int32_t &length : lengths)
    ++length;
  Floats x = drawFloats(random, batch * tokens * features);
  std::string text = llvm::formatv(
      "func.func @f(%x: {0}, %n: tensor<{1}xi32>) -> {2} {{\n"
      "%y = nn.mean_pool %x, %n : {0}, tensor<{1}xi32>\nreturn %y : {2}\n}",
      getType({batch, tokens, features}), batch, getType({batch, features}));
  Floats want = interpretFloats(
      context, text,
      {floats({batch, tokens, features}, x), ints({batch}, lengths)});
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getMeanPoolKernel(library, features);
  });
  launcher.set("x", x);
  launcher.set("lengths", lengths);
  launcher.set("out", out);
  launcher.set("batch", batch);
  launcher.set("tokens", tokens);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 5e-6) : error;
}

std::string Lookups::testRopeTable() {
  int64_t rows = size(1, 20), dim = 2 * size(1, 64);
  double theta = size(0, 1) ? 1e4 : 5e5;
  Ints positions = drawIds(rows, 200000);
  positions[0] = 0;
  std::string text = llvm::formatv(
      "func.func @f(%p: tensor<1x{0}xi32>) -> tensor<1x{0}x{1}xf32> {{\n"
      "%y = nn.rope_table %p dim {1} theta {2:F1} : tensor<1x{0}xi32>\n"
      "return %y : tensor<1x{0}x{1}xf32>\n}",
      rows, dim, theta);
  Floats want = interpretFloats(context, text, {ints({1, rows}, positions)});
  auto given = nn::getRopeFrequencies(dim, theta, nn::RopeScalingAttr());
  std::vector<double> frequencies(given.begin(), given.end());
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getRopeTableKernel(library, dim);
  });
  launcher.set("positions", positions);
  launcher.set("frequencies", frequencies);
  launcher.set("out", out);
  launcher.set("rows", rows);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 2e-7) : error;
}

std::string Lookups::testRope(const cuda::RopeSpec &spec) {
  int64_t rows = size(1, 5), features = spec.heads * spec.headDim;
  Floats x = drawFloats(random, rows * features), table;
  for (int64_t i = 0; i < rows * spec.rotary / 2; ++i)
    table.push_back(float(drawFloats(random, 1)[0]));
  table.resize(rows * spec.rotary, 0.5f);
  std::string text = llvm::formatv(
      "func.func @f(%x: {0}, %t: {1}) -> {0} {{\n"
      "%y = nn.rope %x, %t heads {2}{3} : {0}, {1}\nreturn %y : {0}\n}",
      getType({1, rows, features}), getType({1, rows, spec.rotary}), spec.heads,
      spec.isInterleaved ? " interleaved" : "");
  Floats want = interpretFloats(
      context, text,
      {floats({1, rows, features}, x), floats({1, rows, spec.rotary}, table)});
  Floats out(want.size(), -7);
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getRopeKernel(library, spec);
  });
  launcher.set("x", x);
  launcher.set("table", table);
  launcher.set("out", out);
  launcher.set("rows", rows);
  std::string error = launcher.run();
  return error.empty() ? compare(out, want, 4e-6) : error;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Lookups tests{*context, random};
  Report report;
  auto odd = [&] { return 2 * draw(random, 0, 60) + 1; };
  auto whole = [&] { return 4 * draw(random, 1, 100); };
  for (const char *element : {"f32", "f16", "bf16"})
    for (int64_t features : {odd(), whole()})
      report.add(llvm::formatv("embedding {0} {1}", element, features).str(),
                 [&] { return tests.testEmbedding(element, features); });
  for (std::string type :
       {"int8, per_row, scale f16", "int4, group<32>, scale f16",
        "uint4, group<32>, scale f16, zero", "int3, group<64>, scale f16, zero",
        "int2, group<32>, scale f16, offset", "int8, per_tensor, scale f16",
        "e4m3, per_row, scale f16", "nf4, group<32>, scale f16"})
    for (int64_t features : {odd(), whole()})
      report.add(llvm::formatv("embedding {0} of {1}", type, features).str(),
                 [&] { return tests.testCodes(type, features); });
  for (bool has : {false, true}) {
    report.add("positions", [&] { return tests.testPositions(has); });
    for (int64_t features : {odd(), whole()})
      report.add("select_rows",
                 [&] { return tests.testSelectRows(has, features); });
  }
  report.add("select_features", [&] { return tests.testSelectFeatures(); });
  for (int64_t features : {odd(), whole()})
    report.add("mean_pool", [&] { return tests.testMeanPool(features); });
  for (int i = 0; i < 3; ++i)
    report.add("rope_table", [&] { return tests.testRopeTable(); });
  for (bool isInterleaved : {false, true})
    for (auto [headDim, rotary] :
         {std::pair<int64_t, int64_t>{64, 64}, {64, 32}, {6, 6}, {10, 4}}) {
      cuda::RopeSpec spec{draw(random, 1, 4), headDim, rotary, isInterleaved};
      std::string name =
          llvm::formatv("rope {0} x {1}, {2}{3}", spec.heads, headDim, rotary,
                        isInterleaved ? ", interleaved" : "");
      report.add(name, [&] { return tests.testRope(spec); });
    }
  return report.getExitStatus();
}
