//===- MachineFiles.cpp - files about this machine --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MachineFiles.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>

using namespace qnt;

llvm::Expected<std::string> qnt::getMachineFile(llvm::StringRef name) {
  llvm::SmallString<128> path;
  // As the XDG base directory specification has it: relative paths are ignored.
  if (const char *cache = std::getenv("XDG_CACHE_HOME");
      cache && llvm::sys::path::is_absolute(cache))
    path = cache;
  else if (const char *home = std::getenv("HOME"); home && *home)
    llvm::sys::path::append(path, home, ".cache");
  else
    return llvm::createStringError(
        "there is no folder to keep measurements in: expected XDG_CACHE_HOME "
        "or HOME to be set");
  llvm::sys::path::append(path, "qnt", name);
  return path.str().str();
}

llvm::Expected<std::string> qnt::prepareMachineFile(llvm::StringRef name) {
  auto path = getMachineFile(name);
  if (!path)
    return path;
  llvm::StringRef folder = llvm::sys::path::parent_path(*path);
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return llvm::createStringError("cannot create folder '" + folder +
                                   "': " + code.message());
  return path;
}
