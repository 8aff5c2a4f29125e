//===- AllocationPage.cpp - a page about formats -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationPage.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/MappedFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace qnt;

/// AllocationPage.html.
static const char pageTemplate[] = {
#include "AllocationPage.inc"
};

static void replaceAll(std::string &text, llvm::StringRef what,
                       llvm::StringRef by) {
  for (size_t at = 0; (at = text.find(what.str(), at)) != std::string::npos;
       at += by.size())
    text.replace(at, what.size(), by.str());
}

void qnt::writeAllocationPage(const std::string &report,
                              const std::string &model,
                              const std::string &page) {
  support::MappedFile file(report);
  std::string data(reinterpret_cast<const char *>(file.bytes().data()),
                   file.bytes().size());
  // Nothing in the data ends the element that holds it.
  replaceAll(data, "<", "\\u003c");
  std::string name;
  llvm::raw_string_ostream stream(name);
  llvm::printHTMLEscaped(model, stream);
  std::string text(pageTemplate, sizeof(pageTemplate));
  replaceAll(text, "@MODEL@", name);
  replaceAll(text, "@DATA@", data);
  support::writeFileAtomically(page, text);
}
