//===- Files.h - files of a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_FILES_H
#define QNT_TARGET_FPGA_FILES_H

#include <map>
#include <string>

namespace qnt::fpga {

/// Texts by the names of their files.
using Files = std::map<std::string, std::string>;

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_FILES_H
