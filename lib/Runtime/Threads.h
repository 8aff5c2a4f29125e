//===- Threads.h - parallel_for over OpenMP ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_THREADS_H
#define QNT_LIB_RUNTIME_THREADS_H

#include "qnt/Runtime/Module.h"

namespace qnt::runtime {

/// What OpenMP would use: OMP_NUM_THREADS, else the processors available.
int64_t defaultThreads();

/// The default qnt_context::parallel_for.
void openmpParallelFor(const qnt_context *ctx, qnt_task_fn task, void *args,
                       int64_t count);

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_THREADS_H
