//===- Syntax.h - a parsed template -----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_SYNTAX_H
#define QNT_LIB_TOKENIZE_JINJA_SYNTAX_H

#include "Lexer.h"
#include "Value.h"

#include <memory>

namespace qnt::tokenize::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// An expression. `operands` by kind:
struct Expression {
  enum Kind {
    Literal,     ///< `literal`.
    Variable,    ///< `name`.
    ListOf,      ///< The items.
    DictOf,      ///< Key, value, key, value, ...
    Attribute,   ///< Object; `name`.
    Subscript,   ///< Object, index.
    Slice,       ///< Object, start, stop, step; any of the last three null.
    Call,        ///< Callee, arguments; `names` of the last ones.
    Filter,      ///< Input, arguments; `name` is the filter.
    Test,        ///< Input, arguments; `name` is the test.
    Unary,       ///< Operand; `name` is "-", "+" or "not".
    Binary,      ///< Left, right; `name` is the operator, "and" and "or" too.
    Compare,     ///< First, second, ...; `names` are the operators between.
    Conditional, ///< Condition, then, else (or null).
  };
  Kind kind;
  Place place;
  std::string name;
  Value literal;
  std::vector<ExpressionPtr> operands;
  std::vector<std::string> names;
  int depth = 1;
};

struct Statement;
using Body = std::vector<Statement>;

/// A statement. `for` has the fields target names, iterable `first`, an
/// optional condition `second`, `body` and `otherwise`.
struct Statement {
  enum Kind {
    Text,     ///< `text`.
    Print,    ///< `first`.
    If,       ///< `first`, `body`, `otherwise`.
    For,      ///< See above.
    Set,      ///< `targets` = `first`.
    SetField, ///< targets[0].targets[1] = `first`, on a namespace.
    SetBlock, ///< targets[0] = the text of `body`.
    Group,    ///< `body` alone.
    Break,
    Continue
  };
  Kind kind;
  Place place;
  std::string text;
  std::vector<std::string> targets;
  ExpressionPtr first, second;
  Body body, otherwise;
};

/// Throws TokenizerError with the place of what is not understood.
Body parse(std::string_view source);

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_SYNTAX_H
