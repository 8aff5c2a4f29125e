//===- Assembler.cpp - ptxas -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CUDA/Codegen.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qnt::cuda;
namespace fs = llvm::sys::fs;

std::string qnt::cuda::findAssembler() {
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char *home = std::getenv(variable)) {
      llvm::SmallString<128> path(home);
      llvm::sys::path::append(path, "bin", "ptxas");
      if (fs::can_execute(path))
        return std::string(path);
    }
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  StringRef usual = "/usr/local/cuda/bin/ptxas";
  return fs::can_execute(usual) ? usual.str() : std::string();
}

/// The numbers of `ptxas -v`: a line that names a function, then lines of its
/// properties.
static std::map<std::string, KernelResources> parseLog(StringRef log) {
  llvm::Regex function("(Compiling entry function|Function properties for) "
                       "'?([^' ]+)'?");
  llvm::Regex spills("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, "
                     "([0-9]+) bytes spill loads");
  llvm::Regex registers("Used ([0-9]+) registers");
  llvm::Regex shared("([0-9]+) bytes smem");
  llvm::Regex serialized(
      "wgmma.mma_async instructions are serialized .* function '([^']+)'");
  std::map<std::string, KernelResources> kernels;
  KernelResources *current = nullptr;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    SmallVector<StringRef> match;
    auto number = [&](unsigned i) {
      int64_t value = 0;
      match[i].getAsInteger(10, value);
      return value;
    };
    if (serialized.match(line, &match))
      kernels[match[1].str()].isSerialized = true;
    if (function.match(line, &match))
      current = &kernels[match[2].str()];
    if (!current)
      continue;
    if (spills.match(line, &match)) {
      current->stackBytes = number(1);
      current->spillStores = number(2);
      current->spillLoads = number(3);
    }
    if (registers.match(line, &match))
      current->registers = number(1);
    if (shared.match(line, &match))
      current->sharedBytes = number(1);
  }
  return kernels;
}

FailureOr<Assembled> qnt::cuda::assemble(StringRef ptx, const Chip &chip,
                                         StringRef assembler,
                                         std::string &error) {
  llvm::SmallString<128> input, output, log;
  if (fs::createTemporaryFile("qnt", "ptx", input) ||
      fs::createTemporaryFile("qnt", "cubin", output) ||
      fs::createTemporaryFile("qnt", "log", log)) {
    error = "cannot create temporary files";
    return failure();
  }
  llvm::FileRemover removeInput(input), removeOutput(output), removeLog(log);
  {
    std::error_code code;
    llvm::raw_fd_ostream file(input, code);
    file << ptx;
    file.close();
    if (code || file.has_error()) {
      error = "cannot write a temporary file";
      return failure();
    }
  }
  std::string arch = "-arch=" + chip.name.str();
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log),
                                          StringRef(log)};
  int status = llvm::sys::ExecuteAndWait(
      assembler, {assembler, "-v", arch, "-o", output, input}, std::nullopt,
      redirects);
  auto text = llvm::MemoryBuffer::getFile(log);
  StringRef lines = text ? (*text)->getBuffer().trim() : StringRef();
  if (status != 0) {
    error = "ptxas failed: " + lines.split('\n').first.str();
    return failure();
  }
  auto cubin = llvm::MemoryBuffer::getFile(output);
  if (!cubin) {
    error = "ptxas wrote nothing";
    return failure();
  }
  return Assembled{(*cubin)->getBuffer().str(), parseLog(lines)};
}
