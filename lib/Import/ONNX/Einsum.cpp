//===- Einsum.cpp - sums of products by names of dimensions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "Scalars.h"

#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

namespace {
/// The dimensions of operands and result as numbers: letters have their code,
/// those of an ellipsis negative ones, -1 the last.
struct Equation {
  SmallVector<SmallVector<int>> operands;
  SmallVector<int> result;
};
} // namespace

/// The labels of one term, whose ellipsis stands for `rank` less its letters.
static SmallVector<int> parseTerm(Node &node, StringRef term, int64_t rank) {
  size_t letters = llvm::count_if(term, llvm::isAlpha);
  size_t dots = term.count('.');
  if (letters + dots != term.size() || (dots && !term.contains("...")) ||
      dots % 3 != 0 || dots > 3)
    node.fail("cannot read the term '" + term.str() + "' of the equation");
  int64_t more = rank - int64_t(letters);
  if (more < 0 || (more > 0 && !dots))
    node.fail("the term '" + term.str() + "' names " + std::to_string(letters) +
              " dimensions of " + std::to_string(rank));
  SmallVector<int> labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] != '.') {
      labels.push_back(term[i]);
      continue;
    }
    for (int64_t dim = more; dim > 0; --dim)
      labels.push_back(-dim);
    i += 2;
  }
  return labels;
}

static Equation parseEquation(Node &node) {
  std::string text;
  for (char c : node.getString("equation", ""))
    if (c != ' ')
      text.push_back(c);
  auto [left, right] = StringRef(text).split("->");
  bool hasResult = StringRef(text).contains("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != node.numInputs())
    node.fail("the equation has " + std::to_string(terms.size()) +
              " terms for " + std::to_string(node.numInputs()) + " inputs");
  Equation equation;
  std::map<int, int> uses;
  for (auto [i, term] : llvm::enumerate(terms)) {
    equation.operands.push_back(parseTerm(node, term, node.input(i).getRank()));
    for (int label : equation.operands.back())
      ++uses[label];
  }
  int64_t ellipsis =
      llvm::count_if(uses, [](auto &use) { return use.first < 0; });
  if (hasResult) {
    int64_t letters = llvm::count_if(right, llvm::isAlpha);
    equation.result = parseTerm(
        node, right, letters + (right.contains("...") ? ellipsis : 0));
    return equation;
  }
  // Those of the ellipsis, then letters that are there once, in order.
  for (auto [label, count] : uses)
    if (label < 0 || count == 1)
      equation.result.push_back(label);
  return equation;
}

static void importEinsum(Node &node) {
  DType dtype = node.input(0, numberTypes()).dtype;
  expectOneType(node);
  Equation equation = parseEquation(node);
  MLIRContext *context = node.context();
  // Loops: the result's dimensions, then those summed over.
  std::map<int, int64_t> loops;
  for (int label : equation.result)
    if (!loops.try_emplace(label, int64_t(loops.size())).second)
      node.fail("a dimension is twice in the result");
  size_t outer = loops.size();
  std::map<int, Dim> sizes;
  for (auto [i, labels] : llvm::enumerate(equation.operands))
    for (auto [dim, label] : llvm::zip_equal(node.input(i).dims, labels)) {
      loops.try_emplace(label, int64_t(loops.size()));
      auto [entry, isNew] = sizes.try_emplace(label, dim);
      if (!isNew)
        entry->second = broadcast(node, entry->second, dim)[0];
    }
  SmallVector<Dim> shape;
  for (int label : equation.result) {
    if (!sizes.count(label))
      node.fail("the result has a dimension that no input has");
    shape.push_back(sizes[label]);
  }
  SmallVector<AffineMap> maps;
  SmallVector<Value> operands;
  for (auto [i, labels] : llvm::enumerate(equation.operands)) {
    const Tensor &input = node.input(i);
    SmallVector<Dim> refined(input.dims);
    SmallVector<AffineExpr> exprs;
    for (auto [dim, label] : llvm::zip_equal(refined, labels)) {
      bool isBroadcast = dim == Dim(1) && sizes[label] != Dim(1);
      if (!isBroadcast)
        dim = sizes[label];
      exprs.push_back(isBroadcast ? getAffineConstantExpr(0, context)
                                  : getAffineDimExpr(loops[label], context));
    }
    operands.push_back(refine(node, node.value(input), refined));
    maps.push_back(AffineMap::get(loops.size(), 0, exprs, context));
  }
  DType wide = getAccumulator(dtype);
  maps.push_back(AffineMap::getMultiDimIdentityMap(loops.size(), context));
  maps.back() = AffineMap::get(
      loops.size(), 0, maps.back().getResults().take_front(outer), context);
  SmallVector<utils::IteratorType> iterators(outer,
                                             utils::IteratorType::parallel);
  iterators.resize(loops.size(), utils::IteratorType::reduction);
  Value init = filledTensor(
      node, shape, scalarAttribute(onnx::getElementType(wide, context), 0));
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), operands, init, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        Scalars s(nested, loc, wide);
        Value product;
        for (Value arg : args.drop_back()) {
          Value x = castScalar(nested, loc, arg, dtype, wide);
          product = product ? s.mul(product, x) : x;
        }
        linalg::YieldOp::create(nested, loc, s.add(args.back(), product));
      });
  node.setOutput(
      0, cast(node, Tensor::ofValue(wide, shape, generic.getResult(0)), dtype));
}

ArrayRef<Operator> qnt::onnx::getEinsumOperators() {
  static const Operator operators[] = {
      {"Einsum", 12, importEinsum},
  };
  return operators;
}
