//===- Regex.cpp - regular expressions as tokenizer.json means them -------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#define PCRE2_CODE_UNIT_WIDTH 8
#include "Regex.h"
#include "Stages.h"
#include "Unicode.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <pcre2.h>

namespace qnt::tokenize {

struct Regex::Impl {
  pcre2_code *code = nullptr;
  std::string where;
  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(std::string_view onigPattern, const std::string &where)
    : impl(std::make_unique<Impl>()) {
  impl->where = where;
  std::string pattern = translateOniguruma(onigPattern, where);
  int error;
  PCRE2_SIZE offset;
  pcre2_compile_context *context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  // In Ruby's syntax ^ and $ match at every line.
  impl->code = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
      &offset, context);
  pcre2_compile_context_free(context);
  if (!impl->code) {
    PCRE2_UCHAR message[160];
    pcre2_get_error_message(error, message, sizeof(message));
    throw TokenizerError(where + ": bad regular expression '" +
                         std::string(onigPattern) +
                         "': " + reinterpret_cast<char *>(message));
  }
  // Without a just-in-time compiler the interpreter gives the same matches.
  pcre2_jit_compile(impl->code, PCRE2_JIT_COMPLETE);
}

Regex Regex::literal(std::string_view text, const std::string &where) {
  std::string escaped;
  for (char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}-#&~ \t\n\r").find(c) !=
        std::string_view::npos) {
      // A hexadecimal escape is literal in every context.
      static const char digits[] = "0123456789abcdef";
      escaped += "\\x{";
      escaped += digits[static_cast<unsigned char>(c) >> 4];
      escaped += digits[c & 15];
      escaped += '}';
    } else {
      escaped += c;
    }
  }
  return Regex(escaped, where);
}

Regex::~Regex() = default;
Regex::Regex(Regex &&) noexcept = default;
Regex &Regex::operator=(Regex &&) noexcept = default;

namespace {
/// Scratch memory of a thread's matches.
struct MatchScratch {
  pcre2_match_data *data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context *context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack *stack = pcre2_jit_stack_create(32 << 10, 4 << 20, nullptr);
  MatchScratch() { pcre2_jit_stack_assign(context, nullptr, stack); }
  ~MatchScratch() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
};
} // namespace

std::vector<Part> Regex::split(std::string_view text) const {
  thread_local MatchScratch scratch;
  std::vector<Part> parts;
  if (text.empty())
    return {{0, 0, false}};
  size_t done = 0, from = 0;
  bool any = false;
  while (from <= text.size()) {
    int found = pcre2_match(
        impl->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
        from, PCRE2_NO_UTF_CHECK, scratch.data, scratch.context);
    if (found == PCRE2_ERROR_NOMATCH)
      break;
    if (found < 0) {
      PCRE2_UCHAR message[160];
      pcre2_get_error_message(found, message, sizeof(message));
      throw TokenizerError(impl->where + ": regular expression gave up: " +
                           reinterpret_cast<char *>(message));
    }
    PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(scratch.data);
    size_t begin = bounds[0], end = bounds[1];
    // An empty match right behind the last match would be found for ever.
    if (begin >= end && any && end == done) {
      from += from < text.size()
                  ? utf8Length(static_cast<unsigned char>(text[from]))
                  : 1;
      continue;
    }
    if (begin > end)
      throw TokenizerError(impl->where +
                           ": regular expression matched backwards (\\K)");
    if (done != begin)
      parts.push_back({done, begin, false});
    parts.push_back({begin, end, true});
    done = from = end;
    any = true;
  }
  if (done != text.size())
    parts.push_back({done, text.size(), false});
  return parts;
}

std::string Regex::replace(std::string_view text,
                           std::string_view content) const {
  std::string out;
  out.reserve(text.size());
  for (const Part &part : split(text)) {
    out +=
        part.matched ? content : text.substr(part.begin, part.end - part.begin);
    checkGrowth(text.size(), out.size());
  }
  return out;
}

// What \s, \w and \d stand for in Oniguruma with UTF-8; written without
// brackets, to be used inside a set. PCRE2's \s also takes U+180E, its \w has
// no marks, and Oniguruma's \w has the Latin-1 numbers.
static const char spaceSet[] =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"
    "\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
static const char wordSet[] =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"
    "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}"
    "\\x{1f170}-\\x{1f189}";
static const char digitSet[] = "\\p{Nd}";
static const char hexSet[] = "0-9A-Fa-f";

namespace {
/// Walks the pattern once and writes PCRE2's spelling.
class Translator {
public:
  Translator(std::string_view in, const std::string &where)
      : in(in), where(where) {}

  std::string run() {
    while (at < in.size()) {
      char c = in[at];
      if (c == '\\')
        escape();
      else if (c == '[')
        set(0);
      else if (c == '(')
        group();
      else if (c == '}' && at + 1 < in.size() && in[at + 1] == '+' && interval)
        // Ruby's syntax reads {n,m}+ as a repeated repetition.
        fail("a '+' behind an interval");
      else
        plain(c);
    }
    return std::move(out);
  }

private:
  [[noreturn]] void fail(const std::string &what) const {
    throw TokenizerError(where + ": regular expression '" + std::string(in) +
                         "': " + what + " is not supported");
  }

  void plain(char c) {
    if (c == '{')
      interval = true;
    else if (c == '}')
      interval = false;
    out += c;
    ++at;
  }

  /// The set that a class letter stands for, or null.
  static const char *classOf(char letter) {
    switch (letter) {
    case 's':
    case 'S':
      return spaceSet;
    case 'w':
    case 'W':
      return wordSet;
    case 'd':
    case 'D':
      return digitSet;
    case 'h':
    case 'H':
      return hexSet;
    default:
      return nullptr;
    }
  }
  static bool isNegated(char letter) { return letter >= 'A' && letter <= 'Z'; }

  char letterBehindBackslash() {
    if (at + 1 >= in.size())
      fail("a backslash at the end");
    return in[at + 1];
  }

  void escape() {
    char letter = letterBehindBackslash();
    if (const char *set = classOf(letter)) {
      out += isNegated(letter) ? "[^" : "[";
      out += set;
      out += ']';
    } else if (letter == 'b' || letter == 'B') {
      // A word's boundary, for Oniguruma's idea of a word.
      std::string word = std::string("[") + wordSet + "])";
      bool inside = letter == 'B';
      out += "(?:(?<=" + word + (inside ? "(?=" : "(?!") + word + "|(?<!" +
             word + (inside ? "(?!" : "(?=") + word + ")";
    } else if (letter == 'K' || letter == 'g' || letter == 'k' ||
               letter == 'C' || letter == 'M') {
      fail(std::string("\\") + letter);
    } else {
      out += '\\';
      out += letter;
    }
    at += 2;
    if ((letter == 'p' || letter == 'P' || letter == 'x') && at < in.size() &&
        in[at] == '{')
      copyBraces();
  }

  /// Ruby's (?m) is what others call (?s), so it must not pass unchanged.
  void group() {
    if (in.substr(at, 2) == "(?") {
      size_t end = in.find_first_not_of("imx-", at + 2);
      if (end != std::string_view::npos && (in[end] == ':' || in[end] == ')') &&
          in.substr(at, end - at).find('m') != std::string_view::npos)
        fail("the option m");
    }
    plain('(');
  }

  void copyBraces() {
    do
      out += in[at];
    while (in[at++] != '}' && at < in.size());
  }

  /// A bracketed set. A nested positive set is a union and is flattened.
  void set(int depth) {
    if (depth > 16)
      fail("a set nested this deep");
    ++at;
    bool negated = at < in.size() && in[at] == '^';
    if (negated)
      ++at;
    if (negated && depth)
      fail("a negated set inside a set");
    if (!depth)
      out += negated ? "[^" : "[";
    if (at < in.size() && in[at] == ']') {
      out += "\\]";
      ++at;
    }
    while (true) {
      if (at >= in.size())
        fail("a set without its closing bracket");
      char c = in[at];
      if (c == ']')
        break;
      if (c == '[' && at + 1 < in.size() && in[at + 1] == ':') {
        posixClass();
      } else if (c == '[') {
        set(depth + 1);
      } else if (c == '&' && at + 1 < in.size() && in[at + 1] == '&') {
        fail("the intersection of sets");
      } else if (c == '\\') {
        setEscape();
      } else {
        out += c;
        ++at;
      }
    }
    ++at;
    if (!depth)
      out += ']';
  }

  void setEscape() {
    char letter = letterBehindBackslash();
    const char *set = classOf(letter);
    if (set && letter != 'S' && letter != 'W' && letter != 'H') {
      out += isNegated(letter) ? "\\P{Nd}" : set;
      at += 2;
      return;
    }
    if (set)
      fail(std::string("\\") + letter + " inside a set");
    out += '\\';
    out += letter;
    at += 2;
    if ((letter == 'p' || letter == 'P' || letter == 'x') && at < in.size() &&
        in[at] == '{')
      copyBraces();
  }

  void posixClass() {
    size_t end = in.find(":]", at + 2);
    if (end == std::string_view::npos)
      fail("a '[:' without its ':]'");
    std::string_view name = in.substr(at + 2, end - at - 2);
    if (name == "digit")
      out += digitSet;
    else if (name == "space")
      out += spaceSet;
    else if (name == "word")
      out += wordSet;
    else if (name == "punct")
      // PCRE2 adds the ASCII symbols.
      out += "\\p{P}";
    else
      fail("the class " + std::string(in.substr(at, end + 2 - at)));
    at = end + 2;
  }

  std::string_view in;
  const std::string &where;
  std::string out;
  size_t at = 0;
  bool interval = false;
};
} // namespace

std::string translateOniguruma(std::string_view pattern,
                               const std::string &where) {
  return Translator(pattern, where).run();
}

} // namespace qnt::tokenize
