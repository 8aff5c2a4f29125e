//===- AmxEmulator.cpp - AMX where the processor lacks it -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AmxEmulator.h"

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ucontext.h>
#include <unistd.h>

namespace {

constexpr int kTiles = 8, kMaxRows = 16, kMaxBytes = 64;

struct Tile {
  uint8_t bytes[kMaxRows][kMaxBytes];
  int rows, columnBytes;
};

/// The tile file of a thread. Palette 0: not configured.
struct TileFile {
  Tile tiles[kTiles];
  int palette, startRow;
};
thread_local TileFile file;

[[noreturn]] void fault(const char *why) {
  char line[200];
  int length = std::snprintf(line, sizeof(line), "AMX: %s\n", why);
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line, length);
  _exit(4);
}
void require(bool condition, const char *why) {
  if (!condition)
    fault(why);
}

/// One instruction: VEX.128 of three bytes, map 0F38, W0.
struct Instruction {
  enum Prefix { NP, P66, PF3, PF2 };
  Prefix prefix;
  uint8_t opcode;
  /// ModRM's fields, and the register in VEX.vvvv.
  int mod, reg, rm, third;
  /// What a memory operand refers to; `index` is scaled.
  uint64_t base = 0, index = 0;
  bool hasIndex = false, hasSIB = false;
  int length;
};

/// Numbers of registers in instructions, as ucontext has them.
constexpr int kRegisters[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

Instruction decode(const uint8_t *code, const greg_t *registers) {
  Instruction result{};
  require(code[0] == 0xc4 && (code[1] & 0x1f) == 2 && !(code[2] & 0x80) &&
              !(code[2] & 0x04),
          "an illegal instruction of another kind");
  bool extendReg = !(code[1] & 0x80), extendIndex = !(code[1] & 0x40),
       extendBase = !(code[1] & 0x20);
  result.prefix = Instruction::Prefix(code[2] & 3);
  result.third = ~(code[2] >> 3) & 15;
  result.opcode = code[3];
  uint8_t modRM = code[4];
  result.mod = modRM >> 6;
  result.reg = (modRM >> 3 & 7) + 8 * extendReg;
  result.rm = modRM & 7;
  const uint8_t *next = code + 5;
  auto registerValue = [&](int number) {
    return uint64_t(registers[kRegisters[number]]);
  };
  auto displacement = [&](int bytes) {
    int32_t value = 0;
    if (bytes == 1)
      value = int8_t(*next);
    else
      std::memcpy(&value, next, 4);
    next += bytes;
    return uint64_t(int64_t(value));
  };
  if (result.mod == 3) {
    result.rm += 8 * extendBase;
    result.length = int(next - code);
    return result;
  }
  int base = result.rm;
  if (base == 4) {
    uint8_t sib = *next++;
    result.hasSIB = true;
    base = sib & 7;
    int index = (sib >> 3 & 7) + 8 * extendIndex;
    result.hasIndex = index != 4;
    if (result.hasIndex)
      result.index = registerValue(index) << (sib >> 6);
  }
  if (result.mod == 0 && base == 5) {
    result.base = displacement(4);
    if (!result.hasSIB) // Relative to the next instruction.
      result.base += uint64_t(uintptr_t(next));
  } else {
    result.base = registerValue(base + 8 * extendBase);
    if (result.mod)
      result.base += displacement(result.mod == 1 ? 1 : 4);
  }
  result.length = int(next - code);
  return result;
}

/// Bytes of a configuration: palette, first row, 14 of zeros, 16-bit bytes a
/// row of 16 tiles, rows of 16 tiles.
void loadConfiguration(const uint8_t *memory) {
  uint8_t config[64];
  std::memcpy(config, memory, sizeof(config));
  TileFile next{};
  next.palette = config[0];
  if (next.palette == 0) {
    file = next;
    return;
  }
  require(next.palette == 1, "LDTILECFG: no such palette");
  next.startRow = config[1];
  for (int i = 2; i < 16; ++i)
    require(config[i] == 0, "LDTILECFG: reserved bytes are not zero");
  for (int t = 0; t < 16; ++t) {
    uint16_t columnBytes;
    std::memcpy(&columnBytes, config + 16 + 2 * t, 2);
    int rows = config[48 + t];
    if (t >= kTiles) {
      require(!columnBytes && !rows, "LDTILECFG: there are 8 tiles");
      continue;
    }
    require(columnBytes <= kMaxBytes, "LDTILECFG: more than 64 bytes a row");
    require(rows <= kMaxRows, "LDTILECFG: more than 16 rows");
    require((columnBytes == 0) == (rows == 0),
            "LDTILECFG: rows without columns, or columns without rows");
    next.tiles[t].rows = rows;
    next.tiles[t].columnBytes = columnBytes;
  }
  file = next;
}

void storeConfiguration(uint8_t *memory) {
  uint8_t config[64] = {};
  config[0] = uint8_t(file.palette);
  config[1] = uint8_t(file.startRow);
  for (int t = 0; t < kTiles; ++t) {
    auto columnBytes = uint16_t(file.tiles[t].columnBytes);
    std::memcpy(config + 16 + 2 * t, &columnBytes, 2);
    config[48 + t] = uint8_t(file.tiles[t].rows);
  }
  std::memcpy(memory, config, sizeof(config));
}

Tile &getTile(int number) {
  require(file.palette, "tiles are not configured");
  require(number < kTiles, "there are 8 tiles");
  require(file.tiles[number].rows, "a tile that is not configured");
  return file.tiles[number];
}

void load(const Instruction &in) {
  Tile &tile = getTile(in.reg);
  int first = file.startRow;
  require(first < tile.rows, "TILELOADD: starts beyond the rows");
  std::memset(tile.bytes, 0, sizeof(tile.bytes));
  for (int row = first; row < tile.rows; ++row)
    std::memcpy(tile.bytes[row],
                reinterpret_cast<const void *>(in.base + in.index * row),
                tile.columnBytes);
  file.startRow = 0;
}

void store(const Instruction &in) {
  Tile &tile = getTile(in.reg);
  int first = file.startRow;
  require(first < tile.rows, "TILESTORED: starts beyond the rows");
  for (int row = first; row < tile.rows; ++row)
    std::memcpy(reinterpret_cast<void *>(in.base + in.index * row),
                tile.bytes[row], tile.columnBytes);
  file.startRow = 0;
}

void multiply(const Instruction &in) {
  Tile &sums = getTile(in.reg), &left = getTile(in.rm),
       &right = getTile(in.third);
  require(&sums != &left && &sums != &right && &left != &right,
          "TDP: one tile twice");
  require(!(left.columnBytes % 4) && !(right.columnBytes % 4) &&
              !(sums.columnBytes % 4),
          "TDP: rows of no multiple of 4 bytes");
  require(left.rows == sums.rows, "TDP: rows differ");
  require(right.columnBytes == sums.columnBytes, "TDP: columns differ");
  require(left.columnBytes / 4 == right.rows, "TDP: inputs differ");
  // NP: both unsigned; 66: the second operand alone; F3: the first; F2: both
  // signed.
  bool leftSigned =
      in.prefix == Instruction::PF3 || in.prefix == Instruction::PF2;
  bool rightSigned =
      in.prefix == Instruction::P66 || in.prefix == Instruction::PF2;
  auto number = [](uint8_t byte, bool isSigned) {
    return isSigned ? int32_t(int8_t(byte)) : int32_t(byte);
  };
  for (int m = 0; m < sums.rows; ++m) {
    for (int n = 0; n < sums.columnBytes / 4; ++n) {
      uint32_t sum;
      std::memcpy(&sum, &sums.bytes[m][4 * n], 4);
      for (int k = 0; k < right.rows; ++k)
        for (int i = 0; i < 4; ++i)
          sum += uint32_t(number(left.bytes[m][4 * k + i], leftSigned) *
                          number(right.bytes[k][4 * n + i], rightSigned));
      std::memcpy(&sums.bytes[m][4 * n], &sum, 4);
    }
    std::memset(&sums.bytes[m][sums.columnBytes], 0,
                kMaxBytes - sums.columnBytes);
  }
  for (int m = sums.rows; m < kMaxRows; ++m)
    std::memset(sums.bytes[m], 0, kMaxBytes);
}

void execute(const Instruction &in) {
  bool isMemory = in.mod != 3;
  bool usesThird = in.opcode == 0x5e;
  require(usesThird || in.third == 0, "VEX.vvvv must be 1111");
  if (in.opcode == 0x49 && isMemory && in.reg == 0 &&
      in.prefix == Instruction::NP)
    return loadConfiguration(
        reinterpret_cast<const uint8_t *>(in.base + in.index));
  if (in.opcode == 0x49 && isMemory && in.reg == 0 &&
      in.prefix == Instruction::P66)
    return storeConfiguration(reinterpret_cast<uint8_t *>(in.base + in.index));
  if (in.opcode == 0x49 && !isMemory && in.prefix == Instruction::NP &&
      in.reg == 0 && in.rm == 0) {
    file = {};
    return;
  }
  if (in.opcode == 0x49 && !isMemory && in.prefix == Instruction::PF2 &&
      in.rm == 0) {
    Tile &tile = getTile(in.reg);
    std::memset(tile.bytes, 0, sizeof(tile.bytes));
    return;
  }
  if (in.opcode == 0x4b && isMemory && in.hasSIB) {
    if (in.prefix == Instruction::PF2 || in.prefix == Instruction::P66)
      return load(in);
    if (in.prefix == Instruction::PF3)
      return store(in);
  }
  if (in.opcode == 0x5e && !isMemory)
    return multiply(in);
  fault("an illegal instruction of another kind");
}

void handle(int, siginfo_t *, void *context) {
  greg_t *registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  auto *code = reinterpret_cast<const uint8_t *>(registers[REG_RIP]);
  Instruction instruction = decode(code, registers);
  execute(instruction);
  registers[REG_RIP] += instruction.length;
}

} // namespace

void qnt::test::emulateAMX() {
  struct sigaction action{};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}
