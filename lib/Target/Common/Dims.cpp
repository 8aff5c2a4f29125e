//===- Dims.cpp - dimensions as expressions of symbols -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"

#include "Integers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::target;

DimTable::Polynomial DimTable::expand(Dim dim) const {
  if (dim.isConstant)
    return dim.value ? Polynomial{{{}, dim.value}} : Polynomial();
  int64_t index = dim.value - int64_t(numPassed);
  if (index >= 0 && derived[index].kind == Kind::Polynomial)
    return derived[index].sum;
  return {{{dim.value}, 1}};
}

Dim DimTable::make(const Polynomial &sum) {
  if (sum.empty())
    return Dim::constant(0);
  if (sum.size() == 1) {
    auto &[monomial, factor] = *sum.begin();
    if (monomial.empty())
      return Dim::constant(factor);
    if (monomial.size() == 1 && factor == 1)
      return Dim::symbol(monomial.front());
  }
  auto [entry, isNew] = sums.try_emplace(sum);
  if (isNew) {
    entry->second = Dim::symbol(int64_t(numPassed + derived.size()));
    derived.push_back({Kind::Polynomial, sum, {}, {}});
  }
  return entry->second;
}

Dim DimTable::combine(Dim x, Dim y, int64_t factor) {
  Polynomial sum = expand(x);
  for (auto &[monomial, count] : expand(y))
    if ((sum[monomial] += factor * count) == 0)
      sum.erase(monomial);
  return make(sum);
}

Dim DimTable::mul(Dim x, Dim y) {
  Polynomial sum;
  for (auto &[left, m] : expand(x))
    for (auto &[right, n] : expand(y)) {
      Monomial monomial(left);
      monomial.append(right.begin(), right.end());
      llvm::sort(monomial);
      if ((sum[monomial] += m * n) == 0)
        sum.erase(monomial);
    }
  return make(sum);
}

Dim DimTable::product(ArrayRef<Dim> dims) {
  Dim result = Dim::constant(1);
  for (Dim dim : dims)
    result = mul(result, dim);
  return result;
}

std::optional<DimTable::Polynomial>
DimTable::divideEvenly(const Polynomial &x, const Polynomial &y) {
  if (y.size() != 1)
    return std::nullopt;
  auto &[divisor, factor] = *y.begin();
  Polynomial result;
  for (auto &[monomial, count] : x) {
    Monomial rest(monomial);
    for (int64_t symbol : divisor) {
      auto found = llvm::find(rest, symbol);
      if (found == rest.end())
        return std::nullopt;
      rest.erase(found);
    }
    if (count % factor)
      return std::nullopt;
    result[rest] = count / factor;
  }
  return result;
}

static int64_t evaluate(DimTable::Kind kind, int64_t x, int64_t y) {
  bool isQuotient = kind != DimTable::Kind::Min && kind != DimTable::Kind::Max;
  if (isQuotient && y == 0)
    return 0;
  switch (kind) {
  case DimTable::Kind::Div:
    return x / y;
  case DimTable::Kind::CeilDiv:
    return x / y + (x % y != 0 && (x < 0) == (y < 0));
  case DimTable::Kind::FloorDiv:
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
  case DimTable::Kind::Rem:
    return x % y;
  case DimTable::Kind::Min:
    return std::min(x, y);
  case DimTable::Kind::Max:
    return std::max(x, y);
  case DimTable::Kind::Polynomial:
    break;
  }
  llvm_unreachable("not a function of two numbers");
}

Dim DimTable::apply(Kind kind, Dim x, Dim y) {
  if (x.isConstant && y.isConstant)
    return Dim::constant(evaluate(kind, x.value, y.value));
  if (kind == Kind::Min || kind == Kind::Max) {
    bool isMin = kind == Kind::Min;
    if (isAtMost(x, y).value_or(false))
      return isMin ? x : y;
    if (isAtMost(y, x).value_or(false))
      return isMin ? y : x;
  } else if (auto quotient = divideEvenly(expand(x), expand(y))) {
    return kind == Kind::Rem ? Dim::constant(0) : make(*quotient);
  }
  auto [entry, isNew] = nodes.try_emplace({kind, x, y});
  if (isNew) {
    entry->second = Dim::symbol(int64_t(numPassed + derived.size()));
    derived.push_back({kind, {}, x, y});
  }
  return entry->second;
}

Dim DimTable::translate(const DimTable &other, Dim dim, ArrayRef<Dim> actual) {
  if (dim.isConstant)
    return dim;
  int64_t index = dim.value - int64_t(other.numPassed);
  if (index < 0)
    return actual[dim.value];
  const Derived &node = other.derived[index];
  if (node.kind != Kind::Polynomial)
    return apply(node.kind, translate(other, node.x, actual),
                 translate(other, node.y, actual));
  Dim sum = Dim::constant(0);
  for (auto &[monomial, factor] : node.sum) {
    Dim term = Dim::constant(factor);
    for (int64_t symbol : monomial)
      term = mul(term, translate(other, Dim::symbol(symbol), actual));
    sum = add(sum, term);
  }
  return sum;
}

std::optional<bool> DimTable::isAtMost(Dim x, Dim y) const {
  Polynomial rest = expand(y);
  for (auto &[monomial, count] : expand(x))
    if ((rest[monomial] -= count) == 0)
      rest.erase(monomial);
  // What rest is where all sizes are the least: its own least value if no term
  // falls, its greatest if none rises.
  int64_t bound = 0;
  bool rises = true, falls = true;
  for (auto &[monomial, count] : rest) {
    if (monomial.empty() || leastSize == 1)
      bound += count;
    bool arePassed = llvm::all_of(
        monomial, [&](int64_t symbol) { return symbol < numPassed; });
    rises &= monomial.empty() || (count > 0 && arePassed);
    falls &= monomial.empty() || (count < 0 && arePassed);
  }
  if (rises && bound >= 0)
    return true;
  return falls && bound < 0 ? std::optional(false) : std::nullopt;
}

static Value emitNode(CodeBuilder &k, DimTable::Kind kind, Value x, Value y) {
  switch (kind) {
  case DimTable::Kind::Div:
    return emitDivide(k, x, y);
  case DimTable::Kind::CeilDiv:
    return emitCeilDivide(k, x, y);
  case DimTable::Kind::FloorDiv:
    return emitFloorDivide(k, x, y);
  case DimTable::Kind::Rem:
    return emitRemainder(k, x, y);
  case DimTable::Kind::Min:
    return k.minS(x, y);
  case DimTable::Kind::Max:
    return k.maxS(x, y);
  case DimTable::Kind::Polynomial:
    break;
  }
  llvm_unreachable("not a function of two numbers");
}

Value DimTable::emit(CodeBuilder &k, Dim dim,
                     SmallVectorImpl<Value> &values) const {
  if (dim.isConstant)
    return k.c64(dim.value);
  if (dim.padded)
    return k.roundUp(emit(k, Dim::symbol(dim.value), values), kPadding);
  size_t index = size_t(dim.value);
  if (values.size() <= index)
    values.resize(index + 1);
  if (values[index])
    return values[index];
  const Derived &node = derived[index - numPassed];
  Value result;
  if (node.kind != Kind::Polynomial) {
    Value x = emit(k, node.x, values), y = emit(k, node.y, values);
    result = emitNode(k, node.kind, x, y);
  } else {
    for (auto &[monomial, factor] : node.sum) {
      Value term = factor == 1 && !monomial.empty() ? Value() : k.c64(factor);
      for (int64_t symbol : monomial) {
        Value size = emit(k, Dim::symbol(symbol), values);
        term = term ? k.mul(term, size) : size;
      }
      result = result ? k.add(result, term) : term;
    }
  }
  return values[index] = result;
}
