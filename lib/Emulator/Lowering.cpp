//===- Lowering.cpp - kernels to code of this host -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstddef>

using namespace mlir;
using namespace qnt::emu;

//===----------------------------------------------------------------------===//
// InstructionTable
//===----------------------------------------------------------------------===//

InstructionTable::InstructionTable() {
  addBarriers(*this);
  addBlockScaled(*this);
  addBulkCopies(*this);
  addConversions(*this);
  addCopies(*this);
  addMatrices(*this);
  addMBarriers(*this);
  addShuffles(*this);
  addTensorMemory(*this);
  addTensorProducts(*this);
  addWarpgroups(*this);
}

FailureOr<Instruction> InstructionTable::lower(Operation *op) const {
  auto entry = table.find(op->getName().getStringRef());
  if (entry == table.end())
    return op->emitOpError("cannot be emulated");
  return entry->second(op);
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
constexpr unsigned kGlobal = 1, kShared = 3;

class KernelLowering {
public:
  KernelLowering(gpu::GPUFuncOp kernel, Sites &sites)
      : kernel(kernel), sites(sites), b(kernel.getContext()),
        pointer(LLVM::LLVMPointerType::get(kernel.getContext())) {}

  OwningOpRef<ModuleOp> lower();

private:
  void cloneBody(ModuleOp module);
  LogicalResult lowerOp(Operation *op);
  LogicalResult lowerInstruction(Operation *op);
  LogicalResult lowerAddress(LLVM::AddressOfOp op);
  void lowerId(Operation *op, size_t offset, gpu::Dimension dimension);
  void checkAccess(Operation *op, Value address, Type type, bool isWrite);
  void eraseAddressSpaces();
  Value loadField(Location loc, Type type, size_t offset);
  Value pointerTo(Location loc, const void *object);
  Value slots(size_t bytes);
  LLVM::LLVMFuncOp declare(ModuleOp module, StringRef name,
                           ArrayRef<Type> args);
  std::string describe(Operation *op, StringRef what);

  gpu::GPUFuncOp kernel;
  Sites &sites;
  InstructionTable table;
  OpBuilder b;
  Type pointer;
  LLVM::LLVMFuncOp function, execute, access;
  /// Stack of the operands and the result of an instruction.
  LLVM::AllocaOp operands, result;
  size_t operandBytes = 1, resultBytes = 1;
};
} // namespace

LLVM::LLVMFuncOp KernelLowering::declare(ModuleOp module, StringRef name,
                                         ArrayRef<Type> args) {
  b.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), args);
  return LLVM::LLVMFuncOp::create(b, kernel.getLoc(), name, type);
}

void KernelLowering::cloneBody(ModuleOp module) {
  Location loc = kernel.getLoc();
  function = declare(module, kernel.getName(), {pointer, pointer});
  kernel.getBody().cloneInto(&function.getBody(),
                             *std::make_unique<IRMapping>());
  Block &entry = function.getBody().front();
  Value lane = entry.insertArgument(0u, pointer, loc);
  Value args = entry.insertArgument(1u, pointer, loc);
  b.setInsertionPointToStart(&entry);
  for (unsigned i = 0; entry.getNumArguments() > 2; ++i) {
    BlockArgument argument = entry.getArgument(2);
    Value at = LLVM::GEPOp::create(b, loc, pointer, b.getI64Type(), args,
                                   ArrayRef<LLVM::GEPArg>{int32_t(i)});
    argument.replaceAllUsesWith(
        LLVM::LoadOp::create(b, loc, argument.getType(), at));
    entry.eraseArgument(2);
  }
  (void)lane;
  Value one = LLVM::ConstantOp::create(b, loc, b.getI64Type(), 1);
  operands = LLVM::AllocaOp::create(b, loc, pointer, b.getI8Type(), one, 16);
  result = LLVM::AllocaOp::create(b, loc, pointer, b.getI8Type(), one, 16);
}

std::string KernelLowering::describe(Operation *op, StringRef what) {
  std::string text = what.str();
  if (!isa<UnknownLoc>(op->getLoc()))
    llvm::raw_string_ostream(text) << " at " << op->getLoc();
  return text;
}

Value KernelLowering::loadField(Location loc, Type type, size_t offset) {
  Value at = LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(),
                                 function.getArgument(0),
                                 ArrayRef<LLVM::GEPArg>{int32_t(offset)});
  return LLVM::LoadOp::create(b, loc, type, at);
}

Value KernelLowering::pointerTo(Location loc, const void *object) {
  Value address = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                           reinterpret_cast<int64_t>(object));
  return LLVM::IntToPtrOp::create(b, loc, pointer, address);
}

void KernelLowering::lowerId(Operation *op, size_t offset,
                             gpu::Dimension dimension) {
  Value id =
      loadField(op->getLoc(), b.getI32Type(), offset + 4 * unsigned(dimension));
  op->getResult(0).replaceAllUsesWith(
      arith::IndexCastUIOp::create(b, op->getLoc(), b.getIndexType(), id));
  op->erase();
}

void KernelLowering::checkAccess(Operation *op, Value address, Type type,
                                 bool isWrite) {
  unsigned space =
      cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace();
  if (space != kGlobal && space != kShared)
    return;
  Location loc = op->getLoc();
  uint64_t bytes = DataLayout::closest(op).getTypeSize(type);
  std::string &what =
      sites.accesses.emplace_back(describe(op, isWrite ? "a store" : "a load"));
  LLVM::CallOp::create(
      b, loc, access,
      ValueRange{function.getArgument(0), address,
                 LLVM::ConstantOp::create(b, loc, b.getI64Type(), bytes),
                 LLVM::ConstantOp::create(b, loc, b.getI1Type(), isWrite),
                 pointerTo(loc, what.c_str())});
}

LogicalResult KernelLowering::lowerAddress(LLVM::AddressOfOp op) {
  auto type = cast<LLVM::LLVMPointerType>(op.getType());
  if (type.getAddressSpace() != kShared)
    return op.emitOpError("is not the block's shared memory");
  op.replaceAllUsesWith(
      loadField(op.getLoc(), op.getType(), offsetof(Lane, shared)));
  op.erase();
  return success();
}

LogicalResult KernelLowering::lowerInstruction(Operation *op) {
  FailureOr<Instruction> instruction = table.lower(op);
  if (failed(instruction))
    return failure();
  Location loc = op->getLoc();
  DataLayout layout = DataLayout::closest(op);
  Site &site = sites.instructions.emplace_back(
      Site{describe(op, op->getName().getStringRef()),
           instruction->scope,
           {},
           std::move(instruction->run),
           std::move(instruction->isReady)});
  size_t used = 0;
  for (Value operand : op->getOperands()) {
    site.operandOffsets.push_back(used);
    Value at = LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), operands,
                                   ArrayRef<LLVM::GEPArg>{int32_t(used)});
    LLVM::StoreOp::create(b, loc, operand, at, /*alignment=*/16);
    used += llvm::alignTo(layout.getTypeSize(operand.getType()), 16);
  }
  operandBytes = std::max(operandBytes, used);
  LLVM::CallOp::create(b, loc, execute,
                       ValueRange{function.getArgument(0),
                                  pointerTo(loc, &site), operands, result});
  // Several results lie as the fields of a struct do.
  if (op->getNumResults()) {
    SmallVector<Type> types(op->getResultTypes());
    Type whole = types.size() == 1
                     ? types.front()
                     : LLVM::LLVMStructType::getLiteral(b.getContext(), types);
    resultBytes = std::max<size_t>(resultBytes, layout.getTypeSize(whole));
    Value loaded =
        LLVM::LoadOp::create(b, loc, whole, result, /*alignment=*/16);
    for (OpResult value : op->getResults())
      value.replaceAllUsesWith(
          types.size() == 1 ? loaded
                            : LLVM::ExtractValueOp::create(
                                  b, loc, loaded, value.getResultNumber())
                                  .getResult());
  }
  op->erase();
  return success();
}

LogicalResult KernelLowering::lowerOp(Operation *op) {
  b.setInsertionPoint(op);
  if (auto id = dyn_cast<gpu::ThreadIdOp>(op))
    return lowerId(op, offsetof(Lane, threadId), id.getDimension()), success();
  if (auto id = dyn_cast<gpu::BlockIdOp>(op))
    return lowerId(op, offsetof(Lane, blockId), id.getDimension()), success();
  if (auto id = dyn_cast<gpu::BlockDimOp>(op))
    return lowerId(op, offsetof(Lane, blockDim), id.getDimension()), success();
  if (auto id = dyn_cast<gpu::GridDimOp>(op))
    return lowerId(op, offsetof(Lane, gridDim), id.getDimension()), success();
  if (isa<gpu::ReturnOp>(op)) {
    LLVM::ReturnOp::create(b, op->getLoc(), ValueRange());
    op->erase();
    return success();
  }
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op))
    return lowerAddress(address);
  // A pointer is the same in every address space.
  if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
    cast.replaceAllUsesWith(cast.getArg());
    cast.erase();
    return success();
  }
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    checkAccess(op, load.getAddr(), load.getType(), /*isWrite=*/false);
  if (auto store = dyn_cast<LLVM::StoreOp>(op))
    checkAccess(op, store.getAddr(), store.getValue().getType(),
                /*isWrite=*/true);
  if (auto atomic = dyn_cast<LLVM::AtomicRMWOp>(op))
    checkAccess(op, atomic.getPtr(), atomic.getType(), /*isWrite=*/true);
  // Other accesses would not be checked.
  auto intrinsic = dyn_cast<LLVM::CallIntrinsicOp>(op);
  bool isConversion =
      intrinsic && intrinsic.getIntrin().starts_with("llvm.fpto");
  bool isPlain = isa<LLVM::LoadOp, LLVM::StoreOp, LLVM::AtomicRMWOp>(op) ||
                 isConversion || isMemoryEffectFree(op);
  Dialect *dialect = op->getDialect();
  if (isa<arith::ArithDialect, cf::ControlFlowDialect, math::MathDialect,
          scf::SCFDialect, vector::VectorDialect>(dialect) ||
      (isa<LLVM::LLVMDialect>(dialect) && !isa<NVVM::NVVMDialect>(dialect) &&
       isPlain))
    return success();
  return lowerInstruction(op);
}

void KernelLowering::eraseAddressSpaces() {
  auto erase = [&](Value value) {
    if (isa<LLVM::LLVMPointerType>(value.getType()))
      value.setType(pointer);
  };
  function.walk([&](Operation *op) {
    for (Value value : op->getResults())
      erase(value);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value value : block.getArguments())
          erase(value);
  });
}

OwningOpRef<ModuleOp> KernelLowering::lower() {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  cloneBody(*module);
  execute = declare(*module, kExecute, {pointer, pointer, pointer, pointer});
  access = declare(*module, kAccess,
                   {pointer, pointer, b.getI64Type(), b.getI1Type(), pointer});
  SmallVector<Operation *> ops;
  for (Block &block : function.getBody())
    block.walk([&](Operation *op) {
      if (op != operands && op != result)
        ops.push_back(op);
    });
  for (Operation *op : ops)
    if (failed(lowerOp(op)))
      return nullptr;
  // Instructions are known; so is what they need.
  auto size = [&](LLVM::AllocaOp slots, size_t bytes) {
    b.setInsertionPoint(slots);
    slots.getArraySizeMutable().assign(LLVM::ConstantOp::create(
        b, slots.getLoc(), b.getI64Type(), int64_t(bytes)));
  };
  size(operands, operandBytes);
  size(result, resultBytes);
  eraseAddressSpaces();
  return module;
}

OwningOpRef<ModuleOp> qnt::emu::lowerKernel(gpu::GPUFuncOp kernel,
                                            Sites &sites) {
  return KernelLowering(kernel, sites).lower();
}
