//===- KernelBuilder.cpp - writes kernels of GPUs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::cuda;

static constexpr llvm::StringLiteral kSharedName = "shared";

Value KernelBuilder::threadId() {
  Value id = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
  return arith::IndexCastUIOp::create(b, loc, i32(), id);
}
Value KernelBuilder::blockId(gpu::Dimension dimension) {
  Value id = gpu::BlockIdOp::create(b, loc, dimension);
  return arith::IndexCastUIOp::create(b, loc, i32(), id);
}
Value KernelBuilder::shared() {
  return LLVM::AddressOfOp::create(b, loc, ptr(kShared), kSharedName);
}

Value KernelBuilder::addC(Value x, int64_t y) {
  return y ? add(x, constant(x.getType(), double(y))) : x;
}
Value KernelBuilder::mulC(Value x, int64_t y) {
  return y == 1 ? x : mul(x, constant(x.getType(), double(y)));
}
Value KernelBuilder::divC(Value x, int64_t y) {
  return y == 1 ? x : divU(x, constant(x.getType(), double(y)));
}
Value KernelBuilder::remC(Value x, int64_t y) {
  return remU(x, constant(x.getType(), double(y)));
}
Value KernelBuilder::minC(Value x, int64_t y) {
  return minS(x, constant(x.getType(), double(y)));
}
Value KernelBuilder::atRow(Value pointer, Value index, int64_t stride) {
  return at(pointer, mul(zext(index, i64()), c64(stride)));
}
Value KernelBuilder::extF(Value x) {
  if (getElementTypeOrSelf(x.getType()).isF32())
    return x;
  return arith::ExtFOp::create(b, loc, target::withShapeOf(f32(), x.getType()),
                               x);
}
Value KernelBuilder::truncF(Value x, Type element) {
  if (getElementTypeOrSelf(x.getType()) == element)
    return x;
  return arith::TruncFOp::create(b, loc,
                                 target::withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::eqF(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
}
Value KernelBuilder::maxNum(Value x, Value y) {
  return arith::MaxNumFOp::create(b, loc, x, y);
}
Value KernelBuilder::toHalves(Value low, Value high) {
  return bitcast(truncF(pack({low, high}), f16()), i32());
}
Value KernelBuilder::takeBytes(Value x, Value y, std::array<int64_t, 4> bytes) {
  VectorType type = vec(i8(), 4);
  Value taken = vector::ShuffleOp::create(b, loc, bitcast(x, type),
                                          bitcast(y, type), bytes);
  return bitcast(taken, i32());
}
Value KernelBuilder::toInt(Value x) {
  return arith::FPToSIOp::create(b, loc, i32(), x);
}
KernelBuilder::Values KernelBuilder::elements(Value vector) {
  Values values;
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  for (int64_t i = 0; i < count; ++i)
    values.push_back(vector::ExtractOp::create(b, loc, vector, i));
  return values;
}
KernelBuilder::Values KernelBuilder::loadWords(Value from, int64_t bytes) {
  if (bytes == 4)
    return {load(i32(), from, 4)};
  return elements(load(vec(i32(), bytes / 4), from, unsigned(bytes)));
}
Value KernelBuilder::pack(ValueRange elements) {
  VectorType type = vec(elements[0].getType(), int64_t(elements.size()));
  return vector::FromElementsOp::create(b, loc, type, elements);
}
Value KernelBuilder::divFast(Value x, Value y) {
  auto flags = arith::FastMathFlags::arcp | arith::FastMathFlags::afn;
  return arith::DivFOp::create(b, loc, x, y, flags);
}

std::pair<Value, Value> KernelBuilder::locate(const FragmentMap &map,
                                              Value lane) {
  auto sum = [&](auto get) {
    Value result;
    for (size_t bit = 0; bit < map.lane.size();) {
      int64_t first = get(map.lane[bit]);
      size_t end = bit + 1;
      // Neighbouring bits that double form a field of the lane's number.
      while (end < map.lane.size() && get(map.lane[end]) == first
                                                                << (end - bit))
        ++end;
      if (first) {
        Value field = band(shrU(lane, bit), c32((1 << (end - bit)) - 1));
        field = mulC(field, first);
        result = result ? add(result, field) : field;
      }
      bit = end;
    }
    return result ? result : c32(0);
  };
  return {sum([](FragmentMap::Step step) { return step.row; }),
          sum([](FragmentMap::Step step) { return step.column; })};
}

void KernelBuilder::barrier() { gpu::BarrierOp::create(b, loc); }

void KernelBuilder::fence() {
  NVVM::MembarOp::create(b, loc, NVVM::MemScopeKind::GPU);
}

Value KernelBuilder::atomicAdd(Value pointer, Value x) {
  return LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::add, pointer, x,
                                   LLVM::AtomicOrdering::monotonic);
}

Value KernelBuilder::shuffleXor(Value x, int64_t mask) {
  return gpu::ShuffleOp::create(b, loc, x, c32(int32_t(mask)), c32(kWarp),
                                gpu::ShuffleMode::XOR)
      .getShuffleResult();
}

Value KernelBuilder::shuffle(Value x, Value lane) {
  return gpu::ShuffleOp::create(b, loc, x, lane, c32(kWarp),
                                gpu::ShuffleMode::IDX)
      .getShuffleResult();
}

Value KernelBuilder::toFloat8(ValueRange numbers, bool isE5M2) {
  Type type = isE5M2 ? Type(Float8E5M2Type::get(b.getContext()))
                     : Type(Float8E4M3FNType::get(b.getContext()));
  auto pair = [&](Value low, Value high) {
    Value both = NVVM::ConvertF32x2ToF8x2Op::create(
        b, loc, b.getI16Type(), high, low, NVVM::FPRoundingMode::RN,
        NVVM::SaturationMode::SATFINITE, /*relu=*/false, type);
    return zext(both, i32());
  };
  return bor(pair(numbers[0], numbers[1]),
             shl(pair(numbers[2], numbers[3]), 16));
}

Value KernelBuilder::toFloat4(ValueRange numbers) {
  auto pair = [&](Value low, Value high) {
    Value both = NVVM::ConvertF32x2ToF4x2Op::create(
        b, loc, b.getI8Type(), high, low, /*relu=*/false,
        Type(Float4E2M1FNType::get(b.getContext())));
    return zext(both, i32());
  };
  return bor(pair(numbers[0], numbers[1]),
             shl(pair(numbers[2], numbers[3]), 8));
}

void KernelBuilder::copyAsync(Value to, Value from, Value valid,
                              int64_t bytes) {
  Value read = valid ? select(valid, c32(int32_t(bytes)), c32(0)) : Value();
  // Past the first cache; there are no other sizes of these.
  auto cached = bytes == 16 ? NVVM::LoadCacheModifierKind::CG
                            : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(b, loc, to, from, uint32_t(bytes), cached, read);
}
void KernelBuilder::commitCopies() {
  NVVM::CpAsyncCommitGroupOp::create(b, loc);
}
void KernelBuilder::waitCopies(unsigned left) {
  NVVM::CpAsyncWaitGroupOp::create(b, loc, left);
}

static KernelBuilder::Values unpack(KernelBuilder &k, Value pack,
                                    unsigned count) {
  KernelBuilder::Values values;
  for (unsigned i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractValueOp::create(k.b, k.loc, pack, i));
  return values;
}

KernelBuilder::Values KernelBuilder::loadMatrices(Value row, unsigned count,
                                                  bool transposed) {
  SmallVector<Type> words(count, i32());
  Type type = count == 1
                  ? i32()
                  : LLVM::LLVMStructType::getLiteral(b.getContext(), words);
  auto layout = transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
  Value loaded = NVVM::LdMatrixOp::create(b, loc, type, row, count, layout,
                                          shape, NVVM::LdStMatrixEltType::B16);
  return count == 1 ? Values{loaded} : unpack(*this, loaded, count);
}

KernelBuilder::Values
KernelBuilder::multiply(const MatrixInstruction &instruction, ValueRange a,
                        ValueRange bWords, ValueRange sums, Value scaleA,
                        Value scaleB, int64_t byte) {
  const BlockScale &scale = *instruction.scale;
  auto half = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     b.getI16IntegerAttr(int16_t(number)));
  };
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               SmallVector<Type>(4, f32()));
  Value product = NVVM::MmaBlockScaleOp::create(
      b, loc, type, a, bWords, sums, scaleA, half(byte), half(0), scaleB,
      half(byte), half(0), {instruction.m, instruction.n, instruction.k},
      std::array<NVVM::MMATypes, 2>{instruction.a, instruction.b}, scale.size,
      scale.format, scale.kind);
  return unpack(*this, product, 4);
}

KernelBuilder::Values
KernelBuilder::multiply(const MatrixInstruction &instruction, ValueRange a,
                        ValueRange bWords, ValueRange sums) {
  auto float8 = [](NVVM::MMATypes type) {
    return type == NVVM::MMATypes::e4m3 ? qgpu::Element::E4M3
                                        : qgpu::Element::E5M2;
  };
  if (instruction.a == NVVM::MMATypes::e4m3 ||
      instruction.a == NVVM::MMATypes::e5m2)
    return Values(qgpu::MmaOp::create(b, loc, SmallVector<Type>(4, f32()), a,
                                      bWords, sums, float8(instruction.a),
                                      float8(instruction.b))
                      .getD());
  Type number = instruction.isInteger ? i32() : f32();
  SmallVector<Type> numbers(4, number);
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), numbers);
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (instruction.isInteger)
    overflow = NVVM::MMAIntOverflow::wrapped;
  // Registers are words, but for f16.
  auto toOperands = [&](ValueRange words, NVVM::MMATypes element) {
    Values operands(words);
    if (element == NVVM::MMATypes::f16)
      for (Value &word : operands)
        word = bitcast(word, vec(f16(), 2));
    return operands;
  };
  Value product = NVVM::MmaOp::create(
      b, loc, type, toOperands(a, instruction.a),
      toOperands(bWords, instruction.b), sums,
      {instruction.m, instruction.n, instruction.k},
      /*b1Op=*/std::nullopt, overflow,
      std::array<NVVM::MMATypes, 2>{instruction.a, instruction.b},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                     NVVM::MMALayout::col});
  return unpack(*this, product, 4);
}

//===----------------------------------------------------------------------===//
// KernelLibrary
//===----------------------------------------------------------------------===//

KernelLibrary::KernelLibrary(gpu::GPUModuleOp module, const Chip &chip)
    : module(module), chip(chip) {
  if (module.lookupSymbol(kSharedName))
    return;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  auto global = LLVM::GlobalOp::create(
      b, module.getLoc(), type, /*isConstant=*/false, LLVM::Linkage::External,
      kSharedName, Attribute(), /*alignment=*/1024, kShared);
  global.setDsoLocal(true);
}

static Type getType(OpBuilder &b, const Argument &argument) {
  switch (argument.kind) {
  case Argument::Kind::Size:
    return b.getI32Type();
  case Argument::Kind::TensorMap:
    return LLVM::LLVMPointerType::get(b.getContext());
  default:
    return LLVM::LLVMPointerType::get(b.getContext(), kGlobal);
  }
}

/// A CUtensorMap, passed by value in memory of parameters.
static void markTensorMap(gpu::GPUFuncOp kernel, unsigned index) {
  OpBuilder b(kernel.getContext());
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), kTensorMapBytes);
  kernel.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(),
                    TypeAttr::get(bytes));
  kernel.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                    b.getI64IntegerAttr(64));
}

Kernel KernelLibrary::get(StringRef name, Kernel kernel, Body body,
                          int64_t minBlocks) {
  kernel.code = module.lookupSymbol<gpu::GPUFuncOp>(name);
  if (kernel.code)
    return kernel;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  SmallVector<Type> types;
  for (const Argument &argument : kernel.args)
    types.push_back(getType(b, argument));
  kernel.code =
      gpu::GPUFuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  for (auto [i, argument] : llvm::enumerate(kernel.args))
    if (argument.kind == Argument::Kind::TensorMap)
      markTensorMap(kernel.code, unsigned(i));
  kernel.code->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                       b.getUnitAttr());
  kernel.code.setKnownBlockSizeAttr(
      b.getDenseI32ArrayAttr({int32_t(kernel.threads), 1, 1}));
  kernel.code->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                       b.getI32IntegerAttr(int32_t(minBlocks)));
  b.setInsertionPointToStart(&kernel.code.getBody().front());
  KernelBuilder k(b, loc, chip);
  body(k, kernel.code.getArguments());
  gpu::ReturnOp::create(b, loc);
  return kernel;
}

int64_t GridExtent::get(ArrayRef<int64_t> arguments) const {
  int64_t product = blocks;
  for (const Factor &factor : factors)
    product *=
        llvm::divideCeil(arguments[factor.argument] * factor.times, factor.per);
  return product;
}
