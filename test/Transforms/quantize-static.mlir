// RUN: sed 's/qnt.params = "model.safetensors"/qnt.calibration = {layers.0.q = array<f32: -1.0, 4.1>, layers.1.k = array<f32: 0.0, 25.4>, head = array<f32: -2.0, 3.1>}/' %S/Inputs/model.mlir > %t.mlir
// RUN: quant-opt %t.mlir --qnt-quantize="weights=int8 activations=uint8 per=tensor" | FileCheck %s
// RUN: quant-opt %t.mlir --qnt-quantize="weights=int8 activations=int8 per=tensor" | FileCheck %s --check-prefix=SIGNED
// RUN: quant-opt %t.mlir --qnt-quantize="weights=int4 activations=uint4 per=tensor" | FileCheck %s --check-prefix=FOUR
// RUN: quant-opt %t.mlir --qnt-quantize="weights=int4 activations=int6 per=token" | FileCheck %s --check-prefix=SIX

// (4.1 + 1) / 255 = 0.02, and 1 / 0.02 = 50; 25.4 / 255 = 0.0996...
// CHECK-DAG: %[[S:.*]] = arith.constant dense<2.000000e-02> : tensor<f32>
// CHECK-DAG: %[[Z:.*]] = arith.constant dense<5.000000e+01> : tensor<f32>
// CHECK: qnt.quantize %{{.*}} scale %[[S]] zero %[[Z]] : tensor<?x?x64xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x?x64, uint8, per_tensor, scale f32, zero>
// CHECK: arith.constant dense<0.0996{{[0-9]+}}> : tensor<f32>
// CHECK: arith.constant dense<0.000000e+00> : tensor<f32>

// 25.4 / 127 = 0.2.
// SIGNED: %[[S:.*]] = arith.constant dense<{{2.0*e-01|0.2[0-9]*}}> : tensor<f32>
// SIGNED: qnt.quantize %{{.*}} scale %[[S]] : tensor<?x?x64xf32>, tensor<f32> -> !qnt.tensor<?x?x64, int8, per_tensor, scale f32>

// (4.1 + 1) / 15 = 0.34, and 1 / 0.34 = 2.94.
// FOUR-DAG: %[[S:.*]] = arith.constant dense<{{3.4.*e-01|0.34[0-9]*}}> : tensor<f32>
// FOUR-DAG: %[[Z:.*]] = arith.constant dense<3.000000e+00> : tensor<f32>
// FOUR: qnt.quantize %{{.*}} scale %[[S]] zero %[[Z]] : tensor<?x?x64xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<?x?x64, uint4, per_tensor, scale f32, zero>

// SIX: qnt.quantize %{{.*}} : tensor<?x?x64xf32> -> !qnt.tensor<?x?x64, int6, per_row, scale f32>

// RUN: not quant-opt %S/Inputs/model.mlir --qnt-quantize="weights=int8 activations=int8 per=tensor" 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: {{.*}}qnt-quantize: per=tensor: the module has no qnt.calibration to give a range to 'layers.0.q'; run qnt-calibrate first
// RUN: sed 's/qnt.params = "model.safetensors"/qnt.calibration = {layers.0.q = array<f32: -1.0, 4.1>}/' %S/Inputs/model.mlir > %t.less.mlir
// RUN: not quant-opt %t.less.mlir --qnt-quantize="weights=int8 activations=int8 per=tensor" 2>&1 | FileCheck %s --check-prefix=SITE
// SITE: error: {{.*}}qnt-quantize: per=tensor: qnt.calibration has no range for 'layers.1.k'; run qnt-calibrate first
// RUN: sed 's/qnt.params = "model.safetensors"/qnt.calibration = {layers.0.q = array<f32: 2.0, 1.0>}/' %S/Inputs/model.mlir > %t.bad.mlir
// RUN: not quant-opt %t.bad.mlir --qnt-quantize="weights=int8 activations=int8 per=tensor" 2>&1 | FileCheck %s --check-prefix=ENDS
// ENDS: error: {{.*}}qnt-quantize: per=tensor: qnt.calibration has no [minimum, maximum] for 'layers.0.q'
