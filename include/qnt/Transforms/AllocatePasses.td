//===- AllocatePasses.td - formats for single tensors ------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_ALLOCATEPASSES
#define QNT_TRANSFORMS_ALLOCATEPASSES

include "mlir/Pass/PassBase.td"

def Allocate : Pass<"qnt-allocate", "::mlir::ModuleOp"> {
  let summary = "Choose the format of each weight under a budget";
  let description = [{
    Measures what each weight loses in each of `formats`, and chooses the formats
    that lose least in all within the budgets, by an integer program. They go into
    the module's `qnt.allocation`, which `qnt-quantize` follows: here nothing but
    that attribute changes. docs/allocation.md says how losses and costs are
    measured.

    ```mlir
    module {
    // becomes, with formats=int2,int4,int8 bits=3.5
    module attributes {qnt.allocation = {layers.0.down.weight = "int8", layers.0.up.weight = "int2"}} {
    ```

    Open are the weights whose format `weights` of `qnt-quantize` decides; with
    what options it will run, but for `weights`, `quantize` says.

    Preconditions: those of `qnt-quantize`, `qnt.statistics` included where it or
    the metric needs second moments. Budgets that no choice keeps to, pins that
    contradict each other, and names that no weight has are errors. The choice for
    each weight is a remark of category `qnt-allocate`.
  }];
  let options = [
    ListOption<"formats", "formats", "std::string",
               "The formats to choose among, two or more.">,
    Option<"quantize", "quantize", "std::string", "\"\"",
           "Options of qnt-quantize, but for `weights`.">,
    Option<"bits", "bits", "double", "0",
           "Budget: average bits of an element of the open weights, scales "
           "included; 0: none.">,
    Option<"bytes", "bytes", "int64_t", "0",
           "Budget: bytes of all parameters; 0: none.">,
    Option<"latency", "latency", "double", "0",
           "Budget: milliseconds of all linear layers on the target, with one row "
           "of input; 0: none.">,
    Option<"bitOperations", "bit-operations", "double", "0",
           "Budget: 1e9 bit operations (products, times the bits of both factors) "
           "of all linear layers and convolutions, with one row of input; 0: none.">,
    ListOption<"activationFormats", "activation-formats", "std::string",
               "What the inputs of linear layers choose among: none, int4 to int8, "
               "uint4 to uint8. Unless given, they are as `quantize` says.">,
    ListOption<"cacheFormats", "cache-formats", "std::string",
               "What the KV cache chooses among: f16, f32, int8, int4. Unless given, "
               "it is as `quantize` says, and no part of `bytes`.">,
    Option<"context", "context", "int64_t", "0",
           "Positions of the KV cache that `bytes` counts, with cache-formats.">,
    Option<"metric", "metric", "std::string", "\"loss\"",
           "How losses are measured: loss, by running the model with one weight "
           "changed; fisher, by squared gradients; trace, by those of the Hessian; "
           "output, errors of layers' outputs by second moments; weight, errors of "
           "weights.">,
    Option<"samples", "samples", "std::string", "\"\"",
           "For metric=loss, fisher and trace, the file of samples to run on.">,
    Option<"count", "count", "int64_t", "0",
           "How many samples to run; 0: 16 windows of text for language models, "
           "256 samples for others.">,
    Option<"rounds", "rounds", "int64_t", "-1",
           "For metrics that run the model: how often at most losses are measured "
           "again around what is chosen, to choose better; -1: 4 times where the sum of losses "
           "is more than 10% from what is measured, else never.">,
    Option<"seed", "seed", "uint64_t", "0",
           "Seed of the choice of samples, and of what metrics draw.">,
    Option<"probes", "probes", "int64_t", "2",
           "For metric=trace, draws for each sample.">,
    Option<"elements", "elements", "int64_t", "1 << 26",
           "For metric=fisher and trace, elements of weights whose gradients are "
           "computed at once.">,
    ListOption<"pins", "pins", "std::string",
               "REGEX=FORMAT: weights in whose name, or their layer's, the "
               "regular expression is found have this format.">,
    Option<"cache", "cache", "std::string", "\"\"",
           "A file of losses, taken where it is of this model, these samples and "
           "`key`, else measured anew and written.">,
    Option<"key", "key", "std::string", "\"\"",
           "What else than the module, the samples and `quantize` the losses in "
           "`cache` depend on.">,
    Option<"report", "report", "std::string", "\"\"",
           "A JSON file to write: all that the choice was made from.">,
    Option<"statistics", "statistics", "std::string", "\"\"",
           "The statistics file that qnt-calibrate wrote: the report then has "
           "histograms of inputs.">
  ];
}

#endif // QNT_TRANSFORMS_ALLOCATEPASSES
