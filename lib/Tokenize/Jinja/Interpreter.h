//===- Interpreter.h - runs a parsed template -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_INTERPRETER_H
#define QNT_LIB_TOKENIZE_JINJA_INTERPRETER_H

#include "Syntax.h"

#include <map>

namespace qnt::tokenize::jinja {

/// Runs a template once. Throws TokenizerError with the place of what failed.
class Interpreter {
public:
  explicit Interpreter(std::map<std::string, Value> globals)
      : scopes{std::move(globals), {}} {}
  /// The text that `body` prints.
  std::string run(const Body &body);

private:
  enum class Flow { Next, Break, Continue };
  using Scope = std::map<std::string, Value>;

  Flow execute(const Body &body);
  Flow execute(const Statement &statement);
  void loop(const Statement &statement);
  void assign(const Statement &statement);
  void bindTargets(const Statement &statement, const Value &value);
  /// Runs `body` in a scope of its own and returns what it prints.
  std::string capture(const Body &body);

  const Value *lookup(const std::string &name) const;
  Value evaluate(const Expression &e);
  Value evaluateHere(const Expression &e);
  Value unary(const Expression &e);
  Value binary(const Expression &e);
  Value compare(const Expression &e);
  Value call(const Expression &e);
  Arguments arguments(const Expression &e);

  std::vector<Scope> scopes;
  std::string out;
};

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_INTERPRETER_H
