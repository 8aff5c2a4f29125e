//===- InitAll.cpp - registration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/InitAll.h"

#include "CompiledFunctionRunner.h"
#include "CompiledModelRunner.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QCheck/QCheck.h"
#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Interpreter/Passes.h"
#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Target/CPU/Passes.h"
#include "qnt/Target/CUDA/Passes.h"
#include "qnt/Target/Common/Passes.h"
#include "qnt/Target/FPGA/Passes.h"
#include "qnt/Transforms/Gradient.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

void qnt::registerAllDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<nn::NNDialect, QNTDialect, qcheck::QCheckDialect,
                  qflow::QFlowDialect, qgpu::QGPUDialect>();
  registerInterfaces(registry);
}

void qnt::registerInterfaces(mlir::DialectRegistry &registry) {
  registerGradientRules(registry);
}

void qnt::registerAllPasses() {
  interp::registerInterpreterPasses();
  target::registerQntTargetCommonPasses();
  cpu::registerQntTargetCPUPasses();
  cuda::registerQntTargetCUDAPasses();
  fpga::registerQntTargetFPGAPasses();
  registerTransformsPasses({/*costModel=*/nullptr,
                            std::make_shared<CompiledModelRunner>(),
                            std::make_shared<CompiledFunctionRunner>()});
  registerPipelines();
}
