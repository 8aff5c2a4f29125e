//===- ActivationSites.h - where activations are quantised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_ACTIVATIONSITES_H
#define QNT_ANALYSIS_ACTIVATIONSITES_H

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// Values that are quantised alike.
struct ActivationSite {
  /// The module path of the first layer that takes it, or "linear.N", "conv.N"
  /// where it has none; of a site that no layer takes, the path of the op that
  /// makes it and ".output". Calibration and quantisation meet by this name; a
  /// layer that several entry points hold, such as the head, has one name and
  /// so one range in all of them.
  std::string name;
  /// One, or in functions with convolutions all that tensor.concat joins.
  llvm::SmallVector<mlir::Value> values;
  /// The nn.linear and nn.conv with a parameter expression as weight whose
  /// input it is; in functions with convolutions, also by way of ops that move
  /// numbers (see there).
  llvm::SmallVector<mlir::Operation *> layers;
  /// Of codes that arithmetic in integers needs between layers, how many bits
  /// they have, with a sign and without zero point; 0: as the layers want.
  unsigned bits = 0;
};

/// The sites of a module: of each function, in the order of their first layers.
/// A value seen through `qnt.observe` counts as the observed one. In functions
/// without convolutions, a site is a value that linear layers take as input; in
/// others see collectImageSites. With `integers`, see collectBlockSites.
llvm::SmallVector<ActivationSite> collectActivationSites(mlir::ModuleOp module,
                                                         bool integers = false);

/// The sites of a function without convolutions whose arithmetic is to be in
/// integers: the inputs of its linear layers and, beginning there, what
/// operations between layers compute them from. Operands of nn.rms_norm,
/// nn.rope and nn.add have 16 bits, but for a layer's result that is added;
/// those of nn.attention, and of nn.activation but for relu of a layer's
/// result, 8; of nn.mul 16 where nn.activation gives them, else 8.
///
/// A sum that a private function returns counts as an operand of nn.add.
llvm::SmallVector<ActivationSite>
collectBlockSites(mlir::func::FuncOp function);

/// Keys that go into a cache.
struct KeySite {
  /// The module path of the attention and ".keys"; "attention.N.keys" where it
  /// has none.
  std::string name;
  nn::AttentionOp attention;
};
llvm::SmallVector<KeySite> collectKeySites(mlir::ModuleOp module);

/// Whether a function holds a convolution with a parameter as weight.
bool hasConvolutions(mlir::func::FuncOp function);

/// The linear layers whose result an entry point returns, directly or through
/// calls, casts and choices of rows.
llvm::SmallVector<nn::LinearOp> collectHeads(mlir::ModuleOp module);

} // namespace qnt

#endif // QNT_ANALYSIS_ACTIVATIONSITES_H
