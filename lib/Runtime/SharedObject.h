//===- SharedObject.h - a compiled model's code -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_SHAREDOBJECT_H
#define QNT_LIB_RUNTIME_SHAREDOBJECT_H

#include "qnt/Runtime/Module.h"

#include <string>

namespace qnt::runtime {

/// A loaded model.so, unloaded when it dies.
class SharedObject {
public:
  SharedObject() = default;
  SharedObject(const SharedObject &) = delete;
  SharedObject &operator=(const SharedObject &) = delete;
  ~SharedObject();

  /// Loads `path` and answers its module, whose ABI version is checked. Throws
  /// Error, also for files that the dynamic loader would crash on.
  const qnt_module *load(const std::string &path);

private:
  void *handle = nullptr;
};

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_SHAREDOBJECT_H
