//===- MeasureTiles.h - quant-opt --measure-tiles ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_MEASURETILES_H
#define QNT_LIB_PIPELINES_MEASURETILES_H

#include "LatencyReport.h"
#include "TileTable.h"

namespace qnt {

/// Times layers of these formats with the tiles that are estimated to be
/// fastest, on one thread of this machine, adds what was found to its table and
/// prints it. Fails where activations are floats, or the machine does not run
/// `isa`. Throws support::FileError where the table cannot be read or written.
llvm::Error measureTiles(llvm::ArrayRef<ReportedFormat> formats,
                         const cpu::ISA &isa, llvm::raw_ostream &os);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_MEASURETILES_H
