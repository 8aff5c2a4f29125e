//===- ByteSize.h - sizes as people write them -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_BYTESIZE_H
#define QNT_LIB_PIPELINES_BYTESIZE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace qnt {

/// "12MB", "1.5GiB", "4096": bytes. False for what is no number above 0.
bool parseSize(llvm::StringRef text, int64_t &bytes);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_BYTESIZE_H
