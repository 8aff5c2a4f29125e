/*===- Module.h - what a compiled model.so exports ----------------*- C -*-===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * The binary interface between compiled code and whoever calls it. Plain C,
 * versioned, no MLIR descriptors. A compiled model exports one symbol,
 * `qnt_module_get`. Most hosts use the loader in qnt.h instead, which maps
 * parameters, checks shapes and picks the variant for this CPU; docs/abi.md
 * describes both levels.
 *
 *===----------------------------------------------------------------------===*/
#ifndef QNT_RUNTIME_MODULE_H
#define QNT_RUNTIME_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QNT_MODULE_ABI 2

/* A slice of parallel work: indices [begin, end) of `args`. */
typedef void (*qnt_task_fn)(void *args, int64_t begin, int64_t end);

/* What compiled code asks of its host. Field order is the ABI: compiled code
 * reads the fields by offset. */
typedef struct qnt_context {
  /* Runs `task` over [0, count), split as the host likes into at most
   * `num_threads` contiguous slices, and returns when all are done. */
  void (*parallel_for)(const struct qnt_context *ctx, qnt_task_fn task,
                       void *args, int64_t count);
  /* The host's own pointer. */
  void *user;
  /* Slices worth making; at least 1. */
  int64_t num_threads;
  /* Called after every operation when not null: the index into the manifest's
   * "ops", the operation's output buffer (row-major; its dtype and rank are in
   * the manifest), and its shape. Valid only during the call. */
  void (*after_op)(const struct qnt_context *ctx, int64_t op,
                   const void *output, const int64_t *shape);
  /* For models of a GPU, null otherwise. Launches the kernel of that index in
   * the manifest's "device": `shape` are its blocks in x, y and z, the threads
   * of a block and bytes of shared memory; `args` its arguments, each in the
   * low bytes of a word. Launches of a call take place one after the other.
   * After a failure, which the host reports, they do nothing. */
  void (*launch)(const struct qnt_context *ctx, int64_t kernel,
                 const int64_t *shape, const uint64_t *args, int64_t num_args);
  /* Memory of the device, of the manifest's "workspace" bytes: zeros before the
   * first call, and not touched by others while a call runs. */
  void *workspace;
  /* The asset "constants" in memory of the device. */
  void *constants;
} qnt_context;

/* Tensors are row-major and dense. `dims` are the entry's symbolic dimensions
 * in the order of the manifest ("dims"). `params` are in manifest order
 * ("params"). Of a GPU, tensors, cache and arena are memory of the
 * device. `kv` is the caller-owned cache or null. `arena` is scratch of at
 * least arena_bytes(dims), 64-byte aligned. No allocation, no global state:
 * calls with different arenas may run at once. Returns 0. */
typedef int32_t (*qnt_entry_fn)(const qnt_context *ctx, void *const *params,
                                void *const *inputs, void *const *outputs,
                                const int64_t *dims, void *kv, void *arena);

typedef struct qnt_entry {
  const char *name;
  qnt_entry_fn run;
  /* Bytes of scratch for `dims`; negative where no call with them is possible:
   * a computed size would be negative, or sizes that must agree do not. */
  int64_t (*arena_bytes)(const int64_t *dims);
  /* Writes the dimensions of all outputs for `dims`, one output's after the
   * other's. Null where the manifest tells them. */
  void (*output_dims)(const int64_t *dims, int64_t *sizes);
} qnt_entry;

/* One instruction-set version of the code. */
typedef struct qnt_variant {
  const char *isa;      /* "avx512vnni", "avx2", "neon"; "sm_80", ... */
  const char *features; /* needed CPU features as in /proc/cpuinfo, by spaces;
                         * "cuda" for a GPU */
  int64_t num_entries;
  const qnt_entry *entries; /* in the order of the manifest's "entries" */
} qnt_variant;

/* A named file carried inside the model: "tokenizer.json", ...; with --embed
 * also "params.safetensors", and in models of a GPU "kernels"
 * and, where there are any, "constants". */
typedef struct qnt_asset {
  const char *name;
  const void *data;
  int64_t size;
} qnt_asset;

typedef struct qnt_module {
  int64_t abi;          /* QNT_MODULE_ABI */
  const char *manifest; /* JSON, NUL-terminated; schema in docs/abi.md */
  int64_t num_variants;
  const qnt_variant *variants; /* best first */
  int64_t num_assets;
  const qnt_asset *assets;
  /* Bytes of a KV cache for `batch` sequences of up to `max_length` tokens; 0
   * when the model has none. */
  int64_t (*kv_bytes)(int64_t batch, int64_t max_length);
} qnt_module;

/* The one exported symbol. */
const qnt_module *qnt_module_get(void);

#ifdef __cplusplus
}
#endif
#endif /* QNT_RUNTIME_MODULE_H */
