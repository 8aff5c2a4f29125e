//===- ExpressionParser.cpp - the expressions of a template ---------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

#include <charconv>

namespace qnt::tokenize::jinja {

ExpressionPtr Parser::expression(bool conditional) {
  Nesting guard(*this);
  ExpressionPtr value = parseOr();
  while (conditional && isName("if")) {
    Place place = next().place;
    ExpressionPtr condition = parseOr();
    ExpressionPtr otherwise = acceptName("else") ? expression() : nullptr;
    auto e = make(Expression::Conditional, place);
    adopt(*e, std::move(condition));
    adopt(*e, std::move(value));
    adopt(*e, std::move(otherwise));
    value = std::move(e);
  }
  return value;
}

/// An expression, or several with commas: a tuple, which is a list here.
ExpressionPtr Parser::tupleOr(bool conditional) {
  Place place = peek().place;
  ExpressionPtr first = expression(conditional);
  if (!isOperator(","))
    return first;
  auto tuple = make(Expression::ListOf, place, "", std::move(first));
  while (acceptOperator(",")) {
    if (peek().kind == Token::PrintEnd || peek().kind == Token::BlockEnd)
      break;
    adopt(*tuple, expression(conditional));
  }
  return tuple;
}

ExpressionPtr Parser::parseOr() {
  ExpressionPtr left = parseAnd();
  while (isName("or")) {
    Place place = next().place;
    left = make(Expression::Binary, place, "or", std::move(left), parseAnd());
  }
  return left;
}

ExpressionPtr Parser::parseAnd() {
  ExpressionPtr left = parseNot();
  while (isName("and")) {
    Place place = next().place;
    left = make(Expression::Binary, place, "and", std::move(left), parseNot());
  }
  return left;
}

ExpressionPtr Parser::parseNot() {
  if (!isName("not"))
    return comparison();
  Nesting guard(*this);
  Place place = next().place;
  return make(Expression::Unary, place, "not", parseNot());
}

ExpressionPtr Parser::comparison() {
  Place place = peek().place;
  ExpressionPtr first = sum();
  ExpressionPtr compare;
  while (true) {
    std::string name;
    for (std::string_view op : {"==", "!=", "<", "<=", ">", ">="})
      if (isOperator(op))
        name = op;
    if (isName("in"))
      name = "in";
    if (isName("not") && isName("in", 1)) {
      next();
      name = "not in";
    }
    if (name.empty())
      break;
    next();
    if (!compare)
      compare = make(Expression::Compare, place, "", std::move(first));
    compare->names.push_back(name);
    adopt(*compare, sum());
  }
  return compare ? std::move(compare) : std::move(first);
}

ExpressionPtr Parser::sum() {
  ExpressionPtr left = concatenation();
  while (isOperator("+") || isOperator("-")) {
    const Token token = next();
    left = make(Expression::Binary, token.place, token.text, std::move(left),
                concatenation());
  }
  return left;
}

ExpressionPtr Parser::concatenation() {
  ExpressionPtr left = product();
  while (isOperator("~")) {
    Place place = next().place;
    left = make(Expression::Binary, place, "~", std::move(left), product());
  }
  return left;
}

ExpressionPtr Parser::product() {
  ExpressionPtr left = power();
  while (isOperator("*") || isOperator("/") || isOperator("//") ||
         isOperator("%")) {
    const Token token = next();
    left = make(Expression::Binary, token.place, token.text, std::move(left),
                power());
  }
  return left;
}

ExpressionPtr Parser::power() {
  ExpressionPtr left = unary(true);
  if (isOperator("**"))
    fail("the operator '**' is not supported");
  return left;
}

ExpressionPtr Parser::unary(bool withFilters) {
  Nesting guard(*this);
  ExpressionPtr e;
  if (isOperator("-") || isOperator("+")) {
    const Token token = next();
    e = make(Expression::Unary, token.place, token.text, unary(false));
  } else {
    e = primary();
  }
  e = postfix(std::move(e));
  return withFilters ? filters(std::move(e)) : std::move(e);
}

ExpressionPtr Parser::listOf(std::string_view close) {
  auto list = make(Expression::ListOf, peek().place);
  while (!acceptOperator(close)) {
    if (!list->operands.empty()) {
      expectOperator(",");
      if (acceptOperator(close))
        break;
    }
    adopt(*list, expression());
  }
  return list;
}

ExpressionPtr Parser::primary() {
  const Token token = peek();
  switch (token.kind) {
  case Token::Name:
    next();
    if (token.text == "true" || token.text == "True")
      return literal(token.place, true);
    if (token.text == "false" || token.text == "False")
      return literal(token.place, false);
    if (token.text == "none" || token.text == "None")
      return literal(token.place, nullptr);
    return make(Expression::Variable, token.place, token.text);
  case Token::String: {
    std::string text;
    while (peek().kind == Token::String)
      text += next().text;
    return literal(token.place, text);
  }
  case Token::Integer: {
    next();
    int64_t value = 0;
    const char *end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, value).ec != std::errc())
      failAt(token.place, "the integer is too large");
    return literal(token.place, value);
  }
  case Token::Float: {
    next();
    double value = 0;
    const char *end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, value).ec != std::errc())
      failAt(token.place, "the number is too large or too small");
    return literal(token.place, value);
  }
  default:
    break;
  }
  if (acceptOperator("[")) {
    return listOf("]");
  }
  if (acceptOperator("(")) {
    if (acceptOperator(")"))
      return make(Expression::ListOf, token.place);
    ExpressionPtr e = expression();
    if (!isOperator(",")) {
      expectOperator(")");
      return e;
    }
    next();
    ExpressionPtr rest = listOf(")");
    auto tuple = make(Expression::ListOf, token.place, "", std::move(e));
    for (ExpressionPtr &item : rest->operands)
      adopt(*tuple, std::move(item));
    return tuple;
  }
  if (acceptOperator("{")) {
    auto dict = make(Expression::DictOf, token.place);
    while (!acceptOperator("}")) {
      if (!dict->operands.empty()) {
        expectOperator(",");
        if (acceptOperator("}"))
          break;
      }
      adopt(*dict, expression());
      expectOperator(":");
      adopt(*dict, expression());
    }
    return dict;
  }
  fail("expected an expression" + found());
}

ExpressionPtr Parser::postfix(ExpressionPtr e) {
  while (true) {
    Place place = peek().place;
    if (acceptOperator(".")) {
      if (peek().kind == Token::Integer)
        e = make(Expression::Subscript, place, "", std::move(e), primary());
      else
        e = make(Expression::Attribute, place, expectName("an attribute"),
                 std::move(e));
    } else if (acceptOperator("[")) {
      e = subscript(std::move(e));
    } else if (acceptOperator("(")) {
      e = make(Expression::Call, place, "", std::move(e));
      arguments(*e);
    } else {
      return e;
    }
  }
}

/// Behind the opening bracket.
ExpressionPtr Parser::subscript(ExpressionPtr object) {
  Place place = peek().place;
  ExpressionPtr bounds[3];
  int colons = 0;
  while (!acceptOperator("]")) {
    if (acceptOperator(":")) {
      if (++colons > 2)
        fail("a slice has three parts at most");
      continue;
    }
    if (bounds[colons])
      fail("expected ']'" + found());
    bounds[colons] = expression();
  }
  if (!colons) {
    if (!bounds[0])
      failAt(place, "expected an index");
    return make(Expression::Subscript, place, "", std::move(object),
                std::move(bounds[0]));
  }
  auto slice = make(Expression::Slice, place, "", std::move(object));
  for (ExpressionPtr &bound : bounds)
    adopt(*slice, std::move(bound));
  return slice;
}

/// Behind the opening parenthesis; positional arguments come first.
void Parser::arguments(Expression &call) {
  bool any = false;
  while (!acceptOperator(")")) {
    if (any) {
      expectOperator(",");
      if (acceptOperator(")"))
        return;
    }
    any = true;
    if (peek().kind == Token::Name && isOperator("=", 1)) {
      call.names.push_back(next().text);
      next();
    } else if (!call.names.empty()) {
      fail("a positional argument behind a named one");
    }
    adopt(call, expression());
  }
}

ExpressionPtr Parser::filters(ExpressionPtr e) {
  while (true) {
    Place place = peek().place;
    if (acceptOperator("|")) {
      e = make(Expression::Filter, place, expectName("a filter"), std::move(e));
      if (acceptOperator("("))
        arguments(*e);
    } else if (acceptName("is")) {
      e = test(std::move(e));
    } else if (acceptOperator("(")) {
      e = make(Expression::Call, place, "", std::move(e));
      arguments(*e);
    } else {
      return e;
    }
  }
}

ExpressionPtr Parser::test(ExpressionPtr input) {
  Place place = peek().place;
  bool negated = acceptName("not");
  auto e =
      make(Expression::Test, place, expectName("a test"), std::move(input));
  if (acceptOperator("(")) {
    arguments(*e);
  } else {
    // One argument may follow without parentheses.
    bool operand =
        peek().kind == Token::String || peek().kind == Token::Integer ||
        peek().kind == Token::Float || isOperator("[") || isOperator("{");
    if (peek().kind == Token::Name) {
      operand = true;
      for (std::string_view word :
           {"and", "or", "if", "else", "in", "not", "is", "recursive"})
        operand &= peek().text != word;
    }
    if (operand)
      adopt(*e, postfix(primary()));
  }
  return negated ? make(Expression::Unary, place, "not", std::move(e))
                 : std::move(e);
}

} // namespace qnt::tokenize::jinja
