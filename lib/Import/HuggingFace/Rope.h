//===- Rope.h - rotary settings of a configuration --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_ROPE_H
#define QNT_IMPORT_HUGGINGFACE_ROPE_H

#include "../Graph/Llama.h"
#include "Checkpoint.h"

namespace qnt::huggingface {

using importer::RopeSettings;

/// Reads rope_theta, partial_rotary_factor and rope_scaling, or
/// rope_parameters, which newer files hold in place of all three. Throws
/// ImportError for a kind of scaling that `nn.rope_table` does not have.
RopeSettings readRope(const Config &config, int64_t headDim,
                      int64_t maxPositions, double defaultTheta,
                      mlir::MLIRContext *context);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_ROPE_H
