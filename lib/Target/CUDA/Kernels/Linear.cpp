//===- Linear.cpp - decode, dot, rescale, epilogue -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Decode.h"
#include "Epilogue.h"
#include "LinearStage.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

namespace {

/// Generates the code of one linear layer on integer activations.
class LinearEmitter {
public:
  LinearEmitter(KernelLibrary &lib, const LinearShape &shape,
                const LinearTile &tile)
      : lib(lib), shape(shape), tile(tile),
        g(FragmentGeometry::of(shape.weight,
                               cast<FragmentsAttr>(shape.weight.getLayout()))),
        stage(LinearStage::of(g, tile)), decoder(shape.weight),
        dot(decoder.isSigned() ? mmaS8S8 : mmaS8U8),
        features(shape.weight.getShape()[0]),
        inputs(shape.weight.getShape()[1]), epilogue(shape.epilogue, features),
        rowTiles(tile.blockM / tile.warpsM / dot.m),
        columnTiles(tile.blockN / tile.warpsN / dot.n) {}

  Kernel emit();

private:
  using Pair = Epilogue::Pair;
  using Values = KernelBuilder::Values;
  /// What the code of all chunks refers to.
  struct Context {
    Value x, scales, zeros, sums, weight, rows, out;
    ValueRange operands;
    Value firstRow, firstColumn, shared;
    /// The lane of the warp, and the warp's first row and column in the block.
    Value lane, warpRow, warpColumn;
    /// The lane's first row and column in a tile of sums.
    Value row, column;
  };

  std::string makeName() const;
  void emitBody(KernelBuilder &k, ValueRange args);
  Values emitChunk(KernelBuilder &k, const Context &context, Value at, Value c,
                   ValueRange state);
  void emitStep(KernelBuilder &k, const Context &context, Value at,
                int64_t step, MutableArrayRef<TileCodes> codes, Values &sums);
  void rescale(KernelBuilder &k, const Context &context, Value at, Value c,
               int64_t group, ArrayRef<Value> sums, Values &numbers);
  void finish(KernelBuilder &k, const Context &context, ValueRange state);
  /// What the sums of two columns count in a group, and what the sum of a row's
  /// activations counts less, where there are zero points or offsets.
  struct Scaling {
    Pair factor, less;
  };
  Scaling loadScaling(KernelBuilder &k, Value scales, Value zeros);
  Values loadRowSums(KernelBuilder &k, const Context &context, Value group);
  Value scale(KernelBuilder &k, const Scaling &scaling, unsigned column,
              Value sum, Value rowSum, Value number);
  /// Row `half` of tile `m` of the lane, in the tensor.
  Value getRow(KernelBuilder &k, const Context &context, int64_t m,
               int64_t half);

  bool isGrouped() const { return g.groups > 1; }
  bool hasInputZeros() const {
    return shape.input.hasZeros() || getRows().getExcess();
  }
  RowsAttr getRows() const { return cast<RowsAttr>(shape.input.getLayout()); }
  int64_t getSize() const { return rowTiles * columnTiles * 4; }
  static int64_t getIndex(int64_t tiles, int64_t m, int64_t n) {
    return (m * tiles + n) * 4;
  }
  int64_t stepsPerGroup() const {
    return FragmentGeometry::chunkInputs / dot.k / g.groupsPerChunk;
  }

  KernelLibrary &lib;
  const LinearShape &shape;
  const LinearTile &tile;
  FragmentGeometry g;
  LinearStage stage;
  Decoder decoder;
  const MatrixInstruction &dot;
  int64_t features, inputs;
  Epilogue epilogue;
  /// Tiles of the instruction that a warp computes.
  int64_t rowTiles, columnTiles;
};

std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// Two numbers of `element` that lie together.
Epilogue::Pair loadPair(KernelBuilder &k, Type element, Value at) {
  Value both = k.load(k.vec(element, 2), at,
                      unsigned(element.getIntOrFloatBitWidth() / 4));
  return {vector::ExtractOp::create(k.b, k.loc, both, 0),
          vector::ExtractOp::create(k.b, k.loc, both, 1)};
}

} // namespace

std::string LinearEmitter::makeName() const {
  QTensorType weight = shape.weight;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "linear_" << dot.name << "_" << weight.getFormat().getName() << "_"
     << (isGrouped() ? "g" + std::to_string(g.group) : std::string("channel"))
     << "_" << typeName(weight.getScaleType());
  if (weight.hasZeros())
    os << (weight.hasOffsets() ? "_offset" : "_zero");
  os << "_pad" << getRows().getPad();
  if (hasInputZeros())
    os << "_xzero";
  os << "_k" << inputs << "_n" << features << Epilogue::getName(shape.epilogue)
     << "_t" << tile.blockM << "x" << tile.blockN << "w" << tile.warpsM << "x"
     << tile.warpsN << "s" << tile.stages;
  return text;
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

/// The products of one k step of a chunk.
void LinearEmitter::emitStep(KernelBuilder &k, const Context &context, Value at,
                             int64_t step, MutableArrayRef<TileCodes> codes,
                             Values &sums) {
  // 16 rows of 32 bytes are 4 matrices: two of 8 rows, twice.
  Value row = k.remC(context.lane, 16);
  Value column = k.addC(k.divC(context.lane, 16), 2 * step);
  Value address =
      k.add(k.mulC(k.add(context.warpRow, row), LinearStage::rowBytes),
            k.mulC(LinearStage::swizzle(k, column, row), 16));
  SmallVector<Values> a;
  for (int64_t m = 0; m < rowTiles; ++m)
    a.push_back(k.loadMatrices(
        k.at(at, k.addC(address, m * dot.m * LinearStage::rowBytes)), 4));
  for (int64_t n = 0; n < columnTiles; ++n) {
    Values b;
    for (unsigned r = 0; r < dot.bRegisters; ++r)
      b.push_back(
          decoder.decodeBytes(k, g, codes[n], dot.bRegisters * step + r));
    for (int64_t m = 0; m < rowTiles; ++m) {
      int64_t index = getIndex(columnTiles, m, n);
      Values c(ArrayRef(sums).slice(index, 4));
      llvm::copy(k.multiply(dot, a[m], b, c), sums.begin() + index);
    }
  }
}

Value LinearEmitter::getRow(KernelBuilder &k, const Context &context, int64_t m,
                            int64_t half) {
  Value row = k.add(k.add(context.firstRow, context.warpRow), context.row);
  return k.addC(row, m * dot.m + half * 8);
}

/// The sums of the stored codes of the lane's rows over a group, where zero
/// points or offsets need them; of rows that do not exist, anything.
LinearEmitter::Values LinearEmitter::loadRowSums(KernelBuilder &k,
                                                 const Context &context,
                                                 Value group) {
  Values rowSums(2 * rowTiles);
  if (!g.zeroBytes)
    return rowSums;
  // The last chunk may have groups that do not exist.
  Value there = k.mulC(k.minC(group, g.groups - 1), 4);
  for (auto [i, sum] : llvm::enumerate(rowSums)) {
    Value row = getRow(k, context, int64_t(i) / 2, int64_t(i) % 2);
    Value at = k.atRow(context.sums, k.minS(row, k.addC(context.rows, -1)),
                       4 * g.groups);
    sum = k.sitofp(k.load(k.i32(), k.at(at, there), 4), k.f32());
  }
  return rowSums;
}

/// Of two neighbouring columns whose scales and zero points or offsets the
/// pointers point at.
LinearEmitter::Scaling LinearEmitter::loadScaling(KernelBuilder &k,
                                                  Value scales, Value zeros) {
  Scaling scaling;
  Pair scale = loadPair(k, shape.weight.getScaleType(), scales);
  for (unsigned i = 0; i < 2; ++i) {
    scale[i] = k.extF(scale[i]);
    scaling.factor[i] =
        k.mul(scale[i], k.cf32(1.0f / float(decoder.getFactor())));
  }
  if (!g.zeroBytes)
    return scaling;
  bool hasOffsets = shape.weight.hasOffsets();
  scaling.less = loadPair(k, hasOffsets ? k.f32() : k.i8(), zeros);
  for (unsigned i = 0; i < 2 && !hasOffsets; ++i) {
    Value &zero = scaling.less[i];
    zero = decoder.isSigned() ? k.sext(zero, k.i32()) : k.zext(zero, k.i32());
    zero = k.mul(scale[i], k.sitofp(zero, k.f32()));
  }
  return scaling;
}

/// `number` and what the i32 sum of products of a group counts.
Value LinearEmitter::scale(KernelBuilder &k, const Scaling &scaling,
                           unsigned column, Value sum, Value rowSum,
                           Value number) {
  number = k.fma(k.sitofp(sum, k.f32()), scaling.factor[column], number);
  return rowSum ? k.fma(k.negF(scaling.less[column]), rowSum, number) : number;
}

/// Adds the scaled sums of products of group `group` of the chunk.
void LinearEmitter::rescale(KernelBuilder &k, const Context &context, Value at,
                            Value c, int64_t group, ArrayRef<Value> sums,
                            Values &numbers) {
  int64_t scaleBytes = stage.scaleBytes / tile.blockN;
  int64_t zeroBytes = stage.zeroBytes / tile.blockN;
  Values rowSums =
      loadRowSums(k, context, k.addC(k.mulC(c, g.groupsPerChunk), group));
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value column = k.addC(k.add(context.warpColumn, context.column), n * dot.n);
    auto pointer = [&](int64_t first, int64_t lineBytes, int64_t bytes) {
      return k.at(at, k.addC(k.mulC(column, bytes), first + group * lineBytes));
    };
    Scaling scaling =
        loadScaling(k, pointer(stage.scalesAt, stage.scaleBytes, scaleBytes),
                    pointer(stage.zerosAt, stage.zeroBytes, zeroBytes));
    for (int64_t m = 0; m < rowTiles; ++m)
      for (int64_t i = 0; i < 4; ++i) {
        Value &number = numbers[getIndex(columnTiles, m, n) + i];
        number = scale(k, scaling, i % 2, sums[getIndex(columnTiles, m, n) + i],
                       rowSums[2 * m + i / 2], number);
      }
  }
}

/// One chunk in the stage at `at`; `state` are the i32 sums of a weight without
/// groups, otherwise the f32 numbers.
LinearEmitter::Values LinearEmitter::emitChunk(KernelBuilder &k,
                                               const Context &context, Value at,
                                               Value c, ValueRange state) {
  Values next(state);
  SmallVector<TileCodes> codes;
  Value firstTile = k.divC(context.warpColumn, dot.n);
  for (int64_t n = 0; n < columnTiles; ++n)
    codes.emplace_back(
        g,
        k.at(at,
             k.addC(k.mulC(k.addC(firstTile, n), g.tileBytes), stage.codesAt)),
        context.lane);
  Values none(getSize(), k.c32(0));
  Values sums = isGrouped() ? none : next;
  for (int64_t step = 0; step < FragmentGeometry::chunkInputs / dot.k; ++step) {
    emitStep(k, context, at, step, codes, sums);
    if (!isGrouped() || (step + 1) % stepsPerGroup())
      continue;
    rescale(k, context, at, c, step / stepsPerGroup(), sums, next);
    sums = none;
  }
  return isGrouped() ? next : sums;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void LinearEmitter::finish(KernelBuilder &k, const Context &context,
                           ValueRange state) {
  // Of each row: its scale and its zero point.
  Values rowScales, rowZeros, rows;
  for (int64_t i = 0; i < 2 * rowTiles; ++i) {
    rows.push_back(getRow(k, context, i / 2, i % 2));
    Value there = k.minS(rows.back(), k.addC(context.rows, -1));
    rowScales.push_back(k.load(k.f32(), k.atRow(context.scales, there, 4), 4));
    if (hasInputZeros())
      rowZeros.push_back(k.load(k.f32(), k.atRow(context.zeros, there, 4), 4));
  }
  Values rowSums;
  if (!isGrouped())
    rowSums = loadRowSums(k, context, k.c32(0));
  bool isPartial = features % tile.blockN != 0;
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value column = k.addC(
        k.add(k.add(context.firstColumn, context.warpColumn), context.column),
        n * dot.n);
    // Panels are padded, so that an even column and the next are there.
    Value there = k.minC(column, (features - 1) / 2 * 2);
    Value panel =
        k.atRow(context.weight, k.divC(there, g.columns), g.panelBytes);
    Value inPanel = k.remC(there, g.columns);
    auto pointer = [&](int64_t first, int64_t bytes) {
      return k.at(panel, k.addC(k.mulC(inPanel, bytes), first));
    };
    Scaling scaling;
    if (!isGrouped())
      scaling = loadScaling(k, pointer(g.scalesAt, g.scaleBytes / g.columns),
                            pointer(g.zerosAt, g.zeroBytes / g.columns));
    Pair columnSums;
    if (hasInputZeros())
      columnSums = loadPair(k, k.f32(), pointer(g.sumsAt, 4));
    SmallVector<Pair> prepared = epilogue.prepare(k, context.operands, column);
    for (auto [i, row] : llvm::enumerate(rows)) {
      Value exists = k.ltS(row, context.rows);
      if (isPartial)
        exists = k.band(exists, k.ltS(column, k.c32(int32_t(features))));
      k.ifThen(exists, [&] {
        Pair numbers;
        for (unsigned j = 0; j < 2; ++j) {
          Value number =
              state[getIndex(columnTiles, int64_t(i) / 2, n) + i % 2 * 2 + j];
          if (!isGrouped())
            number = scale(k, scaling, j, number, rowSums[i], k.cf32(0));
          if (hasInputZeros())
            number = k.fma(k.negF(rowZeros[i]), columnSums[j], number);
          numbers[j] = k.mul(number, rowScales[i]);
        }
        epilogue.emit(k, context.operands, context.out, row, column, numbers,
                      prepared);
      });
    }
  }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void LinearEmitter::emitBody(KernelBuilder &k, ValueRange args) {
  Context context{args[0], args[1], args[2], args[3],
                  args[4], args[5], args[6], args.drop_front(7),
                  {},      {},      {},      {},
                  {},      {},      {},      {}};
  context.firstRow = k.mulC(k.blockId(gpu::Dimension::y), tile.blockM);
  context.firstColumn = k.mulC(k.blockId(gpu::Dimension::x), tile.blockN);
  context.shared = k.shared();
  Value thread = k.threadId();
  Value warp = k.divC(thread, kWarp);
  context.lane = k.remC(thread, kWarp);
  context.warpRow =
      k.mulC(k.divC(warp, tile.warpsN), tile.blockM / tile.warpsM);
  context.warpColumn =
      k.mulC(k.remC(warp, tile.warpsN), tile.blockN / tile.warpsN);
  std::tie(context.row, context.column) = k.locate(dot.cMap, context.lane);

  int64_t rowBytes = llvm::alignTo(inputs, getRows().getPad());
  LinearCopies copies(k, g, tile,
                      {context.x, context.rows, rowBytes, context.weight,
                       features, context.firstRow, context.firstColumn});
  for (int64_t s = 0; s < tile.stages - 1; ++s) {
    if (s < g.chunks)
      copies.start(k, k.at(context.shared, k.c32(int32_t(s * stage.bytes))),
                   k.c32(int32_t(s)));
    k.commitCopies();
  }
  Value zero = isGrouped() ? k.cf32(0) : k.c32(0);
  Values state(getSize(), zero);
  // The stage that is read, and the one before it, which is written.
  int64_t last = (tile.stages - 1) * stage.bytes;
  state.push_back(k.c32(0));
  state.push_back(k.c32(int32_t(last)));
  auto body = [&](Value c, ValueRange carried) {
    Value reads = carried[getSize()], writes = carried[getSize() + 1];
    k.waitCopies(unsigned(tile.stages - 2));
    k.barrier();
    Value ahead = k.addC(c, tile.stages - 1);
    k.ifThen(k.ltS(ahead, k.c32(int32_t(g.chunks))),
             [&] { copies.start(k, k.at(context.shared, writes), ahead); });
    k.commitCopies();
    Values next = emitChunk(k, context, k.at(context.shared, reads), c,
                            carried.take_front(getSize()));
    Value isLast = k.eq(reads, k.c32(int32_t(last)));
    next.push_back(k.select(isLast, k.c32(0), k.addC(reads, stage.bytes)));
    next.push_back(reads);
    return next;
  };
  state = k.loop(k.c32(0), k.c32(int32_t(g.chunks)), 1, state, body);
  finish(k, context, ValueRange(state).take_front(getSize()));
}

Kernel LinearEmitter::emit() {
  OpBuilder types(lib.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext(), kGlobal);
  // x, scales, zeros, sums, weight, rows, result, operands.
  SmallVector<Type> args(5, pointer);
  args.push_back(types.getI32Type());
  args.append(1 + Epilogue::getNumOperands(shape.epilogue), pointer);
  Kernel kernel;
  kernel.threads = tile.getThreads();
  kernel.sharedBytes = tile.stages * stage.bytes;
  kernel.code = lib.get(
      makeName(), args, kernel.threads, /*minBlocks=*/1,
      [&](KernelBuilder &k, ValueRange values) { emitBody(k, values); });
  return kernel;
}

Kernel qnt::cuda::getLinearKernel(KernelLibrary &lib, const LinearShape &shape,
                                  const LinearTile &tile) {
  return LinearEmitter(lib, shape, tile).emit();
}
