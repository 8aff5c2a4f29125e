/*===- api.c - what the C API promises
 * --------------------------------------===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 *   runtime-api LM.so GRAPH.so
 *
 * A host's own threads, its own arena, views, the hook, entry listing, and
 * calls that allocate nothing. Prints what fails, and "ok" when nothing does.
 *
 *===----------------------------------------------------------------------===*/
#include "qnt/Runtime/qnt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
static long allocations;

/* Counts what the loader allocates: its operator new calls malloc, which
 * sanitisers have for themselves. */
#ifndef QNT_SANITIZED
void *__libc_malloc(size_t size);
void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
#endif

static void expect(int condition, const char *what) {
  if (!condition) {
    printf("failed: %s (%s)\n", what, qnt_last_error());
    ++failures;
  }
}

static void expectError(qnt_status got, qnt_status want, const char *message) {
  expect(got == want && strstr(qnt_last_error(), message) != NULL, message);
}

/* A host's threads: one slice an index, backwards. */
static void backwards(const qnt_context *ctx, qnt_task_fn task, void *args,
                      int64_t count) {
  ++*(int *)ctx->user;
  for (int64_t i = count - 1; i >= 0; --i)
    task(args, i, i + 1);
}

typedef struct {
  int calls, outputs;
  int64_t shape[3];
} Seen;

typedef struct {
  int64_t calls;
  int isOrdered;
} Times;

static void addTime(void *user, int64_t op, double seconds) {
  Times *times = user;
  times->isOrdered = (times->calls == 0 || times->isOrdered) &&
                     op == times->calls && seconds >= 0 && seconds < 1000;
  times->calls += 1;
}

static void afterOp(void *user, int64_t op, const qnt_tensor *output) {
  Seen *seen = user;
  ++seen->calls;
  if (!output)
    return;
  ++seen->outputs;
  if (op == 1 && output->rank == 3)
    memcpy(seen->shape, output->shape, sizeof seen->shape);
}

enum { Vocab = 258, Batch = 2, Tokens = 5, MaxLength = 16 };

static void checkLanguageModel(const char *path) {
  int parallelCalls = 0;
  qnt_options options = {0};
  options.threads = 4;
  options.parallel_for = backwards;
  options.user = &parallelCalls;
  qnt_model *model;
  expect(qnt_open(path, &options, &model) == QNT_OK, "open");
  expect(parallelCalls == 1, "parameters are copied on the host's threads");
  expect(qnt_threads(model) == 4, "threads");
  expect(strcmp(qnt_isa(model), "simd") == 0, "best variant that runs");
  expect(strstr(qnt_manifest(model), "causal_lm") != NULL, "manifest");
  expect(qnt_find_asset(model, "tokenizer.json") != NULL, "asset");
  expect(qnt_find_asset(model, "nothing") == NULL, "missing asset");

  expect(qnt_num_entries(model) == 3, "entries");
  expect(qnt_find_entry(model, "nothing") == -1, "missing entry");
  int64_t score = qnt_find_entry(model, "score");
  expect(strcmp(qnt_entry_name(model, score), "score") == 0, "entry name");
  expect(qnt_entry_name(model, 3) == NULL, "no fourth entry");
  expect(qnt_num_inputs(model, score) == 2, "inputs");
  expect(qnt_num_outputs(model, score) == 1, "outputs");
  const qnt_tensor_info *info = qnt_output(model, score, 0);
  expect(info->rank == 3 && info->shape[1] == -2 && info->shape[2] == Vocab &&
             strcmp(info->name, "logits") == 0,
         "output");
  expect(strcmp(qnt_dim_name(model, score, 1), "tokens") == 0, "dim");
  expect(qnt_input(model, score, 2) == NULL, "no third input");

  static int32_t ids[Batch * Tokens] = {5, 4, 3, 2, 1, 9, 8, 7, 6, 5};
  static int32_t position[Batch];
  static float logits[2][Batch * Tokens * Vocab];
  const int64_t idsShape[] = {Batch, Tokens}, batchShape[] = {Batch};
  const int64_t logitsShape[] = {Batch, Tokens, Vocab};
  qnt_tensor inputs[] = {{ids, QNT_I32, 2, idsShape, NULL},
                         {position, QNT_I32, 1, batchShape, NULL}};
  qnt_tensor output = {logits[0], QNT_F32, 3, logitsShape, NULL};
  static _Alignas(64) char cache[Batch * MaxLength * 4];
  static _Alignas(64) char arena[Batch * Tokens * 16 * 4];
  expect(qnt_kv_bytes(model, Batch, MaxLength) == sizeof cache, "kv_bytes");
  expect(qnt_kv_bytes(model, 0, MaxLength) == 0, "kv_bytes of nothing");
  const int64_t dims[] = {Batch, Tokens, MaxLength};
  expect(qnt_arena_bytes(model, score, dims) == sizeof arena, "arena_bytes");
  expect(qnt_arena_bytes(model, 7, dims) == -1, "arena_bytes of nothing");
  int64_t shape[3];
  expect(qnt_output_shape(model, score, dims, 0, shape) == QNT_OK &&
             shape[0] == Batch && shape[1] == Tokens && shape[2] == Vocab,
         "output shape");
  expectError(qnt_output_shape(model, score, dims, 1, shape),
              QNT_ERROR_ARGUMENT, "there is no output 1");

  qnt_memory memory = {cache, sizeof cache, MaxLength, NULL, 0};
  expect(qnt_run(model, score, inputs, 2, &output, 1, &memory) == QNT_OK,
         "run");
  expect(parallelCalls == 3, "work runs on the host's threads");

  /* The same again, in the host's arena, seen by a hook, without allocating. */
  Seen seen = {0};
  qnt_set_after_op(model, afterOp, &seen);
  output.data = logits[1];
  const int64_t dense[] = {Tokens, 1};
  inputs[0].strides = dense;
  memory.arena = arena;
  memory.arena_bytes = sizeof arena;
  long before = allocations;
  qnt_status status = qnt_run(model, score, inputs, 2, &output, 1, &memory);
  memory.arena = NULL;
  status |= qnt_run(model, score, inputs, 2, &output, 1, &memory);
  expect(allocations == before, "no allocation in a call");
  expect(status == QNT_OK, "run in an arena");
  expect(memcmp(logits[0], logits[1], sizeof logits[0]) == 0, "same result");
  expect(seen.calls == 6 && seen.outputs == 2, "hook");
  expect(seen.shape[0] == Batch && seen.shape[1] == Tokens &&
             seen.shape[2] == 16,
         "shape in the hook");
  qnt_set_after_op(model, NULL, NULL);

  Times times = {0};
  qnt_set_op_timer(model, addTime, &times);
  status = qnt_run(model, score, inputs, 2, &output, 1, &memory);
  qnt_set_op_timer(model, NULL, NULL);
  expect(status == QNT_OK && times.calls == 3 && times.isOrdered,
         "every operation is timed");

#define RUN qnt_run(model, score, inputs, 2, &output, 1, &memory)
  const int64_t view[] = {1, Batch};
  inputs[0].strides = view;
  expectError(RUN, QNT_ERROR_ARGUMENT, "'tokens': expected dense row-major");
  inputs[0].strides = NULL;
  memory.arena = arena;
  memory.arena_bytes = 100;
  expectError(RUN, QNT_ERROR_MEMORY, "the arena needs 640 bytes, but 100");
  memory.arena = arena + 4;
  memory.arena_bytes = sizeof arena;
  expectError(RUN, QNT_ERROR_MEMORY, "the arena is not 64-byte aligned");
  memory.arena = NULL;
  memory.kv_bytes = 127;
  expectError(RUN, QNT_ERROR_MEMORY, "the KV cache needs 128 bytes, but 127");
  memory.kv_bytes = sizeof cache;
  memory.kv = cache + 4;
  expectError(RUN, QNT_ERROR_MEMORY, "the KV cache is not 64-byte aligned");
  memory.kv = NULL;
  expectError(RUN, QNT_ERROR_MEMORY, "the KV cache needs 128 bytes, but 0");
  memory.max_length = 321;
  expectError(RUN, QNT_ERROR_ARGUMENT, "'max_length' is 321");
  expectError(qnt_run(model, score, inputs, 2, &output, 1, NULL),
              QNT_ERROR_ARGUMENT, "'max_length' must be positive, found 0");
  output.dtype = QNT_F16;
  expectError(RUN, QNT_ERROR_ARGUMENT, "'logits': expected f32, found f16");
  output.dtype = QNT_F32;
  output.rank = 2;
  expectError(RUN, QNT_ERROR_ARGUMENT,
              "expected shape [batch, tokens, 258], found [2, 5]");
  output.rank = 3;
  output.data = NULL;
  expectError(RUN, QNT_ERROR_ARGUMENT, "output 'logits': no data");
  expectError(qnt_run(model, score, inputs, 1, &output, 1, &memory),
              QNT_ERROR_ARGUMENT, "2 inputs expected, but 1 given");
  expectError(qnt_run(model, 3, inputs, 2, &output, 1, &memory),
              QNT_ERROR_ARGUMENT, "there is no entry 3");
  qnt_close(model);
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  qnt_model *model;
  expectError(qnt_open(NULL, NULL, &model), QNT_ERROR_ARGUMENT, "null");
  expectError(qnt_open("nothing.so", NULL, &model), QNT_ERROR_FILE, "No such");
  expect(model == NULL, "no model after a failure");
  checkLanguageModel(argv[1]);

  /* Mapped parameters need no host memory. */
  qnt_options options = {0};
  options.params = QNT_PARAMS_MAP;
  expect(qnt_open(argv[2], &options, &model) == QNT_OK, "open, mapped");
  qnt_close(model);
  qnt_close(NULL);
  expect(qnt_dtype_size(QNT_BF16) == 2 && qnt_dtype_size(QNT_F64) == 8 &&
             qnt_dtype_size(QNT_U32) == 4 && qnt_dtype_size((qnt_dtype)13) == 0,
         "sizes");
  if (!failures)
    printf("ok\n");
  return failures != 0;
}
