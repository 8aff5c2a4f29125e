//===- Elementwise.cpp - chains of ops on each number -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Elementwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MD5.h"

using namespace mlir;
using namespace qnt::cuda;

using Stride = ElementwiseSpec::Stride;
using Values = KernelBuilder::Values;

static constexpr int64_t kThreads = 256, kWide = 4;

//===----------------------------------------------------------------------===//
// ElementwiseSpec
//===----------------------------------------------------------------------===//

unsigned ElementwiseSpec::addStep(StringRef op, ArrayRef<unsigned> operands,
                                  Type type, DictionaryAttr attributes) {
  steps.push_back({op.str(), llvm::to_vector(operands), type, attributes});
  return unsigned(inputs.size() + steps.size() - 1);
}

std::string ElementwiseSpec::addBody(Block &body) {
  llvm::DenseMap<Value, unsigned> numbers;
  for (unsigned i = 0; i < inputs.size(); ++i)
    numbers[body.getArgument(i)] = i;
  std::string error;
  auto numberOf = [&](Value value) -> unsigned {
    auto found = numbers.find(value);
    if (found != numbers.end())
      return found->second;
    if (auto constant = value.getDefiningOp<arith::ConstantOp>())
      return numbers[value] = addStep("arith.constant", {}, value.getType(),
                                      constant->getAttrDictionary());
    error = "uses a value from outside that is no constant";
    return 0;
  };
  for (Operation &op : body.without_terminator()) {
    SmallVector<unsigned> operands;
    if (op.getNumResults() != 1)
      return op.getName().getStringRef().str() + " has no kernel";
    for (Value operand : op.getOperands())
      operands.push_back(numberOf(operand));
    numbers[op.getResult(0)] =
        addStep(op.getName().getStringRef(), operands,
                op.getResult(0).getType(), op.getAttrDictionary());
  }
  for (Value value : body.getTerminator()->getOperands())
    yields.push_back(numberOf(value));
  return error;
}

std::string ElementwiseSpec::check() const {
  for (const ElementwiseStep &step : steps)
    if (!isScalarOpKnown(step))
      return step.op + " has no kernel of the CUDA target for this type";
  for (const auto &operands : {inputs, results})
    for (const Operand &operand : operands) {
      bool isWide = operand.element.isF64() ||
                    (operand.element.isInteger() &&
                     operand.element.getIntOrFloatBitWidth() % 8 &&
                     !operand.element.isInteger(1));
      if (isWide || !operand.element.isIntOrIndexOrFloat())
        return "has elements of a type that the CUDA target does not hold";
    }
  return {};
}

std::string ElementwiseSpec::getName() const {
  std::string text, name = "elementwise";
  llvm::raw_string_ostream os(text);
  os << loops << isWide;
  for (const auto &operands : {inputs, results}) {
    for (const Operand &operand : operands) {
      os << " " << operand.element;
      for (Stride stride : operand.strides)
        os << int(stride);
    }
    os << "\n";
  }
  for (auto [i, step] : llvm::enumerate(steps)) {
    if (i < 4)
      name += "_" + step.op.substr(step.op.find('.') + 1);
    os << step.op << " " << step.type;
    for (unsigned operand : step.operands)
      os << " " << operand;
    if (step.attributes)
      os << step.attributes;
    os << "\n";
  }
  for (unsigned value : yields)
    os << value << " ";
  auto hash = llvm::MD5::hash(llvm::arrayRefFromStringRef(text));
  return name + "_" + llvm::toHex(ArrayRef<uint8_t>(hash).take_front(8), true);
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
class ElementwiseEmitter {
public:
  using Operand = ElementwiseSpec::Operand;
  explicit ElementwiseEmitter(const ElementwiseSpec &spec)
      : spec(spec), width(spec.isWide ? kWide : 1) {}

  Kernel describe() const;
  void emit(KernelBuilder &k, ValueRange args) const;

private:
  Values load(KernelBuilder &k, const Operand &operand, Value from) const;
  void store(KernelBuilder &k, const Operand &operand, Value to,
             ValueRange numbers) const;
  Value computeOne(KernelBuilder &k, Values &values, unsigned number) const;

  const ElementwiseSpec &spec;
  int64_t width;
};
} // namespace

Kernel ElementwiseEmitter::describe() const {
  Kernel kernel;
  for (unsigned i = 0; i < spec.inputs.size(); ++i)
    kernel.addInput("in" + std::to_string(i));
  for (unsigned i = 0; i < spec.results.size(); ++i)
    kernel.addOutput("out" + std::to_string(i));
  kernel.threads = kThreads;
  kernel.grid[0].by(kernel.addSize("points"), 1, kThreads * width);
  for (unsigned loop = 1; loop < spec.loops; ++loop)
    kernel.addSize("extent" + std::to_string(loop));
  auto addStrides = [&](ArrayRef<Operand> operands, StringRef prefix) {
    for (auto [i, operand] : llvm::enumerate(operands))
      for (auto [loop, stride] : llvm::enumerate(operand.strides))
        if (stride == Stride::Runtime)
          kernel.addSize(
              (prefix + std::to_string(i) + "_stride" + std::to_string(loop))
                  .str());
  };
  addStrides(spec.inputs, "in");
  addStrides(spec.results, "out");
  return kernel;
}

/// How numbers lie in memory: truth values are bytes.
static Type getStoredType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  return element.isIndex() ? getComputeType(element) : element;
}

static unsigned bytesOf(Type element) {
  return getStoredType(element).getIntOrFloatBitWidth() / 8;
}

Values ElementwiseEmitter::load(KernelBuilder &k, const Operand &operand,
                                Value from) const {
  Type stored = getStoredType(operand.element);
  bool isOne = operand.strides.back() != Stride::One;
  int64_t count = isOne ? 1 : width;
  Type type = count == 1 ? stored : k.vec(stored, count);
  Value loaded = k.load(type, from, unsigned(count * bytesOf(stored)));
  Values numbers;
  for (int64_t i = 0; i < count; ++i) {
    Value number =
        count == 1 ? loaded : vector::ExtractOp::create(k.b, k.loc, loaded, i);
    if (operand.element.isInteger(1))
      number = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne,
                                     number, k.constant(stored, 0));
    else if (isa<FloatType>(stored))
      number = k.extF(number);
    numbers.push_back(number);
  }
  numbers.resize(width, numbers.front());
  return numbers;
}

void ElementwiseEmitter::store(KernelBuilder &k, const Operand &operand,
                               Value to, ValueRange numbers) const {
  Type stored = getStoredType(operand.element);
  Values kept;
  for (Value number : numbers) {
    if (operand.element.isInteger(1))
      number = k.zext(number, stored);
    else if (isa<FloatType>(stored))
      number = k.truncF(number, stored);
    kept.push_back(number);
  }
  Value all = width == 1 ? kept[0]
                         : vector::FromElementsOp::create(k.b, k.loc,
                                                          k.vec(stored, width),
                                                          ValueRange(kept))
                               .getResult();
  k.store(all, to, unsigned(width * bytesOf(stored)));
}

/// Value `number` and those that it needs.
Value ElementwiseEmitter::computeOne(KernelBuilder &k, Values &values,
                                     unsigned number) const {
  if (values[number])
    return values[number];
  const ElementwiseStep &step = spec.steps[number - spec.inputs.size()];
  Values operands;
  for (unsigned operand : step.operands)
    operands.push_back(computeOne(k, values, operand));
  return values[number] = emitScalarOp(k, step, operands);
}

void ElementwiseEmitter::emit(KernelBuilder &k, ValueRange args) const {
  auto next = [&] {
    Value value = args.front();
    args = args.drop_front();
    return value;
  };
  Values pointers, extents(1);
  for (unsigned i = 0; i < spec.inputs.size() + spec.results.size(); ++i)
    pointers.push_back(next());
  Value points = next();
  for (unsigned loop = 1; loop < spec.loops; ++loop)
    extents.push_back(next());
  Value block = k.blockId(gpu::Dimension::x);
  Value first = k.mulC(k.add(k.mulC(block, kThreads), k.threadId()), width);
  SmallVector<const Operand *> operands;
  for (const Operand &operand : spec.inputs)
    operands.push_back(&operand);
  for (const Operand &operand : spec.results)
    operands.push_back(&operand);
  SmallVector<Values> strides;
  for (const Operand *operand : operands) {
    Values &list = strides.emplace_back();
    for (Stride stride : operand->strides)
      list.push_back(stride == Stride::Runtime ? next() : Value());
  }
  k.ifThen(k.ltS(first, points), [&] {
    Values point(spec.loops);
    Value rest = first;
    for (unsigned loop = spec.loops; loop-- > 1;) {
      point[loop] = k.remU(rest, extents[loop]);
      rest = k.divU(rest, extents[loop]);
    }
    point[0] = rest;
    Values places;
    for (auto [i, operand] : llvm::enumerate(operands)) {
      Value offset = k.c64(0);
      for (unsigned loop = 0; loop < spec.loops; ++loop) {
        if (operand->strides[loop] == Stride::Zero)
          continue;
        Value index = k.zext(point[loop], k.i64());
        if (Value stride = strides[i][loop])
          index = k.mul(index, k.zext(stride, k.i64()));
        offset = k.add(offset, index);
      }
      places.push_back(
          k.at(pointers[i], k.mul(offset, k.c64(bytesOf(operand->element)))));
    }
    SmallVector<Values> values(size_t(width),
                               Values(spec.inputs.size() + spec.steps.size()));
    for (auto [i, input] : llvm::enumerate(spec.inputs))
      for (auto [lane, number] : llvm::enumerate(load(k, input, places[i])))
        values[lane][i] = number;
    for (auto [i, result] : llvm::enumerate(spec.results)) {
      Values numbers;
      for (Values &lane : values)
        numbers.push_back(computeOne(k, lane, spec.yields[i]));
      store(k, result, places[spec.inputs.size() + i], numbers);
    }
  });
}

Kernel qnt::cuda::getElementwiseKernel(KernelLibrary &lib,
                                       const ElementwiseSpec &spec) {
  ElementwiseEmitter emitter(spec);
  return lib.get(
      spec.getName(), emitter.describe(),
      [&](KernelBuilder &k, ValueRange args) { emitter.emit(k, args); });
}
