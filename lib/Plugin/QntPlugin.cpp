//===- QntPlugin.cpp - QNT inside stock MLIR tools -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/InitAll.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QCheck/QCheck.h"
#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Compiler.h"

/// The passes are registered however the plugin is asked for, and once.
static void registerPassesOnce() {
  static bool registered = (qnt::registerAllPasses(), true);
  (void)registered;
}

/// `--load-dialect-plugin`: dialects, passes and pipelines. Upstream's dialects
/// are the tool's affair.
extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT ::mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {
      MLIR_PLUGIN_API_VERSION, "Qnt", QNT_VERSION,
      [](mlir::DialectRegistry *registry) {
        registry->insert<qnt::nn::NNDialect, qnt::QNTDialect,
                         qnt::qcheck::QCheckDialect, qnt::qflow::QFlowDialect,
                         qnt::qgpu::QGPUDialect>();
        qnt::registerInterfaces(*registry);
        registerPassesOnce();
      }};
}

/// `--load-pass-plugin`: the passes alone.
extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT ::mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Qnt", QNT_VERSION, registerPassesOnce};
}
