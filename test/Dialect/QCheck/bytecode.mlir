// RUN: quant-opt %S/ops.mlir -o %t.text
// RUN: quant-opt %S/ops.mlir --emit-bytecode -o %t.bytecode
// RUN: quant-opt %t.bytecode | diff %t.text -
