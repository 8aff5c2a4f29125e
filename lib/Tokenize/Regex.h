//===- Regex.h - regular expressions as tokenizer.json means them --------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_REGEX_H
#define QNT_LIB_TOKENIZE_REGEX_H

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::tokenize {

/// A part of a text: bytes [begin, end), and whether a pattern matched it.
struct Part {
  size_t begin, end;
  bool matched;
};

/// A compiled pattern (PCRE2, UTF-8, just-in-time compiled). tokenizer.json
/// patterns are written for Oniguruma's Ruby syntax: the character classes and
/// nested sets that the two engines read differently are rewritten; what cannot
/// be expressed is refused. Safe to share among threads.
class Regex {
public:
  /// Throws TokenizerError naming `where` and the pattern.
  Regex(std::string_view onigPattern, const std::string &where);
  /// A pattern that matches `text` literally.
  static Regex literal(std::string_view text, const std::string &where);
  ~Regex();
  Regex(Regex &&) noexcept;
  Regex &operator=(Regex &&) noexcept;

  /// Cuts `text` (valid UTF-8) into matches and what lies between them, in
  /// order. Matches may be empty. An empty text is one unmatched part.
  std::vector<Part> split(std::string_view text) const;
  /// `text` with each match replaced by `content`, taken literally.
  std::string replace(std::string_view text, std::string_view content) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// The PCRE2 spelling of an Oniguruma pattern. Throws TokenizerError naming
/// `where`.
std::string translateOniguruma(std::string_view pattern,
                               const std::string &where);

} // namespace qnt::tokenize

#endif // QNT_LIB_TOKENIZE_REGEX_H
