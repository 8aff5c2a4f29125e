//===- Value.h - what a template computes with ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_VALUE_H
#define QNT_LIB_TOKENIZE_JINJA_VALUE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace qnt::tokenize::jinja {

class Value;
using List = std::vector<Value>;

/// Arguments of a call. `named` keeps the order of writing.
struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;
  /// The argument at `index` or called `name`, or null.
  const Value *find(size_t index, const char *name) const;
};
using Function = std::function<Value(const Arguments &)>;

struct Undefined {
  /// What was looked up, for messages.
  std::string name;
};

/// A mapping from strings that keeps its order, as Python's dict does.
struct Dict {
  std::vector<std::pair<std::string, Value>> entries;
  /// Made by namespace(): its entries may be set from an inner scope.
  bool isNamespace = false;
  const Value *find(std::string_view key) const;
  void set(const std::string &key, Value value);
};

/// A Python-like value. Lists, dicts and functions are shared.
class Value {
public:
  Value() : data(Undefined{}) {}
  Value(std::nullptr_t) : data(nullptr) {}
  Value(bool b) : data(b) {}
  Value(int64_t i) : data(i) {}
  Value(double d) : data(d) {}
  Value(std::string s);
  Value(const char *s) : data(std::string(s)) {}
  /// These two throw TokenizerError if the result is nested too deep.
  Value(List list);
  Value(Dict dict);
  Value(Function function);
  static Value undefined(std::string name) {
    Value value;
    value.data = Undefined{std::move(name)};
    return value;
  }

  /// Lists and mappings nest this deep at most, so that work on them can
  /// recurse. A namespace counts as that deep: nothing can hold it but a
  /// variable, and no value can come to hold itself.
  static constexpr int maxDepth = 200;
  int depth() const { return nesting; }

  bool isUndefined() const { return std::holds_alternative<Undefined>(data); }
  bool isNone() const { return std::holds_alternative<std::nullptr_t>(data); }
  bool isNumber() const { return isInteger() || asDouble() || asBool(); }
  bool isInteger() const { return std::holds_alternative<int64_t>(data); }
  const bool *asBool() const { return std::get_if<bool>(&data); }
  const double *asDouble() const { return std::get_if<double>(&data); }
  const std::string *asString() const {
    return std::get_if<std::string>(&data);
  }
  const List *asList() const;
  Dict *asDict() const;
  const Function *asFunction() const;

  /// The value of an int or a bool; throws TokenizerError naming `what`.
  int64_t integer(const char *what) const;
  /// The value of any number.
  double number(const char *what) const;
  const std::string &string(const char *what) const;

  bool truth() const;
  /// What `{{ value }}` prints, Python's str().
  std::string str() const;
  /// Python's repr(), as it stands inside lists and dicts.
  std::string repr() const;
  /// As Python's json.dumps with ensure_ascii=False; `indent` < 0 for one line.
  std::string json(int indent, int depth = 0) const;
  /// "a string", "a list", ...
  const char *kind() const;

  bool equals(const Value &other) const;
  /// Throws TokenizerError if the two have no order.
  bool less(const Value &other) const;
  /// Python's `item in this`.
  bool contains(const Value &item) const;
  /// The items of a list, characters of a string, or keys of a dict; none for
  /// an undefined value.
  List items() const;
  int64_t length() const;

private:
  std::variant<Undefined, std::nullptr_t, bool, int64_t, double, std::string,
               std::shared_ptr<const List>, std::shared_ptr<Dict>,
               std::shared_ptr<const Function>>
      data;
  int nesting = 0;
};

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_VALUE_H
