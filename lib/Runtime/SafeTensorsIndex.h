//===- SafeTensorsIndex.h - where tensors lie in a safetensors file ------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_SAFETENSORSINDEX_H
#define QNT_LIB_RUNTIME_SAFETENSORSINDEX_H

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace qnt::runtime {

/// The bytes of every tensor of a safetensors file
/// (https://github.com/huggingface/safetensors, format 0.4) that lies whole in
/// `file`. Dtypes and shapes are the compiler's and the compiled code's own
/// affair; here only the extents are checked. Throws Error that names `path`
/// and the tensor.
std::map<std::string, std::span<const std::byte>>
indexSafeTensors(const std::string &path, std::span<const std::byte> file);

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_SAFETENSORSINDEX_H
