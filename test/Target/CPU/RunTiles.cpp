//===- RunTiles.cpp - one product of AMX tiles ----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// run-tiles OP STRIDE < IN > OUT: IN is a configuration of 64 bytes, and 16
// rows of STRIDE bytes each for tiles 1 (i32), 2 and 3; OUT is tile 1 after
// OP (ss, su, us, uu: whether the bytes of 2 and of 3 are signed) in 16 such
// rows, then the configuration as STTILECFG gives it, then tile 2 after
// TILEZERO. Rows that are not written are 0xff. AMX is emulated.
//===----------------------------------------------------------------------===//
#include "AmxEmulator.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <immintrin.h>
#include <string_view>
#include <vector>

__attribute__((target("amx-tile,amx-int8"))) static void
run(std::string_view op, size_t stride, const uint8_t *in, uint8_t *out) {
  const uint8_t *operands = in + 64;
  const size_t size = 16 * stride;
  _tile_loadconfig(in);
  _tile_loadd(1, operands, stride);
  _tile_stream_loadd(2, operands + size, stride);
  _tile_loadd(3, operands + 2 * size, stride);
  if (op == "ss")
    _tile_dpbssd(1, 2, 3);
  else if (op == "su")
    _tile_dpbsud(1, 2, 3);
  else if (op == "us")
    _tile_dpbusd(1, 2, 3);
  else
    _tile_dpbuud(1, 2, 3);
  _tile_stored(1, out, stride);
  _tile_storeconfig(out + size);
  _tile_zero(2);
  _tile_stored(2, out + size + 64, stride);
  _tile_release();
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  size_t stride = std::strtoull(argv[2], nullptr, 10);
  std::vector<uint8_t> in(64 + 48 * stride), out(64 + 32 * stride, 0xff);
  if (std::fread(in.data(), 1, in.size(), stdin) != in.size())
    return 2;
  qnt::test::emulateAMX();
  run(argv[1], stride, in.data(), out.data());
  std::fwrite(out.data(), 1, out.size(), stdout);
}
