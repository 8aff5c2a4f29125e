//===- Launches.cpp - what the host is asked for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "qnt/Runtime/Module.h"

#include <cstddef>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;
using target::CodeBuilder;

FunctionLowering::Numbers
FunctionLowering::getNumbers(CodeBuilder &k, Kernel kernel, ValueRange args) {
  Numbers numbers;
  numbers.kernel = k.c64(module.getNumber(kernel));
  numbers.threads = k.c64(kernel.threads);
  numbers.sharedBytes = k.c64(kernel.sharedBytes);
  for (auto [extent, blocks] : llvm::zip(kernel.grid, numbers.grid)) {
    blocks = k.c64(extent.blocks);
    for (const GridExtent::Factor &factor : extent.factors) {
      Value size = k.mul(args[factor.argument], k.c64(factor.times));
      blocks = k.mul(blocks, k.ceilDiv(size, factor.per));
    }
  }
  return numbers;
}

FunctionLowering::Numbers FunctionLowering::choose(CodeBuilder &k,
                                                   Value isFirst,
                                                   const Numbers &first,
                                                   const Numbers &second) {
  auto select = [&](Value x, Value y) { return k.select(isFirst, x, y); };
  Numbers numbers{select(first.kernel, second.kernel),
                  select(first.threads, second.threads),
                  select(first.sharedBytes, second.sharedBytes),
                  {}};
  for (unsigned d = 0; d < 3; ++d)
    numbers.grid[d] = select(first.grid[d], second.grid[d]);
  return numbers;
}

/// void(context, kernel, blocks in x, y and z, threads, bytes of shared memory,
/// arguments as words...).
static LLVM::LLVMFuncOp getLaunchFunction(ModuleOp host, unsigned numArgs,
                                          OpBuilder &types) {
  Type pointer = LLVM::LLVMPointerType::get(types.getContext());
  SmallVector<Type> signature{pointer};
  signature.append(6 + numArgs, types.getI64Type());
  return target::getFunction(
      host, "qnt.launch." + std::to_string(numArgs), signature,
      [&](CodeBuilder &k, ValueRange values) {
        Value shape = k.stack(8 * 5), words = k.stack(8 * numArgs);
        for (auto [i, value] : llvm::enumerate(values.slice(2, 5)))
          k.store(value, k.at(shape, int64_t(8 * i)), 8);
        for (auto [i, value] : llvm::enumerate(values.drop_front(7)))
          k.store(value, k.at(words, int64_t(8 * i)), 8);
        Value hook =
            k.load(k.ptr(),
                   k.at(values[0], int64_t(offsetof(qnt_context, launch))), 8);
        auto type = LLVM::LLVMFunctionType::get(
            LLVM::LLVMVoidType::get(k.b.getContext()),
            {k.ptr(), k.i64(), k.ptr(), k.ptr(), k.i64()});
        LLVM::CallOp::create(k.b, k.loc, type,
                             ValueRange{hook, values[0], values[1], shape,
                                        words, k.c64(numArgs)});
      });
}

void FunctionLowering::launch(CodeBuilder &k, const Numbers &numbers,
                              ValueRange args) {
  SmallVector<Value> values{
      context,         numbers.kernel,  numbers.grid[0],    numbers.grid[1],
      numbers.grid[2], numbers.threads, numbers.sharedBytes};
  for (Value arg : args)
    values.push_back(isa<LLVM::LLVMPointerType>(arg.getType())
                         ? LLVM::PtrToIntOp::create(k.b, k.loc, k.i64(), arg)
                         : arg);
  k.call(getLaunchFunction(module.host, args.size(), k.b), values);
}

Value FunctionLowering::getWorkspace(CodeBuilder &k) {
  return k.load(k.ptr(),
                k.at(context, int64_t(offsetof(qnt_context, workspace))), 8);
}

Value FunctionLowering::getConstant(CodeBuilder &k, StringRef bytes) {
  Value constants = k.load(
      k.ptr(), k.at(context, int64_t(offsetof(qnt_context, constants))), 8);
  return k.at(constants, module.getConstant(bytes));
}
