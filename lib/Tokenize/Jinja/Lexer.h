//===- Lexer.h - template text to tokens ------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JINJA_LEXER_H
#define QNT_LIB_TOKENIZE_JINJA_LEXER_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::tokenize::jinja {

/// A place in the template, from 1.
struct Place {
  size_t line = 1, column = 1;
};

struct Token {
  enum Kind {
    Text,       ///< Between tags, whitespace control applied.
    PrintBegin, ///< {{
    PrintEnd,
    BlockBegin, ///< {%
    BlockEnd,
    Name,
    Integer,
    Float,
    String, ///< `text` holds the value.
    Operator,
    End
  };
  Kind kind;
  std::string text;
  Place place;
  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

/// Throws TokenizerError with the place.
[[noreturn]] void failAt(Place place, const std::string &what);

/// Cuts a template with trim_blocks and lstrip_blocks on, as HuggingFace does.
/// Throws TokenizerError.
std::vector<Token> lex(std::string_view source);

} // namespace qnt::tokenize::jinja

#endif // QNT_LIB_TOKENIZE_JINJA_LEXER_H
