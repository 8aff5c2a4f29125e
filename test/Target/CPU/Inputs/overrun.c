/*===- overrun.c - a model that passes the end of its buffers -------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * y = x, and what x[0] asks for. The arena has 100 bytes.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/Module.h"

#include <stddef.h>

static int32_t run(const qnt_context *ctx, void *const *params, void *const *in,
                   void *const *out, const int64_t *dims, void *kv,
                   void *arena) {
  (void)ctx, (void)params, (void)kv;
  volatile float *x = in[0], *y = out[0];
  volatile char *scratch = arena;
  int64_t n = dims[0];
  for (int64_t i = 0; i < n; ++i)
    y[i] = x[i];
  switch ((int)x[0]) {
  case 1:
    y[n] = 1;
    break;
  case 2:
    y[0] = x[n];
    break;
  case 3:
    x[0] = 1;
    break;
  case 4:
    scratch[100] = 1;
    break;
  case 5:
    y[-1] = 1;
    break;
  case 6:
    scratch[128] = 1;
    break;
  }
  return 0;
}

static int64_t arenaBytes(const int64_t *dims) {
  (void)dims;
  return 100;
}

static const char manifest[] =
    "{\"abi\": 1, \"producer\": \"test\", \"kind\": \"graph\", \"params\": [],"
    " \"params_file\": {\"size\": 10, \"sha256\": \"00000000000000000000000"
    "00000000000000000000000000000000000000000\"},"
    " \"ops\": [], \"entries\": [{\"name\": \"main\", \"dims\": [\"n\"],"
    " \"inputs\": [{\"name\": \"x\", \"dtype\": \"f32\", \"shape\": [\"n\"]}],"
    " \"outputs\": [{\"name\": \"y\", \"dtype\": \"f32\", \"shape\": [\"n\"]}],"
    " \"kv\": false}]}";
static const qnt_entry entries[] = {{"main", run, arenaBytes}};
static const qnt_variant variants[] = {{"portable", "", 1, entries}};
static const qnt_module module = {QNT_MODULE_ABI, manifest, 1, variants, 0,
                                  NULL,           NULL};

const qnt_module *qnt_module_get(void) { return &module; }
