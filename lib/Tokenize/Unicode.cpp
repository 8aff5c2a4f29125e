//===- Unicode.cpp - code points, categories, normal forms ----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Unicode.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <cstdlib>
#include <utf8proc.h>

namespace qnt::tokenize {

char32_t nextCodePoint(std::string_view text, size_t &at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  size_t length = utf8Length(lead);
  char32_t c = length == 1   ? lead
               : length == 2 ? lead & 0x1F
               : length == 3 ? lead & 0x0F
                             : lead & 0x07;
  for (size_t i = 1; i < length; ++i)
    c = c << 6 | (byte(at + i) & 0x3F);
  at += length;
  return c;
}

void appendUtf8(std::string &out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::u32string toUtf32(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();)
    out += nextCodePoint(text, at);
  return out;
}

size_t countCodePoints(std::string_view text) {
  size_t count = 0;
  for (char c : text)
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

/// The length of the well-formed sequence at text[at] (`valid`), or else of the
/// maximal subpart that could begin one, at least 1.
static size_t scanSequence(std::string_view text, size_t at, bool &valid) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  valid = lead < 0x80;
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 1;
  size_t length = utf8Length(lead);
  for (size_t i = 1; i < length; ++i) {
    if (at + i >= text.size())
      return i;
    // The second byte's range excludes overlong forms, surrogates, and what
    // lies beyond U+10FFFF.
    unsigned low = 0x80, high = 0xBF;
    if (i == 1) {
      low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    }
    if (byte(at + i) < low || byte(at + i) > high)
      return i;
  }
  valid = true;
  return length;
}

bool isValidUtf8(std::string_view text) {
  bool valid = true;
  for (size_t at = 0; at < text.size() && valid;)
    at += scanSequence(text, at, valid);
  return valid;
}

std::string replaceInvalid(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    bool valid;
    size_t length = scanSequence(text, at, valid);
    if (valid)
      out += text.substr(at, length);
    else
      out += "\xEF\xBF\xBD";
    at += length;
  }
  return out;
}

bool isWhiteSpace(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool isNumeric(char32_t c) {
  auto k = category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(char32_t c) {
  if (c < 0x80)
    return c > 0x20 && c < 0x7F &&
           !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
             (c >= 'a' && c <= 'z'));
  auto k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool isOther(char32_t c) {
  auto k = category(c);
  return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF ||
         k == UTF8PROC_CATEGORY_CO;
}

bool isLetter(char32_t c) {
  auto k = category(c);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
         k == UTF8PROC_CATEGORY_NL || (c >= 0x24B6 && c <= 0x24E9) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189);
}

bool isDecimalDigit(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool isConnector(char32_t c) { return category(c) == UTF8PROC_CATEGORY_PC; }

bool isMark(char32_t c) {
  auto k = category(c);
  return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

bool isNonspacingMark(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_MN;
}

static bool isAscii(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) >= 0x80)
      return false;
  return true;
}

std::string normalize(std::string_view text, NormalForm form) {
  // ASCII is fixed under all four forms.
  if (isAscii(text))
    return std::string(text);
  bool compose = form == NormalForm::NFC || form == NormalForm::NFKC;
  bool compat = form == NormalForm::NFKC || form == NormalForm::NFKD;
  int options = UTF8PROC_STABLE |
                (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                (compat ? UTF8PROC_COMPAT : 0);
  utf8proc_uint8_t *mapped = nullptr;
  utf8proc_ssize_t length = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()), text.size(),
      &mapped, static_cast<utf8proc_option_t>(options));
  if (length < 0)
    throw TokenizerError(std::string("Unicode normalisation failed: ") +
                         utf8proc_errmsg(length));
  std::string out(reinterpret_cast<char *>(mapped), length);
  std::free(mapped);
  return out;
}

void appendLower(std::string &out, char32_t c) {
  // The only code point whose unconditional lower case is a sequence.
  if (c == 0x130) {
    out += "i\xCC\x87";
    return;
  }
  appendUtf8(out, utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

void appendUpper(std::string &out, char32_t c) {
  if (c == 0xDF) {
    out += "SS";
    return;
  }
  appendUtf8(out, utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

std::vector<std::string_view> graphemes(std::string_view text) {
  std::vector<std::string_view> out;
  utf8proc_int32_t state = 0, last = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    auto c = static_cast<utf8proc_int32_t>(nextCodePoint(text, at));
    if (start != 0 && utf8proc_grapheme_break_stateful(last, c, &state)) {
      out.push_back(text.substr(begin, start - begin));
      begin = start;
    }
    last = c;
  }
  if (begin < text.size())
    out.push_back(text.substr(begin));
  return out;
}

} // namespace qnt::tokenize
