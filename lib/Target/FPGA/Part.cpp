//===- Part.cpp - FPGAs that designs are made for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Part.h"

#include "qnt/Support/Names.h"

#include "llvm/ADT/STLExtras.h"

using namespace qnt::fpga;

// Name, device, family, DSPs, LUTs, block RAMs.
static constexpr Part parts[] = {
    {"xc7a35t", "xc7a35tcpg236-1", "xc7", 90, 20800, 50},
    {"xc7a100t", "xc7a100tcsg324-1", "xc7", 240, 63400, 135},
    {"xc7a200t", "xc7a200tfbg676-2", "xc7", 740, 134600, 365},
    {"xc7z010", "xc7z010clg400-1", "xc7", 80, 17600, 60},
    {"xc7z020", "xc7z020clg400-1", "xc7", 220, 53200, 140},
    {"xc7z045", "xc7z045ffg900-2", "xc7", 900, 218600, 545},
};

llvm::ArrayRef<Part> qnt::fpga::getParts() { return parts; }

const Part *qnt::fpga::findPart(llvm::StringRef name) {
  const Part *found =
      llvm::find_if(parts, [&](const Part &part) { return part.name == name; });
  return found == std::end(parts) ? nullptr : found;
}

std::string qnt::fpga::describeUnknownPart(llvm::StringRef name) {
  static constexpr llvm::StringLiteral ultraScale[] = {"xczu", "xcku", "xcvu",
                                                       "xcau"};
  const bool isUltraScale =
      llvm::any_of(ultraScale, [&](llvm::StringRef family) {
        return name.starts_with(family);
      });
  std::string text =
      (isUltraScale ? "part '" : "unknown part '") + name.str() + "'" +
      (isUltraScale ? " is of an UltraScale family, of whose DSPs, of 27 by 18 "
                      "bits, and URAM designs are not made yet"
                    : "") +
      ", expected one of";
  std::vector<std::string> names;
  for (const Part &part : parts) {
    names.push_back(part.name.str());
    text += (&part == parts ? " " : ", ") + names.back();
  }
  if (isUltraScale)
    return text;
  return text + "; the nearest is '" + support::findNearest(name.str(), names) +
         "'";
}
