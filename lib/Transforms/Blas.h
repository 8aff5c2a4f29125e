//===- Blas.h - the BLAS as this library uses it -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_BLAS_H
#define QNT_LIB_TRANSFORMS_BLAS_H

#include <cblas.h>

namespace qnt {

/// To be called before the BLAS is: our threads each have a task, and sums do
/// not depend on how many there are.
inline void useOneBlasThread() {
  static bool done = (openblas_set_num_threads(1), true);
  (void)done;
}

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_BLAS_H
