/*===- qnt.h - load and run compiled models -----------------------*- C -*-===*
 *
 * Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*
 *
 * The loader's public C API (library libqnt_runtime). Plain C11, no MLIR.
 *
 *   qnt_model *model;
 *   if (qnt_open("model.so", NULL, &model) != QNT_OK)
 *     die(qnt_last_error());
 *   qnt_run(model, qnt_find_entry(model, "main"), inputs, 1, outputs, 1, NULL);
 *   qnt_close(model);
 *
 * Functions that return qnt_status leave a one-line message in
 * qnt_last_error() when they do not return QNT_OK. Nothing here prints, exits
 * or throws.
 *
 *===----------------------------------------------------------------------===*/
#ifndef QNT_RUNTIME_QNT_H
#define QNT_RUNTIME_QNT_H

#include "qnt/Runtime/Module.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QNT_API __attribute__((visibility("default")))

typedef enum qnt_status {
  QNT_OK = 0,
  QNT_ERROR_FILE = 1,        /* cannot be opened or read */
  QNT_ERROR_FORMAT = 2,      /* not a model, or damaged */
  QNT_ERROR_UNSUPPORTED = 3, /* no variant for this CPU or GPU */
  QNT_ERROR_ARGUMENT = 4,    /* wrong dtype, shape, entry, ... */
  QNT_ERROR_MEMORY = 5,      /* out of memory, or a buffer too small */
  QNT_ERROR_RUN = 6          /* compiled code reported a failure */
} qnt_status;

typedef enum qnt_dtype {
  QNT_F32 = 0,
  QNT_F16 = 1,
  QNT_BF16 = 2,
  QNT_F64 = 3,
  QNT_I8 = 4,
  QNT_U8 = 5,
  QNT_I16 = 6,
  QNT_I32 = 7,
  QNT_I64 = 8,
  QNT_BOOL = 9,
  QNT_U16 = 10,
  QNT_U32 = 11,
  QNT_U64 = 12
} qnt_dtype;

/* Bytes of one element; 0 when `dtype` is none of the above. */
QNT_API int64_t qnt_dtype_size(qnt_dtype dtype);
/* "f32", ...; null when `dtype` is none of the above. */
QNT_API const char *qnt_dtype_name(qnt_dtype dtype);

/* A tensor in the caller's memory. `strides` counts elements; null means dense
 * and row-major, and anything else must say the same: views are refused. */
typedef struct qnt_tensor {
  void *data;
  qnt_dtype dtype;
  int32_t rank;
  const int64_t *shape;
  const int64_t *strides;
} qnt_tensor;

/* A dimension of an output that the entry computes from its dimensions:
 * qnt_output_shape tells it. */
#define QNT_DIM_COMPUTED INT64_MIN

/* What an entry expects or yields. shape[i] >= 0 is a size; -1 - d stands for
 * the symbolic dimension d of the entry (qnt_dim_name); QNT_DIM_COMPUTED is
 * found in outputs. */
typedef struct qnt_tensor_info {
  const char *name;
  qnt_dtype dtype;
  int32_t rank;
  const int64_t *shape;
} qnt_tensor_info;

typedef enum qnt_params_mode {
  /* Copied into memory advised to use huge pages: the fastest to run from. */
  QNT_PARAMS_COPY = 0,
  /* Mapped from the file: loads at once and shares pages among processes. */
  QNT_PARAMS_MAP = 1
} qnt_params_mode;

/* Zero-initialise, then set what differs from the default. */
typedef struct qnt_options {
  /* Slices of parallel work; 0: as many as OpenMP would use. */
  int64_t threads;
  /* Variant to run, such as "avx2"; null: the environment's QNT_ISA, else the
   * best that this CPU can run. */
  const char *isa;
  /* The host's own thread pool (see qnt_context); null: OpenMP. */
  void (*parallel_for)(const qnt_context *ctx, qnt_task_fn task, void *args,
                       int64_t count);
  /* Found as ctx->user by `parallel_for`. */
  void *user;
  qnt_params_mode params;
  /* Not 0: check the parameter file's SHA-256 against the manifest. */
  int32_t verify;
} qnt_options;

typedef struct qnt_model qnt_model;

/* Opens `path` and the parameters beside it: `path` with its extension replaced
 * by .safetensors, or those embedded in it. `options` may be null. */
QNT_API qnt_status qnt_open(const char *path, const qnt_options *options,
                            qnt_model **model);
/* Null is allowed. */
QNT_API void qnt_close(qnt_model *model);
/* The calling thread's last failure; "" when there was none. */
QNT_API const char *qnt_last_error(void);

/* The manifest's JSON text (docs/abi.md). Lives as long as the model, as do all
 * strings and arrays below. */
QNT_API const char *qnt_manifest(const qnt_model *model);
/* The variant that runs: "avx512vnni", ... */
QNT_API const char *qnt_isa(const qnt_model *model);
QNT_API int64_t qnt_threads(const qnt_model *model);
/* A file carried inside the model; null when there is none of that name. */
QNT_API const qnt_asset *qnt_find_asset(const qnt_model *model,
                                        const char *name);

QNT_API int64_t qnt_num_entries(const qnt_model *model);
/* The index of the entry of that name, or -1. */
QNT_API int64_t qnt_find_entry(const qnt_model *model, const char *name);
/* The five below answer null, or 0, when an index is out of range. */
QNT_API const char *qnt_entry_name(const qnt_model *model, int64_t entry);
QNT_API int64_t qnt_num_dims(const qnt_model *model, int64_t entry);
QNT_API const char *qnt_dim_name(const qnt_model *model, int64_t entry,
                                 int64_t dim);
QNT_API int64_t qnt_num_inputs(const qnt_model *model, int64_t entry);
QNT_API int64_t qnt_num_outputs(const qnt_model *model, int64_t entry);
QNT_API const qnt_tensor_info *qnt_input(const qnt_model *model, int64_t entry,
                                         int64_t index);
QNT_API const qnt_tensor_info *qnt_output(const qnt_model *model, int64_t entry,
                                          int64_t index);

/* Bytes of a KV cache for `batch` sequences of up to `max_length` tokens; 0
 * when the model has none or an argument is not positive. The buffer belongs to
 * the caller, is 64-byte aligned, and holds zeros before its first use
 * (qnt_allocate). */
QNT_API int64_t qnt_kv_bytes(const qnt_model *model, int64_t batch,
                             int64_t max_length);
/* Bytes of scratch that `entry` needs for `dims`, in the order of qnt_dim_name.
 * -1 when the entry does not exist. */
QNT_API int64_t qnt_arena_bytes(const qnt_model *model, int64_t entry,
                                const int64_t *dims);

/* Writes the shape that the output `index` has for `dims`, as many sizes as its
 * rank. Fails where no call with these dimensions is possible. */
QNT_API qnt_status qnt_output_shape(const qnt_model *model, int64_t entry,
                                    const int64_t *dims, int64_t index,
                                    int64_t *shape);

/* `bytes` of zeros where `model` computes, 64-byte aligned: for its cache and
 * arena. Of a model of a GPU, memory of the device; of others, any other memory
 * does as well. Null where there is not
 * enough, as qnt_last_error() tells. To be released before the model
 * is closed. */
QNT_API void *qnt_allocate(qnt_model *model, int64_t bytes);
/* Null is allowed. */
QNT_API void qnt_release(qnt_model *model, void *memory);

/* The caller's buffers of one call; of a model of a GPU, from qnt_allocate. */
typedef struct qnt_memory {
  /* The KV cache, its size, and the max_length it was sized for. */
  void *kv;
  int64_t kv_bytes;
  int64_t max_length;
  /* Scratch, 64-byte aligned. Null: the model's own, which grows when a call
   * needs more than any before it and is never allocated otherwise; calls that
   * use it must not overlap in time. */
  void *arena;
  int64_t arena_bytes;
} qnt_memory;

/* Runs one entry. Tensors are in the order of the manifest. Symbolic dimensions
 * are read off the tensors' shapes; outputs must have their final shapes.
 * `memory` may be null for entries without a cache. Nothing is written when a
 * check fails. */
QNT_API qnt_status qnt_run(qnt_model *model, int64_t entry,
                           const qnt_tensor *inputs, int64_t num_inputs,
                           const qnt_tensor *outputs, int64_t num_outputs,
                           const qnt_memory *memory);

/* Called on the running thread after every operation: its index into the
 * manifest's "ops", and its output, or null where that is internal. */
typedef void (*qnt_after_op)(void *user, int64_t op, const qnt_tensor *output);
/* Null removes the hook. Not while a call runs. */
QNT_API void qnt_set_after_op(qnt_model *model, qnt_after_op hook, void *user);

/* Called for every operation, in their order, with the seconds that it took: on
 * a CPU when it ends, for a GPU, where they are the GPU's own, at the end of
 * the call. */
typedef void (*qnt_op_timer)(void *user, int64_t op, double seconds);
/* Null removes the timer. Not while a call runs. */
QNT_API void qnt_set_op_timer(qnt_model *model, qnt_op_timer timer, void *user);

#ifdef __cplusplus
}
#endif
#endif /* QNT_RUNTIME_QNT_H */
