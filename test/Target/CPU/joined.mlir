// RUN: quant-opt %s --qnt-cpu-strategy=isa=portable --qnt-lower-to-cpu=isa=portable | FileCheck %s

// Layers of one input are one call, whatever lies between them: the tasks of q
// (3 tiles of a panel) come first, then those of k, then gate's, which are up's
// too. The layer of another input, and the one that needs a later result, stay.
// CHECK-LABEL: llvm.func internal @body.main(
// CHECK-NOT:     llvm.call @"linear
// CHECK:         llvm.call @"joined.0:linear.{{[^"]*}}.n48{{[^"]*}}.3:linear.{{[^"]*}}.n16{{[^"]*}}.4:linear.{{[^"]*}}.n128.silu{{[^"]*}}.4:linear.{{[^"]*}}.n128.mul
// CHECK-NOT:     joined
// CHECK:         llvm.call @"linear.{{[^"]*}}.n128.add
// CHECK:         llvm.call @"linear.{{[^"]*}}.n16
// CHECK-NOT:     llvm.call @"{{linear|joined}}
// CHECK:         llvm.return

!x = !qnt.tensor<?x128, int8, per_row, scale f32, #qnt.rows<pad = 64, sums = 32>>
!q = !qnt.tensor<48x128, int4, group<32>, scale f16, #qnt.panels<16>>
!k = !qnt.tensor<16x128, int4, group<32>, scale f16, #qnt.panels<16>>
!up = !qnt.tensor<128x128, int4, group<32>, scale f16, #qnt.panels<16>>
ml_program.global private @q(#ml_program.extern : !q) : !q
ml_program.global private @k(#ml_program.extern : !k) : !k
ml_program.global private @gate(#ml_program.extern : !up) : !up
ml_program.global private @up(#ml_program.extern : !up) : !up
func.func @main(%x: tensor<?x128xf32> {qnt.name = "x", qnt.dims = ["rows", ""]})
    -> (tensor<?x48xf32>, tensor<?x16xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x16xf32>) {
  %xq = qnt.quantize %x : tensor<?x128xf32> -> !x
  %wq = ml_program.global_load_const @q : !q
  %q = qnt.linear %xq, %wq : !x, !q
  %relu = nn.activation relu %q : tensor<?x48xf32>
  %wk = ml_program.global_load_const @k : !k
  %k = qnt.linear %xq, %wk : !x, !k
  %wgate = ml_program.global_load_const @gate : !up
  %gate = qnt.linear %xq, %wgate epilogue [silu] : !x, !up
  %wup = ml_program.global_load_const @up : !up
  %up = qnt.linear %xq, %wup epilogue [mul](%gate : tensor<?x128xf32>) : !x, !up
  %tanh = nn.activation tanh %up : tensor<?x128xf32>
  %later = qnt.linear %xq, %wup epilogue [add](%tanh : tensor<?x128xf32>) : !x, !up
  %other = qnt.quantize %up : tensor<?x128xf32> -> !x
  %last = qnt.linear %other, %wk : !x, !k
  return %relu, %k, %up, %later, %last : tensor<?x48xf32>, tensor<?x16xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x16xf32>
}
