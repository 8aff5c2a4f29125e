// RUN: quant-opt %s --qnt-cpu-strategy=isa=amx | FileCheck %s

// Tiles take codes by panels of up to 8 bits whose scale blocks fill half of one.
// CHECK-LABEL: func @kinds
// CHECK:         strategy(#qnt.strategy<kernel = "tiles-amx", rows = [1, 4, 32], panels = [4, 4, 2]>)
// CHECK:         strategy(#qnt.strategy<kernel = "tiles-amx", rows = [1, 4, 32], panels = [2, 3, 2]>)
// CHECK:         strategy(#qnt.strategy<kernel = "dot4-amx", rows = [1, 4, 6], panels = [2, 3, 2]>)
// CHECK:         strategy(#qnt.strategy<kernel = "fma-amx", rows = [1, 4, 9], panels = [2, 3, 2]>)
!x = !qnt.tensor<?x64, int8, per_row, scale f32>
!channel = !qnt.tensor<32x64, int8, per_channel, scale f32, #qnt.panels<16>>
!groups = !qnt.tensor<32x64, int4, group<32>, scale f16, #qnt.panels<16>>
!small = !qnt.tensor<32x64, int4, group<16>, scale f16, #qnt.panels<16>>
func.func @kinds(%xq: !x, %x: tensor<?x64xf32>, %channel: !channel, %groups: !groups, %small: !small)
    -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = qnt.linear %xq, %channel : !x, !channel
  %1 = qnt.linear %xq, %groups : !x, !groups
  %2 = qnt.linear %xq, %small : !x, !small
  %3 = qnt.linear %x, %channel : tensor<?x64xf32>, !channel
  return %0, %1, %2, %3 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
