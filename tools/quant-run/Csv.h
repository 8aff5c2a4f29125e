//===- Csv.h - comma-separated values ---------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_CSV_H
#define QNT_TOOLS_QUANTRUN_CSV_H

#include <string>
#include <string_view>
#include <vector>

namespace qnt::run {

/// Rows of fields as RFC 4180 has them: fields in double quotes may hold
/// commas, line ends and doubled quotes. `path` names the file in errors.
/// Throws RunError.
std::vector<std::vector<std::string>> parseCsv(std::string_view text,
                                               const std::string &path);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_CSV_H
