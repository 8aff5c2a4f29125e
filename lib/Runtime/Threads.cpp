//===- Threads.cpp - parallel_for over OpenMP -----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Threads.h"

#include <omp.h>

int64_t qnt::runtime::defaultThreads() { return omp_get_max_threads(); }

void qnt::runtime::openmpParallelFor(const qnt_context *ctx, qnt_task_fn task,
                                     void *args, int64_t count) {
  if (count <= 0)
    return;
  int64_t slices = ctx->num_threads;
  if (slices <= 1 || count == 1) {
    task(args, 0, count);
    return;
  }
  // The team keeps its size from call to call, even where some threads get
  // nothing to do: resizing it costs more than waking an idle thread.
#pragma omp parallel num_threads(static_cast<int>(slices))
  {
    int64_t team = omp_get_num_threads(), me = omp_get_thread_num();
    int64_t begin = count * me / team, end = count * (me + 1) / team;
    if (begin < end)
      task(args, begin, end);
  }
}
