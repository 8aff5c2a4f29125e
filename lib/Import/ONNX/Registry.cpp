//===- Registry.cpp - the operators that are imported -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "qnt/Import/ONNX.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace qnt;
using namespace qnt::onnx;

std::vector<const Operator *> qnt::onnx::getOperators() {
  std::vector<const Operator *> operators;
  llvm::ArrayRef<Operator> (*const families[])() = {
      getActivationOperators,  //
      getAttentionOperators,   //
      getBinaryOperators,      //
      getContribOperators,     //
      getControlFlowOperators, //
      getConvOperators,        //
      getEinsumOperators,      //
      getElementwiseOperators, //
      getGatherOperators,      //
      getGeneratorOperators,   //
      getImageNormOperators,   //
      getMatMulOperators,      //
      getMovementOperators,    //
      getNormalizeOperators,   //
      getPadOperators,         //
      getPoolOperators,        //
      getQLinearOperators,     //
      getQONNXOperators,       //
      getQuantizeOperators,    //
      getReduceOperators,      //
      getResizeOperators,      //
      getShapeOperators,       //
      getTopKOperators,        //
      getValueOperators,       //
  };
  for (auto family : families)
    for (const Operator &op : family())
      operators.push_back(&op);
  llvm::sort(operators, [](const Operator *lhs, const Operator *rhs) {
    return std::pair(lhs->domain, lhs->name) <
           std::pair(rhs->domain, rhs->name);
  });
  return operators;
}

const Operator *qnt::onnx::findOperator(llvm::StringRef domain,
                                        llvm::StringRef name) {
  static const llvm::StringMap<const Operator *> table = [] {
    llvm::StringMap<const Operator *> all;
    for (const Operator *op : getOperators())
      all[(op->domain + "::" + op->name).str()] = op;
    return all;
  }();
  return table.lookup((domain + "::" + name).str());
}

void qnt::printONNXOperators(llvm::raw_ostream &os) {
  os << "# ONNX operators\n\n"
        "Generated from the importer's table by `quant-opt "
        "--print-onnx-operators`.\nElement types are bool, i8 to i64, u8 to "
        "u64, f16, bf16, f32 and f64 where an operator\ntakes them. An "
        "operator of an older opset than the one given here is refused, as is "
        "what\nthe last column names.\n";
  llvm::StringRef domain = "none";
  for (const Operator *op : getOperators()) {
    if (op->domain != domain) {
      domain = op->domain;
      os << "\n## " << (domain.empty() ? "ai.onnx" : domain)
         << "\n\n| operator | from opset | refused |\n|---|---|---|\n";
    }
    os << "| " << op->name << " | " << op->since << " | " << op->restrictions
       << " |\n";
  }
}
