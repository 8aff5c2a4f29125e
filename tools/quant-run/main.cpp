//===- main.cpp - quant-run -----------------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

int main(int argc, char **argv) { return qnt::run::quantRun(argc, argv); }
