/*===- graph.c - a hand-written graph
 * ---------------------------------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * scores = gain * (x weight^T + bias). GRAPH_ABI, GRAPH_VARIANT and
 * GRAPH_STATUS make models that the loader must refuse.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/Module.h"

#include <stddef.h>

#ifndef GRAPH_ABI
#define GRAPH_ABI QNT_MODULE_ABI
#endif
#ifndef GRAPH_VARIANT
#define GRAPH_VARIANT "portable", ""
#endif
#ifndef GRAPH_STATUS
#define GRAPH_STATUS 0
#endif

static int32_t run(const qnt_context *ctx, void *const *params, void *const *in,
                   void *const *out, const int64_t *dims, void *kv,
                   void *arena) {
  (void)kv, (void)arena;
  const float *weight = params[0], *bias = params[1];
  const float *x = in[0], *gain = in[1];
  float *scores = out[0];
  for (int64_t n = 0; n < dims[0]; ++n)
    for (int i = 0; i < 3; ++i) {
      float sum = bias[i];
      for (int k = 0; k < 4; ++k)
        sum += x[n * 4 + k] * weight[i * 4 + k];
      scores[n * 3 + i] = gain[i] * sum;
    }
  const int64_t shape[] = {dims[0], 3};
  if (ctx->after_op)
    ctx->after_op(ctx, 0, scores, shape);
  return GRAPH_STATUS;
}

static int64_t arenaBytes(const int64_t *dims) {
  (void)dims;
  return 0;
}

static const char manifest[] = {
#embed "graph.json" suffix(, 0)
};
static const qnt_entry entries[] = {{"main", run, arenaBytes, NULL}};
static const qnt_variant variants[] = {{GRAPH_VARIANT, 1, entries}};
static const qnt_module module = {GRAPH_ABI, manifest, 1,   variants,
                                  0,         NULL,     NULL};

const qnt_module *qnt_module_get(void) { return &module; }
