//===- FunctionRunner.cpp - a way to call functions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/FunctionRunner.h"

using namespace qnt;

LoadedFunction::~LoadedFunction() = default;

FunctionRunner::~FunctionRunner() = default;
