//===- Parser.h - tokens to a parsed template -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_PARSER_H
#define QNT_LIB_TOKENIZE_JINJA_PARSER_H

#include "Syntax.h"

#include <algorithm>
#include <initializer_list>

namespace qnt::tokenize::jinja {

/// Recursive descent, in Jinja's order of precedence.
class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  Body run() {
    Body body = statements({});
    if (peek().kind != Token::End)
      fail("unexpected 'end'");
    return body;
  }

private:
  // Deeper nesting than this no template has; it bounds the recursion here and
  // in the interpreter.
  static constexpr int maxDepth = 200;
  struct Nesting {
    Parser &parser;
    explicit Nesting(Parser &parser) : parser(parser) {
      if (++parser.nesting > maxDepth)
        parser.fail("nested too deep");
    }
    ~Nesting() { --parser.nesting; }
  };

  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  const Token &next() {
    const Token &token = peek();
    at = std::min(at + 1, tokens.size() - 1);
    return token;
  }
  [[noreturn]] void fail(const std::string &what) const {
    failAt(peek().place, what);
  }
  bool isOperator(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).is(Token::Operator, text);
  }
  bool isName(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).is(Token::Name, text);
  }
  bool acceptOperator(std::string_view text) {
    bool found = isOperator(text);
    if (found)
      next();
    return found;
  }
  bool acceptName(std::string_view text) {
    bool found = isName(text);
    if (found)
      next();
    return found;
  }
  void expectOperator(std::string_view text) {
    if (!acceptOperator(text))
      fail("expected '" + std::string(text) + "'" + found());
  }
  std::string expectName(const char *what) {
    if (peek().kind != Token::Name)
      fail(std::string("expected ") + what + found());
    return next().text;
  }
  void expect(Token::Kind kind, const char *what) {
    if (peek().kind != kind)
      fail(std::string("expected ") + what + found());
    next();
  }
  std::string found() const {
    return peek().text.empty() ? "" : ", found '" + peek().text + "'";
  }

  ExpressionPtr make(Expression::Kind kind, Place place, std::string name = "",
                     std::vector<ExpressionPtr> operands = {}) {
    auto e = std::make_unique<Expression>();
    e->kind = kind;
    e->place = place;
    e->name = std::move(name);
    for (ExpressionPtr &operand : operands)
      adopt(*e, std::move(operand));
    return e;
  }
  void adopt(Expression &parent, ExpressionPtr operand) {
    if (operand)
      parent.depth = std::max(parent.depth, operand->depth + 1);
    if (parent.depth > maxDepth)
      failAt(parent.place, "nested too deep");
    parent.operands.push_back(std::move(operand));
  }
  ExpressionPtr make(Expression::Kind kind, Place place, std::string name,
                     ExpressionPtr a, ExpressionPtr b = nullptr) {
    auto e = make(kind, place, std::move(name));
    adopt(*e, std::move(a));
    if (b)
      adopt(*e, std::move(b));
    return e;
  }
  ExpressionPtr literal(Place place, Value value) {
    auto e = make(Expression::Literal, place);
    e->literal = std::move(value);
    return e;
  }

  Body statements(std::initializer_list<std::string_view> ends);
  Statement statement();
  Statement parseIf(Place place);
  Statement parseFor(Place place);
  Statement parseSet(Place place);
  void endBlock(const char *name) {
    if (!acceptName(name))
      fail(std::string("expected '") + name + "'" + found());
    expect(Token::BlockEnd, "'%}'");
  }

  ExpressionPtr expression(bool conditional = true);
  ExpressionPtr tupleOr(bool conditional);
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool filters);
  ExpressionPtr primary();
  ExpressionPtr postfix(ExpressionPtr e);
  ExpressionPtr filters(ExpressionPtr e);
  ExpressionPtr test(ExpressionPtr input);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr listOf(std::string_view close);
  void arguments(Expression &call);

  std::vector<Token> tokens;
  size_t at = 0;
  int nesting = 0, loops = 0;
};

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_PARSER_H
