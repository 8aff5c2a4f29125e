//===- DesignFrames.cpp - frames that check a design ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DesignFrames.h"

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Interpreter/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;
using qflow::DesignOp;
using qflow::StreamType;

static constexpr StringLiteral opAttr = "qflow.op";

static func::FuncOp getFunction(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic())
      return function;
  return {};
}

DesignFrames::DesignFrames(ModuleOp module) {
  Builder builder(module.getContext());
  if (func::FuncOp function = getFunction(module))
    for (auto [number, op] : llvm::enumerate(function.getOps()))
      op.setAttr(opAttr, builder.getI64IntegerAttr(int64_t(number)));
  model = module.clone();
}

namespace {
/// A stream of the design's interface, and what makes or gives its frames in
/// the model.
struct Port {
  std::string name;
  StreamType type;
  ArrayRef<float> scales;
  int64_t zero;
  Operation *op;
};
} // namespace

static SmallVector<Port> getPorts(TypeRange types, ArrayAttr attributes,
                                  ArrayRef<Operation *> ops) {
  SmallVector<Port> ports;
  for (auto [type, attribute] : llvm::zip(types, attributes)) {
    auto of = cast<DictionaryAttr>(attribute);
    int64_t number = of.getAs<IntegerAttr>(opAttr).getInt();
    ports.push_back(
        {of.getAs<StringAttr>("qflow.name").str(), cast<StreamType>(type),
         of.getAs<DenseF32ArrayAttr>("qflow.scales").asArrayRef(),
         of.getAs<IntegerAttr>("qflow.zero").getInt(), ops[number]});
  }
  return ports;
}

/// The stream whose codes are made of an argument as it is, or in another
/// order.
static const Port *findStream(Value argument, ArrayRef<Port> inputs) {
  while (argument.hasOneUse()) {
    Operation *user = *argument.user_begin();
    for (const Port &port : inputs)
      if (port.op == user)
        return &port;
    if (!isa<linalg::TransposeOp, tensor::ReshapeOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp, tensor::CastOp, QuantizeOp, CodesOp>(user))
      return nullptr;
    argument = user->getResult(0);
  }
  return nullptr;
}

/// One frame of an argument: integers of all values, floats over the range of
/// the codes that are made of them, where that is known, else from -4 to 4.
static std::optional<Tensor> draw(Value argument, ArrayRef<Port> inputs,
                                  std::mt19937_64 &random) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  auto kind = type ? getElementKind(type.getElementType()) : std::nullopt;
  if (!kind)
    return std::nullopt;
  SmallVector<int64_t> shape(type.getShape());
  llvm::replace(shape, ShapedType::kDynamic, int64_t(1));
  int64_t count = countElements(shape);
  if (!isFloat(*kind)) {
    std::vector<int64_t> numbers(count);
    std::ranges::generate(numbers, [&] { return int64_t(random()); });
    return Tensor::ofInts(*kind, shape, numbers);
  }
  double low = -4, high = 4;
  if (const Port *port = findStream(argument, inputs);
      port && port->scales.size() == 1) {
    IntegerType element = port->type.getElement();
    double least =
        element.isSigned() ? -std::ldexp(1, element.getWidth() - 1) : 0;
    low = (least - double(port->zero)) * port->scales.front();
    high = low + std::ldexp(port->scales.front(), element.getWidth());
  }
  std::vector<double> numbers(count);
  // Not a standard distribution: these differ between libraries.
  std::ranges::generate(numbers, [&] {
    return low + (high - low) * std::ldexp(double(random() >> 11), -53);
  });
  return Tensor::ofFloats(*kind, shape, numbers);
}

/// The integers of a stream's frame that `datum` stands for; none where floats
/// do not tell them.
static std::optional<std::vector<int64_t>> getIntegers(const Datum &datum,
                                                       const Port &port) {
  if (auto *codes = std::get_if<QuantizedTensor>(&datum))
    return std::vector<int64_t>(codes->codes.begin(), codes->codes.end());
  auto *tensor = std::get_if<Tensor>(&datum);
  if (!tensor)
    return std::nullopt;
  if (!isFloat(tensor->getKind()))
    return tensor->toInts();
  std::vector<int64_t> integers;
  for (auto [i, number] : llvm::enumerate(tensor->toDoubles())) {
    double scale = port.scales[i % port.scales.size()];
    double integer = std::nearbyint(number / scale);
    // Beyond, neighbours have the same f32 once they are multiplied.
    constexpr double most = 1 << 22;
    if (!(std::fabs(integer) <= most))
      return std::nullopt;
    integers.push_back(int64_t(integer) + port.zero);
  }
  return integers;
}

/// Adds the words of a frame to `text`, the first element in the lowest bits.
static void print(ArrayRef<int64_t> integers, StreamType type,
                  std::string &text) {
  unsigned bits = type.getElement().getWidth();
  for (size_t first = 0; first < integers.size(); first += type.getLanes()) {
    APInt word(type.getWordBits(), 0);
    for (int64_t lane = 0; lane < type.getLanes(); ++lane)
      word.insertBits(APInt(bits, uint64_t(integers[first + lane]),
                            /*isSigned=*/false, /*implicitTrunc=*/true),
                      unsigned(lane) * bits);
    SmallString<64> digits;
    word.toStringUnsigned(digits, 16);
    text += llvm::StringRef(digits).lower() + "\n";
  }
}

FailureOr<fpga::Files> DesignFrames::make(DesignOp design,
                                          int64_t count) const {
  func::FuncOp function = getFunction(*model);
  SmallVector<Operation *> ops;
  for (Operation &op : function.getOps())
    ops.push_back(&op);
  SmallVector<Port> inputs =
      getPorts(design.getArgumentTypes(), design.getArgAttrsAttr(), ops);
  SmallVector<Port> outputs =
      getPorts(design.getResultTypes(), design.getResAttrsAttr(), ops);
  auto params = openParams(*model);
  if (failed(params))
    return failure();
  llvm::DenseMap<Operation *, Datum> values;
  for (const Port &port : llvm::concat<Port>(inputs, outputs))
    values[port.op] = {};
  InterpreterOptions options;
  options.observer = [&](OpResult result, const Datum &datum) {
    if (auto found = values.find(result.getOwner()); found != values.end())
      found->second = datum;
  };
  Interpreter interpreter(*model, *params, options);
  fpga::Files files;
  std::set<std::string> untold;
  std::mt19937_64 random(1);
  for (int64_t frame = 0; frame < count; ++frame) {
    SmallVector<Datum> args;
    for (Value argument : function.getArguments()) {
      auto drawn = draw(argument, inputs, random);
      if (!drawn)
        return function.emitError("has no frames for its benches: expected "
                                  "arguments of numbers, got ")
               << argument.getType() << " (frames=0 leaves them out)";
      args.push_back(*drawn);
    }
    if (failed(interpreter.run(function.getName(), args)))
      return failure();
    auto add = [&](const Port &port, const std::string &file) {
      auto integers = getIntegers(values[port.op], port);
      if (!integers)
        untold.insert(file);
      else
        print(*integers, port.type, files[file]);
    };
    for (const Port &port : inputs)
      add(port, port.name + ".hex");
    for (const Port &port : outputs)
      add(port, port.name + ".expected.hex");
  }
  for (const std::string &file : untold)
    files.erase(file);
  return files;
}
