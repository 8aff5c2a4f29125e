# RUN: %python %s %S/Inputs/model.mlir
# Settings that say nothing sensible: one line each, exit status 1.
import subprocess
import sys

CASES = {
    "weights=int9": "weights=int9: unknown number format",
    "weights=int16": "weights=int16: unknown number format",
    "weights=int4 activations=int16": "activations=int16: expected none, int4 to int8",
    "weights=int4 head=int16": "head=int16: unknown number format",
    "embedding=int16": "embedding=int16: unknown number format",
    "weights=ternary clip=mse": "weights=ternary: has codes -1, 0 and 1 by the mean of |w| alone: expected no other clip, rounding, zero points or columns",
    "weights=ternary weights-zero=true": "weights=ternary: has codes -1, 0 and 1",
    "weights=int4 group=24": "weights=int4: groups of 24 inputs; expected 0 or a positive multiple of 16",
    "weights=int4 group=-16": "groups of -16 inputs",
    "weights=bf16 group=32": "weights=bf16 has no scales, expected no groups",
    "group=32": "group=32 without weights",
    "weights=int4 scale=e4m3": "scale=e4m3: expected auto, f16, bf16 or f32",
    "weights=int4 clip=max": "clip=max: expected absmax, mse, hqq or output",
    "weights=e4m3 weights-zero=true": "weights=e4m3 has no zero points",
    "weights=int1 weights-zero=true": "weights=int1 has no zero points",
    "weights=int4 clip=hqq": "clip=hqq: expected weights-zero=offset",
    "weights=int4 rounding=up": "rounding=up: expected nearest or gptq",
    "weights=int4 act-order": "act-order without rounding=gptq",
    "weights=int4 rounding=gptq damp=-1": "damp=",
    "weights=int4 correct-biases": "run qnt-calibrate with tensors= first",
    "weights=int4 rounding=gptq": "run qnt-calibrate with tensors= and moments first",
    "weights=int4 clip=output": "run qnt-calibrate with tensors= and moments first",
    "weights=int4 weights-zero=2": "weights-zero=2: expected true, false or offset",
    "weights=uint4": "weights=uint4 cannot hold negative numbers without weights-zero",
    "weights=e4m3 activations=int8": "activations=int8 with weights=e4m3: integer activations need integer weights",
    "weights=e4m3 activations=auto": "activations=int8 with weights=e4m3: integer activations need integer weights, or small floats whose numbers are integers of at most 8 bits times a power of two (e2m1)",
    "weights=nf4 activations=auto": "activations=int8 with weights=nf4: integer activations need integer weights",
    "integers weights=e5m2 activations=int8 per=tensor": "activations=int8 with weights=e5m2: integer activations need integer weights, or in integer arithmetic, without groups, small floats whose numbers are integers of at most 24 bits times a power of two",
    "integers weights=nvfp4 activations=int8 per=tensor": "activations=int8 with weights=e2m1: integer activations need integer weights, or in integer arithmetic, without groups",
    "integers weights=nf4 activations=int8 per=tensor": "activations=int8 with weights=nf4: integer activations need integer weights",
    "weights=bf16 activations=int8": "integer activations need integer weights",
    "weights=int8 head=e4m3 activations=int8": "activations=int8 with head=e4m3",
    "activations=int8": "activations=int8 without weights",
    "weights=int4 activations=int3": "activations=int3: expected none, int4 to int8, uint4 to uint8, e4m3, e5m2, nvfp4, mxfp4, or auto",
    "weights=int4 activations=e2m1": "activations=e2m1: expected none, int4 to int8",
    "weights=int4 activations=e4m3": "activations=e4m3 with weights=int4: activations of small floats need weights of small floats",
    "weights=nf4 activations=nvfp4": "activations=nvfp4 with weights=nf4: activations of small floats",
    "weights=nvfp4 activations=int8": "activations=int8 with weights=e2m1: integer activations need integer weights",
    "weights=nvfp4 activations=nvfp4 per=tensor": "per=tensor: activations=nvfp4 have scales of groups",
    "weights=nvfp4 group=32": "weights=nvfp4 has groups of 16 and scales of its own: expected neither groups nor scale",
    "weights=mxfp4 scale=f16": "weights=mxfp4 has groups of 32 and scales of its own",
    "weights=nvfp4 rounding=gptq": "weights=nvfp4 rounds to nearest, got rounding=gptq",
    "weights=mxfp4 clip=output": "weights=mxfp4: expected clip=absmax or mse, got clip=output",
    "weights=int4 per=row": "per=row: expected token or tensor",
    "weights=int4 head-group=32": "head-group=32 with head=same",
    "weights=int4 head=int3 head-group=7": "head=int3: groups of 7 inputs",
    "embedding=int": "embedding=int: unknown number format",
    "embedding=uint8": "embedding=uint8 cannot hold negative numbers",
    "floats=f16": "floats=f16: expected f32 or bf16",
    "kv=int2": "kv=int2: expected same, f16, f32, int8 or int4",
    "kv=int8": "kv=int8: the model has no KV cache",
    "weights=int4 keep=(": "keep=(: not a regular expression",
}

for options, expected in CASES.items():
    result = subprocess.run(
        ["quant-opt", sys.argv[1], f"--qnt-quantize={options}"],
        capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert result.returncode == 1, (options, result)
    assert len(errors) == 1 and expected in errors[0], (options, result.stderr)
    assert "qnt-quantize: " in errors[0], result.stderr

# A tensor that does not fit is named.
text = open(sys.argv[1]).read().replace("x64", "x72").replace("64x", "72x")
result = subprocess.run(
    ["quant-opt", "-", "--qnt-quantize=weights=int4 group=32"],
    input=text, capture_output=True, text=True)
assert result.returncode == 1
assert "'q.weight' has 72 inputs, expected a multiple of 16 for groups of 32" in result.stderr, result.stderr

# What keep does not find is a warning.
result = subprocess.run(
    ["quant-opt", sys.argv[1], "--qnt-quantize=weights=int8 keep=lm_head"],
    capture_output=True, text=True)
assert result.returncode == 0
assert "warning: qnt-quantize: keep=lm_head names no parameter and no layer" in result.stderr
