//===- Error.h - errors in files --------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_ERROR_H
#define QNT_SUPPORT_ERROR_H

#include <stdexcept>
#include <string>
#include <string_view>

namespace qnt::support {

/// `message` fit for one line of a terminal, whatever names from a hostile file
/// it holds: control characters become '?', and a very long text is cut.
std::string oneLine(std::string_view message);

/// A file that cannot be opened, read or written, or that holds something else
/// than expected. The message is one line and names the path.
struct FileError : std::runtime_error {
  explicit FileError(std::string_view message)
      : std::runtime_error(oneLine(message)) {}
};

} // namespace qnt::support

#endif // QNT_SUPPORT_ERROR_H
