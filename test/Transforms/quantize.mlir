// RUN: quant-opt %S/Inputs/model.mlir --qnt-quantize="weights=int4 group=32 activations=auto head=int8 embedding=int8" | FileCheck %s
// RUN: quant-opt %S/Inputs/model.mlir --qnt-quantize="weights=int4 group=32 activations=auto head=int8 embedding=int8" --remark-policy=all --remarks-filter=qnt-quantize 2>&1 | FileCheck %s --check-prefix=REMARK

// One op quantises the input of both layers that take it; the head's 8-bit
// weights go with unsigned activations.
// CHECK-LABEL: func private @backbone
// CHECK:         %[[T:.*]] = qnt.quantize %{{.*}} : tensor<40x64xf32> -> !qnt.tensor<40x64, int8, per_channel, scale f32>
// CHECK:         %[[X:.*]] = qnt.embedding %{{.*}}, %[[T]]
// CHECK:         %[[XQ:.*]] = qnt.quantize %[[X]] : tensor<?x?x64xf32> -> !qnt.tensor<?x?x64, int8, per_row, scale f32>
// CHECK-NOT:     qnt.quantize %[[X]]
// CHECK:         %[[Q:.*]] = qnt.quantize %{{.*}} : tensor<64x64xf32> -> !qnt.tensor<64x64, int4, group<32>, scale f16>
// CHECK:         %[[A:.*]] = qnt.linear %[[XQ]], %[[Q]] :
// CHECK:         %[[AQ:.*]] = qnt.quantize %[[A]]
// CHECK:         qnt.linear %[[XQ]], %{{.*}} epilogue [bias](%{{.*}} : tensor<32xf32>)
// CHECK:         qnt.linear %[[AQ]], %{{.*}} epilogue [bias](%{{.*}} : tensor<32xf32>)
// CHECK-LABEL: func private @head
// CHECK:         qnt.quantize %{{.*}} : tensor<?x32xf32> -> !qnt.tensor<?x32, uint8, per_row, scale f32, zero>
// CHECK:         qnt.quantize %{{.*}} : tensor<40x32xf32> -> !qnt.tensor<40x32, int8, per_channel, scale f32>

// REMARK: [Passed] activation | Category:qnt-quantize | consumers=2, site=layers.0.q, type="!qnt.tensor<?x?x64, int8, per_row, scale f32>"
// REMARK: [Passed] weight | Category:qnt-quantize | tensor=q.weight, type="!qnt.tensor<64x64, int4, group<32>, scale f16>"

// RUN: quant-opt %S/Inputs/model.mlir --qnt-quantize="weights=int5 weights-zero=true clip=mse scale=f16 activations=uint8 keep=layers\.0\.k,head floats=bf16" | FileCheck %s --check-prefix=KEEP
// KEEP-LABEL: func private @backbone
// KEEP:         qnt.quantize %{{.*}} : tensor<40x64xf32> -> !qnt.tensor<40x64, bf16, unscaled>
// KEEP:         qnt.quantize %{{.*}} : tensor<?x?x64xf32> -> !qnt.tensor<?x?x64, uint8, per_row, scale f32, zero>
// KEEP:         qnt.quantize %{{.*}} clip mse : tensor<64x64xf32> -> !qnt.tensor<64x64, int5, per_channel, scale f16, zero>
// KEEP:         qnt.linear %{{.*}} epilogue [bias](%{{.*}}) : tensor<?x?x64xf32>, !qnt.tensor<32x64, bf16, unscaled>
// KEEP:         qnt.linear %{{.*}} : !qnt.tensor<?x?x64, uint8, per_row, scale f32, zero>, !qnt.tensor<32x64, int5
// KEEP-LABEL: func private @head
// KEEP:         qnt.linear %{{.*}} : tensor<?x32xf32>, !qnt.tensor<40x32, bf16, unscaled>

// Float formats of 8 bits and below have scales; those of 4 are integers times a
// power of two, and go with codes.
// RUN: quant-opt %S/Inputs/model.mlir --qnt-quantize="weights=e2m1 group=32 activations=auto head=none" | FileCheck %s --check-prefix=FLOAT
// FLOAT-LABEL: func private @backbone
// FLOAT:         nn.embedding
// FLOAT:         qnt.linear %{{.*}} : !qnt.tensor<?x?x64, int8, per_row, scale f32>, !qnt.tensor<64x64, e2m1, group<32>, scale f16>
// FLOAT-LABEL: func private @head
// FLOAT:         nn.linear

// Without options nothing changes.
// RUN: quant-opt %S/Inputs/model.mlir --qnt-quantize | FileCheck %s --check-prefix=NONE
// NONE-NOT: = qnt.
