//===- LinearTest.cpp - linear layers in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearTest.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Interpreter/Interpreter.h"
#include "qnt/Support/Half.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

std::string LinearCase::getName() const {
  return llvm::formatv(
      "linear {0} x {1} x {2}, weight {3}, input {4}, [{5}]{6}, {7}", rows,
      features, inputs, weight, input, epilogue, isExact ? ", exact" : "",
      warpgroups ? std::to_string(warpgroups) + " warpgroups of " +
                       std::to_string(tileRows) + " rows"
                 : "warps");
}

namespace {
using Floats = std::vector<float>;

/// One case on its way through both.
class LinearRun {
public:
  LinearRun(MLIRContext &context, const LinearCase &test,
            std::mt19937_64 &random)
      : context(context), test(test), random(random) {}
  std::string run();

private:
  void draw();
  std::string interpret();
  std::string emulate();
  void packFloats();
  void packInput(RowsAttr layout);
  void packGroups(RowsAttr layout);
  void packWeight(QTensorType type);
  std::string compare() const;
  bool isFloat() const { return test.input == "f16"; }
  /// Whether codes of floats are multiplied.
  bool isOfFloats() const { return !isFloat() && !xq.type.isInteger(); }
  double normal() { return std::normal_distribution<double>()(random); }
  int64_t integer(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  MLIRContext &context;
  const LinearCase &test;
  std::mt19937_64 &random;
  SmallVector<EpilogueKind> steps;
  Floats x, w, truth, out;
  std::vector<Floats> operands;
  interp::QuantizedTensor xq, wq;
  std::vector<char> blob;
  std::vector<int8_t> codes;
  std::vector<uint16_t> halves;
  Floats scales, zeros;
  std::vector<int32_t> sums;
};
} // namespace

void LinearRun::draw() {
  x.resize(test.rows * test.inputs);
  w.resize(test.features * test.inputs);
  for (float &value : x)
    value = float(test.isExact ? integer(-127, 127) : normal());
  if (test.isExact) {
    // Each block has its largest number, so that its scale is 1.
    bool isFour = StringRef(test.weight).starts_with("int4");
    int64_t high = isFour ? 7 : 127;
    for (float &value : w)
      value = float(integer(-high, high));
    for (int64_t i = 0; i < int64_t(x.size()); i += test.inputs)
      x[i] = 127;
    for (int64_t i = 0; i < int64_t(w.size()); ++i)
      if (i % test.inputs % 32 == 0)
        w[i] = float(high);
  } else {
    for (int64_t row = 0; row < test.features; ++row) {
      double scale = std::exp(normal()), shift = 0.3 * normal();
      for (int64_t i = 0; i < test.inputs; ++i)
        w[row * test.inputs + i] = float(scale * (normal() + shift));
    }
    // A row of zeros has a scale of its own.
    if (test.rows > 2)
      std::fill_n(x.begin() + test.inputs, test.inputs, 0.0f);
  }
  if (test.hasNaN)
    x[size_t(integer(0, int64_t(x.size()) - 1))] = std::nanf("");
  if (isFloat())
    for (float &value : x)
      value = support::f16ToFloat(support::floatToF16(value));
}

std::string LinearRun::interpret() {
  std::string params, names, types;
  SmallVector<StringRef> words;
  StringRef(test.epilogue).split(words, ", ", -1, /*KeepEmpty=*/false);
  std::vector<interp::Datum> args;
  auto tensor = [](ArrayRef<int64_t> shape, const Floats &values) {
    return interp::Tensor::ofFloats(shape, values);
  };
  args.push_back(tensor({test.rows, test.inputs}, x));
  args.push_back(tensor({test.features, test.inputs}, w));
  // With a `sign`, numbers of that sign.
  auto addOperand = [&](ArrayRef<int64_t> shape, double sign = 0) {
    int64_t size = interp::countElements(shape);
    Floats values;
    for (int64_t i = 0; i < size; ++i)
      values.push_back(float(sign != 0 ? sign * std::abs(normal()) : normal()));
    std::string name = "%o" + std::to_string(operands.size()), type = "tensor<";
    for (int64_t dim : shape)
      type += std::to_string(dim) + "x";
    type += "f32>";
    params += ", " + name + ": " + type;
    names += (operands.empty() ? "" : ", ") + name;
    types += (operands.empty() ? "" : ", ") + type;
    args.push_back(tensor(shape, values));
    operands.push_back(std::move(values));
  };
  for (StringRef word : words) {
    steps.push_back(*symbolizeEpilogueKind(word));
    if (steps.back() == EpilogueKind::Bias)
      addOperand({test.features});
    if (steps.back() == EpilogueKind::Add || steps.back() == EpilogueKind::Mul)
      addOperand({test.rows, test.features});
    if (steps.back() == EpilogueKind::Clamp) {
      addOperand({}, -1);
      addOperand({}, 1);
    }
  }
  std::string epilogue;
  if (!steps.empty())
    epilogue = "epilogue [" + test.epilogue + "]" +
               (operands.empty() ? "" : " (" + names + " : " + types + ")");
  std::string dims = llvm::formatv("{0}x{1}", test.rows, test.inputs);
  std::string input = "tensor<" + dims + "xf32>", name = "%x", quantize;
  if (!isFloat()) {
    std::string type = "!qnt.tensor<" + dims + ", " + test.input + ">";
    name = "%xq";
    quantize = "%xq = qnt.quantize %x : " + input + " -> " + type;
    input = type;
  }
  std::string text = llvm::formatv(
      R"(func.func @f(%x: tensor<{0}x{2}xf32>, %w: tensor<{1}x{2}xf32>{3}) -> tensor<{0}x{1}xf32> {{
  {4}
  %wq = qnt.quantize %w : tensor<{1}x{2}xf32> -> !qnt.tensor<{1}x{2}, {5}>
  %y = qnt.linear {7}, %wq {6} : {8}, !qnt.tensor<{1}x{2}, {5}>
  return %y : tensor<{0}x{1}xf32>
})",
      test.rows, test.features, test.inputs, params, quantize, test.weight,
      epilogue, name, input);
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return "does not parse";
  interp::InterpreterOptions options;
  options.observer = [&](OpResult result, const interp::Datum &datum) {
    if (auto *tensor = std::get_if<interp::QuantizedTensor>(&datum))
      (!isFloat() && xq.codes.empty() ? xq : wq) = *tensor;
  };
  auto results = interp::Interpreter(*module, nullptr, options).run("f", args);
  if (failed(results))
    return "cannot be interpreted";
  truth = std::get<interp::Tensor>(results->front()).toFloats();
  return {};
}

void LinearRun::packFloats() {
  int64_t width = llvm::alignTo(test.inputs, 8);
  halves.assign(test.rows * width, 0);
  for (int64_t i = 0; i < int64_t(x.size()); ++i)
    halves[i / test.inputs * width + i % test.inputs] =
        support::floatToF16(x[i]);
}

void LinearRun::packInput(RowsAttr layout) {
  int64_t rowBytes = llvm::alignTo(test.inputs, layout.getPad());
  codes.assign(test.rows * rowBytes, 0);
  int64_t perRow =
      layout.getSums() ? llvm::divideCeil(test.inputs, layout.getSums()) : 0;
  sums.assign(test.rows * perRow, 0);
  NumberFormat format = xq.type.getFormat();
  for (int64_t row = 0; row < test.rows; ++row) {
    int64_t block = xq.getBlock(row * test.inputs);
    scales.push_back(xq.scales[block]);
    zeros.push_back((xq.zeros.empty() ? 0 : xq.zeros[block]) +
                    float(layout.getExcess()));
    for (int64_t i = 0; i < test.inputs; ++i) {
      uint32_t code = xq.codes[row * test.inputs + i];
      int32_t stored = isOfFloats() ? int32_t(code)
                                    : int32_t(format.decode(code)) +
                                          int32_t(layout.getExcess());
      codes[row * rowBytes + i] = int8_t(stored);
      if (perRow)
        sums[row * perRow + i / layout.getSums()] += stored;
    }
  }
}

void LinearRun::packGroups(RowsAttr layout) {
  // Any factor that all scales are numbers of e4m3 times will do.
  Floats factors;
  int64_t groups = xq.type.getGroupsPerRow();
  for (int64_t row = 0; row < test.rows; ++row) {
    ArrayRef<float> own = ArrayRef(xq.scales).slice(row * groups, groups);
    factors.push_back(
        xq.type.hasRowScales() ? chooseRowScale(*llvm::max_element(own)) : 1);
  }
  GroupRows rows =
      packGroupRows(xq.type.withLayout(layout), xq.codes, xq.scales, factors);
  codes = rows.codes;
  sums = rows.groups;
  scales = rows.scales;
  zeros.assign(scales.size(), 0);
}

void LinearRun::packWeight(QTensorType type) {
  auto layout = cast<Layout>(type.getLayout());
  blob.resize(size_t(layout.getByteSize(type)));
  Floats scales, zeros;
  int64_t group = type.getGroupSize();
  for (int64_t row = 0; row < test.features; ++row)
    for (int64_t i = 0; i < test.inputs; i += group) {
      int64_t block = wq.getBlock(row * test.inputs + i);
      if (!wq.scales.empty())
        scales.push_back(wq.scales[block]);
      if (!wq.zeros.empty())
        zeros.push_back(wq.zeros[block]);
    }
  layout.packRows(type, {0, test.features, wq.codes, scales, zeros}, blob);
}

std::string LinearRun::emulate() {
  QTensorType input, weight = wq.type;
  if (isFloat()) {
    packFloats();
    weight = weight.withLayout(FragmentsAttr::get(&context, 64, 2, false));
  } else {
    bool isUnsigned = xq.type.getFormat().getMin() >= 0;
    bool hasZeros = isUnsigned || xq.type.hasZeros();
    bool inBlocks = xq.type.hasSmallScales();
    weight = weight.withLayout(
        FragmentsAttr::get(&context, 64, inBlocks ? 8 : 4, hasZeros));
    auto rows = RowsAttr::get(
        &context, integer(0, 1) ? 16 : 128,
        weight.hasZeros() ? weight.getGroupSize() : 0,
        isUnsigned && xq.type.getFormat().getBits() == 8 ? -128 : 0);
    if (inBlocks)
      packGroups(rows);
    else
      packInput(rows);
    input = xq.type.withLayout(rows);
  }
  packWeight(weight);
  cuda::LinearShape shape{weight, input, steps};
  std::string error = cuda::checkLinear(shape);
  if (!error.empty())
    return error;
  // Products of floats of 8 bits and of blocks are not on the first chip.
  std::string name = isOfFloats() && test.chip == "sm_80"
                         ? (shape.isBlockScaled() ? "sm_120a" : "sm_90a")
                         : test.chip;
  const cuda::Chip &chip = *cuda::findChip(name);
  error = cuda::checkLinear(shape, chip);
  if (!error.empty())
    return error;
  cuda::LinearTile tile = cuda::chooseLinearTile(
      shape, chip, test.tileRows ? test.tileRows : test.rows);
  if (test.splits)
    tile.splits = test.splits;
  if (test.warpgroups)
    tile = {.blockM = test.tileRows,
            .blockN = (chip.hasTcgen05 ? 128 : 64) * test.warpgroups,
            .warpsM = 1,
            .warpsN = 4 * test.warpgroups,
            .stages = integer(2, 4),
            .splits = std::max<int64_t>(1, test.splits),
            .warpgroups = test.warpgroups};
  Launcher launcher(
      context,
      [&](cuda::KernelLibrary &library) {
        return cuda::getLinearKernel(library, shape, tile);
      },
      name);
  if (isFloat())
    launcher.set("x", halves);
  else
    launcher.set("x", codes);
  launcher.set("scales", scales);
  launcher.set("zeros", zeros);
  launcher.set("sums", sums);
  launcher.set("weight", blob);
  launcher.set("rows", test.rows);
  out.assign(test.rows * test.features, INFINITY);
  launcher.set("out", out);
  for (auto [i, operand] : llvm::enumerate(operands))
    launcher.set("operand" + std::to_string(i), operand);
  return launcher.run();
}

/// What the numbers of a tensor are made of: codes as they are stored, and zero
/// points that are taken off them.
static Floats getMagnitudes(const interp::QuantizedTensor &tensor,
                            float excess) {
  Floats result;
  for (auto [i, code] : llvm::enumerate(tensor.codes)) {
    int64_t block = tensor.getBlock(int64_t(i));
    float number = std::abs(tensor.type.getFormat().decode(code) + excess);
    float zero = tensor.zeros.empty() ? 0 : tensor.zeros[block];
    zero = std::abs(zero + excess);
    float scale = tensor.scales.empty() ? 1 : tensor.scales[block];
    result.push_back(tensor.type.hasOffsets() ? scale * number + zero
                                              : scale * (number + zero));
  }
  return result;
}

std::string LinearRun::compare() const {
  Floats xs = x;
  if (!isFloat())
    xs = getMagnitudes(xq, xq.type.getFormat().getMin() < 0 ? 0 : -128);
  Floats ws = getMagnitudes(wq, 0);
  int64_t groups = wq.type.getGroupsPerRow();
  for (int64_t row = 0; row < test.rows; ++row)
    for (int64_t column = 0; column < test.features; ++column) {
      int64_t at = row * test.features + column;
      if (std::isnan(truth[at]) && std::isnan(out[at]))
        continue;
      double reach = 0, sum = 0;
      for (int64_t i = 0; i < test.inputs; ++i) {
        sum += std::abs(double(xs[row * test.inputs + i]));
        reach += std::abs(double(xs[row * test.inputs + i])) *
                 ws[column * test.inputs + i];
      }
      // f32 rounds at each product of floats, some times for each group and at
      // the end; no step has a slope beyond 1.13, products with operands aside.
      bool ofFloats = isFloat() || isOfFloats();
      int64_t roundings = groups + 8 + (ofFloats ? test.inputs : 0);
      double limit = std::ldexp(reach * double(roundings), -23);
      // bf16 below 2^-14 is rounded to multiples of 2^-24.
      if (wq.type.getFormat().getName() == "bf16")
        limit += std::ldexp(sum, -25);
      double most = 1;
      if (llvm::is_contained(steps, EpilogueKind::Mul))
        for (const Floats &operand : operands)
          if (operand.size() == out.size())
            most = std::max<double>(most, std::abs(operand[at]));
      limit = test.isExact
                  ? 0
                  : 1.13 * most * limit + 2e-6 + 4e-7 * std::abs(truth[at]);
      if (!(std::abs(double(out[at]) - truth[at]) <= limit))
        return llvm::formatv("row {0}, column {1}: got {2}, expected {3} "
                             "+- {4:e}",
                             row, column, out[at], truth[at], limit);
    }
  return {};
}

std::string LinearRun::run() {
  draw();
  std::string error = interpret();
  if (error.empty())
    error = emulate();
  return error.empty() ? compare() : error;
}

std::string qnt::test::runLinear(MLIRContext &context, const LinearCase &test,
                                 std::mt19937_64 &random) {
  return LinearRun(context, test, random).run();
}
