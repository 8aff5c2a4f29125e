//===- Store.cpp - tensors of a GGUF file as parameters ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Store.h"

#include "qnt/Support/Progress.h"

#include <cmath>
#include <cstring>

using namespace qnt;
using namespace qnt::gguf;

bool FileTensors::has(const std::string &name) const {
  return file.findTensor(name);
}

mlir::Type FileTensors::getType(const std::string &name,
                                llvm::ArrayRef<int64_t> shape,
                                mlir::MLIRContext *context) const {
  const Tensor *tensor = file.findTensor(name);
  if (!tensor)
    file.fail("no tensor '" + name + "'");
  if (llvm::ArrayRef<int64_t>(tensor->shape) != shape)
    file.fail("tensor '" + name + "' has the shape " +
              importer::formatShape(tensor->shape) + ", expected " +
              importer::formatShape(shape) + " by the metadata");
  return tensor->type->getType(shape, context);
}

std::vector<std::string> FileTensors::names() const {
  std::vector<std::string> result;
  for (const Tensor &tensor : file.tensors())
    result.push_back(tensor.name);
  llvm::sort(result);
  return result;
}

int64_t FileTensors::getSourceRow(const Tensor &tensor, int64_t row) const {
  auto it = interleaved.find(tensor.name);
  if (it == interleaved.end())
    return row;
  int64_t dim = it->second, feature = row % dim;
  int64_t half = feature / (dim / 2), pair = feature % (dim / 2);
  return row - feature + 2 * pair + half;
}

/// The parts of a stored tensor: docs/ir.md.
enum Part { Codes, Scales, Offsets };

static std::vector<params::SafeTensorsWriter::Entry>
getEntries(const Tensor &tensor) {
  const BlockType &type = *tensor.type;
  if (!type.isQuantized())
    return {{tensor.name, type.dtype, tensor.shape}};
  std::vector<int64_t> groups = tensor.shape;
  groups.back() /= type.group;
  std::vector<params::SafeTensorsWriter::Entry> entries = {
      {tensor.name + ".codes", type.dtype, tensor.shape},
      {tensor.name + ".scales", type.scale, groups}};
  if (type.hasOffsets)
    entries.push_back({tensor.name + ".offsets", params::DType::F32, groups});
  return entries;
}

/// Whether all of these floats are finite.
static bool areFinite(llvm::ArrayRef<std::byte> bytes, params::DType dtype) {
  bool finite = true;
  if (dtype == params::DType::F16) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + i, 2);
      finite &= (bits & 0x7c00) != 0x7c00;
    }
    return finite;
  }
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t bits;
    std::memcpy(&bits, bytes.data() + i, 4);
    finite &= (bits & 0x7f800000) != 0x7f800000;
  }
  return finite;
}

void FileTensors::writePart(const Tensor &tensor, int part,
                            params::SafeTensorsWriter &writer) const {
  const BlockType &type = *tensor.type;
  // A row is what a permutation moves: of vectors, an element.
  bool isVector = tensor.shape.size() == 1 && !type.isQuantized();
  int64_t length = isVector ? 1 : tensor.shape.back(), rows = 1;
  for (int64_t size : tensor.shape)
    rows *= size;
  rows /= length;
  int64_t blocks = length / type.elements, rowBytes = blocks * type.bytes;
  params::DType dtype = part == Codes    ? type.dtype
                        : part == Scales ? type.scale
                                         : params::DType::F32;
  int64_t blockOut = part == Codes ? type.elements : type.elements / type.group;
  blockOut *= params::byteWidth(dtype);
  // About a megabyte at a time.
  int64_t step = std::max<int64_t>(1, (int64_t(1) << 20) / (blocks * blockOut));
  std::vector<std::byte> buffer;
  for (int64_t first = 0; first < rows; first += step) {
    int64_t count = std::min(step, rows - first);
    buffer.resize(count * blocks * blockOut);
    std::byte *out = buffer.data();
    for (int64_t row = first; row < first + count; ++row) {
      const std::byte *in =
          tensor.bytes.data() + getSourceRow(tensor, row) * rowBytes;
      if (!type.isQuantized()) {
        std::memcpy(out, in, rowBytes);
        out += rowBytes;
        continue;
      }
      for (int64_t block = 0; block < blocks; ++block) {
        BlockOut wanted;
        if (part == Codes)
          wanted.codes = reinterpret_cast<uint8_t *>(out);
        else if (part == Scales)
          wanted.scales = out;
        else
          wanted.offsets = reinterpret_cast<float *>(out);
        type.unpack(in + block * type.bytes, wanted);
        out += blockOut;
      }
    }
    if (part != Codes && !areFinite(buffer, dtype))
      file.fail("tensor '" + tensor.name +
                "' has a scale that is not finite "
                "in rows " +
                std::to_string(first) + " to " +
                std::to_string(first + count - 1) + " of the store");
    writer.write(buffer);
    if (!interleaved.contains(tensor.name))
      file.release(tensor.bytes.subspan(first * rowBytes, count * rowBytes));
  }
}

std::string
FileTensors::write(const std::string &output,
                   llvm::function_ref<bool(llvm::StringRef)> wanted) const {
  std::vector<const Tensor *> chosen;
  std::vector<params::SafeTensorsWriter::Entry> entries;
  for (const Tensor &tensor : file.tensors()) {
    if (!wanted(tensor.name))
      continue;
    chosen.push_back(&tensor);
    llvm::append_range(entries, getEntries(tensor));
  }
  params::SafeTensorsWriter writer(output, std::move(entries));
  support::Progress progress("read tensors", int64_t(chosen.size()));
  for (const Tensor *tensor : chosen) {
    int parts = !tensor->type->isQuantized() ? 1
                : tensor->type->hasOffsets   ? 3
                                             : 2;
    for (int part = Codes; part < parts; ++part)
      writePart(*tensor, part, writer);
    progress.advance();
  }
  writer.finish();
  return writer.sha256();
}
