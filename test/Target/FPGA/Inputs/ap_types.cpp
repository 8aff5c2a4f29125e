//===- ap_types.cpp - a checksum of what ap_int computes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ap_types SEED
// Operators on integers of several widths, the same with any ap_int.h.
//
//===----------------------------------------------------------------------===//
#include <ap_int.h>
#include <hls_stream.h>

#include <cstdio>
#include <cstdlib>
#include <random>

static unsigned long long sum = 0;

template <typename T> static void add(const T &value) {
  sum = sum * 1099511628211ull ^ (unsigned long long)(long long)value;
}

int main(int, char **argv) {
  std::mt19937_64 random(atoll(argv[1]));
  for (int i = 0; i < 100000; ++i) {
    ap_int<13> a = (long long)random();
    ap_uint<9> b = (long long)random();
    ap_int<1> c = (long long)random();
    ap_uint<1> d = (long long)random();
    ap_int<40> e = (long long)random();
    add(a + b);
    add(a - b);
    add(b - d);
    add(c + d);
    add(a + 1);
    add(a * b);
    add(b * b);
    add(c * a);
    add(a * -3);
    add(a & b);
    add(a | b);
    add(a ^ b);
    add(a < b);
    add(b < 3);
    add(a == -5);
    add(a >= c);
    add(d ? 1 : 0);
    add(ap_int<13>(a << ap_uint<4>(b)));
    add(a >> 3);
    add(a >> b);
    add(ap_uint<13>(a) >> ap_uint<13>(b));
    add(ap_int<8>(e));
    add(ap_uint<24>(ap_int<5>(e)));
    add(d ? ap_uint<4>(3) : ap_uint<4>(b));
    ap_uint<40> word;
    for (int l = 0; l < 5; ++l)
      word.range(l * 8 + 7, l * 8) = ap_int<8>(e >> l * 8);
    add(word);
    ap_int<8> byte = word.range(15, 8);
    add(byte);
    add(word.range(7, 4).to_int());
    ap_uint<100> wide("123456789abcdef012345", 16);
    wide.range(20, 8) = a;
    add(ap_uint<30>(wide.range(30, 1)));
  }
  hls::stream<ap_uint<9>> stream("words");
  stream.write(sum);
  stream.write(7);
  add(stream.read());
  add(stream.empty());
  add(stream.read());
  add(stream.empty());
  std::printf("%llx\n", sum);
}
