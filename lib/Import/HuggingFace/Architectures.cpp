//===- Architectures.cpp - what can be imported -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Architectures.h"

using namespace qnt::huggingface;

// clang-format off: a line for each.
static constexpr Architecture architectures[] = {
    {"BertForMaskedLM", importBert},
    {"BertForMultipleChoice", importBert},
    {"BertForNextSentencePrediction", importBert},
    {"BertForPreTraining", importBert},
    {"BertForQuestionAnswering", importBert},
    {"BertForSequenceClassification", importBert},
    {"BertForTokenClassification", importBert},
    {"BertModel", importBert},
    {"LlamaForCausalLM", importLlama},
    {"MistralForCausalLM", importLlama},
    {"Qwen2ForCausalLM", importLlama},
    {"Qwen3ForCausalLM", importLlama},
    {"SmolLM3ForCausalLM", importLlama},
};
// clang-format on

llvm::ArrayRef<Architecture> qnt::huggingface::getArchitectures() {
  return architectures;
}
