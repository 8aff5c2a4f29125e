/*===- lm.c - a hand-written language model
 * ---------------------------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * x[t] = sum over s <= t of 0.5^(t-s) E[token s];  logits[t] = O x[t].
 * The cache holds the tokens, so results depend on using it rightly.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/Module.h"

#include <stddef.h>

enum { Vocab = 258, Hidden = 16 };
enum { Batch, Tokens, MaxLength }; /* dims */
enum { OpEmbed, OpMix, OpHead };

typedef struct {
  const float *embed, *head;
  const int32_t *tokens, *position, *last;
  int32_t *cache;
  const int64_t *dims;
  float *x, *logits;
} Call;

static void mixRows(void *args, int64_t begin, int64_t end) {
  const Call *call = args;
  int64_t tokens = call->dims[Tokens];
  for (int64_t row = begin; row < end; ++row) {
    int64_t sequence = row / tokens;
    const int32_t *cache = call->cache + sequence * call->dims[MaxLength];
    int64_t here = call->position[sequence] + row % tokens;
    double sum[Hidden] = {0};
    for (int64_t s = 0; s <= here; ++s)
      for (int h = 0; h < Hidden; ++h)
        sum[h] = 0.5 * sum[h] + call->embed[cache[s] * Hidden + h];
    for (int h = 0; h < Hidden; ++h)
      call->x[row * Hidden + h] = (float)sum[h];
  }
}

/* One row of logits a sequence, or all of them where `last` is null. */
static void headRows(void *args, int64_t begin, int64_t end) {
  const Call *call = args;
  for (int64_t row = begin; row < end; ++row) {
    int64_t from =
        call->last ? row * call->dims[Tokens] + call->last[row] : row;
    for (int v = 0; v < Vocab; ++v) {
      double sum = 0;
      for (int h = 0; h < Hidden; ++h)
        sum += (double)call->head[v * Hidden + h] * call->x[from * Hidden + h];
      call->logits[row * Vocab + v] = (float)sum;
    }
  }
}

static int32_t run(const qnt_context *ctx, Call *call, int64_t rows) {
  int64_t batch = call->dims[Batch], tokens = call->dims[Tokens];
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < tokens; ++t)
      call->cache[b * call->dims[MaxLength] + call->position[b] + t] =
          call->tokens[b * tokens + t];
  if (ctx->after_op)
    ctx->after_op(ctx, OpEmbed, NULL, NULL);
  ctx->parallel_for(ctx, mixRows, call, batch * tokens);
  const int64_t shape[] = {batch, tokens, Hidden};
  if (ctx->after_op)
    ctx->after_op(ctx, OpMix, call->x, shape);
  ctx->parallel_for(ctx, headRows, call, rows);
  if (ctx->after_op)
    ctx->after_op(ctx, OpHead, NULL, NULL);
  return 0;
}

static int32_t prefill(const qnt_context *ctx, void *const *params,
                       void *const *in, void *const *out, const int64_t *dims,
                       void *kv, void *arena) {
  Call call = {params[0], params[1], in[0], in[1], in[2],
               kv,        dims,      arena, out[0]};
  return run(ctx, &call, dims[Batch]);
}

static int32_t decode(const qnt_context *ctx, void *const *params,
                      void *const *in, void *const *out, const int64_t *dims,
                      void *kv, void *arena) {
  Call call = {params[0], params[1], in[0], in[1], NULL,
               kv,        dims,      arena, out[0]};
  return run(ctx, &call, dims[Batch]);
}

static int32_t score(const qnt_context *ctx, void *const *params,
                     void *const *in, void *const *out, const int64_t *dims,
                     void *kv, void *arena) {
  Call call = {params[0], params[1], in[0], in[1], NULL,
               kv,        dims,      arena, out[0]};
  return run(ctx, &call, dims[Batch] * dims[Tokens]);
}

static int64_t arenaBytes(const int64_t *dims) {
  return dims[Batch] * dims[Tokens] * Hidden * (int64_t)sizeof(float);
}

static int64_t kvBytes(int64_t batch, int64_t maxLength) {
  return batch * maxLength * (int64_t)sizeof(int32_t);
}

#ifndef MANIFEST
#define MANIFEST "lm.json"
#endif
#ifndef TOKENIZER
#define TOKENIZER "lm_tokenizer.json"
#endif
static const char manifest[] = {
#embed MANIFEST suffix(, 0)
};
static const char tokenizer[] = {
#embed TOKENIZER
};
static const char tokenizerConfig[] = {
#embed "tokenizer_config.json"
};
#ifdef EMBEDDED
_Alignas(64) static const unsigned char params[] = {
#embed "lm.safetensors"
};
#endif

static const qnt_entry entries[] = {{"prefill", prefill, arenaBytes, NULL},
                                    {"decode", decode, arenaBytes, NULL},
                                    {"score", score, arenaBytes, NULL}};
static const qnt_variant variants[] = {
    {"future", "sse2 not_a_feature", 3, entries},
    {"simd", "sse2", 3, entries},
    {"portable", "", 3, entries}};
static const qnt_asset assets[] = {
    {"tokenizer.json", tokenizer, sizeof tokenizer},
    {"tokenizer_config.json", tokenizerConfig, sizeof tokenizerConfig},
#ifdef EMBEDDED
    {"params.safetensors", params, sizeof params},
#endif
};
static const qnt_module module = {
    QNT_MODULE_ABI, manifest, 3, variants, sizeof assets / sizeof *assets,
    assets,         kvBytes};

const qnt_module *qnt_module_get(void) { return &module; }
