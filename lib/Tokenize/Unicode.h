//===- Unicode.h - code points, categories, normal forms --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_UNICODE_H
#define QNT_LIB_TOKENIZE_UNICODE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::tokenize {

/// Reads the code point at `text[at]` and moves `at` behind it. `text` must be
/// valid UTF-8 (see replaceInvalid).
char32_t nextCodePoint(std::string_view text, size_t &at);
void appendUtf8(std::string &out, char32_t c);
std::u32string toUtf32(std::string_view text);

/// The bytes of the character that starts with byte `lead`, 1 to 4.
inline size_t utf8Length(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}
size_t countCodePoints(std::string_view text);
bool isValidUtf8(std::string_view text);
/// Each maximal part of an ill-formed sequence becomes one U+FFFD (Unicode
/// 3.9, "substitution of maximal subparts").
std::string replaceInvalid(std::string_view text);

/// The Unicode property White_Space.
bool isWhiteSpace(char32_t c);
/// General categories Nd, Nl, No.
bool isNumeric(char32_t c);
/// General categories P*, and the ASCII symbols.
bool isPunctuation(char32_t c);
/// General categories Cc, Cf, Co.
bool isOther(char32_t c);
/// General category L* or Nl, or a circled or squared letter.
bool isLetter(char32_t c);
/// General category Nd; Pc.
bool isDecimalDigit(char32_t c);
bool isConnector(char32_t c);
/// General category M*; Mn.
bool isMark(char32_t c);
bool isNonspacingMark(char32_t c);

enum class NormalForm { NFC, NFD, NFKC, NFKD };
std::string normalize(std::string_view text, NormalForm form);
/// Full, context-free lower case.
void appendLower(std::string &out, char32_t c);
/// Full, context-free upper case of what templates meet: simple mappings, and
/// the German sharp s.
void appendUpper(std::string &out, char32_t c);

/// Byte ranges of the extended grapheme clusters of `text`.
std::vector<std::string_view> graphemes(std::string_view text);

} // namespace qnt::tokenize

#endif // QNT_LIB_TOKENIZE_UNICODE_H
