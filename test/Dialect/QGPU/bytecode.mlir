// RUN: quant-opt %S/ops.mlir -o %t.text
// RUN: quant-opt %S/ops.mlir --emit-bytecode -o %t.mlirbc
// RUN: quant-opt %t.mlirbc | diff %t.text -
