//===- Error.h - failures of the loader -------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_ERROR_H
#define QNT_LIB_RUNTIME_ERROR_H

#include "qnt/Runtime/qnt.h"

#include <string>
#include <utility>

namespace qnt::runtime {

/// Thrown inside the loader; the C API turns it into a status and a message.
struct Error {
  qnt_status status;
  std::string message;
};

[[noreturn]] inline void fail(qnt_status status, std::string message) {
  throw Error{status, std::move(message)};
}

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_ERROR_H
