//===- Arith.cpp - upstream arithmetic, element by element -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "ScalarOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(arith::ConstantOp op, Frame &frame) {
  auto kind = getElementKind(getElementTypeOrSelf(op.getType()));
  if (!kind)
    return op.emitOpError("has a type that the interpreter cannot hold");
  SmallVector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> ints;
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue())) {
    llvm::append_range(shape, elements.getShapedType().getShape());
    if (isFloat(*kind)) {
      auto values = elements.tryGetValues<APFloat>();
      if (values)
        for (APFloat value : *values) {
          bool lossy;
          value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                        &lossy);
          floats.push_back(value.convertToDouble());
        }
    } else if (auto values = elements.tryGetValues<APInt>(); values) {
      for (APInt value : *values)
        ints.push_back(value.getSExtValue());
    }
  } else if (auto number = dyn_cast<FloatAttr>(op.getValue())) {
    floats.push_back(number.getValueAsDouble());
  } else if (auto number = dyn_cast<IntegerAttr>(op.getValue())) {
    ints.push_back(number.getValue().getSExtValue());
  }
  if (int64_t(isFloat(*kind) ? floats.size() : ints.size()) !=
      countElements(shape))
    return op.emitOpError("has a value that the interpreter cannot read");
  frame.set(op, isFloat(*kind) ? Tensor::ofFloats(*kind, shape, floats)
                               : Tensor::ofInts(*kind, shape, ints));
  return success();
}

LogicalResult interp::evaluateElementwise(Operation *op, Frame &frame) {
  auto scalar = ScalarOp::get(op);
  if (!scalar || op->getNumOperands() > 3)
    return op->emitOpError("has a type that the interpreter cannot hold");
  // The condition of a select may be one for all.
  const Tensor &shaped = frame.tensor(op->getOperands().back());
  bool oneCondition = isa<arith::SelectOp>(op) &&
                      frame.tensor(op->getOperand(0)).getRank() == 0;
  SmallVector<const Tensor *, 3> inputs;
  for (Value operand : op->getOperands()) {
    inputs.push_back(&frame.tensor(operand));
    bool isCondition = oneCondition && inputs.size() == 1;
    if (!isCondition && inputs.back()->getShape() != shaped.getShape())
      return op->emitOpError("expected operands of one shape");
  }
  SmallVector<int64_t> shape(shaped.getShape());
  int64_t size = shaped.size();
  ElementKind kind = scalar->getKind();
  std::shared_ptr<char[]> bytes(new char[size * byteWidth(kind) + 1]);
  std::vector<Scalar> lanes(4 * kMaxLanes);
  const Scalar *in[3] = {};
  for (int64_t first = 0; first < size; first += kMaxLanes) {
    int64_t count = std::min(kMaxLanes, size - first);
    for (auto [i, input] : llvm::enumerate(inputs)) {
      bool isOne = i == 0 && oneCondition;
      in[i] = &lanes[(i + 1) * kMaxLanes];
      loadLanes(input->getKind(), input->data(), isOne ? 0 : first,
                isOne ? 0 : 1, count, &lanes[(i + 1) * kMaxLanes]);
    }
    scalar->run(lanes.data(), in, count);
    storeLanes(kind, bytes.get(), first, 1, count, lanes.data());
  }
  frame.set(op->getResult(0),
            Tensor::ofBytes(kind, shape,
                            std::shared_ptr<const char>(bytes, bytes.get())));
  return success();
}

void interp::registerArith(Registry &registry) {
  registry.add<arith::ConstantOp>(evaluate);
}
