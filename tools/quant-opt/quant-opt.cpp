//===- quant-opt.cpp - the compiler's command line -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Pipelines/Compile.h"

int main(int argc, char **argv) { return qnt::quantOptMain(argc, argv); }
