//===- ParamEvaluator.cpp - parameter expressions, row by row -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ParamEvaluator.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/BiasCorrection.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"
#include "qnt/Dialect/QNT/Dyadic.h"
#include "qnt/Support/Half.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using ml_program::GlobalLoadConstOp;
using params::ParamsError;

static std::string getLoadedName(GlobalLoadConstOp load) {
  return load.getGlobal().getLeafReference().str();
}

const params::ParamStore &ParamEvaluator::getStore(StringRef name) const {
  if (!name.starts_with(statisticsPrefix))
    return store;
  if (!statistics)
    throw ParamsError("'" + name.str() +
                      "' is loaded, but the module has no qnt.statistics");
  return *statistics;
}

void ParamEvaluator::check(Value value) const {
  Operation *op = value.getDefiningOp();
  if (auto load = dyn_cast<GlobalLoadConstOp>(op)) {
    std::string name = getLoadedName(load);
    checkStoredTensors(getStore(name), load.getType(), name);
  }
  for (Value operand : op->getOperands())
    check(operand);
}

int64_t ParamEvaluator::getCostPerRow(Value value) const {
  Operation *op = value.getDefiningOp();
  int64_t cost = std::max<int64_t>(1, getRowLength(value.getType()));
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return std::max(cost, getCostPerRow(linear.getWeight()));
  if (auto select = dyn_cast<nn::SelectFeaturesOp>(op))
    return std::max(cost, getCostPerRow(select.getInput()));
  if (auto corrected = dyn_cast<CorrectBiasOp>(op))
    return std::max(cost, getCostPerRow(corrected.getWeight()));
  for (Value operand : op->getOperands())
    if (getParamShape(operand.getType()) == getParamShape(value.getType()))
      cost = std::max(cost, getCostPerRow(operand));
  return cost;
}

bool ParamEvaluator::needsAllRows(Value value) const {
  auto type = dyn_cast<QTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (type && type.getBlock().getKind() == BlockKind::PerTensor)
    return true;
  return llvm::any_of(op->getOperands(),
                      [&](Value operand) { return needsAllRows(operand); });
}

void ParamEvaluator::release(Value value, RowRange rows) const {
  Operation *op = value.getDefiningOp();
  int64_t total = std::max<int64_t>(1, getNumRows(value.getType()));
  if (auto load = dyn_cast<GlobalLoadConstOp>(op))
    for (const auto &entry :
         getStoredTensors(load.getType(), getLoadedName(load))) {
      const params::ParamStore &store = getStore(entry.name);
      params::TensorView part = store.get(entry.name);
      size_t begin = part.bytes.size() * rows.first / total;
      size_t end = part.bytes.size() * (rows.first + rows.count) / total;
      part.bytes = part.bytes.subspan(begin, end - begin);
      store.release(part);
    }
  for (Value operand : op->getOperands())
    if (getNumRows(operand.getType()) == total)
      release(operand, rows);
}

//===----------------------------------------------------------------------===//
// Float tensors
//===----------------------------------------------------------------------===//

static std::vector<float> evaluateConstant(arith::ConstantOp op, int64_t first,
                                           int64_t count) {
  auto elements = dyn_cast<DenseFPElementsAttr>(op.getValue());
  if (!elements)
    throw ParamsError("a constant of a parameter expression is not dense");
  if (elements.isSplat())
    return std::vector<float>(
        count, elements.getSplatValue<llvm::APFloat>().convertToFloat());
  std::vector<float> values;
  values.reserve(count);
  auto all = elements.getValues<llvm::APFloat>();
  for (int64_t i = first; i < first + count; ++i)
    values.push_back(all[i].convertToFloat());
  return values;
}

/// Rounds to what a float type can hold.
static void roundTo(Type type, std::vector<float> &values) {
  for (float &value : values)
    value = type.isF16() ? support::f16ToFloat(support::floatToF16(value))
                         : support::bf16ToFloat(support::floatToBf16(value));
}

std::vector<float> ParamEvaluator::evaluateBroadcast(Operation *op,
                                                     bool multiply,
                                                     RowRange rows) const {
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  std::vector<float> result = evaluateFloat(lhs, rows);
  bool same = getParamShape(lhs.getType()) == getParamShape(rhs.getType());
  std::vector<float> other =
      evaluateFloat(rhs, same ? rows : RowRange{0, getNumRows(rhs.getType())});
  size_t period = other.size();
  for (size_t start = 0; start < result.size(); start += period)
    for (size_t i = 0; i < period; ++i)
      result[start + i] = multiply ? result[start + i] * other[i]
                                   : result[start + i] + other[i];
  return result;
}

std::vector<float> ParamEvaluator::evaluateScaleRows(nn::ScaleRowsOp op,
                                                     RowRange rows) const {
  std::vector<float> result = evaluateFloat(op.getInput(), rows);
  std::vector<float> scale = evaluateFloat(op.getScale(), rows);
  int64_t length = getRowLength(op.getType());
  for (auto [i, number] : llvm::enumerate(result))
    number *= scale[int64_t(i) / length];
  return result;
}

std::vector<float> ParamEvaluator::evaluateLinear(nn::LinearOp op,
                                                  RowRange rows) const {
  std::vector<float> input =
      evaluateFloat(op.getInput(), {0, getNumRows(op.getInput().getType())});
  std::vector<float> weight = evaluateFloat(op.getWeight(), rows);
  std::vector<float> result(rows.count);
  if (op.getBias())
    result = evaluateFloat(op.getBias(), rows);
  for (int64_t row = 0; row < rows.count; ++row) {
    double sum = result[row];
    for (size_t i = 0; i < input.size(); ++i)
      sum += double(input[i]) * weight[row * input.size() + i];
    result[row] = float(sum);
  }
  return result;
}

std::vector<float> ParamEvaluator::evaluateDecoded(Value value,
                                                   RowRange rows) const {
  auto type = cast<QTensorType>(value.getType());
  QuantizedRows in = evaluateQuantized(value, rows);
  std::vector<float> result(in.codes.size());
  BlockQuantizer quantizer(type);
  int64_t last = type.getShape().back();
  // Elements that share a scale, and how often a line of them comes.
  bool whole = in.scales.size() == 1 || in.scales.empty();
  bool channel = type.getBlock().getKind() == BlockKind::PerChannel;
  int64_t line = whole     ? int64_t(result.size())
                 : channel ? getRowLength(type)
                           : last;
  int64_t group = whole || channel ? line : type.getGroupSize();
  size_t scale = 0;
  for (int64_t start = 0; start < int64_t(result.size()); start += line)
    for (int64_t at = 0; at < line; at += group, ++scale) {
      int64_t size = std::min(group, line - at);
      BlockParams params;
      if (!in.scales.empty())
        params.scale = in.scales[scale];
      if (!in.zeros.empty())
        params.zero = in.zeros[scale];
      quantizer.decode(
          params, ArrayRef<uint32_t>(in.codes).slice(start + at, size),
          llvm::MutableArrayRef<float>(result).slice(start + at, size));
    }
  return result;
}

std::vector<float> ParamEvaluator::evaluateCorrection(CorrectBiasOp op,
                                                      RowRange rows) const {
  std::vector<float> result = evaluateFloat(op.getBias(), rows);
  std::vector<float> weight = evaluateFloat(op.getWeight(), rows);
  std::vector<float> decoded = evaluateDecoded(op.getCodes(), rows);
  std::vector<float> mean =
      evaluateFloat(op.getMean(), {0, getNumRows(op.getMean().getType())});
  RankedTensorType type = op.getWeight().getType();
  int64_t length = getRowLength(type);
  for (auto [row, number] : llvm::enumerate(result))
    number = correctBias(number, ArrayRef(weight).slice(row * length, length),
                         ArrayRef(decoded).slice(row * length, length), mean,
                         type.getShape(), rows.first + int64_t(row));
  return result;
}

std::vector<float> ParamEvaluator::evaluateBias(DequantizeBiasOp op,
                                                RowRange rows) const {
  std::vector<int32_t> codes = evaluateIntegers(op.getCodes(), rows);
  std::vector<float> scales = evaluateQuantized(op.getWeight(), rows).scales;
  float input = evaluateFloat(op.getScale(), {0, 1})[0];
  std::vector<float> result;
  for (auto [i, code] : llvm::enumerate(codes)) {
    float unit = input * scales[scales.size() == 1 ? 0 : i];
    result.push_back(float(code) * unit);
  }
  return result;
}

std::vector<float> ParamEvaluator::evaluateFloat(Value value,
                                                 RowRange rows) const {
  Operation *op = value.getDefiningOp();
  int64_t length = getRowLength(value.getType());
  if (auto load = dyn_cast<GlobalLoadConstOp>(op)) {
    std::string name = getLoadedName(load);
    return loadFloats(getStore(name), name, rows.first * length,
                      rows.count * length);
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return evaluateConstant(constant, rows.first * length, rows.count * length);
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return evaluateLinear(linear, rows);
  if (auto lowRank = dyn_cast<LowRankOp>(op))
    return evaluateLowRank(lowRank, value == lowRank.getLeft(), rows);
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return evaluateDecoded(dequantize.getInput(), rows);
  if (auto scales = dyn_cast<ScalesOp>(op))
    return evaluateQuantized(scales.getInput(), rows).scales;
  if (auto bias = dyn_cast<DequantizeBiasOp>(op))
    return evaluateBias(bias, rows);
  if (auto corrected = dyn_cast<CorrectBiasOp>(op))
    return evaluateCorrection(corrected, rows);
  if (auto scaled = dyn_cast<nn::ScaleRowsOp>(op))
    return evaluateScaleRows(scaled, rows);
  if (isa<nn::MulOp, nn::AddOp>(op))
    return evaluateBroadcast(op, isa<nn::MulOp>(op), rows);
  if (auto rotate = dyn_cast<RotateOp>(op))
    return evaluateRotate(rotate, rows);
  if (auto select = dyn_cast<nn::SelectFeaturesOp>(op))
    return evaluateSelect(select, rows);
  // arith.extf changes nothing, arith.truncf rounds.
  std::vector<float> result = evaluateFloat(op->getOperand(0), rows);
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  if (isa<arith::TruncFOp>(op) && !element.isF32()) {
    if (!element.isF16() && !element.isBF16())
      throw ParamsError("arith.truncf in a parameter expression, expected f16 "
                        "or bf16");
    roundTo(element, result);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// What rows share
//===----------------------------------------------------------------------===//

template <typename T>
std::shared_ptr<const T> ParamEvaluator::Recent<T>::get(
    const std::string &key,
    llvm::function_ref<std::shared_ptr<const T>()> make) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found =
      llvm::find_if(entries, [&](auto &entry) { return entry.first == key; });
  if (found != entries.end()) {
    entries.splice(entries.begin(), entries, found);
  } else {
    // Before the new one is made: factors are large.
    if (entries.size() > 1)
      entries.pop_back();
    entries.emplace_front(key, make());
  }
  return entries.front().second;
}

/// Of the op that is computed once for all rows.
static std::string getKey(Operation *op, StringRef settings = {}) {
  return std::to_string(reinterpret_cast<uintptr_t>(op)) + settings.str();
}

std::shared_ptr<const MomentFactor>
ParamEvaluator::getMoment(QuantizeOp op, int64_t group) const {
  Value moment = op.getMoment();
  std::optional<double> damp;
  if (op.getRounding() == Rounding::GPTQ)
    damp = op.getDamp().convertToDouble();
  std::string settings = llvm::formatv(" {0} {1} {2}", damp.value_or(-1),
                                       bool(op.getActOrder()), group);
  // Weights that share an input load the same moment.
  auto load = moment.getDefiningOp<GlobalLoadConstOp>();
  std::string key = load ? getLoadedName(load) + settings
                         : getKey(moment.getDefiningOp(), settings);
  return moments.get(key, [&] {
    ArrayRef<int64_t> shape = getParamShape(moment.getType());
    RowRange rows =
        shape.size() == 3 ? RowRange{group, 1} : RowRange{0, shape[0]};
    return MomentFactor::compute(evaluateFloat(moment, rows), shape.back(),
                                 damp, op.getActOrder(),
                                 "parameter " + describeParam(op.getInput()));
  });
}

QuantizedRows ParamEvaluator::evaluateByMoment(QuantizeOp op,
                                               RowRange rows) const {
  ArrayRef<int64_t> shape = getParamShape(op.getMoment().getType());
  int64_t groups = shape.size() == 3 ? shape[0] : 1;
  int64_t groupRows = getNumRows(op.getInput().getType()) / groups;
  QuantizedRows result;
  for (int64_t row = rows.first, end = row + rows.count; row < end;) {
    int64_t group = row / groupRows;
    RowRange own{row, std::min((group + 1) * groupRows, end) - row};
    QuantizedRows part = quantizeByMoment(
        op.getResult().getType(), op.getClip(),
        evaluateFloat(op.getInput(), own), own.count, *getMoment(op, group));
    llvm::append_range(result.codes, part.codes);
    llvm::append_range(result.scales, part.scales);
    llvm::append_range(result.zeros, part.zeros);
    row += own.count;
  }
  return result;
}

std::vector<float> ParamEvaluator::evaluateLowRank(LowRankOp op, bool isLeft,
                                                   RowRange rows) const {
  auto factors = lowRanks.get(getKey(op), [&] {
    RankedTensorType type = op.getInput().getType();
    int64_t count = type.getDimSize(0), columns = type.getDimSize(1);
    std::vector<float> moment;
    if (Value weights = op.getMoment())
      moment = evaluateFloat(weights, {0, columns});
    return std::make_shared<const LowRankFactors>(
        factorize(evaluateFloat(op.getInput(), {0, count}), moment, count,
                  columns, op.getLeft().getType().getDimSize(1)));
  });
  const std::vector<float> &all = isLeft ? factors->left : factors->right;
  int64_t length =
      getRowLength(isLeft ? op.getLeft().getType() : op.getRight().getType());
  return {all.begin() + rows.first * length,
          all.begin() + (rows.first + rows.count) * length};
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

std::vector<int32_t> ParamEvaluator::evaluateIntegers(Value value,
                                                      RowRange rows) const {
  Operation *op = value.getDefiningOp();
  auto scalar = [&](Value operand) {
    return double(evaluateFloat(operand, {0, 1})[0]);
  };
  std::vector<int32_t> result;
  auto append = [&](std::optional<int32_t> number) {
    if (!number)
      throw ParamsError("parameter " + describeParam(value) + ", element " +
                        std::to_string(rows.first + int64_t(result.size())) +
                        ": " + op->getName().getStringRef().str() +
                        " gives a number beyond 32 bits");
    result.push_back(*number);
  };
  if (auto load = dyn_cast<GlobalLoadConstOp>(op)) {
    for (uint32_t word :
         loadCodes(store, getLoadedName(load), rows.first, rows.count))
      result.push_back(int32_t(word));
  } else if (auto bias = dyn_cast<QuantizeBiasOp>(op)) {
    for (auto [number, scale] :
         llvm::zip_equal(evaluateFloat(bias.getBias(), rows),
                         evaluateFloat(bias.getScale(), rows)))
      append(roundToInt32(double(number) / scale));
  } else if (auto shift = dyn_cast<DyadicShiftOp>(op)) {
    double denominator = scalar(shift.getDenominator());
    double least = shift.getAddend()
                       ? std::fabs(scalar(shift.getAddend()) / denominator)
                       : 0;
    for (float number : evaluateFloat(shift.getNumerator(), rows))
      append(
          chooseDyadicShift(std::max(std::fabs(number / denominator), least)));
  } else if (auto dyadic = dyn_cast<DyadicOp>(op)) {
    double denominator = scalar(dyadic.getDenominator());
    std::vector<int32_t> shifts = evaluateIntegers(dyadic.getShift(), rows);
    bool isShared = dyadic.getNumerator().getType().getRank() == 0;
    std::vector<float> numbers =
        isShared ? std::vector<float>(shifts.size(),
                                      float(scalar(dyadic.getNumerator())))
                 : evaluateFloat(dyadic.getNumerator(), rows);
    for (auto [number, shift] : llvm::zip_equal(numbers, shifts))
      append(getDyadicMultiplier(number / denominator, shift));
  } else {
    throw ParamsError("parameter " + describeParam(value) + ": " +
                      op->getName().getStringRef().str() +
                      " gives no integers");
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Quantised tensors
//===----------------------------------------------------------------------===//

QuantizedRows ParamEvaluator::loadQuantized(QTensorType type,
                                            const std::string &name,
                                            RowRange rows) const {
  if (type.getLayout())
    throw ParamsError(describeTensor(store, name) +
                      " is packed for a target, expected codes and scales");
  QuantizedRows result;
  int64_t length = getRowLength(type), scales = getScalesPerRow(type);
  result.codes = loadCodes(store, name + ".codes", rows.first * length,
                           rows.count * length);
  bool shared = type.getBlock().getKind() == BlockKind::PerTensor;
  int64_t first = shared ? 0 : rows.first * scales;
  int64_t count = shared ? 1 : rows.count * scales;
  if (type.hasScale())
    result.scales = loadFloats(store, name + ".scales", first, count);
  if (type.hasOffsets())
    result.zeros = loadFloats(store, name + ".offsets", first, count);
  else if (type.hasZeros())
    result.zeros = loadZeros(store, name + ".zeros", first, count);
  return result;
}

QuantizedRows ParamEvaluator::evaluateQuantized(Value value,
                                                RowRange rows) const {
  Operation *op = value.getDefiningOp();
  auto type = cast<QTensorType>(value.getType());
  if (auto load = dyn_cast<GlobalLoadConstOp>(op))
    return loadQuantized(type, getLoadedName(load), rows);
  auto quantize = dyn_cast<QuantizeOp>(op);
  if (!quantize || quantize.getScale())
    throw ParamsError("parameter " + std::string(op->getName().getStringRef()) +
                      ": expected a qnt.quantize that finds its own scales");
  if (quantize.getMoment())
    return evaluateByMoment(quantize, rows);
  std::vector<float> in = evaluateFloat(quantize.getInput(), rows);
  QuantizedRows result;
  result.codes.resize(in.size());
  BlockKind kind = type.getBlock().getKind();
  int64_t scales =
      kind == BlockKind::PerTensor ? 1 : rows.count * getScalesPerRow(type);
  result.scales.resize(scales);
  result.zeros.resize(type.hasZeros() ? scales : 0);
  // What quantizeRows calls a row: a line of scales.
  int64_t lines = kind == BlockKind::PerTensor    ? 1
                  : kind == BlockKind::PerChannel ? rows.count
                  : type.getShape().back() == 0
                      ? 0
                      : int64_t(in.size()) / type.getShape().back();
  quantizeRows(type, quantize.getClip(), in, lines, result.codes, result.scales,
               result.zeros);
  return result;
}
