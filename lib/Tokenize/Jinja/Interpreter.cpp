//===- Interpreter.cpp - runs a parsed template ---------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"
#include "Builtins.h"
#include "Work.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <algorithm>
#include <cmath>

namespace qnt::tokenize::jinja {

std::string Interpreter::run(const Body &body) {
  execute(body);
  return std::move(out);
}

Interpreter::Flow Interpreter::execute(const Body &body) {
  for (const Statement &statement : body)
    if (Flow flow = execute(statement); flow != Flow::Next)
      return flow;
  return Flow::Next;
}

Interpreter::Flow Interpreter::execute(const Statement &statement) {
  Work::spend(Work::perExpression);
  switch (statement.kind) {
  case Statement::Text:
    Work::spend(statement.text.size());
    out += statement.text;
    return Flow::Next;
  case Statement::Print:
    out += evaluate(*statement.first).str();
    return Flow::Next;
  case Statement::If:
    return execute(evaluate(*statement.first).truth() ? statement.body
                                                      : statement.otherwise);
  case Statement::For:
    loop(statement);
    return Flow::Next;
  case Statement::Set:
  case Statement::SetField:
    assign(statement);
    return Flow::Next;
  case Statement::SetBlock:
    scopes.back()[statement.targets[0]] = capture(statement.body);
    return Flow::Next;
  case Statement::Group: {
    scopes.emplace_back();
    Flow flow = execute(statement.body);
    scopes.pop_back();
    return flow;
  }
  case Statement::Break:
    return Flow::Break;
  case Statement::Continue:
    return Flow::Continue;
  }
  return Flow::Next;
}

std::string Interpreter::capture(const Body &body) {
  std::string outer = std::move(out);
  out.clear();
  scopes.emplace_back();
  execute(body);
  scopes.pop_back();
  std::string text = std::move(out);
  out = std::move(outer);
  return text;
}

void Interpreter::bindTargets(const Statement &statement, const Value &value) {
  const auto &targets = statement.targets;
  if (targets.size() == 1) {
    scopes.back()[targets[0]] = value;
    return;
  }
  List items = value.items();
  if (items.size() != targets.size())
    throw TokenizerError("expected " + std::to_string(targets.size()) +
                         " values, found " + std::to_string(items.size()));
  for (size_t i = 0; i < items.size(); ++i)
    scopes.back()[targets[i]] = items[i];
}

void Interpreter::assign(const Statement &statement) {
  Value value = evaluate(*statement.first);
  try {
    if (statement.kind == Statement::Set)
      return bindTargets(statement, value);
  } catch (const TokenizerError &error) {
    failAt(statement.place, error.what());
  }
  const Value *object = lookup(statement.targets[0]);
  Dict *dict = object ? object->asDict() : nullptr;
  if (!dict || !dict->isNamespace)
    failAt(statement.place,
           "'" + statement.targets[0] + "' is not a namespace");
  if (value.depth() >= Value::maxDepth)
    failAt(statement.place, "a namespace cannot hold a namespace");
  dict->set(statement.targets[1], std::move(value));
}

/// What `loop` is at step `i` of `items`.
static Value loopValue(const List &items, size_t i) {
  Dict dict;
  auto at = static_cast<int64_t>(i), size = static_cast<int64_t>(items.size());
  dict.set("index", at + 1);
  dict.set("index0", at);
  dict.set("revindex", size - at);
  dict.set("revindex0", size - at - 1);
  dict.set("first", at == 0);
  dict.set("last", at + 1 == size);
  dict.set("length", size);
  if (i)
    dict.set("previtem", items[i - 1]);
  if (at + 1 < size)
    dict.set("nextitem", items[i + 1]);
  dict.set("cycle", Function([i](const Arguments &given) {
             if (given.positional.empty())
               throw TokenizerError("cycle takes at least one value");
             return given.positional[i % given.positional.size()];
           }));
  return dict;
}

void Interpreter::loop(const Statement &statement) {
  Value iterable = evaluate(*statement.first);
  auto located = [&](auto action) {
    try {
      return action();
    } catch (const TokenizerError &error) {
      failAt(statement.place, error.what());
    }
  };
  List items = located([&] { return iterable.items(); });
  if (statement.second) {
    List kept;
    for (const Value &item : items) {
      Work::spend(Work::perTurn);
      scopes.emplace_back();
      located([&] { bindTargets(statement, item); });
      if (evaluate(*statement.second).truth())
        kept.push_back(item);
      scopes.pop_back();
    }
    items = std::move(kept);
  }
  if (items.empty()) {
    scopes.emplace_back();
    execute(statement.otherwise);
    scopes.pop_back();
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    Work::spend(Work::perTurn);
    scopes.emplace_back();
    scopes.back()["loop"] = loopValue(items, i);
    located([&] { bindTargets(statement, items[i]); });
    Flow flow = execute(statement.body);
    scopes.pop_back();
    if (flow == Flow::Break)
      break;
  }
}

const Value *Interpreter::lookup(const std::string &name) const {
  for (size_t i = scopes.size(); i-- > 0;)
    if (auto it = scopes[i].find(name); it != scopes[i].end())
      return &it->second;
  return nullptr;
}

Value Interpreter::evaluate(const Expression &e) {
  try {
    Work::spend(Work::perExpression);
    Value value = evaluateHere(e);
    // Copied wherever it goes.
    if (value.asString())
      Work::spend(value.asString()->size());
    return value;
  } catch (const TokenizerError &error) {
    // The innermost expression's place is the one to report.
    if (std::string_view(error.what()).starts_with("chat template"))
      throw;
    failAt(e.place, error.what());
  }
}

Value Interpreter::evaluateHere(const Expression &e) {
  auto operand = [&](size_t i) { return evaluate(*e.operands[i]); };
  switch (e.kind) {
  case Expression::Literal:
    return e.literal;
  case Expression::Variable: {
    const Value *found = lookup(e.name);
    return found ? *found : Value::undefined(e.name);
  }
  case Expression::ListOf: {
    List list;
    for (size_t i = 0; i < e.operands.size(); ++i)
      list.push_back(operand(i));
    return list;
  }
  case Expression::DictOf: {
    Dict dict;
    for (size_t i = 0; i < e.operands.size(); i += 2)
      dict.set(operand(i).string("a mapping's key"), operand(i + 1));
    return dict;
  }
  case Expression::Attribute:
    return attribute(operand(0), e.name);
  case Expression::Subscript:
    return subscript(operand(0), operand(1));
  case Expression::Slice: {
    Value bounds[3] = {nullptr, nullptr, nullptr};
    Value object = operand(0);
    for (size_t i = 0; i < 3; ++i)
      if (e.operands[i + 1])
        bounds[i] = operand(i + 1);
    return slice(object, bounds[0], bounds[1], bounds[2]);
  }
  case Expression::Call:
    return call(e);
  case Expression::Filter:
    return applyFilter(e.name, operand(0), arguments(e));
  case Expression::Test:
    return applyTest(e.name, operand(0), arguments(e));
  case Expression::Unary:
    return unary(e);
  case Expression::Binary:
    return binary(e);
  case Expression::Compare:
    return compare(e);
  case Expression::Conditional:
    if (operand(0).truth())
      return operand(1);
    return e.operands[2] ? operand(2) : Value();
  }
  return Value();
}

/// The operands behind the first, the last of them by name.
Arguments Interpreter::arguments(const Expression &e) {
  Arguments given;
  size_t positional = e.operands.size() - 1 - e.names.size();
  for (size_t i = 1; i < e.operands.size(); ++i) {
    Value value = evaluate(*e.operands[i]);
    if (i <= positional)
      given.positional.push_back(std::move(value));
    else
      given.named.emplace_back(e.names[i - 1 - positional], std::move(value));
  }
  return given;
}

Value Interpreter::call(const Expression &e) {
  Value callee = evaluate(*e.operands[0]);
  const Function *function = callee.asFunction();
  if (!function) {
    const std::string &name = e.operands[0]->name;
    throw TokenizerError((name.empty() ? callee.kind() : "'" + name + "'") +
                         " is not a known function");
  }
  return (*function)(arguments(e));
}

Value Interpreter::unary(const Expression &e) {
  Value value = evaluate(*e.operands[0]);
  if (e.name == "not")
    return !value.truth();
  if (value.asDouble())
    return e.name == "-" ? -*value.asDouble() : *value.asDouble();
  int64_t i = value.integer(e.name.c_str());
  if (e.name == "-" && __builtin_sub_overflow(0, i, &i))
    throw TokenizerError("integer overflow");
  return i;
}

static Value integerArithmetic(char op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
  case '+':
    overflow = __builtin_add_overflow(a, b, &result);
    break;
  case '-':
    overflow = __builtin_sub_overflow(a, b, &result);
    break;
  case '*':
    overflow = __builtin_mul_overflow(a, b, &result);
    break;
  default: {
    // Python rounds down, and the remainder has the divisor's sign.
    if (b == 0)
      throw TokenizerError("division by zero");
    if (b == -1) {
      overflow = __builtin_sub_overflow(0, a, &result);
      result = op == '%' ? 0 : result;
      break;
    }
    int64_t quotient = a / b, rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
      --quotient;
      rest += b;
    }
    result = op == '%' ? rest : quotient;
  }
  }
  if (overflow)
    throw TokenizerError("integer overflow");
  return result;
}

static Value arithmetic(const std::string &op, const Value &a, const Value &b) {
  bool real = a.asDouble() || b.asDouble();
  const char *name = op.c_str();
  if (op != "/" && !real)
    return integerArithmetic(op == "//" ? 'q' : op[0], a.integer(name),
                             b.integer(name));
  double x = a.number(name), y = b.number(name);
  if (op == "+")
    return x + y;
  if (op == "-")
    return x - y;
  if (op == "*")
    return x * y;
  if (y == 0)
    throw TokenizerError("division by zero");
  if (op == "/")
    return x / y;
  double quotient = std::floor(x / y);
  return op == "//" ? quotient : x - quotient * y;
}

Value Interpreter::binary(const Expression &e) {
  Value a = evaluate(*e.operands[0]);
  if (e.name == "and")
    return a.truth() ? evaluate(*e.operands[1]) : a;
  if (e.name == "or")
    return a.truth() ? a : evaluate(*e.operands[1]);
  Value b = evaluate(*e.operands[1]);
  if (e.name == "~")
    return a.str() + b.str();
  if (e.name == "+" && a.asString() && b.asString())
    return *a.asString() + *b.asString();
  if (e.name == "+" && a.asList() && b.asList()) {
    List list = *a.asList();
    list.insert(list.end(), b.asList()->begin(), b.asList()->end());
    return list;
  }
  if (e.name == "*" && a.asString() && b.isInteger()) {
    constexpr int64_t longest = 1 << 20;
    int64_t count = std::max<int64_t>(b.integer("*"), 0);
    auto size = static_cast<int64_t>(a.asString()->size());
    if (size && count > longest / size)
      throw TokenizerError("a repeated string is too long");
    std::string text;
    for (int64_t i = 0; i < count; ++i)
      text += *a.asString();
    return text;
  }
  if (!a.isNumber() || !b.isNumber())
    throw TokenizerError("'" + e.name + "' of " + a.kind() + " and " +
                         b.kind() + " is not supported");
  return arithmetic(e.name, a, b);
}

Value Interpreter::compare(const Expression &e) {
  Value left = evaluate(*e.operands[0]);
  for (size_t i = 0; i < e.names.size(); ++i) {
    Value right = evaluate(*e.operands[i + 1]);
    const std::string &op = e.names[i];
    bool holds = op == "=="       ? left.equals(right)
                 : op == "!="     ? !left.equals(right)
                 : op == "in"     ? right.contains(left)
                 : op == "not in" ? !right.contains(left)
                 : op == "<"      ? left.less(right)
                 : op == ">"      ? right.less(left)
                 : op == "<="     ? !right.less(left)
                                  : !left.less(right);
    if (!holds)
      return false;
    left = std::move(right);
  }
  return true;
}

} // namespace qnt::tokenize::jinja
