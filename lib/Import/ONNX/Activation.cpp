//===- Activation.cpp - activation functions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "Scalars.h"

#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// `kind` of f32 as an nn op; `formula` of everything else.
static void setActivation(Node &node, nn::ActivationKind kind,
                          const Tensor &input, Formula formula) {
  if (input.dtype != DType::F32 || input.getRank() == 0)
    return node.setOutput(0, compute(node, input, formula));
  Value value = nn::ActivationOp::create(node.builder(), node.loc(), kind,
                                         node.value(input));
  node.setOutput(0, Tensor::ofValue(DType::F32, input.dims, value));
}

static Value sigmoid(Scalars &s, Value x) {
  return s.div(s.constant(1), s.add(s.constant(1), s.exp(s.neg(x))));
}

/// ln(1 + exp(x)), without overflow.
static Value softplus(Scalars &s, Value x) {
  Value rest = s.op<math::Log1pOp>(s.exp(s.neg(s.abs(x))));
  return s.add(s.max(x, s.constant(0)), rest);
}

static void importRelu(Node &node) {
  setActivation(
      node, nn::ActivationKind::Relu, node.input(0, numberTypes()),
      [](Scalars &s, ValueRange x) { return s.max(x[0], s.constant(0)); });
}

static void importSigmoid(Node &node) {
  setActivation(node, nn::ActivationKind::Sigmoid, node.input(0, floatTypes()),
                [](Scalars &s, ValueRange x) { return sigmoid(s, x[0]); });
}

static void importTanh(Node &node) {
  setActivation(
      node, nn::ActivationKind::Tanh, node.input(0, floatTypes()),
      [](Scalars &s, ValueRange x) { return s.op<math::TanhOp>(x[0]); });
}

static void importGelu(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  std::string approximate = node.getString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    node.fail("approximate is '" + approximate + "', expected none or tanh");
  bool isTanh = approximate == "tanh";
  setActivation(
      node, isTanh ? nn::ActivationKind::GeluTanh : nn::ActivationKind::Gelu,
      input, [&](Scalars &s, ValueRange x) {
        Value inner =
            isTanh ? s.op<math::TanhOp>(s.mul(
                         s.constant(0.7978845608028654),
                         s.add(x[0], s.mul(s.constant(0.044715),
                                           s.mul(x[0], s.mul(x[0], x[0]))))))
                   : s.op<math::ErfOp>(
                         s.mul(x[0], s.constant(0.7071067811865476)));
        return s.mul(s.mul(s.constant(0.5), x[0]), s.add(s.constant(1), inner));
      });
}

/// Sets the output to a formula of floats.
static void setFormula(Node &node, Formula formula) {
  node.setOutput(0, compute(node, node.input(0, floatTypes()), formula));
}

static void importLeakyRelu(Node &node) {
  double alpha = node.getFloat("alpha", 0.01);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    return s.select(s.less(x[0], s.constant(0)), s.mul(s.constant(alpha), x[0]),
                    x[0]);
  });
}

static void importThresholdedRelu(Node &node) {
  double alpha = node.getFloat("alpha", 1);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    return s.select(s.greater(x[0], s.constant(alpha)), x[0], s.constant(0));
  });
}

static void importElu(Node &node) {
  double alpha = node.getFloat("alpha", 1);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    Value below = s.mul(s.constant(alpha), s.op<math::ExpM1Op>(x[0]));
    return s.select(s.less(x[0], s.constant(0)), below, x[0]);
  });
}

static void importSelu(Node &node) {
  double alpha = node.getFloat("alpha", 1.67326319217681884765625);
  double gamma = node.getFloat("gamma", 1.05070102214813232421875);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    Value below = s.mul(s.constant(alpha), s.op<math::ExpM1Op>(x[0]));
    return s.mul(s.constant(gamma),
                 s.select(s.greater(x[0], s.constant(0)), x[0], below));
  });
}

static void importCelu(Node &node) {
  double alpha = node.getFloat("alpha", 1);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    Value factor = s.constant(alpha);
    Value below = s.mul(factor, s.op<math::ExpM1Op>(s.div(x[0], factor)));
    return s.add(s.max(s.constant(0), x[0]), s.min(s.constant(0), below));
  });
}

static Value hardSigmoid(Scalars &s, Value x, double alpha, double beta) {
  Value line = s.add(s.mul(s.constant(alpha), x), s.constant(beta));
  return s.max(s.constant(0), s.min(s.constant(1), line));
}

static void importHardSigmoid(Node &node) {
  double alpha = node.getFloat("alpha", 0.2), beta = node.getFloat("beta", 0.5);
  setFormula(node, [&](Scalars &s, ValueRange x) {
    return hardSigmoid(s, x[0], alpha, beta);
  });
}

static void importHardSwish(Node &node) {
  setFormula(node, [](Scalars &s, ValueRange x) {
    return s.mul(x[0], hardSigmoid(s, x[0], 1.0 / 6, 0.5));
  });
}

static void importSoftplus(Node &node) {
  setFormula(node, [](Scalars &s, ValueRange x) { return softplus(s, x[0]); });
}

static void importSoftsign(Node &node) {
  setFormula(node, [](Scalars &s, ValueRange x) {
    return s.div(x[0], s.add(s.constant(1), s.abs(x[0])));
  });
}

static void importMish(Node &node) {
  setFormula(node, [](Scalars &s, ValueRange x) {
    return s.mul(x[0], s.op<math::TanhOp>(softplus(s, x[0])));
  });
}

static void importShrink(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  double lambda = node.getFloat("lambd", 0.5), bias = node.getFloat("bias", 0);
  DType dtype = input.dtype;
  DType wide = isFloat(dtype) ? getAccumulator(dtype) : DType::F64;
  auto body = [&](OpBuilder &builder, Location loc, ValueRange args) {
    Scalars s(builder, loc, wide);
    Value x = castScalar(builder, loc, args[0], dtype, wide);
    Value above = s.select(s.greater(x, s.constant(lambda)),
                           s.sub(x, s.constant(bias)), s.constant(0));
    Value result = s.select(s.less(x, s.constant(-lambda)),
                            s.add(x, s.constant(bias)), above);
    return castScalar(builder, loc, result, wide, dtype);
  };
  node.setOutput(0, elementwise(node, input, dtype, body));
}

ArrayRef<Operator> qnt::onnx::getActivationOperators() {
  static const Operator operators[] = {
      {"Celu", 12, importCelu},
      {"Elu", 6, importElu},
      {"Gelu", 20, importGelu},
      {"HardSigmoid", 6, importHardSigmoid},
      {"HardSwish", 14, importHardSwish},
      {"LeakyRelu", 6, importLeakyRelu},
      {"Mish", 18, importMish},
      {"Relu", 6, importRelu},
      {"Selu", 6, importSelu},
      {"Shrink", 9, importShrink},
      {"Sigmoid", 6, importSigmoid},
      {"Softplus", 1, importSoftplus},
      {"Softsign", 1, importSoftsign},
      {"Tanh", 6, importTanh},
      {"ThresholdedRelu", 10, importThresholdedRelu},
  };
  return operators;
}
