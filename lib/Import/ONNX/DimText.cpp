//===- DimText.cpp - dimensions as inputs name them -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DimText.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace qnt;
using namespace qnt::onnx;

namespace {
class DimParser {
public:
  using Find = function_ref<std::optional<Dim>(StringRef)>;
  DimParser(DimContext &dims, StringRef text, Find find)
      : dims(dims), rest(text), find(find) {}

  std::optional<Dim> parse() {
    std::optional<Dim> result = parseProduct();
    while (result && !atEnd()) {
      bool isSum = consume("+");
      if (!isSum && !consume("-"))
        return std::nullopt;
      std::optional<Dim> operand = parseProduct();
      if (!operand)
        return std::nullopt;
      result = isSum ? *result + *operand : *result - *operand;
    }
    return result;
  }

private:
  bool atEnd() {
    rest = rest.ltrim();
    return rest.empty();
  }
  bool consume(StringRef sign) {
    rest = rest.ltrim();
    return rest.consume_front(sign);
  }

  std::optional<Dim> parseProduct() {
    std::optional<Dim> result = parseFactor();
    while (result) {
      bool isProduct = consume("*");
      if (!isProduct && !consume("//") && !consume("/"))
        return result;
      std::optional<Dim> operand = parseFactor();
      if (!operand || (!isProduct && operand->constant().value_or(0) < 1))
        return std::nullopt;
      result =
          isProduct ? *result * *operand : dims.floorDiv(*result, *operand);
    }
    return std::nullopt;
  }

  std::optional<Dim> parseFactor() {
    rest = rest.ltrim();
    StringRef word = rest.take_while(
        [](char c) { return isAlnum(c) || c == '_' || c == '.'; });
    rest = rest.drop_front(word.size());
    int64_t number;
    if (!word.empty() && all_of(word, isDigit) &&
        !word.getAsInteger(10, number))
      return Dim(number);
    return find(word);
  }

  DimContext &dims;
  StringRef rest;
  Find find;
};
} // namespace

std::optional<Dim> qnt::onnx::parseDim(DimContext &dims, StringRef text,
                                       DimParser::Find find) {
  try {
    return DimParser(dims, text, find).parse();
  } catch (const DimOverflow &) {
    return std::nullopt;
  }
}
