//===- EntryCall.cpp - one call of an entry point -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "EntryCall.h"

#include <stdexcept>

using namespace qnt;

void qnt::checkStatus(qnt_status status) {
  if (status != QNT_OK)
    throw std::runtime_error(qnt_last_error());
}

void EntryCall::setShape(int64_t index, llvm::ArrayRef<int64_t> shape) {
  const qnt_tensor_info *info = qnt_input(model, entry, index);
  for (int32_t d = 0; d < info->rank; ++d)
    if (info->shape[d] < 0)
      sizes[qnt_dim_name(model, entry, -1 - info->shape[d])] = shape[d];
}

void EntryCall::addInput(const void *data, llvm::ArrayRef<int64_t> shape) {
  int64_t index = int64_t(inputs.size());
  setShape(index, shape);
  const qnt_tensor_info *info = qnt_input(model, entry, index);
  inputs.push_back({const_cast<void *>(data), info->dtype, info->rank,
                    shape.data(), nullptr});
}

void EntryCall::addOutput(void *data, llvm::ArrayRef<int64_t> shape) {
  const qnt_tensor_info *info =
      qnt_output(model, entry, int64_t(outputs.size()));
  outputs.push_back({data, info->dtype, info->rank, shape.data(), nullptr});
}

int64_t EntryCall::getSize(const std::string &dim) const {
  auto known = sizes.find(dim);
  return known == sizes.end() ? 0 : known->second;
}

std::vector<int64_t> EntryCall::getInputShape(int64_t index) const {
  const qnt_tensor_info *info = qnt_input(model, entry, index);
  std::vector<int64_t> shape(info->shape, info->shape + info->rank);
  for (int64_t &size : shape)
    if (size < 0)
      size = getSize(qnt_dim_name(model, entry, -1 - size));
  return shape;
}

std::vector<int64_t> EntryCall::getOutputShape(int64_t index) const {
  std::vector<int64_t> all;
  for (int64_t d = 0; d < qnt_num_dims(model, entry); ++d) {
    auto known = sizes.find(qnt_dim_name(model, entry, d));
    // A cache holds as many positions as a sample has tokens.
    all.push_back(known != sizes.end() ? known->second : getSize("tokens"));
  }
  std::vector<int64_t> shape(qnt_output(model, entry, index)->rank);
  checkStatus(qnt_output_shape(model, entry, all.data(), index, shape.data()));
  return shape;
}

qnt_status EntryCall::run(const qnt_memory *memory) {
  return qnt_run(model, entry, inputs.data(), inputs.size(), outputs.data(),
                 outputs.size(), memory);
}
