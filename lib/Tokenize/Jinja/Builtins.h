//===- Builtins.h - filters, tests and methods of templates -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_BUILTINS_H
#define QNT_LIB_TOKENIZE_JINJA_BUILTINS_H

#include "Value.h"

namespace qnt::tokenize::jinja {

/// `input | name(arguments)`. Throws TokenizerError on unknown names and
/// arguments, as do the others here.
Value applyFilter(const std::string &name, const Value &input,
                  const Arguments &arguments);
/// `input is name(arguments)`.
bool applyTest(const std::string &name, const Value &input,
               const Arguments &arguments);

/// `object.name`: a method of a string or mapping, an entry of a mapping, or
/// undefined.
Value attribute(const Value &object, const std::string &name);
/// `object[index]`; undefined where there is no such item.
Value subscript(const Value &object, const Value &index);
/// `object[start:stop:step]`, with None for what is not given.
Value slice(const Value &object, const Value &start, const Value &stop,
            const Value &step);

/// The functions every template can call: range, namespace, dict,
/// raise_exception, strftime_now.
std::vector<std::pair<std::string, Value>> globalFunctions();

/// Python's str methods, bound to `text`; undefined for unknown names.
Value stringMethod(const std::string &text, const std::string &name);

/// Python's str.strip and relatives; `characters` null for white space.
std::string strip(const std::string &text, const Value *characters, bool left,
                  bool right);
std::string upper(const std::string &text);
std::string lower(const std::string &text);
/// The first character upper case, the others lower case.
std::string capitalize(const std::string &text);
/// The first `count` occurrences replaced; all of them if negative.
std::string replace(const std::string &text, const std::string &from,
                    const std::string &to, int64_t count);

/// The arguments by the order of `parameters`; null where one is not given.
std::vector<const Value *> bind(const std::string &name,
                                const std::vector<const char *> &parameters,
                                const Arguments &arguments);

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_BUILTINS_H
