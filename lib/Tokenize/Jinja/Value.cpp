//===- Value.cpp - what a template computes with --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Value.h"
#include "../Unicode.h"
#include "Work.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace qnt::tokenize::jinja {

const Value *Arguments::find(size_t index, const char *name) const {
  if (index < positional.size())
    return &positional[index];
  for (const auto &[key, value] : named)
    if (key == name)
      return &value;
  return nullptr;
}

const Value *Dict::find(std::string_view key) const {
  for (const auto &entry : entries)
    if (entry.first == key)
      return &entry.second;
  return nullptr;
}

void Dict::set(const std::string &key, Value value) {
  for (auto &entry : entries)
    if (entry.first == key) {
      entry.second = std::move(value);
      return;
    }
  entries.emplace_back(key, std::move(value));
}

static int deeper(int nesting, const Value &item) {
  if (item.depth() >= Value::maxDepth)
    throw TokenizerError("a value is nested too deep, or holds a namespace");
  return std::max(nesting, item.depth() + 1);
}

Value::Value(std::string s) : data(std::move(s)) {
  Work::spend(asString()->size());
}

/// Copies of a string are of its size; those of all other values are small.
static void spendCopy(const Value &value) {
  const std::string *text = value.asString();
  Work::spend(Work::perItem + (text ? text->size() : 0));
}

Value::Value(List list) : nesting(1) {
  for (const Value &item : list)
    spendCopy(item);
  for (const Value &item : list)
    nesting = deeper(nesting, item);
  data = std::make_shared<const List>(std::move(list));
}

Value::Value(Dict dict) : nesting(1) {
  for (const auto &[key, item] : dict.entries)
    spendCopy(item);
  for (const auto &[key, item] : dict.entries)
    nesting = deeper(nesting, item);
  if (dict.isNamespace)
    nesting = maxDepth;
  data = std::make_shared<Dict>(std::move(dict));
}

Value::Value(Function function)
    : data(std::make_shared<const Function>(std::move(function))) {}

const List *Value::asList() const {
  auto list = std::get_if<std::shared_ptr<const List>>(&data);
  return list ? list->get() : nullptr;
}

Dict *Value::asDict() const {
  auto dict = std::get_if<std::shared_ptr<Dict>>(&data);
  return dict ? dict->get() : nullptr;
}

const Function *Value::asFunction() const {
  auto function = std::get_if<std::shared_ptr<const Function>>(&data);
  return function ? function->get() : nullptr;
}

const char *Value::kind() const {
  static const char *const names[] = {
      "an undefined value", "none",   "a boolean", "an integer", "a float",
      "a string",           "a list", "a mapping", "a function"};
  return names[data.index()];
}

[[noreturn]] static void failKind(const char *what, const char *expected,
                                  const Value &value) {
  throw TokenizerError(std::string(what) + " takes " + expected + ", not " +
                       value.kind());
}

int64_t Value::integer(const char *what) const {
  if (const bool *b = asBool())
    return *b;
  if (!isInteger())
    failKind(what, "an integer", *this);
  return std::get<int64_t>(data);
}

double Value::number(const char *what) const {
  if (const double *d = asDouble())
    return *d;
  if (!isNumber())
    failKind(what, "a number", *this);
  return static_cast<double>(integer(what));
}

const std::string &Value::string(const char *what) const {
  if (!asString())
    failKind(what, "a string", *this);
  return *asString();
}

bool Value::truth() const {
  if (isUndefined() || isNone())
    return false;
  if (isNumber())
    return number("truth") != 0;
  if (asString())
    return !asString()->empty();
  if (asList())
    return !asList()->empty();
  if (asDict() && !asDict()->isNamespace)
    return !asDict()->entries.empty();
  return true;
}

static std::string formatDouble(double d) {
  if (std::isnan(d))
    return "nan";
  if (std::isinf(d))
    return d < 0 ? "-inf" : "inf";
  char buffer[64];
  // Python writes exponents from 1e16 upwards and below 1e-4.
  double magnitude = std::fabs(d);
  bool exponent = magnitude != 0 && (magnitude >= 1e16 || magnitude < 1e-4);
  auto result = std::to_chars(buffer, buffer + sizeof(buffer), d,
                              exponent ? std::chars_format::scientific
                                       : std::chars_format::fixed);
  std::string out(buffer, result.ptr);
  if (out.find_first_of(".e") == std::string::npos)
    out += ".0";
  return out;
}

std::string Value::str() const {
  if (isUndefined())
    return "";
  return asString() ? *asString() : repr();
}

static std::string quote(const std::string &text) {
  bool twice = text.find('\'') != std::string::npos &&
               text.find('"') == std::string::npos;
  char mark = twice ? '"' : '\'';
  static const char digits[] = "0123456789abcdef";
  std::string out(1, mark);
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == mark || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
    else
      out += c;
  }
  return out + mark;
}

/// What goes on over the parts of a value may meet a part many times.
static std::string counted(std::string text) {
  Work::spend(Work::perItem + text.size());
  return text;
}

std::string Value::repr() const {
  if (isUndefined())
    return "Undefined";
  if (isNone())
    return "None";
  if (const bool *b = asBool())
    return *b ? "True" : "False";
  if (isInteger())
    return std::to_string(integer("repr"));
  if (const double *d = asDouble())
    return formatDouble(*d);
  if (asString())
    return counted(quote(*asString()));
  std::string out;
  if (const List *list = asList()) {
    for (const Value &item : *list)
      out += (out.empty() ? "" : ", ") + item.repr();
    return counted("[" + out + "]");
  }
  if (const Dict *dict = asDict()) {
    if (dict->isNamespace)
      return "<namespace>";
    for (const auto &[key, value] : dict->entries)
      out += (out.empty() ? "" : ", ") + quote(key) + ": " + value.repr();
    return counted("{" + out + "}");
  }
  return "<function>";
}

static std::string jsonString(const std::string &text) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    static const std::string_view plain = "\"\\\n\r\t\b\f",
                                  letters = "\"\\nrtbf";
    size_t escape = plain.find(c);
    if (escape != std::string_view::npos)
      (out += '\\') += letters[escape];
    else if (byte < 0x20)
      ((out += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
    else
      out += c;
  }
  return out + '"';
}

std::string Value::json(int indent, int depth) const {
  if (isNone())
    return "null";
  if (const bool *b = asBool())
    return *b ? "true" : "false";
  if (isNumber())
    return repr();
  if (asString())
    return counted(jsonString(*asString()));
  const List *list = asList();
  const Dict *dict = asDict();
  if (!list && (!dict || dict->isNamespace))
    failKind("tojson", "JSON's kinds of values", *this);
  auto newline = [&](int level) {
    return indent < 0
               ? std::string()
               : "\n" + std::string(static_cast<size_t>(indent) * level, ' ');
  };
  size_t count = list ? list->size() : dict->entries.size();
  if (!count)
    return list ? "[]" : "{}";
  std::string out = list ? "[" : "{";
  for (size_t i = 0; i < count; ++i) {
    if (i)
      out += indent < 0 ? ", " : ",";
    out += newline(depth + 1);
    if (dict)
      out += jsonString(dict->entries[i].first) + ": ";
    out +=
        (list ? (*list)[i] : dict->entries[i].second).json(indent, depth + 1);
  }
  return counted(out + newline(depth) + (list ? "]" : "}"));
}

bool Value::equals(const Value &other) const {
  Work::spend(Work::perItem);
  if (isNumber() && other.isNumber()) {
    if (asDouble() || other.asDouble())
      return number("==") == other.number("==");
    return integer("==") == other.integer("==");
  }
  if (data.index() != other.data.index())
    return false;
  if (asString())
    return *asString() == *other.asString();
  if (asFunction())
    return asFunction() == other.asFunction();
  if (const List *list = asList()) {
    const List &others = *other.asList();
    bool equal = list->size() == others.size();
    for (size_t i = 0; equal && i < list->size(); ++i)
      equal = (*list)[i].equals(others[i]);
    return equal;
  }
  if (const Dict *dict = asDict()) {
    if (dict->isNamespace || other.asDict()->isNamespace)
      return dict == other.asDict();
    bool equal = dict->entries.size() == other.asDict()->entries.size();
    for (const auto &[key, value] : dict->entries) {
      const Value *found = equal ? other.asDict()->find(key) : nullptr;
      equal = found && found->equals(value);
    }
    return equal;
  }
  return true; // Undefined and None have one value each.
}

bool Value::less(const Value &other) const {
  if (isInteger() && other.isInteger())
    return integer("<") < other.integer("<");
  if (isNumber() && other.isNumber())
    return number("<") < other.number("<");
  // UTF-8 sorts as code points do.
  if (asString() && other.asString())
    return *asString() < *other.asString();
  throw TokenizerError(std::string(kind()) + " and " + other.kind() +
                       " have no order");
}

bool Value::contains(const Value &item) const {
  if (asString())
    return asString()->find(item.string("'in' a string")) != std::string::npos;
  if (asDict())
    return item.asString() && asDict()->find(*item.asString());
  for (const Value &mine : items())
    if (mine.equals(item))
      return true;
  return false;
}

List Value::items() const {
  List out;
  if (isUndefined())
    return out;
  if (asList()) {
    for (const Value &item : *asList())
      spendCopy(item);
    return *asList();
  }
  if (asString()) {
    const std::string &text = *asString();
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      nextCodePoint(text, at);
      Work::spend(Work::perItem);
      out.emplace_back(text.substr(begin, at - begin));
    }
    return out;
  }
  if (!asDict() || asDict()->isNamespace)
    throw TokenizerError(std::string(kind()) + " has no items");
  for (const auto &entry : asDict()->entries) {
    Work::spend(Work::perItem);
    out.emplace_back(entry.first);
  }
  return out;
}

int64_t Value::length() const {
  if (isUndefined())
    return 0;
  if (asString())
    return static_cast<int64_t>(countCodePoints(*asString()));
  if (asList())
    return static_cast<int64_t>(asList()->size());
  if (asDict() && !asDict()->isNamespace)
    return static_cast<int64_t>(asDict()->entries.size());
  throw TokenizerError(std::string(kind()) + " has no length");
}

} // namespace qnt::tokenize::jinja
