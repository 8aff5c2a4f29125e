//===- SharedObject.cpp - a compiled model's code -------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedObject.h"
#include "Error.h"
#include "Parameters.h"

#include <cstring>
#include <dlfcn.h>
#include <elf.h>

using namespace qnt::runtime;

#if defined(__aarch64__)
static constexpr Elf64_Half thisMachine = EM_AARCH64;
#else
static constexpr Elf64_Half thisMachine = EM_X86_64;
#endif

static std::string nameMachine(Elf64_Half machine) {
  return machine == EM_X86_64    ? "x86-64"
         : machine == EM_AARCH64 ? "AArch64"
                                 : "machine " + std::to_string(machine);
}

/// The dynamic loader maps segments without comparing them to the file's size,
/// and dies of a bus error when a truncated file lacks them.
static void checkElf(const std::string &path) {
  Mapping file = Mapping::file(path);
  Elf64_Ehdr header;
  if (file.size() < sizeof header ||
      std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
    fail(QNT_ERROR_FORMAT, path + ": not a shared object");
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN)
    fail(QNT_ERROR_FORMAT, path + ": not a 64-bit shared object");
  if (header.e_machine != thisMachine)
    fail(QNT_ERROR_UNSUPPORTED,
         path + ": compiled for " + nameMachine(header.e_machine) +
             ", but this machine is " + nameMachine(thisMachine));
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phoff > file.size() ||
      header.e_phnum > (file.size() - header.e_phoff) / sizeof(Elf64_Phdr))
    fail(QNT_ERROR_FORMAT, path + ": truncated shared object");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof segment,
                sizeof segment);
    if (segment.p_offset > file.size() ||
        segment.p_filesz > file.size() - segment.p_offset)
      fail(QNT_ERROR_FORMAT, path + ": truncated shared object");
  }
}

SharedObject::~SharedObject() {
  if (handle)
    dlclose(handle);
}

const qnt_module *SharedObject::load(const std::string &path) {
  checkElf(path);
  // A bare file name would be looked up in the library folders.
  std::string name = path.find('/') == path.npos ? "./" + path : path;
  handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    std::string reason = dlerror();
    if (reason.starts_with(name + ": "))
      reason.erase(0, name.size() + 2);
    fail(QNT_ERROR_FORMAT, path + ": cannot be loaded: " + reason);
  }
  auto *get = reinterpret_cast<const qnt_module *(*)()>(
      dlsym(handle, "qnt_module_get"));
  if (!get)
    fail(QNT_ERROR_FORMAT,
         path + ": not a compiled model: it does not export qnt_module_get");
  const qnt_module *module = get();
  if (module->abi != QNT_MODULE_ABI)
    fail(QNT_ERROR_FORMAT,
         path + ": ABI version " + std::to_string(module->abi) +
             ", but this loader expects " + std::to_string(QNT_MODULE_ABI));
  return module;
}
