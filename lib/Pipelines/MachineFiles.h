//===- MachineFiles.h - files about this machine ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_MACHINEFILES_H
#define QNT_LIB_PIPELINES_MACHINEFILES_H

#include "llvm/Support/Error.h"

#include <string>

namespace qnt {

/// The path of what was measured on this machine: $XDG_CACHE_HOME/qnt/NAME, or
/// below ~/.cache. Fails where neither variable is set.
llvm::Expected<std::string> getMachineFile(llvm::StringRef name);
/// The same, with its folder there. Fails where that cannot be made.
llvm::Expected<std::string> prepareMachineFile(llvm::StringRef name);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_MACHINEFILES_H
