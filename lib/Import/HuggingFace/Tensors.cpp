//===- Tensors.cpp - the tensors of a checkpoint ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Tensors.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;
using importer::formatShape;

/// The MLIR type of the elements of a stored tensor; null when no float that
/// the compiler reads.
static FloatType getElementType(params::DType dtype, MLIRContext *context) {
  switch (dtype) {
  case params::DType::F64:
    return Float64Type::get(context);
  case params::DType::F32:
    return Float32Type::get(context);
  case params::DType::F16:
    return Float16Type::get(context);
  case params::DType::BF16:
    return BFloat16Type::get(context);
  default:
    return {};
  }
}

bool CheckpointTensors::has(const std::string &name) const {
  return checkpoint.params->find(name);
}

Type CheckpointTensors::getType(const std::string &name,
                                ArrayRef<int64_t> shape,
                                MLIRContext *context) const {
  auto fail = [&](const std::string &message) {
    throw ImportError(checkpoint.params->path() + ": tensor '" + name + "' " +
                      message);
  };
  int64_t elements = 1;
  for (int64_t size : shape)
    if (llvm::MulOverflow(elements, size, elements) || elements > maxSize)
      checkpoint.config.fail("tensor '" + name + "' would have the shape " +
                             formatShape(shape) + ", expected at most " +
                             std::to_string(maxSize) + " elements");
  const params::TensorView &tensor = checkpoint.params->get(name);
  if (ArrayRef<int64_t>(tensor.shape) != shape)
    fail("has the shape " + formatShape(tensor.shape) + ", expected " +
         formatShape(shape) + " by config.json");
  FloatType element = getElementType(tensor.dtype, context);
  if (!element)
    fail("holds " + std::string(params::name(tensor.dtype)) +
         ", expected F32, F16, BF16 or F64");
  return RankedTensorType::get(shape, element);
}

std::vector<std::string> CheckpointTensors::names() const {
  return checkpoint.params->names();
}

std::string CheckpointTensors::path() const {
  return checkpoint.params->path();
}
