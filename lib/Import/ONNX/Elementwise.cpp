//===- Elementwise.cpp - operators on each element -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builders.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static void importAdd(Node &node) {
  Tensor result = elementwise(
      node, {node.input(0), node.input(1)}, node.input(0).dtype,
      [&](OpBuilder &builder, Location loc, ValueRange args) -> Value {
        if (isFloat(node.input(0).dtype))
          return arith::AddFOp::create(builder, loc, args[0], args[1]);
        return arith::AddIOp::create(builder, loc, args[0], args[1]);
      });
  node.setOutput(0, result);
}

ArrayRef<Operator> qnt::onnx::getElementwiseOperators() {
  static const Operator operators[] = {
      {"Add", 7, importAdd},
  };
  return operators;
}
