/*===- encoder.c - a hand-written sentence encoder
 * --------------------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * hidden[t] = tanh(E[token t] + T[type t]); the embedding is their mean over
 * the valid tokens, of length one.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/Module.h"

#include <math.h>
#include <stddef.h>

enum { Hidden = 16 };
enum { Batch, Tokens }; /* dims */

static void hiddenOf(const qnt_context *ctx, void *const *params,
                     void *const *in, const int64_t *dims, float *hidden) {
  const float *embed = params[0], *types = params[1];
  const int32_t *tokens = in[0], *tokenTypes = in[1];
  for (int64_t row = 0; row < dims[Batch] * dims[Tokens]; ++row)
    for (int h = 0; h < Hidden; ++h)
      hidden[row * Hidden + h] = tanhf(embed[tokens[row] * Hidden + h] +
                                       types[tokenTypes[row] * Hidden + h]);
  const int64_t shape[] = {dims[Batch], dims[Tokens], Hidden};
  if (ctx->after_op)
    ctx->after_op(ctx, 0, hidden, shape);
}

static int32_t forward(const qnt_context *ctx, void *const *params,
                       void *const *in, void *const *out, const int64_t *dims,
                       void *kv, void *arena) {
  (void)kv, (void)arena;
  hiddenOf(ctx, params, in, dims, out[0]);
  return 0;
}

static int32_t embed(const qnt_context *ctx, void *const *params,
                     void *const *in, void *const *out, const int64_t *dims,
                     void *kv, void *arena) {
  (void)kv;
  float *hidden = arena;
  hiddenOf(ctx, params, in, dims, hidden);
  const int32_t *lengths = in[2];
  for (int64_t b = 0; b < dims[Batch]; ++b) {
    double mean[Hidden] = {0}, norm = 0;
    for (int64_t t = 0; t < lengths[b]; ++t)
      for (int h = 0; h < Hidden; ++h)
        mean[h] += hidden[(b * dims[Tokens] + t) * Hidden + h] / lengths[b];
    for (int h = 0; h < Hidden; ++h)
      norm += mean[h] * mean[h];
    for (int h = 0; h < Hidden; ++h)
      ((float *)out[0])[b * Hidden + h] = (float)(mean[h] / sqrt(norm));
  }
  return 0;
}

static int64_t forwardArena(const int64_t *dims) {
  (void)dims;
  return 0;
}

static int64_t embedArena(const int64_t *dims) {
  return dims[Batch] * dims[Tokens] * Hidden * (int64_t)sizeof(float);
}

static const char manifest[] = {
#embed "encoder.json" suffix(, 0)
};
static const char tokenizer[] = {
#embed "encoder_tokenizer.json"
};
static const qnt_entry entries[] = {{"forward", forward, forwardArena, NULL},
                                    {"embed", embed, embedArena, NULL}};
static const qnt_variant variants[] = {{"portable", "", 2, entries}};
static const qnt_asset assets[] = {
    {"tokenizer.json", tokenizer, sizeof tokenizer}};
static const qnt_module module = {QNT_MODULE_ABI, manifest, 1, variants, 1,
                                  assets,         NULL};

const qnt_module *qnt_module_get(void) { return &module; }
