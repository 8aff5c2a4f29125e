//===- cuda-elementwise.cpp - elementwise kernels in the emulator --------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Bodies of linalg ops with inputs that are broadcast, and nn ops, against the
// interpreter; copies of boxes, to be equal.
//===----------------------------------------------------------------------===//
#include "InterpreterTest.h"
#include "KernelTest.h"

#include "lib/Target/CUDA/Kernels/Elementwise.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;

using Floats = std::vector<float>;
using Spec = cuda::ElementwiseSpec;
using Stride = Spec::Stride;

namespace {
/// A body with inputs of f32, %a and %b, and what it gives, %y of `result`.
struct Body {
  const char *text;
  const char *result = "f32";
  double limit = 0, relative = 0;
};
} // namespace

static const Body bodies[] = {
    {"%y = arith.addf %a, %b : f32"},
    {"%m = arith.maximumf %a, %b : f32\n%y = arith.negf %m : f32"},
    {"%n = arith.negf %a : f32\n%e = math.exp %n : f32\n"
     "%one = arith.constant 1.0 : f32\n%d = arith.addf %one, %e : f32\n"
     "%s = arith.divf %a, %d : f32\n%y = arith.mulf %s, %b : f32",
     "f32", 1e-6, 2e-6},
    {"%e = math.erf %a : f32\n%t = math.tanh %b : f32\n"
     "%y = arith.subf %e, %t : f32",
     "f32", 8e-7},
    {"%m = math.absf %a : f32\n%r = math.sqrt %m : f32\n"
     "%f = math.floor %b : f32\n%c = math.ceil %b : f32\n"
     "%s = arith.addf %f, %c : f32\n%y = arith.mulf %r, %s : f32",
     "f32", 1e-6, 1e-6},
    {"%c = arith.cmpf olt, %a, %b : f32\n"
     "%y = arith.select %c, %a, %b : f32"},
    {"%h = arith.truncf %a : f32 to f16\n%g = arith.truncf %b : f32 to f16\n"
     "%s = arith.addf %h, %g : f16\n%y = arith.extf %s : f16 to f32"},
    {"%k = arith.constant 100.0 : f32\n%s = arith.mulf %a, %k : f32\n"
     "%i = arith.fptosi %s : f32 to i32\n"
     "%u = arith.fptosi %b : f32 to i32\n"
     "%q = arith.divsi %i, %u : i32\n%r = arith.remsi %i, %u : i32\n"
     "%x = arith.xori %q, %r : i32\n%y = arith.sitofp %x : i32 to f32"},
    {"%n = math.isnan %a : f32\n%l = arith.cmpf ogt, %b, %a : f32\n"
     "%y = arith.ori %n, %l : i1",
     "i1"},
};

static std::string testBody(MLIRContext &context, const Body &body,
                            ArrayRef<int64_t> extents,
                            std::mt19937_64 &random) {
  unsigned loops = extents.size();
  Spec spec;
  spec.loops = loops;
  spec.isWide = extents.back() % 4 == 0;
  OpBuilder b(&context);
  std::vector<Floats> inputs;
  std::vector<interp::Datum> args;
  std::vector<std::string> types, maps;
  std::vector<std::vector<int64_t>> steps;
  std::string dims;
  for (unsigned loop = 0; loop < loops; ++loop)
    dims += (loop ? ", d" : "d") + std::to_string(loop);
  for (unsigned input = 0; input < 2; ++input) {
    SmallVector<int64_t> shape;
    std::vector<int64_t> strides(loops);
    std::string map;
    int64_t size = 1;
    for (unsigned loop = loops; loop-- > 0;) {
      // Some loops do not move the second input.
      if (input == 1 && random() % 3 == 0)
        continue;
      strides[loop] = size;
      size *= extents[loop];
      shape.insert(shape.begin(), extents[loop]);
      map = "d" + std::to_string(loop) + (map.empty() ? "" : ", ") + map;
    }
    // Rows of what does not have the innermost loop begin anywhere.
    Spec::Operand operand{b.getF32Type(), {}};
    for (auto [loop, stride] : llvm::enumerate(strides))
      operand.strides.push_back(stride == 0 ? Stride::Zero
                                : loop + 1 == loops && stride == 1
                                    ? Stride::One
                                    : Stride::Runtime);
    spec.inputs.push_back(operand);
    inputs.push_back(drawFloats(random, size, 2));
    if (size > 3)
      inputs.back()[random() % size] = std::nanf("");
    args.push_back(floats(shape, inputs.back()));
    types.push_back(getType(shape));
    maps.push_back("affine_map<(" + dims + ") -> (" + map + ")>");
    steps.push_back(strides);
  }
  std::string out = getType(extents, body.result);
  std::string iterators = "\"parallel\"";
  for (unsigned loop = 1; loop < loops; ++loop)
    iterators += ", \"parallel\"";
  std::string text = llvm::formatv(
      "func.func @f(%lhs: {0}, %rhs: {1}) -> {2} {{\n%init = tensor.empty() : "
      "{2}\n"
      "%result = linalg.generic {{indexing_maps = [{3}, {4}, affine_map<({5}) "
      "-> "
      "({5})>], iterator_types = [{6}]} ins(%lhs, %rhs : {0}, {1}) outs(%init "
      ": "
      "{2}) "
      "{{\n^bb0(%a: f32, %b: f32, %o: {7}):\n{8}\nlinalg.yield %y : {7}\n} -> "
      "{2}\nreturn %result : {2}\n}",
      types[0], types[1], out, maps[0], maps[1], dims, iterators, body.result,
      body.text);
  auto result = std::get<interp::Tensor>(interpret(context, text, args)[0]);
  Floats want = std::string(body.result) == "i1" ? Floats() : result.toFloats();
  if (want.empty())
    for (int64_t i = 0; i < result.size(); ++i)
      want.push_back(float(result.getInt(i) != 0));

  auto module = parseSourceString<ModuleOp>(text, &context);
  std::string error;
  module->walk(
      [&](linalg::GenericOp op) { error = spec.addBody(*op.getBody()); });
  bool isTruth = std::string(body.result) == "i1";
  SmallVector<Stride> dense(loops, Stride::Runtime);
  dense.back() = Stride::One;
  spec.results.push_back(
      {isTruth ? Type(b.getI1Type()) : Type(b.getF32Type()), dense});
  if (error.empty())
    error = spec.check();
  if (!error.empty())
    return error;
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getElementwiseKernel(library, spec);
  });
  Floats got(want.size(), -5);
  std::vector<uint8_t> truths(want.size(), 77);
  launcher.set("in0", inputs[0]);
  launcher.set("in1", inputs[1]);
  if (isTruth)
    launcher.set("out0", truths);
  else
    launcher.set("out0", got);
  int64_t points = 1;
  for (int64_t extent : extents)
    points *= extent;
  launcher.set("points", points);
  int64_t below = points;
  for (unsigned loop = 0; loop < loops; ++loop) {
    below /= extents[loop];
    std::string number = std::to_string(loop);
    if (loop)
      launcher.set("extent" + number, extents[loop]);
    for (unsigned i = 0; i < 2; ++i)
      if (spec.inputs[i].strides[loop] == Stride::Runtime)
        launcher.set("in" + std::to_string(i) + "_stride" + number,
                     steps[i][loop]);
    if (loop + 1 < loops)
      launcher.set("out0_stride" + number, below);
  }
  error = launcher.run();
  if (isTruth)
    got.assign(truths.begin(), truths.end());
  return error.empty() ? compare(got, want, body.limit, body.relative) : error;
}

/// nn.add of [rows, n] and [n], then an activation, then a clamp, as lowerings
/// put them together.
static std::string testChain(MLIRContext &context, StringRef activation,
                             std::mt19937_64 &random) {
  int64_t rows = draw(random, 1, 9), n = draw(random, 1, 90);
  Floats x = drawFloats(random, rows * n, 3), y = drawFloats(random, n);
  std::string text = llvm::formatv(
      "func.func @f(%x: {0}, %y: {1}) -> {0} {{\n%s = nn.add %x, %y : {0}, "
      "{1}\n%a = nn.activation {2} %s : {0}\n"
      "%c = nn.clamp %a low -0.5 high 1.5 : {0}\nreturn %c : {0}\n}",
      getType({rows, n}), getType({n}), activation);
  Floats want =
      interpretFloats(context, text, {floats({rows, n}, x), floats({n}, y)});
  OpBuilder b(&context);
  Type f32 = b.getF32Type();
  Spec spec;
  spec.loops = 2;
  spec.isWide = n % 4 == 0;
  spec.inputs = {{f32, {Stride::Runtime, Stride::One}},
                 {f32, {Stride::Zero, Stride::One}}};
  spec.results = {{f32, {Stride::Runtime, Stride::One}}};
  unsigned sum = spec.addStep("nn.add", {0, 1}, f32);
  unsigned active = spec.addStep(
      "nn.activation", {sum}, f32,
      b.getDictionaryAttr(b.getNamedAttr("kind", b.getStringAttr(activation))));
  spec.yields = {spec.addStep(
      "nn.clamp", {active}, f32,
      b.getDictionaryAttr({b.getNamedAttr("low", b.getF32FloatAttr(-0.5)),
                           b.getNamedAttr("high", b.getF32FloatAttr(1.5))}))};
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getElementwiseKernel(library, spec);
  });
  Floats got(want.size(), -5);
  launcher.set("in0", x);
  launcher.set("in1", y);
  launcher.set("out0", got);
  launcher.set("points", rows * n);
  launcher.set("extent1", n);
  launcher.set("in0_stride0", n);
  launcher.set("out0_stride0", n);
  std::string error = launcher.run();
  return error.empty() ? compare(got, want, 1e-6, 2e-6) : error;
}

/// A box out of a tensor to a box of another, dimensions exchanged.
static std::string testCopy(MLIRContext &context, std::mt19937_64 &random) {
  SmallVector<int64_t> size, from, to;
  for (int i = 0; i < 3; ++i)
    size.push_back(draw(random, 1, 9));
  SmallVector<int64_t> order{0, 1, 2};
  std::shuffle(order.begin(), order.end(), random);
  std::vector<int16_t> source(20 * 20 * 20);
  std::iota(source.begin(), source.end(), int16_t(1));
  std::vector<int16_t> got(source.size(), -1), want(got);
  SmallVector<int64_t> strides{400, 20, 1};
  for (int64_t i : order)
    to.push_back(strides[i]);
  from = strides;
  // The result's innermost dimension may be any.
  Type i16 = IntegerType::get(&context, 16);
  Spec spec;
  spec.loops = 3;
  spec.inputs = {{i16, SmallVector<Stride>(3, Stride::Runtime)}};
  spec.results = spec.inputs;
  spec.yields = {0};
  for (int64_t i = 0; i < size[0]; ++i)
    for (int64_t j = 0; j < size[1]; ++j)
      for (int64_t k = 0; k < size[2]; ++k)
        want[i * to[0] + j * to[1] + k * to[2]] =
            source[i * from[0] + j * from[1] + k * from[2]];
  Launcher launcher(context, [&](cuda::KernelLibrary &library) {
    return cuda::getElementwiseKernel(library, spec);
  });
  launcher.set("in0", source);
  launcher.set("out0", got);
  launcher.set("points", size[0] * size[1] * size[2]);
  launcher.set("extent1", size[1]);
  launcher.set("extent2", size[2]);
  for (int i = 0; i < 3; ++i) {
    launcher.set("in0_stride" + std::to_string(i), from[i]);
    launcher.set("out0_stride" + std::to_string(i), to[i]);
  }
  std::string error = launcher.run();
  return error.empty() && got != want ? "numbers differ" : error;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (const Body &body : bodies)
    for (int loops : {1, 2, 3}) {
      SmallVector<int64_t> extents;
      for (int i = 0; i < loops; ++i)
        extents.push_back(draw(random, 1, 12));
      // Rows of a broadcast operand are to begin at a multiple of four.
      if (random() % 2)
        extents.back() = 4 * draw(random, 1, 9);
      std::string name = body.text;
      llvm::raw_string_ostream(name) << " on " << extents.size() << " loops";
      report.add(name,
                 [&] { return testBody(*context, body, extents, random); });
    }
  for (const char *activation :
       {"relu", "gelu", "gelu_tanh", "silu", "tanh", "sigmoid"})
    report.add(activation,
               [&] { return testChain(*context, activation, random); });
  for (int i = 0; i < 3; ++i)
    report.add("copy", [&] { return testCopy(*context, random); });
  return report.getExitStatus();
}
