//===- GGUF.cpp - fuzzes GGUF files ---------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Context.h"
#include "Fuzz.h"

#include "qnt/Import/GGUF.h"
#include "qnt/Params/SafeTensors.h"

#include <filesystem>

using namespace qnt;
namespace fs = std::filesystem;

bool fuzz::readInput(std::string_view input) {
  // Of the import before.
  for (const fs::directory_entry &entry :
       fs::directory_iterator(scratchFolder()))
    fs::remove(entry.path());
  std::string path = writeFile("model.gguf", input);
  ImportOptions options;
  options.paramsPath = scratchFolder() + "/params.safetensors";
  bool accepted = importsCleanly([&](mlir::MLIRContext &context) {
    return importGGUF(path, &context, options);
  });
  if (accepted) {
    // The store is whole.
    params::ParamStore::open(options.paramsPath);
    return true;
  }
  fs::remove(path);
  if (!fs::is_empty(scratchFolder()))
    std::abort();
  return false;
}
