//===- ONNX.cpp - fuzzes ONNX files ---------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Beside the file lies data.bin, 64 bytes of external data.
//===----------------------------------------------------------------------===//
#include "Context.h"
#include "Fuzz.h"

#include "qnt/Import/ONNX.h"

using namespace qnt;

bool fuzz::readInput(std::string_view input) {
  static const std::string data =
      writeFile("data.bin", std::string(64, '\x3f'));
  ImportOptions options;
  options.paramsPath = scratchFolder() + "/params.safetensors";
  return importsCleanly([&](mlir::MLIRContext &context) {
    return importONNX({input.data(), input.size()},
                      scratchFolder() + "/model.onnx", &context, options);
  });
}
