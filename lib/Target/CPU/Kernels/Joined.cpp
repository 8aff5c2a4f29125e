//===- Joined.cpp - kernels that share a parallel loop ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Joined.h"

using namespace mlir;
using namespace qnt::cpu;

Kernel qnt::cpu::getJoinedKernel(KernelLibrary &lib,
                                 ArrayRef<JoinedPart> parts) {
  std::string name = "joined";
  SmallVector<Type> types;
  int64_t tasks = 0;
  for (JoinedPart part : parts) {
    name +=
        (Twine(".") + Twine(part.first) + ":" + part.kernel.getName()).str();
    llvm::append_range(types,
                       ArrayRef(part.kernel.getArgumentTypes()).drop_front());
    tasks = std::max(tasks, part.first + part.count);
  }
  auto count = [=](KernelBuilder &k, ValueRange) { return k.c64(tasks); };
  auto task = [&](KernelBuilder &k, ValueRange args, Value begin, Value end) {
    // A part's task finds its arguments in slots of 8 bytes.
    Value slots = k.stack(8 * args.size());
    for (auto [i, value] : llvm::enumerate(args))
      k.store(value, k.at(slots, int64_t(8 * i)), 8);
    int64_t slot = 0;
    for (JoinedPart part : parts) {
      Value own = k.at(slots, 8 * slot);
      Value low = k.maxS(k.sub(begin, k.c64(part.first)), k.c64(0));
      Value high = k.minS(k.sub(end, k.c64(part.first)), k.c64(part.count));
      auto body = lib.module.lookupSymbol<Kernel>(
          (part.kernel.getName() + ".task").str());
      k.ifThen(k.ltS(low, high), [&] { k.call(body, {own, low, high}); });
      slot += part.kernel.getNumArguments() - 1;
    }
  };
  return lib.getParallel(name, types, count, task);
}
