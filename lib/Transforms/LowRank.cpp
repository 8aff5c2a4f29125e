//===- LowRank.cpp - the best matrix of a given rank -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LowRank.h"

#include "Blas.h"

#include "qnt/Params/SafeTensors.h"

#include <algorithm>
#include <cmath>
#include <lapacke.h>

using namespace qnt;
using llvm::ArrayRef;
using Matrix = std::vector<double>;

/// Rows of a tall matrix that are in double at once.
static constexpr int64_t blockRows = 1024;

/// The `count` largest eigenvalues of a symmetric matrix, ascending, and the
/// rows of `vectors`, [count, size]. The matrix is spoilt.
static Matrix findLargest(Matrix &symmetric, int64_t size, int64_t count,
                          Matrix &vectors) {
  Matrix values(size);
  vectors.resize(size * count);
  std::vector<lapack_int> support(2 * count);
  lapack_int found = 0;
  // Columns of theirs are our rows.
  lapack_int info =
      LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', size, symmetric.data(),
                     size, 0.0, 0.0, size - count + 1, size, 0.0, &found,
                     values.data(), vectors.data(), size, support.data());
  if (info != 0 || found != count)
    throw params::ParamsError("qnt.low_rank: no singular values were found");
  values.resize(count);
  return values;
}

/// a b, or a b^T, of [rows, inner] and [inner, columns].
static Matrix multiply(const Matrix &a, const Matrix &b, int64_t rows,
                       int64_t inner, int64_t columns,
                       CBLAS_TRANSPOSE transposed = CblasNoTrans) {
  Matrix result(rows * columns);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed, rows, columns, inner,
              1.0, a.data(), inner, b.data(),
              transposed == CblasTrans ? inner : columns, 0.0, result.data(),
              columns);
  return result;
}

/// Calls `take(first, count, numbers)` on rows of `matrix` in double.
template <typename Function>
static void forEachBlock(ArrayRef<float> matrix, int64_t rows, int64_t columns,
                         Function take) {
  for (int64_t first = 0; first < rows; first += blockRows) {
    int64_t count = std::min(blockRows, rows - first);
    ArrayRef<float> part = matrix.slice(first * columns, count * columns);
    take(first, count, Matrix(part.begin(), part.end()));
  }
}

namespace {
/// Orthonormal rows of what the factors' columns are, [rank, rows], best last,
/// and what the matrix is in them, [rank, columns].
struct Projection {
  Matrix own, image;
};
} // namespace

/// The best left vectors u are eigenvectors of E M E^T, whatever M is, and the
/// best matrix is u u^T E.
static Projection projectWide(const Matrix &matrix, const Matrix &moment,
                              int64_t rows, int64_t columns, int64_t rank) {
  Matrix weighted = moment.empty()
                        ? matrix
                        : multiply(matrix, moment, rows, columns, columns);
  Matrix gram = multiply(weighted, matrix, rows, columns, rows, CblasTrans);
  Projection result;
  findLargest(gram, rows, rank, result.own);
  result.image = multiply(result.own, matrix, rank, rows, columns);
  return result;
}

/// A matrix S with S^T S = M, [columns, columns]. M may be singular, and by
/// rounding a little worse.
static Matrix getRoot(Matrix moment, int64_t columns) {
  Matrix root;
  Matrix values = findLargest(moment, columns, columns, root);
  for (int64_t i = 0; i < columns; ++i)
    cblas_dscal(columns, std::sqrt(std::max(values[i], 0.0)),
                root.data() + i * columns, 1);
  return root;
}

/// The same through the smaller S E^T E S^T, whose eigenvectors v give u as
/// E S^T v.
static Projection projectTall(ArrayRef<float> matrix, const Matrix &moment,
                              int64_t rows, int64_t columns, int64_t rank) {
  Matrix gram(columns * columns);
  forEachBlock(matrix, rows, columns,
               [&](int64_t first, int64_t count, const Matrix &part) {
                 cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns,
                             columns, count, 1.0, part.data(), columns,
                             part.data(), columns, 1.0, gram.data(), columns);
               });
  Matrix root, weighted = gram, vectors;
  if (!moment.empty()) {
    root = getRoot(moment, columns);
    weighted = multiply(multiply(root, gram, columns, columns, columns), root,
                        columns, columns, columns, CblasTrans);
  }
  Matrix squares = findLargest(weighted, columns, rank, vectors);
  if (!moment.empty())
    vectors = multiply(vectors, root, rank, columns, columns);
  for (int64_t r = 0; r < rank; ++r)
    cblas_dscal(columns, squares[r] > 0 ? 1 / std::sqrt(squares[r]) : 0.0,
                vectors.data() + r * columns, 1);
  Projection result;
  result.own.resize(rank * rows);
  forEachBlock(matrix, rows, columns,
               [&](int64_t first, int64_t count, const Matrix &part) {
                 cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rank,
                             count, columns, 1.0, vectors.data(), columns,
                             part.data(), columns, 0.0,
                             result.own.data() + first, rows);
               });
  result.image = multiply(vectors, gram, rank, columns, columns);
  return result;
}

LowRankFactors qnt::factorize(ArrayRef<float> matrix, ArrayRef<float> moment,
                              int64_t rows, int64_t columns, int64_t rank) {
  useOneBlasThread();
  for (float number : matrix)
    if (!std::isfinite(number))
      throw params::ParamsError("qnt.low_rank: expected finite numbers");
  Matrix weights(moment.begin(), moment.end());
  Projection found = rows <= columns
                         ? projectWide(Matrix(matrix.begin(), matrix.end()),
                                       weights, rows, columns, rank)
                         : projectTall(matrix, weights, rows, columns, rank);
  LowRankFactors result;
  result.left.resize(rows * rank);
  result.right.resize(rank * columns);
  for (int64_t r = 0; r < rank; ++r) {
    // Ascending; the largest comes first in the result.
    int64_t to = rank - 1 - r;
    const double *own = found.own.data() + r * rows;
    const double *image = found.image.data() + r * columns;
    double root = std::sqrt(cblas_dnrm2(columns, image, 1));
    double back = root > 0 ? 1 / root : 0;
    for (int64_t i = 0; i < rows; ++i)
      result.left[i * rank + to] = float(own[i] * root);
    for (int64_t i = 0; i < columns; ++i)
      result.right[to * columns + i] = float(image[i] * back);
  }
  return result;
}
