//===- Csv.cpp - comma-separated values -----------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Csv.h"
#include "Output.h"

using namespace qnt::run;

std::vector<std::vector<std::string>>
qnt::run::parseCsv(std::string_view text, const std::string &path) {
  std::vector<std::vector<std::string>> rows;
  size_t at = 0;
  while (at < text.size()) {
    auto &row = rows.emplace_back();
    while (true) {
      std::string &field = row.emplace_back();
      if (at < text.size() && text[at] == '"') {
        while (true) {
          size_t quote = text.find('"', at + 1);
          if (quote == text.npos)
            throw RunError(path + ": row " + std::to_string(rows.size()) +
                           ": a quoted field does not end");
          field += text.substr(at + 1, quote - at - 1);
          at = quote + 1;
          if (at == text.size() || text[at] != '"')
            break;
          field += '"';
        }
      } else {
        size_t end = std::min(text.find_first_of(",\r\n", at), text.size());
        field = text.substr(at, end - at);
        at = end;
      }
      if (at == text.size() || text[at] != ',')
        break;
      ++at;
    }
    if (at < text.size() && text[at] == '\r')
      ++at;
    if (at < text.size() && text[at] == '\n')
      ++at;
    else if (at < text.size())
      throw RunError(path + ": row " + std::to_string(rows.size()) +
                     ": expected a comma or the end of the line after field " +
                     std::to_string(row.size()));
  }
  return rows;
}
