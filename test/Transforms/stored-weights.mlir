// Weights that a model brings quantised: left as they are, given integer
// activations, or quantised again.
// RUN: quant-opt %s --qnt-quantize | FileCheck %s --check-prefix=SAME
// RUN: quant-opt %s --qnt-quantize="activations=int8 keep=w2" | FileCheck %s --check-prefix=INT8
// RUN: quant-opt %s --qnt-quantize="weights=int4 group=32 embedding=int8" 2>&1 | FileCheck %s --check-prefix=AGAIN
// RUN: quant-opt %s --qnt-quantize="activations=e4m3 keep=w2" 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: not quant-opt %s --qnt-quantize="activations=int8 per=tensor" 2>&1 | FileCheck %s --check-prefix=STATIC

!w = !qnt.tensor<32x64, uint4, group<32>, scale f32, offset>
!t = !qnt.tensor<10x64, int6, group<16>, scale f32>

module attributes {qnt.params = "none.safetensors"} {
  ml_program.global private @table(#ml_program.extern : !t) : !t
  ml_program.global private @w1(#ml_program.extern : !w) : !w
  ml_program.global private @w2(#ml_program.extern : !w) : !w
  ml_program.global private @bias(#ml_program.extern : tensor<32xf32>) : tensor<32xf32>

  // SAME-NOT: qnt.quantize
  // SAME: qnt.embedding
  // SAME: qnt.linear {{.*}} epilogue [bias]{{.*}} : tensor<?x64xf32>, !qnt.tensor<32x64, uint4, group<32>, scale f32, offset>
  // SAME: qnt.linear {{.*}} : tensor<?x64xf32>, !qnt.tensor<32x64, uint4, group<32>, scale f32, offset>
  // SAME-NOT: qnt.dequantize

  // INT8: %[[X:.*]] = qnt.embedding
  // INT8: %[[Q:.*]] = qnt.quantize %[[X]] : tensor<?x64xf32> -> !qnt.tensor<?x64, int8, per_row, scale f32>
  // INT8: qnt.linear %[[Q]], {{.*}} epilogue [bias]
  // INT8: qnt.linear %[[X]],

  // AGAIN: warning: qnt-quantize: 3 parameters were quantised already and lose precision again, the first is 'w1'
  // AGAIN: qnt.dequantize {{.*}} : !qnt.tensor<10x64, int6
  // AGAIN: qnt.quantize {{.*}} -> !qnt.tensor<10x64, int8, per_channel, scale f32>
  // AGAIN: qnt.quantize {{.*}} -> !qnt.tensor<32x64, int4, group<32>, scale f16>
  // AGAIN: qnt.quantize {{.*}} -> !qnt.tensor<32x64, int4, group<32>, scale f16>

  // FLOATS: warning: qnt-quantize: activations=e4m3: 1 layers keep floats, as their weights, which the model brings, cannot be multiplied with these; the first is 'w1', of uint4
  // FLOATS-NOT: qnt.quantize

  // STATIC: the module has no qnt.calibration
  func.func @main(%ids: tensor<?xi32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
    %table = ml_program.global_load_const @table : !t
    %x = qnt.embedding %ids, %table : tensor<?xi32>, !t
    %w1 = ml_program.global_load_const @w1 : !w
    %b = ml_program.global_load_const @bias : tensor<32xf32>
    %y = qnt.linear %x, %w1 epilogue [bias](%b : tensor<32xf32>) : tensor<?x64xf32>, !w
    %r = nn.activation relu %y : tensor<?x32xf32>
    %w2 = ml_program.global_load_const @w2 : !w
    %z = qnt.linear %x, %w2 : tensor<?x64xf32>, !w
    return %r, %z : tensor<?x32xf32>, tensor<?x32xf32>
  }
}
