/*===- example.c - run a compiled model from C
 * ------------------------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * Greedy continuation of a sequence of token ids by a compiled language model:
 *
 *   example MODEL.so COUNT ID...
 *
 * prints the COUNT ids that follow.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/qnt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *message) {
  fprintf(stderr, "example: error: %s\n", message);
  exit(1);
}

static void check(qnt_status status) {
  if (status != QNT_OK)
    die(qnt_last_error());
}

int main(int argc, char **argv) {
  if (argc < 4)
    die("usage: example MODEL.so COUNT ID...");
  qnt_model *model;
  check(qnt_open(argv[1], NULL, &model));
  int64_t prefill = qnt_find_entry(model, "prefill");
  int64_t decode = qnt_find_entry(model, "decode");
  if (prefill < 0 || decode < 0)
    die("not a language model");

  /* The prompt, and a cache with room for it and for what follows. */
  int64_t count = atoll(argv[2]), length = argc - 3;
  int32_t *prompt = malloc((size_t)length * sizeof *prompt);
  for (int64_t i = 0; i < length; ++i)
    prompt[i] = atoi(argv[3 + i]);
  qnt_memory memory = {0};
  memory.max_length = length + count;
  memory.kv_bytes = qnt_kv_bytes(model, 1, memory.max_length);
  memory.kv = aligned_alloc(64, (size_t)(memory.kv_bytes + 63) / 64 * 64);
  if (!prompt || !memory.kv)
    die("out of memory");
  memset(memory.kv, 0, (size_t)memory.kv_bytes);

  /* Logits are [batch, vocab]. */
  const int64_t one[1] = {1};
  int64_t vocab = qnt_output(model, prefill, 0)->shape[1];
  const int64_t logitsShape[2] = {1, vocab};
  float *values = malloc((size_t)vocab * sizeof *values);
  qnt_tensor logits = {values, QNT_F32, 2, logitsShape, NULL};

  int32_t position = 0, last = (int32_t)length - 1, next = 0;
  int64_t tokensShape[2] = {1, length};
  qnt_tensor inputs[3] = {{prompt, QNT_I32, 2, tokensShape, NULL},
                          {&position, QNT_I32, 1, one, NULL},
                          {&last, QNT_I32, 1, one, NULL}};
  check(qnt_run(model, prefill, inputs, 3, &logits, 1, &memory));
  position = (int32_t)length;
  tokensShape[1] = 1;
  inputs[0].data = &next;
  for (int64_t i = 0; i < count; ++i) {
    next = 0;
    for (int32_t v = 1; v < vocab; ++v)
      if (values[v] > values[next])
        next = v;
    printf("%d%c", next, i + 1 < count ? ' ' : '\n');
    if (i + 1 == count)
      break;
    check(qnt_run(model, decode, inputs, 2, &logits, 1, &memory));
    ++position;
  }

  free(values);
  free(memory.kv);
  free(prompt);
  qnt_close(model);
  return 0;
}
