//===- Parser.cpp - the statements of a template --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

namespace qnt::tokenize::jinja {

/// Up to a block that begins with one of `ends`, whose name is the next token;
/// or to the end of the template if there are none.
Body Parser::statements(std::initializer_list<std::string_view> ends) {
  Nesting guard(*this);
  Body body;
  while (true) {
    Place place = peek().place;
    switch (peek().kind) {
    case Token::Text:
      body.emplace_back();
      body.back().kind = Statement::Text;
      body.back().place = place;
      body.back().text = next().text;
      continue;
    case Token::PrintBegin:
      next();
      body.emplace_back();
      body.back().kind = Statement::Print;
      body.back().place = place;
      body.back().first = tupleOr(true);
      expect(Token::PrintEnd, "'}}'");
      continue;
    case Token::BlockBegin:
      next();
      if (std::find(ends.begin(), ends.end(), peek().text) != ends.end())
        return body;
      body.push_back(statement());
      continue;
    default:
      if (ends.size())
        fail("expected '" + std::string(*(ends.end() - 1)) + "'");
      return body;
    }
  }
}

Statement Parser::statement() {
  Place place = peek().place;
  const std::string name = expectName("a statement");
  if (name == "if")
    return parseIf(place);
  if (name == "for")
    return parseFor(place);
  if (name == "set")
    return parseSet(place);
  Statement s;
  s.place = place;
  if (name == "generation") {
    // It marks what the assistant said, for training.
    expect(Token::BlockEnd, "'%}'");
    s.kind = Statement::Group;
    s.body = statements({"endgeneration"});
    endBlock("endgeneration");
    return s;
  }
  if (name != "break" && name != "continue")
    failAt(place, "the statement '" + name + "' is not supported");
  if (!loops)
    failAt(place, "'" + name + "' outside of a loop");
  s.kind = name == "break" ? Statement::Break : Statement::Continue;
  expect(Token::BlockEnd, "'%}'");
  return s;
}

/// Behind `if` or `elif`; an elif is an if in the other branch.
Statement Parser::parseIf(Place place) {
  Nesting guard(*this);
  Statement s;
  s.kind = Statement::If;
  s.place = place;
  s.first = tupleOr(false);
  expect(Token::BlockEnd, "'%}'");
  s.body = statements({"elif", "else", "endif"});
  if (acceptName("elif")) {
    s.otherwise.push_back(parseIf(peek().place));
    return s;
  }
  if (acceptName("else")) {
    expect(Token::BlockEnd, "'%}'");
    s.otherwise = statements({"endif"});
  }
  endBlock("endif");
  return s;
}

Statement Parser::parseFor(Place place) {
  Statement s;
  s.kind = Statement::For;
  s.place = place;
  bool parenthesis = acceptOperator("(");
  do
    s.targets.push_back(expectName("a loop variable"));
  while (acceptOperator(","));
  if (parenthesis)
    expectOperator(")");
  if (!acceptName("in"))
    fail("expected 'in'" + found());
  s.first = tupleOr(false);
  if (acceptName("if"))
    s.second = expression();
  if (isName("recursive"))
    fail("a recursive loop is not supported");
  expect(Token::BlockEnd, "'%}'");
  ++loops;
  s.body = statements({"else", "endfor"});
  --loops;
  if (acceptName("else")) {
    expect(Token::BlockEnd, "'%}'");
    s.otherwise = statements({"endfor"});
  }
  endBlock("endfor");
  return s;
}

Statement Parser::parseSet(Place place) {
  Statement s;
  s.kind = Statement::Set;
  s.place = place;
  do
    s.targets.push_back(expectName("a variable"));
  while (acceptOperator(","));
  if (s.targets.size() == 1 && acceptOperator(".")) {
    s.kind = Statement::SetField;
    s.targets.push_back(expectName("a field"));
  }
  if (acceptOperator("=")) {
    s.first = tupleOr(true);
    expect(Token::BlockEnd, "'%}'");
    return s;
  }
  if (s.kind != Statement::Set || s.targets.size() != 1 || isOperator("|"))
    fail("expected '='" + found());
  expect(Token::BlockEnd, "'=' or '%}'");
  s.kind = Statement::SetBlock;
  s.body = statements({"endset"});
  endBlock("endset");
  return s;
}

Body parse(std::string_view source) { return Parser(lex(source)).run(); }

} // namespace qnt::tokenize::jinja
