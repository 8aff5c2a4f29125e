//===- ModelRunner.cpp - a way to run a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ModelRunner.h"

qnt::ModelRunner::~ModelRunner() = default;
