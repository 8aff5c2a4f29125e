//===- Lexer.cpp - template text to tokens --------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lexer.h"
#include "../Unicode.h"
#include "qnt/Tokenize/Tokenizer.h"

namespace qnt::tokenize::jinja {

void failAt(Place place, const std::string &what) {
  throw TokenizerError("chat template, line " + std::to_string(place.line) +
                       ", column " + std::to_string(place.column) + ": " +
                       what);
}

namespace {
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Lexer {
public:
  explicit Lexer(std::string source) : in(std::move(source)) {}

  std::vector<Token> run() {
    bool lineStart = true;
    while (at < in.size()) {
      size_t tag = findTag();
      std::string_view text(in.data() + at, tag - at);
      bool ended = tag == in.size();
      char kind = ended ? 0 : in[tag + 1];
      char sign = !ended && tag + 2 < in.size() ? in[tag + 2] : 0;
      if (sign == '-')
        text = stripRight(text);
      else if (!ended && kind != '{' && sign != '+')
        text = stripLine(text, lineStart);
      if (!text.empty())
        push(Token::Text, std::string(text));
      advance(tag - at);
      if (ended)
        break;
      Place open = place;
      advance(sign == '-' || sign == '+' ? 3 : 2);
      if (kind == '#')
        comment(open);
      else
        tagBody(kind == '{', open);
      lineStart = in[at - 1] == '\n';
    }
    push(Token::End, "");
    return std::move(tokens);
  }

private:
  size_t findTag() const {
    for (size_t i = in.find('{', at); i != std::string::npos;
         i = in.find('{', i + 1))
      if (i + 1 < in.size() &&
          (in[i + 1] == '{' || in[i + 1] == '%' || in[i + 1] == '#'))
        return i;
    return in.size();
  }

  void advance(size_t count) {
    for (; count && at < in.size(); --count, ++at) {
      if (in[at] == '\n')
        place = {place.line + 1, 1};
      else if ((in[at] & 0xC0) != 0x80)
        ++place.column;
    }
  }

  void push(Token::Kind kind, std::string text) {
    tokens.push_back({kind, std::move(text), place});
  }

  static std::string_view stripRight(std::string_view text) {
    while (!text.empty() && isSpace(text.back()))
      text.remove_suffix(1);
    return text;
  }

  /// A tag that has only blanks before it on its line takes them along.
  static std::string_view stripLine(std::string_view text, bool lineStart) {
    size_t begin = text.rfind('\n') + 1; // npos + 1 is 0.
    if (begin == 0 && !lineStart)
      return text;
    for (char c : text.substr(begin))
      if (!isSpace(c))
        return text;
    return text.substr(0, begin);
  }

  /// Consumes a tag's end, `-` or `+` included, and what the end strips.
  bool consumeEnd(std::string_view end, bool trimNewline) {
    std::string_view rest(in.data() + at, in.size() - at);
    char sign = rest.empty() ? 0 : rest[0];
    bool signedEnd = (sign == '-' || (sign == '+' && trimNewline)) &&
                     rest.substr(1).starts_with(end);
    if (!signedEnd && !rest.starts_with(end))
      return false;
    advance(end.size() + signedEnd);
    if (signedEnd && sign == '-')
      while (at < in.size() && isSpace(in[at]))
        advance(1);
    else if (!signedEnd && trimNewline && at < in.size() && in[at] == '\n')
      advance(1);
    return true;
  }

  void comment(Place open) {
    while (!consumeEnd("#}", true)) {
      if (at >= in.size())
        failAt(open, "a comment without its end");
      advance(1);
    }
  }

  void tagBody(bool print, Place open) {
    push(print ? Token::PrintBegin : Token::BlockBegin, "");
    std::string brackets;
    while (true) {
      while (at < in.size() && isSpace(in[at]))
        advance(1);
      if (at >= in.size())
        failAt(open, "a tag without its end");
      // A brace may close a mapping in front of the tag's end.
      Place end = place;
      if (brackets.empty() && consumeEnd(print ? "}}" : "%}", !print)) {
        tokens.push_back({print ? Token::PrintEnd : Token::BlockEnd, "", end});
        return;
      }
      char c = in[at];
      if (isNameStart(c))
        word();
      else if (isDigit(c))
        number();
      else if (c == '\'' || c == '"')
        string();
      else
        sign(brackets);
    }
  }

  void word() {
    size_t end = at;
    while (end < in.size() && (isNameStart(in[end]) || isDigit(in[end])))
      ++end;
    push(Token::Name, in.substr(at, end - at));
    advance(end - at);
  }

  void number() {
    size_t end = at;
    auto digits = [&] {
      while (end < in.size() && (isDigit(in[end]) || in[end] == '_'))
        ++end;
    };
    auto digitAt = [&](size_t i) { return i < in.size() && isDigit(in[i]); };
    digits();
    bool real = false;
    if (in[end] == '.' && digitAt(end + 1)) {
      real = true;
      ++end;
      digits();
    }
    if ((in[end] == 'e' || in[end] == 'E')) {
      bool sign =
          end + 1 < in.size() && (in[end + 1] == '-' || in[end + 1] == '+');
      if (digitAt(end + 1 + sign)) {
        real = true;
        end += 1 + sign;
        digits();
      }
    }
    std::string text;
    for (char c : in.substr(at, end - at))
      if (c != '_')
        text += c;
    push(real ? Token::Float : Token::Integer, text);
    advance(end - at);
  }

  char32_t hexadecimal(size_t from, size_t count) {
    char32_t c = 0;
    for (size_t i = from; i < from + count; ++i) {
      char digit = i < in.size() ? in[i] : 0;
      int value = isDigit(digit)                 ? digit - '0'
                  : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                  : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                 : -1;
      if (value < 0)
        failAt(place, "a broken escape in a string");
      c = c << 4 | static_cast<char32_t>(value);
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
      failAt(place, "an escape that is no character");
    return c;
  }

  void string() {
    char mark = in[at];
    std::string value;
    size_t i = at + 1;
    for (; i < in.size() && in[i] != mark; ++i) {
      if (in[i] != '\\') {
        value += in[i];
        continue;
      }
      if (++i >= in.size())
        break;
      static const std::string_view letters = "ntr\\'\"abfv0";
      static const char values[] = {'\n', '\t', '\r', '\\', '\'', '"',
                                    '\a', '\b', '\f', '\v', '\0'};
      size_t simple = letters.find(in[i]);
      size_t digits = in[i] == 'x'   ? 2
                      : in[i] == 'u' ? 4
                      : in[i] == 'U' ? 8
                                     : 0;
      if (digits) {
        appendUtf8(value, hexadecimal(i + 1, digits));
        i += digits;
      } else if (simple != std::string_view::npos) {
        value += values[simple];
      } else if (in[i] != '\n') {
        (value += '\\') += in[i];
      }
    }
    if (i >= in.size())
      failAt(place, "a string without its end");
    push(Token::String, value);
    advance(i + 1 - at);
  }

  void sign(std::string &brackets) {
    std::string_view rest(in.data() + at, in.size() - at);
    for (std::string_view two : {"==", "!=", "<=", ">=", "//", "**"})
      if (rest.starts_with(two)) {
        push(Token::Operator, std::string(two));
        return advance(2);
      }
    char c = in[at];
    if (std::string_view("+-*/%~<>=.,:|()[]{}").find(c) ==
        std::string_view::npos)
      failAt(place, std::string("unexpected character '") + c + "'");
    if (c == '(' || c == '[' || c == '{') {
      brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c)
        failAt(place, std::string("unexpected '") + c + "'");
      brackets.pop_back();
    }
    push(Token::Operator, std::string(1, c));
    advance(1);
  }

  std::string in;
  size_t at = 0;
  Place place;
  std::vector<Token> tokens;
};
} // namespace

std::vector<Token> lex(std::string_view source) {
  if (!isValidUtf8(source))
    throw TokenizerError("chat template: not UTF-8");
  // Line ends become \n, and one at the very end is dropped.
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      text += source[i];
    else if (i + 1 >= source.size() || source[i + 1] != '\n')
      text += '\n';
  }
  if (text.ends_with('\n'))
    text.pop_back();
  return Lexer(std::move(text)).run();
}

} // namespace qnt::tokenize::jinja
