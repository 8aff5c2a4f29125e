//===- Access.cpp - attributes, items and global functions ----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builtins.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <algorithm>
#include <ctime>

namespace qnt::tokenize::jinja {

/// Python's dict methods; undefined for unknown names.
static Value dictMethod(const Value &object, const std::string &name) {
  if (name != "get" && name != "items" && name != "keys" && name != "values")
    return Value::undefined(name);
  return Function([object, name](const Arguments &given) -> Value {
    const Dict &dict = *object.asDict();
    if (name == "get") {
      auto bound = bind(name, {"key", "default"}, given);
      if (!bound[0])
        throw TokenizerError("'get' lacks its key");
      const Value *found =
          bound[0]->asString() ? dict.find(*bound[0]->asString()) : nullptr;
      return found ? *found : bound[1] ? *bound[1] : Value(nullptr);
    }
    bind(name, {}, given);
    List out;
    for (const auto &[key, value] : dict.entries) {
      if (name == "items")
        out.emplace_back(List{key, value});
      else
        out.push_back(name == "keys" ? Value(key) : value);
    }
    return out;
  });
}

Value attribute(const Value &object, const std::string &name) {
  if (object.isUndefined())
    throw TokenizerError("the attribute '" + name + "' of an undefined value");
  if (const std::string *text = object.asString())
    return stringMethod(*text, name);
  const Dict *dict = object.asDict();
  if (!dict)
    return Value::undefined(name);
  if (!dict->isNamespace) {
    Value method = dictMethod(object, name);
    if (!method.isUndefined())
      return method;
  }
  const Value *found = dict->find(name);
  return found ? *found : Value::undefined(name);
}

Value subscript(const Value &object, const Value &index) {
  if (object.isUndefined())
    throw TokenizerError("the item " + index.repr() + " of an undefined value");
  if (object.asDict()) {
    const std::string *key = index.asString();
    const Value *found = key ? object.asDict()->find(*key) : nullptr;
    return found ? *found : Value::undefined(key ? *key : index.repr());
  }
  if ((!object.asList() && !object.asString()) ||
      (!index.isInteger() && !index.asBool()))
    return Value::undefined(index.repr());
  List items = object.items();
  int64_t at = index.integer("index"), size = object.length();
  at += at < 0 ? size : 0;
  return at >= 0 && at < size ? items[at] : Value::undefined(index.repr());
}

Value slice(const Value &object, const Value &start, const Value &stop,
            const Value &step) {
  if (!object.asList() && !object.asString())
    throw TokenizerError(std::string("a slice of ") + object.kind());
  List items = object.items(), out;
  auto size = static_cast<int64_t>(items.size());
  int64_t by = step.isNone() ? 1 : step.integer("a slice");
  if (by == 0)
    throw TokenizerError("a slice whose step is zero");
  // A step longer than the list is as good as one of its length.
  by = std::clamp<int64_t>(by, -size - 1, size + 1);
  int64_t low = by < 0 ? -1 : 0, high = by < 0 ? size - 1 : size;
  auto bound = [&](const Value &value, int64_t missing) {
    if (value.isNone())
      return missing;
    int64_t at = value.integer("a slice");
    return std::clamp(at < 0 ? at + size : at, low, high);
  };
  int64_t from = bound(start, by < 0 ? high : low);
  int64_t to = bound(stop, by < 0 ? low : high);
  for (int64_t i = from; by < 0 ? i > to : i < to; i += by)
    out.push_back(items[i]);
  if (!object.asString())
    return out;
  std::string text;
  for (const Value &item : out)
    text += *item.asString();
  return text;
}

static Value range(const Arguments &given) {
  // As long as Jinja's sandbox lets a range be.
  constexpr int64_t longest = 100000;
  bind("range", {"start", "stop", "step"}, given);
  const List &args = given.positional;
  if (args.empty() || !given.named.empty())
    throw TokenizerError("range takes one to three integers");
  auto integer = [&](size_t i) { return args[i].integer("range"); };
  int64_t from = args.size() > 1 ? integer(0) : 0;
  int64_t to = integer(args.size() > 1);
  int64_t by = args.size() > 2 ? integer(2) : 1;
  if (by == 0)
    throw TokenizerError("a range whose step is zero");
  List out;
  while (by > 0 ? from < to : from > to) {
    if (static_cast<int64_t>(out.size()) == longest)
      throw TokenizerError("a range is longer than " + std::to_string(longest));
    out.emplace_back(from);
    if (__builtin_add_overflow(from, by, &from))
      break;
  }
  return out;
}

static Value makeDict(const Arguments &given, bool isNamespace) {
  Dict dict;
  for (const Value &value : given.positional) {
    if (!value.asDict())
      throw TokenizerError(std::string("expected a mapping, not ") +
                           value.kind());
    for (const auto &[key, entry] : value.asDict()->entries)
      dict.set(key, entry);
  }
  for (const auto &[key, value] : given.named)
    dict.set(key, value);
  dict.isNamespace = isNamespace;
  return dict;
}

static Value formatNow(const Arguments &given) {
  auto bound = bind("strftime_now", {"format"}, given);
  if (!bound[0])
    throw TokenizerError("strftime_now lacks its format");
  // The space in front tells an empty result from one that did not fit.
  std::string format = " " + bound[0]->string("strftime_now");
  std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::vector<char> buffer(format.size() * 16 + 256);
  size_t length =
      std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  if (!length)
    throw TokenizerError("strftime_now: the result is too long");
  return std::string(buffer.data() + 1, length - 1);
}

std::vector<std::pair<std::string, Value>> globalFunctions() {
  return {
      {"range", Function(range)},
      {"strftime_now", Function(formatNow)},
      {"namespace",
       Function([](const Arguments &given) { return makeDict(given, true); })},
      {"dict",
       Function([](const Arguments &given) { return makeDict(given, false); })},
      {"raise_exception", Function([](const Arguments &given) -> Value {
         auto bound = bind("raise_exception", {"message"}, given);
         throw TokenizerError("the template refuses the conversation: " +
                              (bound[0] ? bound[0]->str() : ""));
       })}};
}

} // namespace qnt::tokenize::jinja
