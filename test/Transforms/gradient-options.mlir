// RUN: not quant-opt %s --nn-gradient 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: error: {{.*}}nn-gradient: entry=: expected one of the entry points 'one' 'two'
// RUN: not quant-opt %s --nn-gradient="entry=three" 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: {{.*}}nn-gradient: entry=three: expected one of the entry points 'one' 'two'
// RUN: not quant-opt %s --nn-gradient="entry=one loss=hinge" 2>&1 | FileCheck %s --check-prefix=LOSS
// LOSS: error: {{.*}}nn-gradient: loss=hinge: expected cotangent, cross_entropy, squared_error or kl
// RUN: not quant-opt %s --nn-gradient="entry=one result=1" 2>&1 | FileCheck %s --check-prefix=RESULT
// RESULT: error: {{.*}}nn-gradient: result=1: the entry point has 1
// RUN: not quant-opt %s --nn-gradient="entry=one name=two" 2>&1 | FileCheck %s --check-prefix=SYMBOL
// SYMBOL: error: {{.*}}nn-gradient: name=two: the module has this symbol
// RUN: not quant-opt %s --nn-gradient="entry=one wrt=w(" 2>&1 | FileCheck %s --check-prefix=REGEX
// REGEX: error: {{.*}}nn-gradient: wrt=w(: expected a regular expression: parentheses not balanced
// RUN: not quant-opt %s --nn-gradient="entry=two" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// WEIGHTS: error: {{.*}}nn-gradient: the entry point has no linear layer or convolution with a parameter

ml_program.global private @w(#ml_program.extern : tensor<4x4xf32>) : tensor<4x4xf32>

func.func @one(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = ml_program.global_load_const @w : tensor<4x4xf32>
  %y = nn.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32>
  return %y : tensor<?x4xf32>
}

func.func @two(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}
