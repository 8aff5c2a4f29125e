// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx512vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: quant-opt %s --qnt-cpu-strategy=isa=portable | FileCheck %s --check-prefixes=CHECK,PORTABLE
// RUN: quant-opt %s --qnt-cpu-strategy=isa=avx2 --remark-policy=all --remarks-filter=qnt-cpu-strategy -o - 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: quant-opt %s --qnt-cpu-strategy='isa=avx512vnni tiles=int4:32=1x2+3x4,e4m3/none=1x1,int8:32=1x1' | FileCheck %s --check-prefix=BY-HAND
// RUN: not quant-opt %s --qnt-cpu-strategy='isa=avx512vnni tiles=4x1' 2>&1 | FileCheck %s --check-prefix=BAD-TILES
// RUN: not quant-opt %s --qnt-cpu-strategy=isa=avx3 2>&1 | FileCheck %s --check-prefix=BAD

// The dot product follows the instruction set and the operands; i32 sums that
// are rescaled by group leave fewer registers for tiles than others do.
// CHECK-LABEL: func @kinds
// CHECK-SAME:  (%[[XQ:.*]]: !qnt.tensor<?x64, int8
// VNNI:          qnt.linear %[[XQ]], {{.*}} strategy(#qnt.strategy<kernel = "dot4-avx512vnni", rows = [1, 4, 6], panels = [2, 3, 2]>)
// VNNI:          qnt.linear %[[XQ]], {{.*}} strategy(#qnt.strategy<kernel = "dot4-avx512vnni", rows = [1, 4, 6], panels = [4, 4, 4]>)
// VNNI:          qnt.linear {{.*}} strategy(#qnt.strategy<kernel = "fma-avx512vnni",
// AVX2:          strategy(#qnt.strategy<kernel = "dot4-avx2", rows = [1, 2], panels = [2, 1]>)
// AVX2:          strategy(#qnt.strategy<kernel = "dot4-avx2", rows = [1, 2, 5], panels = [2, 2, 1]>)
// AVX2:          strategy(#qnt.strategy<kernel = "fma-avx2",
// PORTABLE:      strategy(#qnt.strategy<kernel = "dot4-portable",
// PORTABLE:      strategy(#qnt.strategy<kernel = "dot4-portable",
// PORTABLE:      strategy(#qnt.strategy<kernel = "fma-portable",
// REMARK: [Passed] strategy | Category:qnt-cpu-strategy | kernel=dot4-avx2, tiles=1x2+2x1, weight=int4, why="estimated: {{[0-9.]+}} cycles a product of vectors"
// REMARK: [Passed] strategy | Category:qnt-cpu-strategy | kernel=dot4-avx2, tiles=1x2+2x2+5x1, weight=int8, why="estimated
// REMARK: [Passed] strategy | Category:qnt-cpu-strategy | kernel=fma-avx2, tiles={{[0-9x+]+}}, weight=e4m3
// BY-HAND:       strategy(#qnt.strategy<kernel = "dot4-avx512vnni", rows = [1, 3], panels = [2, 4]>)
// BY-HAND:       strategy(#qnt.strategy<kernel = "dot4-avx512vnni", rows = [1, 4, 6], panels = [4, 4, 4]>)
// BY-HAND:       strategy(#qnt.strategy<kernel = "fma-avx512vnni", rows = [1], panels = [1]>)
// BAD-TILES: error: 'qnt.linear' op tiles '4x1', expected ROWSxPANELS of ascending rows from 1, such as 1x4+4x2+6x2
// BAD: error: unknown instruction set 'avx3', expected amx, avx512vnni, avxvnni, avx2, portable, i8mm, dotprod, neon or native
func.func @kinds(%xq: !qnt.tensor<?x64, int8, per_row, scale f32>, %x: tensor<?x64xf32>,
                 %a: !qnt.tensor<32x64, int4, group<32>, scale f16>, %b: !qnt.tensor<32x64, int8, per_channel, scale f32>,
                 %c: !qnt.tensor<32x64, e4m3, per_channel, scale f32>) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = qnt.linear %xq, %a : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int4, group<32>, scale f16>
  %1 = qnt.linear %xq, %b : !qnt.tensor<?x64, int8, per_row, scale f32>, !qnt.tensor<32x64, int8, per_channel, scale f32>
  %2 = qnt.linear %x, %c : tensor<?x64xf32>, !qnt.tensor<32x64, e4m3, per_channel, scale f32>
  return %0, %1, %2 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// Tiles of pixels: as many as fill the registers and cut the lines evenly; lines
// of few pixels are taken together, and images without borders are one line.
// CHECK-LABEL: func @convolutions
// VNNI:          qnt.conv {{.*}} pads [1, 1, 1, 1] strategy <kernel = "dot4-avx512vnni", lines = 1, pixels = 4, panels = 4, block = {{[0-9]+}}>
// VNNI:          qnt.conv {{.*}} strategy <kernel = "dot4-avx512vnni", lines = 1, pixels = {{.*}}, panelsFirst = true>
// VNNI:          qnt.conv {{.*}} strategy <kernel = "fma-avx512vnni", lines = 2, pixels = 10, panels = 1,
// AVX2:          strategy <kernel = "dot4-avx2",
// AVX2:          strategy <kernel = "dot4-avx2",
// AVX2:          strategy <kernel = "fma-avx2",
// PORTABLE:      strategy <kernel = "dot4-portable",
!wide = !qnt.tensor<?x56x56x64, uint8, per_tensor, scale f32, zero, #qnt.image<channels = 64, halo = [1, 1, 1, 1]>>
!deep = !qnt.tensor<?x7x7x512, uint8, per_tensor, scale f32, zero, #qnt.image<channels = 512, halo = [0, 0, 0, 0]>>
func.func @convolutions(%x: !wide, %y: !deep, %z: tensor<?x12x12x8xf32>,
                        %a: !qnt.tensor<64x3x3x64, int8, per_channel, scale f32, #qnt.filters<columns = 16, channels = 64, taps = 3>>,
                        %b: !qnt.tensor<512x1x1x512, int8, per_channel, scale f32, #qnt.filters<columns = 16, channels = 512>>,
                        %c: !qnt.tensor<8x3x3x8, f32, unscaled, #qnt.filters<columns = 16, channels = 8, taps = 3>>)
    -> (tensor<?x56x56x64xf32>, tensor<?x7x7x512xf32>, tensor<?x10x10x8xf32>) {
  %0 = qnt.conv %x, %a pads [1, 1, 1, 1] : !wide, !qnt.tensor<64x3x3x64, int8, per_channel, scale f32, #qnt.filters<columns = 16, channels = 64, taps = 3>> -> tensor<?x56x56x64xf32>
  %1 = qnt.conv %y, %b : !deep, !qnt.tensor<512x1x1x512, int8, per_channel, scale f32, #qnt.filters<columns = 16, channels = 512>> -> tensor<?x7x7x512xf32>
  %2 = qnt.conv %z, %c : tensor<?x12x12x8xf32>, !qnt.tensor<8x3x3x8, f32, unscaled, #qnt.filters<columns = 16, channels = 8, taps = 3>> -> tensor<?x10x10x8xf32>
  return %0, %1, %2 : tensor<?x56x56x64xf32>, tensor<?x7x7x512xf32>, tensor<?x10x10x8xf32>
}
