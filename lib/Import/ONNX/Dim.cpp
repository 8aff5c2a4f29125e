//===- Dim.cpp - dimensions as expressions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dim.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace qnt::onnx;

static int64_t checkedAdd(int64_t lhs, int64_t rhs) {
  int64_t result;
  if (llvm::AddOverflow(lhs, rhs, result))
    throw DimOverflow();
  return result;
}

static int64_t checkedMul(int64_t lhs, int64_t rhs) {
  int64_t result;
  if (llvm::MulOverflow(lhs, rhs, result))
    throw DimOverflow();
  return result;
}

//===----------------------------------------------------------------------===//
// Dim
//===----------------------------------------------------------------------===//

void Dim::add(const Product &product, int64_t factor) {
  if (factor == 0)
    return;
  auto [entry, isNew] = terms.try_emplace(product, factor);
  if (isNew)
    return;
  entry->second = checkedAdd(entry->second, factor);
  if (entry->second == 0)
    terms.erase(entry);
}

std::optional<int64_t> Dim::constant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

bool Dim::isNonNegative() const {
  return llvm::all_of(terms, [](auto &term) { return term.second > 0; });
}

namespace qnt::onnx {
Dim operator+(const Dim &lhs, const Dim &rhs) {
  Dim result = lhs;
  for (auto &[product, factor] : rhs.terms)
    result.add(product, factor);
  return result;
}

Dim operator-(const Dim &lhs, const Dim &rhs) {
  Dim result = lhs;
  for (auto &[product, factor] : rhs.terms)
    result.add(product, checkedMul(factor, -1));
  return result;
}

Dim operator*(const Dim &lhs, const Dim &rhs) {
  Dim result;
  for (auto &[left, leftFactor] : lhs.terms)
    for (auto &[right, rightFactor] : rhs.terms) {
      Dim::Product product(left.size() + right.size());
      std::merge(left.begin(), left.end(), right.begin(), right.end(),
                 product.begin());
      result.add(product, checkedMul(leftFactor, rightFactor));
    }
  return result;
}
} // namespace qnt::onnx

std::optional<Dim> Dim::divideExactly(const Dim &divisor) const {
  if (divisor.terms.size() != 1)
    return *this == divisor ? std::optional<Dim>(1) : std::nullopt;
  auto &[by, byFactor] = *divisor.terms.begin();
  Dim result;
  for (auto &[product, factor] : terms) {
    if (factor % byFactor != 0 ||
        !std::includes(product.begin(), product.end(), by.begin(), by.end()))
      return std::nullopt;
    Product rest;
    std::set_difference(product.begin(), product.end(), by.begin(), by.end(),
                        std::back_inserter(rest));
    result.add(rest, factor / byFactor);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// DimContext
//===----------------------------------------------------------------------===//

Dim DimContext::addAtom(std::string name, Value value) {
  atoms.push_back({Kind::Value, std::move(name), value, {}, {}});
  return Dim::ofAtom(atoms.size() - 1);
}

Dim DimContext::derive(Kind kind, const Dim &lhs, const Dim &rhs) {
  for (auto [i, atom] : llvm::enumerate(atoms))
    if (atom.kind == kind && atom.lhs == lhs && atom.rhs == rhs)
      return Dim::ofAtom(i);
  atoms.push_back({kind, {}, {}, lhs, rhs});
  return Dim::ofAtom(atoms.size() - 1);
}

Dim DimContext::floorDiv(const Dim &lhs, const Dim &rhs) {
  if (rhs.constant() == 0)
    throw ImportError("a dimension is divided by zero");
  if (auto exact = lhs.divideExactly(rhs))
    return *exact;
  if (lhs.constant() && rhs.constant())
    return llvm::divideFloorSigned(*lhs.constant(), *rhs.constant());
  return derive(Kind::FloorDiv, lhs, rhs);
}

Dim DimContext::ceilDiv(const Dim &lhs, const Dim &rhs) {
  if (rhs.constant() == 0)
    throw ImportError("a dimension is divided by zero");
  if (auto exact = lhs.divideExactly(rhs))
    return *exact;
  if (lhs.constant() && rhs.constant())
    return llvm::divideCeilSigned(*lhs.constant(), *rhs.constant());
  return derive(Kind::CeilDiv, lhs, rhs);
}

Dim DimContext::min(const Dim &lhs, const Dim &rhs) {
  if ((rhs - lhs).isNonNegative())
    return lhs;
  if ((lhs - rhs).isNonNegative())
    return rhs;
  return derive(Kind::Min, std::min(lhs, rhs), std::max(lhs, rhs));
}

Dim DimContext::max(const Dim &lhs, const Dim &rhs) {
  if ((rhs - lhs).isNonNegative())
    return rhs;
  if ((lhs - rhs).isNonNegative())
    return lhs;
  return derive(Kind::Max, std::min(lhs, rhs), std::max(lhs, rhs));
}

Dim DimContext::apply(Kind kind, const Dim &lhs, const Dim &rhs) {
  switch (kind) {
  case Kind::FloorDiv:
    return floorDiv(lhs, rhs);
  case Kind::CeilDiv:
    return ceilDiv(lhs, rhs);
  case Kind::Min:
    return min(lhs, rhs);
  case Kind::Max:
    return max(lhs, rhs);
  case Kind::Value:
    break;
  }
  llvm_unreachable("not a function of two numbers");
}

Dim DimContext::dropBounds(const Dim &dim) {
  Dim result;
  for (auto &[product, factor] : dim.terms) {
    Dim term(factor);
    for (unsigned index : product) {
      // Copied: new atoms may move the old.
      Atom atom = atoms[index];
      if (atom.kind == Kind::Value) {
        term = term * Dim::ofAtom(index);
        continue;
      }
      Dim lhs = dropBounds(atom.lhs), rhs = dropBounds(atom.rhs);
      bool isBound = atom.kind == Kind::Min;
      term = term * (isBound && lhs.constant().value_or(0) > 1 ? rhs
                     : isBound && rhs.constant().value_or(0) > 1
                         ? lhs
                         : apply(atom.kind, lhs, rhs));
    }
    result = result + term;
  }
  return result;
}

std::optional<Dim> DimContext::agree(const Dim &lhs, const Dim &rhs) {
  if (lhs == rhs)
    return lhs;
  Dim result = dropBounds(lhs);
  return result == dropBounds(rhs) ? std::optional(result) : std::nullopt;
}

Value DimContext::materializeAtom(unsigned index, OpBuilder &builder,
                                  Location loc) {
  // Copied: operands may be atoms too, whose values are set below.
  Atom atom = atoms[index];
  if (atom.value)
    return atom.value;
  Value lhs = materialize(atom.lhs, builder, loc);
  Value rhs = materialize(atom.rhs, builder, loc);
  Value value;
  switch (atom.kind) {
  case Kind::FloorDiv:
    // Dimensions are not negative: rounding towards zero is the same.
    value = atom.lhs.isNonNegative()
                ? Value(arith::DivSIOp::create(builder, loc, lhs, rhs))
                : arith::FloorDivSIOp::create(builder, loc, lhs, rhs);
    break;
  case Kind::CeilDiv:
    value = arith::CeilDivSIOp::create(builder, loc, lhs, rhs);
    break;
  case Kind::Min:
    value = arith::MinSIOp::create(builder, loc, lhs, rhs);
    break;
  case Kind::Max:
    value = arith::MaxSIOp::create(builder, loc, lhs, rhs);
    break;
  case Kind::Value:
    llvm_unreachable("has a value");
  }
  return atoms[index].value = value;
}

Value DimContext::materialize(const Dim &dim, OpBuilder &builder,
                              Location loc) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value sum;
  for (auto &[product, factor] : dim.terms) {
    Value term;
    for (unsigned atom : product) {
      Value value = materializeAtom(atom, builder, loc);
      term = term ? arith::MulIOp::create(builder, loc, term, value) : value;
    }
    if (!term)
      term = constant(factor);
    else if (factor != 1)
      term = arith::MulIOp::create(builder, loc, term, constant(factor));
    sum = sum ? arith::AddIOp::create(builder, loc, sum, term) : term;
  }
  return sum ? sum : constant(0);
}

std::string DimContext::str(const Dim &dim) const {
  std::string text;
  for (auto &[product, factor] : dim.terms) {
    if (!text.empty())
      text += " + ";
    std::string term;
    for (unsigned index : product) {
      const Atom &atom = atoms[index];
      static const char *const names[] = {"", "floordiv", "ceildiv", "min",
                                          "max"};
      if (!term.empty())
        term += " * ";
      term += atom.kind == Kind::Value
                  ? atom.name
                  : std::string(names[int(atom.kind)]) + "(" + str(atom.lhs) +
                        ", " + str(atom.rhs) + ")";
    }
    if (term.empty())
      term = std::to_string(factor);
    else if (factor != 1)
      term += " * " + std::to_string(factor);
    text += term;
  }
  return text.empty() ? "0" : text;
}
