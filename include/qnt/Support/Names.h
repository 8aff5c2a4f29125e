//===- Names.h - names that were meant --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_NAMES_H
#define QNT_SUPPORT_NAMES_H

#include <string>
#include <string_view>
#include <vector>

namespace qnt::support {

/// The first of `names` with the least edit distance (Levenshtein) to `name`;
/// "" of none.
std::string findNearest(std::string_view name,
                        const std::vector<std::string> &names);

} // namespace qnt::support

#endif // QNT_SUPPORT_NAMES_H
