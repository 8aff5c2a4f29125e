//===- Filters.cpp - filters and tests of templates -----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Unicode.h"
#include "Builtins.h"
#include "Work.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace qnt::tokenize::jinja {

namespace {
using Bound = std::vector<const Value *>;
struct Filter {
  std::vector<const char *> parameters;
  std::function<Value(const Value &, const Bound &)> run;
};
} // namespace

/// An attribute, or attributes of attributes with dots between; a name of
/// digits is an index.
static Value attributePath(Value value, const std::string &path) {
  for (size_t at = 0; at <= path.size();) {
    size_t dot = std::min(path.find('.', at), path.size());
    std::string name = path.substr(at, dot - at);
    int64_t index = 0;
    const char *end = name.data() + name.size();
    auto parsed = std::from_chars(name.data(), end, index);
    bool number =
        !name.empty() && parsed.ec == std::errc() && parsed.ptr == end;
    value = number ? subscript(value, index) : attribute(value, name);
    at = dot + 1;
  }
  return value;
}

static Value joinFilter(const Value &input, const Bound &args) {
  std::string mark = args[0] ? args[0]->str() : "", out;
  bool first = true;
  for (const Value &item : input.items()) {
    Value value = args[1] ? attributePath(item, args[1]->string("join")) : item;
    Work::spend(mark.size());
    out += (first ? "" : mark) + value.str();
    first = false;
  }
  return out;
}

static Value firstOrLast(const Value &input, bool first) {
  List items = input.items();
  if (items.empty())
    return Value::undefined(first ? "first" : "last");
  return first ? items.front() : items.back();
}

static Value toInteger(const Value &input, const Bound &args) {
  Value fallback = args[0] ? *args[0] : Value(int64_t(0));
  if (const double *d = input.asDouble()) {
    if (*d > -9e18 && *d < 9e18)
      return static_cast<int64_t>(*d);
    return fallback;
  }
  if (input.isNumber())
    return input.integer("int");
  if (!input.asString())
    return fallback;
  std::string text = strip(*input.asString(), nullptr, true, true);
  int64_t value = 0;
  const char *end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? Value(value)
                                                       : fallback;
}

static Value itemPairs(const Value &input) {
  List out;
  if (input.isUndefined())
    return out;
  if (!input.asDict() || input.asDict()->isNamespace)
    throw TokenizerError(std::string("items takes a mapping, not ") +
                         input.kind());
  for (const auto &[key, value] : input.asDict()->entries)
    out.emplace_back(List{key, value});
  return out;
}

static Value reversed(const Value &input) {
  List items = input.items();
  std::reverse(items.begin(), items.end());
  if (!input.asString())
    return items;
  std::string out;
  for (const Value &item : items)
    out += *item.asString();
  return out;
}

/// Words, cut at white space, dashes and opening brackets, capitalised.
static Value titleFilter(const Value &input) {
  std::string text = input.str(), out, word;
  for (size_t at = 0; at < text.size();) {
    char32_t c = nextCodePoint(text, at);
    appendUtf8(word, c);
    if (isWhiteSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' ||
        c == '<') {
      out += capitalize(word);
      word.clear();
    }
  }
  return out + capitalize(word);
}

static const std::map<std::string, Filter, std::less<>> &filterTable() {
  using In = const Value &;
  using Args = const Bound &;
  Filter length{{}, [](In v, Args) -> Value { return v.length(); }};
  Filter fallback{{"default_value", "boolean"}, [](In v, Args a) -> Value {
                    bool falsy = a[1] && a[1]->truth() && !v.truth();
                    if (!v.isUndefined() && !falsy)
                      return v;
                    return a[0] ? *a[0] : Value("");
                  }};
  static const std::map<std::string, Filter, std::less<>> table = {
      {"length", length},
      {"count", length},
      {"default", fallback},
      {"d", fallback},
      {"trim",
       {{"chars"},
        [](In v, Args a) -> Value {
          return strip(v.str(), a[0], true, true);
        }}},
      {"upper", {{}, [](In v, Args) -> Value { return upper(v.str()); }}},
      {"lower", {{}, [](In v, Args) -> Value { return lower(v.str()); }}},
      {"title", {{}, [](In v, Args) { return titleFilter(v); }}},
      {"capitalize",
       {{}, [](In v, Args) -> Value { return capitalize(v.str()); }}},
      {"string", {{}, [](In v, Args) -> Value { return v.str(); }}},
      // Nothing is escaped, so everything is safe.
      {"safe", {{}, [](In v, Args) { return v; }}},
      {"tojson",
       {{"indent"},
        [](In v, Args a) -> Value {
          bool lines = a[0] && !a[0]->isNone();
          int64_t indent = lines ? a[0]->integer("tojson's indent") : -1;
          if (lines && (indent < 0 || indent > 64))
            throw TokenizerError("tojson's indent is out of range");
          return v.json(static_cast<int>(indent));
        }}},
      {"join", {{"d", "attribute"}, joinFilter}},
      {"replace",
       {{"old", "new", "count"},
        [](In v, Args a) -> Value {
          if (!a[0] || !a[1])
            throw TokenizerError("replace takes an old and a new string");
          return replace(v.str(), a[0]->str(), a[1]->str(),
                         a[2] && !a[2]->isNone() ? a[2]->integer("replace")
                                                 : -1);
        }}},
      {"first", {{}, [](In v, Args) { return firstOrLast(v, true); }}},
      {"last", {{}, [](In v, Args) { return firstOrLast(v, false); }}},
      {"list", {{}, [](In v, Args) -> Value { return v.items(); }}},
      {"items", {{}, [](In v, Args) { return itemPairs(v); }}},
      {"reverse", {{}, [](In v, Args) { return reversed(v); }}},
      {"int", {{"default"}, toInteger}},
      {"float", {{}, [](In v, Args) -> Value { return v.number("float"); }}},
      {"abs",
       {{},
        [](In v, Args) -> Value {
          if (v.asDouble())
            return *v.asDouble() < 0 ? -*v.asDouble() : *v.asDouble();
          int64_t i = v.integer("abs");
          return i < 0 && i != INT64_MIN ? -i : i;
        }}},
  };
  return table;
}

/// select, reject, selectattr, rejectattr: the items that pass a test.
static Value selectItems(const std::string &name, const Value &input,
                         Arguments arguments) {
  auto &rest = arguments.positional;
  std::string path, test;
  bool byAttribute = name.ends_with("attr");
  auto take = [&] {
    std::string text = rest.front().string(name.c_str());
    rest.erase(rest.begin());
    return text;
  };
  if (byAttribute && rest.empty())
    throw TokenizerError("'" + name + "' lacks its attribute");
  if (byAttribute)
    path = take();
  if (!rest.empty())
    test = take();
  List out;
  for (const Value &item : input.items()) {
    Value value = byAttribute ? attributePath(item, path) : item;
    bool passes =
        test.empty() ? value.truth() : applyTest(test, value, arguments);
    if (passes == name.starts_with("select"))
      out.push_back(item);
  }
  return out;
}

/// map(attribute=..., default=...) or map(filter, arguments...).
static Value mapItems(const Value &input, Arguments arguments) {
  List out;
  if (const Value *path = arguments.find(SIZE_MAX, "attribute")) {
    const Value *fallback = arguments.find(SIZE_MAX, "default");
    for (const Value &item : input.items()) {
      Value value = attributePath(item, path->string("map"));
      out.push_back(value.isUndefined() && fallback ? *fallback : value);
    }
    return out;
  }
  if (arguments.positional.empty())
    throw TokenizerError("map takes a filter or an attribute");
  std::string filter = arguments.positional.front().string("map");
  arguments.positional.erase(arguments.positional.begin());
  for (const Value &item : input.items())
    out.push_back(applyFilter(filter, item, arguments));
  return out;
}

Value applyFilter(const std::string &name, const Value &input,
                  const Arguments &arguments) {
  if (name == "map")
    return mapItems(input, arguments);
  if (name == "select" || name == "reject" || name == "selectattr" ||
      name == "rejectattr")
    return selectItems(name, input, arguments);
  auto it = filterTable().find(name);
  if (it == filterTable().end())
    throw TokenizerError("unknown filter '" + name + "'");
  return it->second.run(input, bind(name, it->second.parameters, arguments));
}

bool applyTest(const std::string &name, const Value &input,
               const Arguments &arguments) {
  using In = const Value &;
  using Plain = bool (*)(In);
  static const std::map<std::string, Plain, std::less<>> plain = {
      {"defined", [](In v) { return !v.isUndefined(); }},
      {"undefined", [](In v) { return v.isUndefined(); }},
      {"none", [](In v) { return v.isNone(); }},
      {"string", [](In v) { return v.asString() != nullptr; }},
      {"mapping", [](In v) { return v.asDict() && !v.asDict()->isNamespace; }},
      {"number", [](In v) { return v.isNumber(); }},
      {"integer", [](In v) { return v.isInteger(); }},
      {"float", [](In v) { return v.asDouble() != nullptr; }},
      {"boolean", [](In v) { return v.asBool() != nullptr; }},
      {"true", [](In v) { return v.asBool() && *v.asBool(); }},
      {"false", [](In v) { return v.asBool() && !*v.asBool(); }},
      {"callable", [](In v) { return v.asFunction() != nullptr; }},
      {"iterable",
       [](In v) {
         return v.isUndefined() || v.asString() || v.asList() ||
                (v.asDict() && !v.asDict()->isNamespace);
       }},
      {"sequence",
       [](In v) {
         return v.isUndefined() || v.asString() || v.asList() ||
                (v.asDict() && !v.asDict()->isNamespace);
       }},
      {"odd", [](In v) { return v.integer("odd") % 2 != 0; }},
      {"even", [](In v) { return v.integer("even") % 2 == 0; }},
  };
  if (auto it = plain.find(name); it != plain.end()) {
    bind(name, {}, arguments);
    return it->second(input);
  }
  using Binary = bool (*)(In, In);
  Binary equal = [](In a, In b) { return a.equals(b); };
  Binary unequal = [](In a, In b) { return !a.equals(b); };
  Binary less = [](In a, In b) { return a.less(b); };
  Binary greater = [](In a, In b) { return b.less(a); };
  Binary atMost = [](In a, In b) { return !b.less(a); };
  Binary atLeast = [](In a, In b) { return !a.less(b); };
  static const std::map<std::string, Binary, std::less<>> binary = {
      {"eq", equal},
      {"equalto", equal},
      {"==", equal},
      {"ne", unequal},
      {"!=", unequal},
      {"lt", less},
      {"lessthan", less},
      {"<", less},
      {"gt", greater},
      {"greaterthan", greater},
      {">", greater},
      {"le", atMost},
      {"<=", atMost},
      {"ge", atLeast},
      {">=", atLeast},
      {"in", [](In a, In b) { return b.contains(a); }},
      {"divisibleby", [](In a, In b) {
         int64_t divisor = b.integer("divisibleby");
         if (divisor == 0)
           throw TokenizerError("division by zero");
         return divisor == -1 || a.integer("divisibleby") % divisor == 0;
       }}};
  auto it = binary.find(name);
  if (it == binary.end())
    throw TokenizerError("unknown test '" + name + "'");
  auto bound = bind(name, {"other"}, arguments);
  if (!bound[0])
    throw TokenizerError("the test '" + name + "' lacks its argument");
  return it->second(input, *bound[0]);
}

} // namespace qnt::tokenize::jinja
