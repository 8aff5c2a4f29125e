//===- AmxEmulator.h - AMX where the processor lacks it ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CPU_AMXEMULATOR_H
#define QNT_TEST_TARGET_CPU_AMXEMULATOR_H

namespace qnt::test {

/// From now on, AMX-TILE and AMX-INT8 instructions that the processor does not
/// know are executed by a handler of SIGILL, on tiles of the thread (Intel SDM
/// volume 2: LDTILECFG, STTILECFG, TILERELEASE, TILEZERO, TILELOADD[T1],
/// TILESTORED, TDPB[SU][SU]D; palette 1). What the processor would fault on
/// ends the program with status 4 and a line that says why, as does any other
/// illegal instruction. Memory is accessed as the instruction does, so that its
/// faults are those of the program.
void emulateAMX();

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CPU_AMXEMULATOR_H
