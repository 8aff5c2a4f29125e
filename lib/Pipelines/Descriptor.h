//===- Descriptor.h - the exported table of a compiled model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_DESCRIPTOR_H
#define QNT_LIB_PIPELINES_DESCRIPTOR_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <string>
#include <vector>

namespace qnt {

/// What `qnt_module_get` returns.
struct Descriptor {
  struct Asset {
    std::string name, path;
    int64_t size;
  };
  std::string manifest;
  /// One version of the code, as in qnt_variant.
  struct Variant {
    std::string name, features;
  };
  llvm::SmallVector<Variant> variants;
  /// Entry points in the manifest's order.
  std::vector<std::string> entries;
  std::vector<Asset> assets;
};

/// LLVM IR of the table, whose only exported symbol is `qnt_module_get`. Assets
/// are included from their files when it is assembled.
std::unique_ptr<llvm::Module> buildDescriptor(const Descriptor &descriptor,
                                              llvm::LLVMContext &context);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_DESCRIPTOR_H
