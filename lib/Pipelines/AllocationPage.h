//===- AllocationPage.h - a page about formats ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_ALLOCATIONPAGE_H
#define QNT_LIB_PIPELINES_ALLOCATIONPAGE_H

#include "qnt/Support/Error.h"

#include <string>

namespace qnt {

/// Makes one HTML page, complete in itself, of the report of qnt-allocate in
/// the file `report`; `model` is what it calls the model. Throws
/// support::FileError.
void writeAllocationPage(const std::string &report, const std::string &model,
                         const std::string &page);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_ALLOCATIONPAGE_H
