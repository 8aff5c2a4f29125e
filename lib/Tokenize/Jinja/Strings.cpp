//===- Strings.cpp - Python's string methods ------------------------------===//
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
#include <map>

namespace qnt::tokenize::jinja {

std::vector<const Value *> bind(const std::string &name,
                                const std::vector<const char *> &parameters,
                                const Arguments &arguments) {
  if (arguments.positional.size() > parameters.size())
    throw TokenizerError("'" + name + "' takes " +
                         std::to_string(parameters.size()) +
                         " arguments at most");
  for (const auto &[key, value] : arguments.named)
    if (std::find(parameters.begin(), parameters.end(), key) ==
        parameters.end())
      throw TokenizerError("'" + name + "' has no argument '" + key + "'");
  std::vector<const Value *> bound;
  for (size_t i = 0; i < parameters.size(); ++i)
    bound.push_back(arguments.find(i, parameters[i]));
  return bound;
}

/// Python's str.isspace.
static bool isPythonSpace(char32_t c) {
  return isWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

std::string strip(const std::string &text, const Value *characters, bool left,
                  bool right) {
  std::u32string chars = toUtf32(text), set;
  bool spaces = !characters || characters->isNone();
  if (!spaces)
    set = toUtf32(characters->string("strip"));
  auto strips = [&](char32_t c) {
    return spaces ? isPythonSpace(c) : set.find(c) != std::u32string::npos;
  };
  size_t begin = 0, end = chars.size();
  while (left && begin < end && strips(chars[begin]))
    ++begin;
  while (right && end > begin && strips(chars[end - 1]))
    --end;
  std::string out;
  for (size_t i = begin; i < end; ++i)
    appendUtf8(out, chars[i]);
  return out;
}

std::string upper(const std::string &text) {
  std::string out;
  for (size_t at = 0; at < text.size();)
    appendUpper(out, nextCodePoint(text, at));
  return out;
}

std::string lower(const std::string &text) {
  std::string out;
  for (size_t at = 0; at < text.size();)
    appendLower(out, nextCodePoint(text, at));
  return out;
}

std::string capitalize(const std::string &text) {
  size_t first = 0;
  if (!text.empty())
    nextCodePoint(text, first);
  return upper(text.substr(0, first)) + lower(text.substr(first));
}

/// Each run of letters with its first in upper case.
static std::string title(const std::string &text) {
  std::string out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    char32_t c = nextCodePoint(text, at);
    inside ? appendLower(out, c) : appendUpper(out, c);
    inside = isLetter(c);
  }
  return out;
}

std::string replace(const std::string &text, const std::string &from,
                    const std::string &to, int64_t count) {
  if (from.empty())
    throw TokenizerError("replacing an empty string is not supported");
  std::string out;
  size_t done = 0;
  for (size_t hit; count != 0 && (hit = text.find(from, done)) != text.npos;
       done = hit + from.size(), --count) {
    Work::spend(hit - done + to.size());
    out.append(text, done, hit - done).append(to);
  }
  return out.append(text, done);
}

static List split(const std::string &text, const Value *separator,
                  int64_t limit) {
  List out;
  if (separator && !separator->isNone()) {
    const std::string &mark = separator->string("split");
    if (mark.empty())
      throw TokenizerError("split takes a separator that is not empty");
    size_t done = 0;
    for (size_t hit; limit != 0 && (hit = text.find(mark, done)) != text.npos;
         done = hit + mark.size(), --limit)
      out.emplace_back(text.substr(done, hit - done));
    out.emplace_back(text.substr(done));
    return out;
  }
  // At runs of white space, none of which make empty parts.
  std::string rest = strip(text, nullptr, true, false);
  while (!rest.empty()) {
    size_t end = 0, at = 0;
    while (at < rest.size() && !isPythonSpace(nextCodePoint(rest, at)))
      end = at;
    if (limit-- == 0) {
      // The last part keeps the spaces at its end.
      out.emplace_back(rest);
      break;
    }
    out.emplace_back(rest.substr(0, end));
    rest = strip(rest.substr(end), nullptr, true, false);
  }
  return out;
}

/// Whether `text` starts (or ends) with a string or one of a list of them.
static bool touches(const std::string &text, const Value &what, bool start) {
  if (const List *list = what.asList())
    return std::any_of(list->begin(), list->end(), [&](const Value &one) {
      return touches(text, one, start);
    });
  const std::string &part = what.string(start ? "startswith" : "endswith");
  return start ? text.starts_with(part) : text.ends_with(part);
}

static Value find(const std::string &text, const std::string &part) {
  size_t at = text.find(part);
  if (at == std::string::npos)
    return int64_t(-1);
  return static_cast<int64_t>(
      countCodePoints(std::string_view(text).substr(0, at)));
}

static Value count(const std::string &text, const std::string &part) {
  if (part.empty())
    throw TokenizerError("counting an empty string is not supported");
  int64_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos;
       at += part.size())
    ++found;
  return found;
}

static Value join(const std::string &mark, const Value &parts) {
  std::string out;
  bool first = true;
  for (const Value &part : parts.items()) {
    out += (first ? "" : mark) + part.string("join");
    first = false;
  }
  return out;
}

static bool isDigits(const std::string &text) {
  for (size_t at = 0; at < text.size();)
    if (!isDecimalDigit(nextCodePoint(text, at)))
      return false;
  return !text.empty();
}

namespace {
using Bound = std::vector<const Value *>;
struct Method {
  std::vector<const char *> parameters;
  size_t required;
  std::function<Value(const std::string &, const Bound &)> run;
};
} // namespace

static const std::map<std::string, Method, std::less<>> &methods() {
  using Text = const std::string &;
  using Args = const Bound &;
  auto limit = [](const Value *v) { return v ? v->integer("count") : -1; };
  static const std::map<std::string, Method, std::less<>> table = {
      {"upper", {{}, 0, [](Text t, Args) -> Value { return upper(t); }}},
      {"lower", {{}, 0, [](Text t, Args) -> Value { return lower(t); }}},
      {"title", {{}, 0, [](Text t, Args) -> Value { return title(t); }}},
      {"capitalize",
       {{}, 0, [](Text t, Args) -> Value { return capitalize(t); }}},
      {"isdigit", {{}, 0, [](Text t, Args) -> Value { return isDigits(t); }}},
      {"strip",
       {{"chars"},
        0,
        [](Text t, Args a) -> Value { return strip(t, a[0], true, true); }}},
      {"lstrip",
       {{"chars"},
        0,
        [](Text t, Args a) -> Value { return strip(t, a[0], true, false); }}},
      {"rstrip",
       {{"chars"},
        0,
        [](Text t, Args a) -> Value { return strip(t, a[0], false, true); }}},
      {"startswith",
       {{"prefix"},
        1,
        [](Text t, Args a) -> Value { return touches(t, *a[0], true); }}},
      {"endswith",
       {{"suffix"},
        1,
        [](Text t, Args a) -> Value { return touches(t, *a[0], false); }}},
      {"removeprefix",
       {{"prefix"},
        1,
        [](Text t, Args a) -> Value {
          const std::string &part = a[0]->string("removeprefix");
          return t.starts_with(part) ? t.substr(part.size()) : t;
        }}},
      {"removesuffix",
       {{"suffix"},
        1,
        [](Text t, Args a) -> Value {
          const std::string &part = a[0]->string("removesuffix");
          return t.ends_with(part) ? t.substr(0, t.size() - part.size()) : t;
        }}},
      {"find",
       {{"sub"},
        1,
        [](Text t, Args a) { return find(t, a[0]->string("find")); }}},
      {"count",
       {{"sub"},
        1,
        [](Text t, Args a) { return count(t, a[0]->string("count")); }}},
      {"join", {{"parts"}, 1, [](Text t, Args a) { return join(t, *a[0]); }}},
      {"split",
       {{"sep", "maxsplit"},
        0,
        [limit](Text t, Args a) -> Value {
          return split(t, a[0], limit(a[1]));
        }}},
      {"replace",
       {{"old", "new", "count"},
        2,
        [limit](Text t, Args a) -> Value {
          return replace(t, a[0]->string("replace"), a[1]->string("replace"),
                         limit(a[2]));
        }}},
  };
  return table;
}

Value stringMethod(const std::string &text, const std::string &name) {
  auto it = methods().find(name);
  if (it == methods().end())
    return Value::undefined(name);
  return Function([text, name, &method = it->second](const Arguments &given) {
    Bound bound = bind(name, method.parameters, given);
    for (size_t i = 0; i < method.required; ++i)
      if (!bound[i])
        throw TokenizerError("'" + name + "' lacks its argument '" +
                             method.parameters[i] + "'");
    return method.run(text, bound);
  });
}

} // namespace qnt::tokenize::jinja
