//===- Descriptor.cpp - the exported table of a compiled model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Descriptor.h"

#include "qnt/Runtime/Module.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"

using namespace qnt;

namespace {

class DescriptorBuilder {
public:
  DescriptorBuilder(llvm::LLVMContext &context, llvm::Module &module)
      : module(module), pointer(llvm::PointerType::get(context, 0)),
        i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Constant *number(int64_t value) {
    return llvm::ConstantInt::get(i64, value);
  }
  /// A private global holding `value`.
  llvm::Constant *place(llvm::Constant *value) {
    return new llvm::GlobalVariable(module, value->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, value);
  }
  llvm::Constant *text(llvm::StringRef bytes) {
    return place(
        llvm::ConstantDataArray::getString(module.getContext(), bytes));
  }
  llvm::Constant *record(llvm::ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(module.getContext(), fields);
  }
  llvm::Constant *table(llvm::ArrayRef<llvm::Constant *> rows) {
    if (rows.empty())
      return llvm::ConstantPointerNull::get(pointer);
    auto *type = llvm::ArrayType::get(rows.front()->getType(), rows.size());
    return place(llvm::ConstantArray::get(type, rows));
  }
  llvm::Constant *function(const std::string &name) {
    auto *type = llvm::FunctionType::get(i64, false);
    auto *declared = llvm::cast<llvm::Function>(
        module.getOrInsertFunction(name, type).getCallee());
    declared->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return declared;
  }
  /// The bytes of a file, included by the assembler.
  llvm::Constant *include(const std::string &symbol, llvm::StringRef path) {
    std::string quoted;
    for (char c : path) {
      if (c == '"' || c == '\\')
        quoted += '\\';
      quoted += c;
    }
    module.appendModuleInlineAsm(
        "\t.section .rodata." + symbol + ",\"a\",@progbits\n\t.p2align 12\n" +
        "\t.hidden " + symbol + "\n\t.globl " + symbol + "\n" + symbol +
        ":\n\t.incbin \"" + quoted + "\"\n");
    auto *global = new llvm::GlobalVariable(
        module, llvm::Type::getInt8Ty(module.getContext()), true,
        llvm::GlobalValue::ExternalLinkage, nullptr, symbol);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return global;
  }

  llvm::Module &module;
  llvm::PointerType *pointer;
  llvm::Type *i64;
};

} // namespace

std::unique_ptr<llvm::Module> qnt::buildDescriptor(const Descriptor &descriptor,
                                                   llvm::LLVMContext &context) {
  auto module = std::make_unique<llvm::Module>("descriptor", context);
  DescriptorBuilder b(context, *module);
  llvm::SmallVector<llvm::Constant *> variants, assets;
  for (const Descriptor::Variant &variant : descriptor.variants) {
    llvm::SmallVector<llvm::Constant *> entries;
    for (const std::string &entry : descriptor.entries) {
      std::string symbol = "qnt_" + variant.name + "_" + entry;
      entries.push_back(b.record({b.text(entry), b.function(symbol),
                                  b.function(symbol + "_arena"),
                                  b.function(symbol + "_dims")}));
    }
    variants.push_back(b.record({b.text(variant.name), b.text(variant.features),
                                 b.number(entries.size()), b.table(entries)}));
  }
  for (auto [i, asset] : llvm::enumerate(descriptor.assets))
    assets.push_back(
        b.record({b.text(asset.name),
                  b.include("qnt_asset_" + std::to_string(i), asset.path),
                  b.number(asset.size)}));
  std::string prefix = "qnt_" + descriptor.variants.front().name;
  llvm::Constant *table = b.place(b.record(
      {b.number(QNT_MODULE_ABI), b.text(descriptor.manifest),
       b.number(variants.size()), b.table(variants), b.number(assets.size()),
       b.table(assets), b.function(prefix + "_kv_bytes")}));

  auto *get = llvm::Function::Create(llvm::FunctionType::get(b.pointer, false),
                                     llvm::GlobalValue::ExternalLinkage,
                                     "qnt_module_get", *module);
  llvm::IRBuilder<> body(llvm::BasicBlock::Create(context, "", get));
  body.CreateRet(table);
  return module;
}
