//===- Parameters.cpp - integers of a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parameters.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using params::DType;
using params::TensorView;

FailureOr<Parameters> Parameters::open(ModuleOp module) {
  auto path = module->getAttrOfType<StringAttr>("qnt.params");
  if (!path)
    return module.emitError("expected parameters: the module has no "
                            "qnt.params");
  Parameters result;
  try {
    result.store = params::ParamStore::open(path.str());
  } catch (const params::ParamsError &error) {
    return module.emitError(error.what());
  }
  return result;
}

FailureOr<TensorView> Parameters::find(Operation *op, Value value,
                                       StringRef suffix) const {
  auto load = value.getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!load)
    return op->emitOpError("expected parameters that are loaded, got ")
           << value.getType()
           << " of an expression: qnt-materialize-params comes before";
  std::string name = load.getGlobal().getLeafReference().str() + suffix.str();
  try {
    return store->get(name);
  } catch (const params::ParamsError &error) {
    return op->emitOpError(error.what());
  }
}

/// Integers of a dtype, widened.
static std::optional<SmallVector<int64_t>> widen(const TensorView &tensor) {
  SmallVector<int64_t> result;
  auto take = [&](auto zero) {
    using T = decltype(zero);
    for (size_t at = 0; at < tensor.bytes.size(); at += sizeof(T)) {
      T element;
      std::memcpy(&element, tensor.bytes.data() + at, sizeof(T));
      result.push_back(element);
    }
  };
  switch (tensor.dtype) {
  case DType::I64:
    take(int64_t());
    return result;
  case DType::I32:
    take(int32_t());
    return result;
  case DType::I16:
    take(int16_t());
    return result;
  case DType::I8:
    take(int8_t());
    return result;
  case DType::U8:
    take(uint8_t());
    return result;
  default:
    return std::nullopt;
  }
}

static InFlightDiagnostic failAt(Operation *op, const TensorView &tensor,
                                 const char *expected) {
  return op->emitOpError("parameter '")
         << tensor.name << "' is " << std::string(name(tensor.dtype))
         << ", expected " << expected;
}

FailureOr<SmallVector<int64_t>> Parameters::getIntegers(Operation *op,
                                                        Value load) const {
  DenseIntElementsAttr constant;
  if (matchPattern(load, m_Constant(&constant))) {
    SmallVector<int64_t> result;
    for (const APInt &element : constant.getValues<APInt>())
      result.push_back(element.getSExtValue());
    return result;
  }
  auto tensor = find(op, load, "");
  if (failed(tensor))
    return failure();
  auto integers = widen(*tensor);
  if (!integers)
    return failAt(op, *tensor, "integers");
  return *integers;
}

FailureOr<SmallVector<float>> Parameters::getFloats(Operation *op,
                                                    Value load) const {
  DenseFPElementsAttr constant;
  if (matchPattern(load, m_Constant(&constant)) &&
      constant.getElementType().isF32())
    return llvm::to_vector(constant.getValues<float>());
  auto tensor = find(op, load, "");
  if (failed(tensor))
    return failure();
  if (tensor->dtype != DType::F32)
    return failAt(op, *tensor, "F32");
  SmallVector<float> result(tensor->numElements());
  std::memcpy(result.data(), tensor->bytes.data(), tensor->bytes.size());
  return result;
}

FailureOr<int64_t> Parameters::getZero(Operation *op, Value load) const {
  auto floats = getFloats(op, load);
  if (failed(floats))
    return failure();
  float zero = floats->size() == 1 ? floats->front() : NAN;
  if (zero != std::nearbyint(zero) || std::fabs(zero) > 65536)
    return op->emitOpError("expected an integer as zero point");
  return int64_t(zero);
}

FailureOr<SmallVector<int64_t>> Parameters::getWeights(Operation *op,
                                                       Value load) const {
  auto type = cast<QTensorType>(load.getType());
  BlockKind block = type.getBlock().getKind();
  auto form = getIntegerForm(type.getFormat());
  if (!form || type.getLayout() || type.hasOffsets() ||
      (block != BlockKind::PerChannel && block != BlockKind::PerTensor))
    return op->emitOpError("expected a weight of integers, or small floats, "
                           "with a scale for each channel or for all, got ")
           << type;
  auto codes = find(op, load, ".codes");
  if (failed(codes))
    return failure();
  if (codes->dtype != DType::U8)
    return failAt(op, *codes, "U8");
  SmallVector<int64_t> zeros;
  if (type.hasZeros()) {
    auto stored = find(op, load, ".zeros");
    if (failed(stored))
      return failure();
    auto integers = widen(*stored);
    if (!integers)
      return failAt(op, *stored, "integers");
    zeros = *integers;
  }
  int64_t count = codes->numElements();
  int64_t channel = count / type.getShape().front();
  SmallVector<int64_t> result(count);
  for (int64_t at = 0; at < count; ++at) {
    float number = type.getFormat().decode(uint32_t(codes->bytes[at]));
    if (!std::isfinite(number))
      return op->emitOpError("parameter '")
             << codes->name << "' has " << number
             << ", expected finite numbers beside codes of integers";
    result[at] = int64_t(form->getInteger(number));
    if (!zeros.empty())
      result[at] -= zeros[zeros.size() == 1 ? 0 : at / channel];
  }
  return result;
}
