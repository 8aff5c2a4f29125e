//===- Layers.cpp - layers that a graph writes in parts -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters of older opsets have no operators for these layers. Quantisation
// and targets know them only as nn ops.
//
//===----------------------------------------------------------------------===//
#include "Layers.h"

#include "Importer.h"

#include "qnt/Dialect/NN/NN.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

const NodeProto *qnt::onnx::findProducer(const Scope &scope, StringRef name,
                                         StringRef op) {
  const NodeProto *node = scope.producers.lookup(name);
  return node && node->opType == op && node->domain.empty() ? node : nullptr;
}

namespace {
/// Looks from a value's name back at what gives it.
class Matcher {
public:
  explicit Matcher(const Scope &scope) : scope(scope) {}

  /// The node of that operator that gives `name`; null when another does.
  const NodeProto *find(StringRef name, StringRef op) const {
    return findProducer(scope, origin(name), op);
  }
  /// The first name of the value `name`, which casts to its own type and the
  /// like leave as it is.
  StringRef origin(StringRef name) const {
    while (const NodeProto *node = scope.producers.lookup(name)) {
      const Tensor *from =
          node->inputs.empty() ? nullptr : scope.find(node->inputs[0]);
      const Tensor *to = scope.find(name);
      if (!from || !to || !to->value || from->value != to->value)
        break;
      name = node->inputs[0];
    }
    return name;
  }
  StringRef input(const NodeProto &node, size_t i) const {
    return origin(node.inputs[i]);
  }
  /// The other input of a node of two inputs, one of which is `name`.
  std::optional<StringRef> other(const NodeProto &node, StringRef name) const {
    if (node.inputs.size() != 2)
      return std::nullopt;
    for (size_t i = 0; i < 2; ++i)
      if (input(node, i) == name)
        return input(node, 1 - i);
    return std::nullopt;
  }
  ConstantRef constant(StringRef name) const {
    const Tensor *tensor = scope.find(name);
    return tensor ? tensor->constant : nullptr;
  }
  /// Whether `name` is a constant of one element near `number`.
  bool is(StringRef name, double number) const {
    auto value = scalar(name);
    return value && std::fabs(*value - number) <= 5e-5 * std::fabs(number);
  }
  std::optional<double> scalar(StringRef name) const {
    ConstantRef found = constant(name);
    if (!found || found->size() != 1 || !isFloat(found->getDType()))
      return std::nullopt;
    return found->toDoubles()[0];
  }
  /// The input of a node of two inputs that is not a number near `number`.
  std::optional<StringRef> besides(const NodeProto *node, double number) const {
    if (!node || node->inputs.size() != 2)
      return std::nullopt;
    for (size_t i = 0; i < 2; ++i)
      if (is(input(*node, i), number))
        return input(*node, 1 - i);
    return std::nullopt;
  }
  /// What is multiplied to give `name`, through a few products.
  void collectFactors(StringRef name, SmallVectorImpl<StringRef> &factors,
                      unsigned depth = 0) const {
    const NodeProto *node = find(name, "Mul");
    if (!node || node->inputs.size() != 2 || depth == 3) {
      factors.push_back(name);
      return;
    }
    for (size_t i = 0; i < 2; ++i)
      collectFactors(input(*node, i), factors, depth + 1);
  }
  /// The x of x^2, as a power or a product.
  std::optional<StringRef> squared(StringRef name) const {
    if (const NodeProto *power = find(name, "Pow"))
      if (power->inputs.size() == 2 && is(input(*power, 1), 2))
        return input(*power, 0);
    if (const NodeProto *product = find(name, "Mul"))
      if (product->inputs.size() == 2 &&
          input(*product, 0) == input(*product, 1))
        return input(*product, 0);
    return std::nullopt;
  }
  /// The input of a mean along the last dimension, which stays.
  std::optional<StringRef> meanOf(StringRef name) const;
  /// The x of sqrt(mean(x^2) + eps), and eps.
  std::optional<StringRef> rootOfMeanSquare(StringRef name, double &eps) const;

  const Scope &scope;
};
} // namespace

std::optional<StringRef> Matcher::meanOf(StringRef name) const {
  const NodeProto *mean = find(name, "ReduceMean");
  const Tensor *operand =
      mean && !mean->inputs.empty() ? scope.find(mean->inputs[0]) : nullptr;
  if (!operand)
    return std::nullopt;
  std::vector<int64_t> axes;
  if (mean->inputs.size() > 1)
    if (ConstantRef given = constant(input(*mean, 1)))
      axes = given->toInts();
  for (const AttributeProto &attribute : mean->attributes)
    if (attribute.name == "axes")
      axes.assign(attribute.ints.begin(), attribute.ints.end());
    else if (attribute.name == "keepdims" && attribute.i == 0)
      return std::nullopt;
  if (axes.size() != 1 || (axes[0] != -1 && axes[0] != operand->getRank() - 1))
    return std::nullopt;
  return input(*mean, 0);
}

std::optional<StringRef> Matcher::rootOfMeanSquare(StringRef name,
                                                   double &eps) const {
  const NodeProto *root = find(name, "Sqrt");
  const NodeProto *sum = root ? find(input(*root, 0), "Add") : nullptr;
  if (!sum || sum->inputs.size() != 2)
    return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    auto epsilon = scalar(input(*sum, i));
    auto square = meanOf(input(*sum, 1 - i));
    if (!epsilon || !square || !(*epsilon >= 0))
      continue;
    eps = *epsilon;
    return squared(*square);
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Whether `name` is 1 + erf(x / sqrt(2)).
static bool isErfOf(const Matcher &match, StringRef name, StringRef x) {
  auto inner = match.besides(match.find(name, "Add"), 1);
  const NodeProto *erf = inner ? match.find(*inner, "Erf") : nullptr;
  if (!erf)
    return false;
  if (const NodeProto *quotient = match.find(match.input(*erf, 0), "Div"))
    return quotient->inputs.size() == 2 && match.input(*quotient, 0) == x &&
           match.is(match.input(*quotient, 1), std::sqrt(2.0));
  return match.besides(match.find(match.input(*erf, 0), "Mul"),
                       std::sqrt(0.5)) == x;
}

/// Whether `name` is x^3.
static bool isCubeOf(const Matcher &match, StringRef name, StringRef x) {
  if (const NodeProto *power = match.find(name, "Pow"))
    return power->inputs.size() == 2 && match.input(*power, 0) == x &&
           match.is(match.input(*power, 1), 3);
  SmallVector<StringRef> factors;
  match.collectFactors(name, factors);
  return factors.size() == 3 && llvm::all_equal(factors) && factors[0] == x;
}

/// Whether `name` is 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
static bool isTanhOf(const Matcher &match, StringRef name, StringRef x) {
  auto outer = match.besides(match.find(name, "Add"), 1);
  const NodeProto *tanh = outer ? match.find(*outer, "Tanh") : nullptr;
  if (!tanh)
    return false;
  auto inner = match.besides(match.find(match.input(*tanh, 0), "Mul"),
                             std::sqrt(2 / M_PI));
  const NodeProto *sum = inner ? match.find(*inner, "Add") : nullptr;
  auto cubic = sum ? match.other(*sum, x) : std::nullopt;
  if (!cubic)
    return false;
  auto cube = match.besides(match.find(*cubic, "Mul"), 0.044715);
  return cube && isCubeOf(match, *cube, x);
}

static bool importActivation(Node &node, const Matcher &match,
                             ArrayRef<StringRef> factors) {
  auto finish = [&](nn::ActivationKind kind, StringRef name) {
    const Tensor *x = match.scope.find(name);
    if (!x || x->dtype != DType::F32 || x->getRank() == 0 || x->constant)
      return false;
    Value value = nn::ActivationOp::create(node.builder(), node.loc(), kind,
                                           node.value(*x));
    node.setOutput(0, Tensor::ofValue(DType::F32, x->dims, value));
    return true;
  };
  StringRef inputs[] = {match.input(node.getProto(), 0),
                        match.input(node.getProto(), 1)};
  for (size_t i = 0; i < 2; ++i)
    if (const NodeProto *sigmoid = match.find(inputs[i], "Sigmoid"))
      if (match.input(*sigmoid, 0) == inputs[1 - i])
        return finish(nn::ActivationKind::Silu, inputs[1 - i]);
  // x, 0.5 and 1 + erf or tanh, in any order.
  auto half = llvm::find_if(
      factors, [&](StringRef name) { return match.is(name, 0.5); });
  if (factors.size() != 3 || half == factors.end())
    return false;
  SmallVector<StringRef> rest(factors);
  rest.erase(rest.begin() + (half - factors.begin()));
  for (size_t i = 0; i < 2; ++i) {
    if (isErfOf(match, rest[i], rest[1 - i]))
      return finish(nn::ActivationKind::Gelu, rest[1 - i]);
    if (isTanhOf(match, rest[i], rest[1 - i]))
      return finish(nn::ActivationKind::GeluTanh, rest[1 - i]);
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Whether `name` is a constant f32 for each of the last dimension of `x`.
static bool isRow(const Matcher &match, StringRef name, const Tensor &x) {
  ConstantRef constant = match.constant(name);
  return constant && constant->getDType() == DType::F32 &&
         constant->getRank() == 1 && x.dtype == DType::F32 && !x.constant &&
         x.getRank() > 1 && x.dims.back().constant() == constant->getShape()[0];
}

/// x / rms(x), as a quotient or a product with the reciprocal: x and eps.
static std::optional<StringRef>
findNormalized(const Matcher &match, ArrayRef<StringRef> factors, double &eps) {
  if (factors.size() == 1) {
    const NodeProto *quotient = match.find(factors[0], "Div");
    if (!quotient || quotient->inputs.size() != 2)
      return std::nullopt;
    auto x = match.rootOfMeanSquare(match.input(*quotient, 1), eps);
    return x == match.input(*quotient, 0) ? x : std::nullopt;
  }
  for (size_t i = 0; i < 2; ++i) {
    std::optional<StringRef> root;
    if (const NodeProto *inverse = match.find(factors[i], "Reciprocal"))
      root = match.input(*inverse, 0);
    else if (const NodeProto *quotient = match.find(factors[i], "Div"))
      if (quotient->inputs.size() == 2 &&
          match.is(match.input(*quotient, 0), 1))
        root = match.input(*quotient, 1);
    auto x = root ? match.rootOfMeanSquare(*root, eps) : std::nullopt;
    if (x && *x == factors[1 - i])
      return x;
  }
  return std::nullopt;
}

static bool importRMSNorm(Node &node, const Matcher &match,
                          ArrayRef<StringRef> factors) {
  for (auto [i, scale] : llvm::enumerate(factors)) {
    SmallVector<StringRef> rest(factors);
    rest.erase(rest.begin() + i);
    double eps = 0;
    if (rest.empty() || rest.size() > 2 || !match.constant(scale))
      continue;
    auto name = findNormalized(match, rest, eps);
    const Tensor *x = name ? match.scope.find(*name) : nullptr;
    if (!x || !isRow(match, scale, *x))
      continue;
    Value value = nn::RMSNormOp::create(
        node.builder(), node.loc(), node.value(*x),
        node.parameter(*match.scope.find(scale)), /*groups=*/1, APFloat(eps));
    node.setOutput(0, Tensor::ofValue(DType::F32, x->dims, value));
    return true;
  }
  return false;
}

/// The x of x - mean(x), along the last dimension.
static std::optional<StringRef> findCentered(const Matcher &match,
                                             StringRef name) {
  const NodeProto *difference = match.find(name, "Sub");
  if (!difference || difference->inputs.size() != 2 ||
      match.meanOf(match.input(*difference, 1)) != match.input(*difference, 0))
    return std::nullopt;
  return match.input(*difference, 0);
}

static bool importLayerNorm(Node &node, const Matcher &match,
                            const NodeProto &sum) {
  for (size_t i = 0; i < 2; ++i) {
    StringRef shift = match.input(sum, i);
    const NodeProto *product = match.find(match.input(sum, 1 - i), "Mul");
    if (!match.constant(shift) || !product || product->inputs.size() != 2)
      continue;
    for (size_t j = 0; j < 2; ++j) {
      StringRef scale = match.input(*product, j);
      const NodeProto *quotient =
          match.find(match.input(*product, 1 - j), "Div");
      if (!match.constant(scale) || !quotient || quotient->inputs.size() != 2)
        continue;
      double eps = 0;
      auto centered = match.rootOfMeanSquare(match.input(*quotient, 1), eps);
      auto name = findCentered(match, match.input(*quotient, 0));
      const Tensor *x = name ? match.scope.find(*name) : nullptr;
      // Some exporters write the difference twice.
      if (!x || !centered || findCentered(match, *centered) != name ||
          !isRow(match, scale, *x) || !isRow(match, shift, *x))
        continue;
      Value value = nn::LayerNormOp::create(
          node.builder(), node.loc(), node.value(*x),
          node.parameter(*match.scope.find(scale)),
          node.parameter(*match.scope.find(shift)), APFloat(eps));
      node.setOutput(0, Tensor::ofValue(DType::F32, x->dims, value));
      return true;
    }
  }
  return false;
}

bool qnt::onnx::importAsLayer(Node &node, const Scope &scope) {
  Matcher match(scope);
  const NodeProto &proto = node.getProto();
  if (proto.inputs.size() != 2 || node.numOutputs() != 1)
    return false;
  if (proto.opType == "Add")
    return importLayerNorm(node, match, proto);
  if (proto.opType != "Mul")
    return false;
  if (importDynamicLinear(node, scope))
    return true;
  SmallVector<StringRef> factors;
  for (size_t i = 0; i < 2; ++i)
    match.collectFactors(match.input(proto, i), factors);
  return importActivation(node, match, factors) ||
         importRMSNorm(node, match, factors);
}
