//===- Quantized.cpp - constants stored as codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Quantized.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

QuantizedRef QuantizedConstant::transpose(const QuantizedConstant &from,
                                          ArrayRef<int64_t> perm) {
  auto result = std::make_shared<QuantizedConstant>(from);
  result->codes = Constant::transpose(from.codes, perm);
  if (!from.axis)
    return result;
  result->scales = Constant::transpose(from.scales, perm);
  if (from.zeros)
    result->zeros = Constant::transpose(from.zeros, perm);
  result->axis = llvm::find(perm, *from.axis) - perm.begin();
  return result;
}

QTensorType QuantizedConstant::getType(MLIRContext *context) const {
  ArrayRef<int64_t> shape = codes->getShape();
  int64_t rank = shape.size();
  if (rank < 1 || codes->size() == 0 || bits > 8)
    return {};
  BlockKind kind = BlockKind::PerTensor;
  if (axis && block == 0) {
    if (*axis != 0 || rank < 2)
      return {};
    kind = BlockKind::PerChannel;
  } else if (axis) {
    if (*axis != rank - 1 || block % 16 != 0)
      return {};
    kind = BlockKind::Group;
  }
  auto format = IntFormatAttr::get(context, bits, isSigned);
  auto blockAttr =
      BlockAttr::get(context, kind, kind == BlockKind::Group ? block : 0);
  return QTensorType::get(
      context, shape, format, blockAttr, Float32Type::get(context),
      zeros ? ZeroKind::Point : ZeroKind::None, Attribute());
}

ConstantRef QuantizedConstant::getStoredCodes() const {
  ConstantRef from = codes;
  // A sign's code is whether it is positive.
  bool isSign = bits == 1 && isSigned;
  int64_t mask = (1 << bits) - 1;
  return Constant::create(
      codes->getName(), DType::U8, codes->getShape(), [from, mask, isSign] {
        std::vector<int64_t> numbers = from->toInts();
        for (int64_t &number : numbers)
          number = isSign ? number > 0 : number & mask;
        return Constant::ofInts("", DType::U8, from->getShape(), numbers)
            ->bytes();
      });
}

/// The index into the scales for each element of the codes.
static std::vector<int64_t>
findScaleIndices(const QuantizedConstant &constant) {
  ArrayRef<int64_t> shape = constant.codes->getShape();
  std::vector<int64_t> indices(constant.codes->size(), 0);
  if (!constant.axis)
    return indices;
  int64_t axis = *constant.axis;
  int64_t inner = onnx::countElements(shape.drop_front(axis + 1));
  int64_t block = constant.block ? constant.block : 1;
  int64_t blocks = constant.scales->getShape()[axis];
  for (auto [i, index] : llvm::enumerate(indices)) {
    int64_t place = int64_t(i) / inner % shape[axis] / block;
    index = constant.block
                ? (int64_t(i) / inner / shape[axis] * blocks + place) * inner +
                      int64_t(i) % inner
                : place;
  }
  return indices;
}

ConstantRef QuantizedConstant::decode() const {
  QuantizedConstant self = *this;
  return Constant::create(
      codes->getName(), DType::F32, codes->getShape(), [self] {
        std::vector<int64_t> numbers = self.codes->toInts();
        std::vector<double> scales = self.scales->toDoubles(), result;
        std::vector<int64_t> zeros(scales.size(), 0);
        if (self.zeros)
          zeros = self.zeros->toInts();
        std::vector<int64_t> indices = findScaleIndices(self);
        result.reserve(numbers.size());
        for (auto [number, at] : llvm::zip_equal(numbers, indices))
          result.push_back(double(number - zeros[at]) * scales[at]);
        return Constant::ofFloats("", DType::F32, self.codes->getShape(),
                                  result)
            ->bytes();
      });
}

QuantizedRef qnt::onnx::simplify(QuantizedConstant constant) {
  if (constant.zeros) {
    std::vector<int64_t> zeros = constant.zeros->toInts();
    auto all = [&](int64_t zero) {
      return llvm::all_of(zeros, [&](int64_t z) { return z == zero; });
    };
    if (constant.isSigned && all(0))
      constant.zeros = nullptr;
    int64_t middle = int64_t(1) << (constant.bits - 1);
    if (!constant.isSigned && constant.bits > 1 && all(middle)) {
      constant.isSigned = true;
      constant.zeros = nullptr;
      ConstantRef from = constant.codes;
      constant.codes = Constant::create(
          from->getName(), DType::I8, from->getShape(), [from, middle] {
            std::vector<int64_t> numbers = from->toInts();
            for (int64_t &number : numbers)
              number -= middle;
            return Constant::ofInts("", DType::I8, from->getShape(), numbers)
                ->bytes();
          });
    }
  }
  // Unsigned types have a zero point, for targets to know one form.
  if (!constant.isSigned && !constant.zeros)
    constant.zeros =
        Constant::ofInts("", DType::U8, constant.scales->getShape(),
                         std::vector<int64_t>(constant.scales->size(), 0));
  return std::make_shared<const QuantizedConstant>(std::move(constant));
}
